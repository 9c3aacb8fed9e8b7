"""Checking what a student wrote: `check` holds the functions of a file against their definitions and their laws.

`runner` starts a process for the file and stops it where it does not end; `child` is what runs in there, with `guard`
around the file's functions; `comparing` says where a result parts from the right one, `hints` and `mistakes` what to
look at; `report` writes it all down.
"""

from ghostnp.course.grader.file_report import FileReport, to_json, to_junit, to_text
from ghostnp.course.grader.runner import check

__all__ = ["FileReport", "check", "to_json", "to_junit", "to_text"]
