"""Grading what a student wrote: `check` holds the functions of a file against their definitions and their laws.

Read in this order: `runner` starts a process for the file and stops it if it runs too long; `child` is what runs in
there, with `guard` around the file's functions and `clock` for the time that they take; `functions` says which
functions are graded; `comparing` says where a result differs from the right one, `hints` and `mistakes` what to look
at; `file_report` writes it all down. `source` reads files of any encoding, and notebooks.

A whole class: `submissions` says whose each file is, `rubric` what is worth how many points, and `gradebook` has every
student checked and a row for each, as CSV (``ghostnp check FOLDER --gradebook``; ``ghostnp grade`` is about
worksheets); `container` runs a check by docker or podman.

A new exercise is a stub ``NN_name.py`` in ``tutorials/exercises``, with the definition's signature and docstring, that
ends in ``raise NotImplementedError``, and with the line that checks it in the docstring of the file: tests find it, and
take the definition for its right answer. Any operator of the vocabulary can be graded, one that was registered, and the
ghost module (`ghostnp.testing.ghost`). A well-known mistake is an entry of `KNOWN_MISTAKES` in `mistakes`, and is made
once in `HINTED` of ``tests/course/grader/answers.py``; a hint derived from the error in a result goes into `hints`.
"""

from ghostnp.course.grader.clock import Limits
from ghostnp.course.grader.container import Container, find_container
from ghostnp.course.grader.file_report import FileReport, from_json, to_json, to_junit, to_text
from ghostnp.course.grader.gradebook import Gradebook, GradebookRow
from ghostnp.course.grader.rubric import Rubric, read_rubric, rubric_text, usual_rubric
from ghostnp.course.grader.runner import check
from ghostnp.course.grader.submissions import Submission, find_submissions, match

__all__ = [
    "Container",
    "FileReport",
    "Gradebook",
    "GradebookRow",
    "Limits",
    "Rubric",
    "Submission",
    "check",
    "find_container",
    "find_submissions",
    "from_json",
    "match",
    "read_rubric",
    "rubric_text",
    "to_json",
    "to_junit",
    "to_text",
    "usual_rubric",
]
