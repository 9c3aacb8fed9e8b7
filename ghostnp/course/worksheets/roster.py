"""Who gets a paper: a list of students, or numbered copies."""

import codecs
import csv
import re
import unicodedata
from typing import NamedTuple

from ghostnp.course.worksheets.language import _
from ghostnp.files import read
from ghostnp.ops.checks import integer, shown

# More papers than any school has students.
_MOST = 100_000

# What a column may be called, in small letters; the first name and the family name together are a name.
HEADINGS = {
    "id": ("id", "id number", "student id", "student number", "number", "no", "no.", "学号", "编号", "学生号", "學號"),
    "name": ("name", "full name", "student", "student name", "姓名", "名字", "学生", "学生姓名", "學生姓名"),
    "first name": ("first name", "given name", "名"),
    "family name": ("family name", "last name", "surname", "姓"),
}
_COLUMNS = {word: column for column, words in HEADINGS.items() for word in words}

# What sets fields apart: the first of these that is there, for a comma may be within a name and a tab is not.
_APART = ("\t", ";", "；", "，", "、", ",")

# A line that begins like this is a comment, a formula or a sum. It is not the name of a student.
_NOBODY = re.compile(r"[#=]|(total|sum|count|average|合计|总计|共计|人数|平均)\b", re.IGNORECASE)
_EXAMPLE = "17,Ada Lovelace"


# What `numbered` calls a paper. What is drawn depends on it, so that it is the same in every language.
_NUMBERED = re.compile(r"variant ([0-9]+)")


class Student(NamedTuple):
    """Somebody who gets a paper of their own.

    Parameters
    ----------
    id : str
        What the paper depends on; with a seed, nothing else.
    name : str
        What is printed on it.
    """

    id: str
    name: str

    @property
    def label(self):
        """Name and id, which may be the same."""
        return self.printed if self.name == self.id else f"{self.name} ({self.id})"

    @property
    def printed(self):
        """The name as it is printed: that of a numbered paper is a word in the papers' language."""
        numbered = _NUMBERED.fullmatch(self.name) if self.name == self.id else None
        return _("variant {number}", number=numbered[1]) if numbered else self.name


def numbered(variants):
    """So many students without names: their papers are called ``variant 1`` and so on.

    >>> numbered(2)
    (Student(id='variant 1', name='variant 1'), Student(id='variant 2', name='variant 2'))
    """
    if integer("variants", variants, 1) > _MOST:
        raise ValueError(f"variants={shown(variants)}: the rule is 1 to {_MOST:,}, such as 30")
    names = (f"variant {n}" for n in range(1, variants + 1))
    return tuple(Student(name, name) for name in names)


def read_roster(path):
    """Read a class list.

    Parameters
    ----------
    path : str or Path
        A text in UTF-8 (or in UTF-16, as Excel writes it), as spreadsheets save it. Each line is a name, or an id and a
        name with a comma, semicolon, tab, ``，`` or ``、`` between (``17,Ada Lovelace``). With a heading in English or
        Chinese, such as ``Student ID;Name`` or ``姓名，学号``, the columns may stand in any order, and others are left
        out. Empty lines are passed over.

    Returns
    -------
    tuple of Student
        In the order of the list.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such text, empty, has one id twice, or a line that is none of a student's.
    """
    lines = _lines(path, _text(path, read(path)))
    heading = _heading(path, lines[0][1]) if lines else None
    students: dict[str, int] = {}
    found: list[Student] = []
    for number, fields in lines[heading is not None :]:
        found.append(_student(path, number, fields, heading))
        if heading is None and len(fields) != len(lines[0][1]):
            raise _no_student(path, number, fields, f"{len(fields)} fields, and the first line has {len(lines[0][1])}")
        earlier = students.setdefault(found[-1].id, number)
        if earlier != number:
            raise ValueError(
                f"{path}, line {number}: {found[-1].id!r} is in line {earlier} already, and would get the same paper; "
                f"the rule is one id for each, such as {found[-1].id}-2,{found[-1].name}"
            )
    if not found:
        raise ValueError(f"{path} names nobody: the rule is a line for each student, such as {_EXAMPLE}")
    return tuple(found)


def _text(path, content):
    try:
        # Two ways to write an accent are one name, and one paper.
        utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return unicodedata.normalize("NFC", content.decode("utf-16" if utf16 else "utf-8-sig"))
    except ValueError as error:
        raise ValueError(
            f"{path} is no class list ({why_undecoded(content, error)}): the rule is text in UTF-8, such as {_EXAMPLE}"
        ) from None


def why_undecoded(content, error):
    """What an encoding seems to be, if it is a usual one for Chinese, and how to save the list again."""
    try:
        text = content.decode("gb18030")  # which has all of GBK
    except ValueError:
        return error
    return (
        f"it seems to be in GBK, and to begin with {text.splitlines()[0][:20]!r}; save it again as UTF-8: in Excel or "
        'WPS "CSV UTF-8" in place of "CSV", in an editor the encoding UTF-8'
    )


def _lines(path, text):
    """The numbers and fields of all lines that have something in them."""
    bare = re.sub(r'"[^"]*"', "", text)
    apart = next((sign for sign in _APART if sign in bare), ",")
    try:
        lines = list(csv.reader(text.splitlines(), delimiter=apart, strict=True))
    except csv.Error as error:
        raise ValueError(f"{path} is no class list ({error}): the rule is text in UTF-8, such as {_EXAMPLE}") from None
    cleaned = ((number, [" ".join(field.split()) for field in line]) for number, line in enumerate(lines, 1))
    return [(number, fields) for number, fields in cleaned if any(fields)]


def _heading(path, fields):
    """Which column is what, if these are headings."""
    columns: dict[str, int] = {}
    for place, field in enumerate(fields):
        column = _COLUMNS.get(field.lower())
        if column and columns.setdefault(column, place) != place:
            raise ValueError(f"{path}: two columns are headed {column}, such as {field!r}: the rule is one, as id,name")
    if not columns:
        return None
    named = "name" in columns or {"first name", "family name"} <= columns.keys()
    unknown = [field for field in fields if field.lower() not in _COLUMNS]
    # Without an id the name is one: if another column may be the id, that is not for us to decide.
    if ("id" not in columns and unknown) or not (named or len(fields) == 1):
        raise ValueError(
            f"{path}: the columns are headed {', '.join(map(repr, fields))}: the rule is id and name, or a name alone, "
            f"such as id,name or 学号,姓名 (known are {', '.join(_COLUMNS)})"
        )
    return columns


def _student(path, number, fields, heading):
    if not all(field.isprintable() for field in fields):
        raise _no_student(path, number, fields, "signs that cannot be printed")
    if heading is None:
        if len(fields) > 2 or not all(fields):
            raise _no_student(path, number, fields, f"{len(fields)} fields, {fields.count('')} of them empty")
        student = Student(fields[0], fields[-1])
        if not any(letter.isalpha() for letter in student.name):
            raise _no_student(path, number, fields, "a name without a letter (a list of ids has the heading id)")
    else:
        cells = {column: fields[place] if place < len(fields) else "" for column, place in heading.items()}
        if not all(cells.values()):
            missing = ", ".join(column for column, cell in cells.items() if not cell)
            raise _no_student(path, number, fields, f"nothing in the column {missing}")
        both = " ".join(cells[column] for column in ("first name", "family name") if column in cells)
        name = cells.get("name") or both or cells["id"]
        student = Student(cells.get("id", name), name)
    if any(_NOBODY.match(text) for text in student):
        raise _no_student(path, number, fields, "a comment, a formula or a sum")
    if student.id.lower() in _COLUMNS or student.name.lower() in _COLUMNS:
        raise _no_student(path, number, fields, "a heading, which stands in the first line or nowhere")
    return student


def _no_student(path, number, fields, why):
    return ValueError(
        f"{path}, line {number}: {','.join(fields)!r} has {why}; the rule is a name, or an id and a name, such as "
        f"{_EXAMPLE}"
    )
