"""How papers are written down: for printing, for Moodle, for spreadsheets, and the teacher's key.

Every function takes a `WorksheetPlan`, what the papers have in common, and the papers in their order, and gives the
text of the file.
"""

from ghostnp.course.worksheets.writing.html import to_html
from ghostnp.course.worksheets.writing.key import to_key
from ghostnp.course.worksheets.writing.markdown import to_markdown
from ghostnp.course.worksheets.writing.moodle import to_moodle
from ghostnp.course.worksheets.writing.spreadsheet import to_csv

FORMATS = {"markdown": to_markdown, "html": to_html, "moodle": to_moodle, "csv": to_csv}

# What the ending of a file's name says of what is in it; Markdown has every other.
ENDINGS = {".html": "html", ".htm": "html", ".xml": "moodle", ".csv": "csv"}

__all__ = ["ENDINGS", "FORMATS", "to_csv", "to_html", "to_key", "to_markdown", "to_moodle"]
