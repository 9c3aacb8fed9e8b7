"""How papers are written down: for printing, for Moodle and Canvas, for spreadsheets, and the teacher's key.

Every function takes a `WorksheetPlan`, what the papers have in common, the papers in their order, and a `Heading`, and
gives the text of the file, or its bytes where it is an archive.
"""

from ghostnp.course.worksheets.writing.canvas import to_canvas
from ghostnp.course.worksheets.writing.gift import to_gift
from ghostnp.course.worksheets.writing.html import to_html
from ghostnp.course.worksheets.writing.key import to_key
from ghostnp.course.worksheets.writing.latex import to_latex
from ghostnp.course.worksheets.writing.markdown import to_markdown
from ghostnp.course.worksheets.writing.moodle import to_moodle
from ghostnp.course.worksheets.writing.spreadsheet import to_csv

FORMATS = {
    "markdown": to_markdown,
    "html": to_html,
    "latex": to_latex,
    "moodle": to_moodle,
    "gift": to_gift,
    "canvas": to_canvas,
    "csv": to_csv,
}

# Those that are read on paper, and can have an answer sheet.
PRINTED = ("markdown", "html", "latex")

# What the ending of a file's name says of what is in it.
ENDINGS = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "markdown",
    ".html": "html",
    ".htm": "html",
    ".tex": "latex",
    ".xml": "moodle",
    ".gift": "gift",
    ".zip": "canvas",
    ".csv": "csv",
}

__all__ = [
    "ENDINGS",
    "FORMATS",
    "PRINTED",
    "to_canvas",
    "to_csv",
    "to_gift",
    "to_html",
    "to_key",
    "to_latex",
    "to_markdown",
    "to_moodle",
]
