"""Grading what a student wrote: `check` holds the functions of a file against their definitions and their laws.

Read in this order: `runner` starts a process for the file and stops it where it does not end; `child` is what runs in
there, with `guard` around the file's functions; `functions` says which functions are graded; `comparing` says where a
result differs from the right one, `hints` and `mistakes` what to look at; `file_report` writes it all down.

A new exercise is a stub in ``tutorials/exercises``: any operator of the vocabulary can be graded, and so can one that
was registered. A well-known mistake goes into `mistakes`, a hint from how a result is wrong into `hints`.
"""

from ghostnp.course.grader.file_report import FileReport, to_json, to_junit, to_text
from ghostnp.course.grader.runner import check

__all__ = ["FileReport", "check", "to_json", "to_junit", "to_text"]
