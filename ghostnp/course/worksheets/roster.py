"""Who gets a paper: a list of students, or numbered copies."""

import csv
import unicodedata
from typing import NamedTuple

from ghostnp.files import read
from ghostnp.ops.checks import integer, shown

# More papers than any school has students.
_MOST = 100_000

_HEADERS = (["id", "name"], ["name"], ["id"])


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
        return self.name if self.name == self.id else f"{self.name} ({self.id})"


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
        A text in UTF-8. Each line is a name, or an id and a name with a comma between (``17,Ada Lovelace``); a heading
        such as ``id,name`` and empty lines are passed over.

    Returns
    -------
    tuple of Student
        In the order of the list.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such text, empty, or has one id twice.
    """
    try:
        text = read(path).decode("utf-8-sig")
        # Two ways to write an accent are one name, and one paper.
        lines = list(csv.reader(unicodedata.normalize("NFC", text).splitlines(), strict=True))
    except (ValueError, csv.Error) as error:
        raise ValueError(
            f"{path} is no class list ({error}): the rule is text in UTF-8, such as 17,Ada Lovelace"
        ) from None
    students: dict[str, int] = {}
    found: list[Student] = []
    for number, line in enumerate(lines, 1):
        fields = [" ".join(field.split()) for field in line]
        if not any(fields) or (not found and [field.lower() for field in fields] in _HEADERS):
            continue
        found.append(_student(path, number, fields))
        earlier = students.setdefault(found[-1].id, number)
        if earlier != number:
            raise ValueError(
                f"{path}, line {number}: {found[-1].id!r} is in line {earlier} already, and would get the same paper; "
                f"the rule is one id for each, such as {found[-1].id}-2,{found[-1].name}"
            )
    if not found:
        raise ValueError(f"{path} names nobody: the rule is a line for each student, such as 17,Ada Lovelace")
    return tuple(found)


def _student(path, number, fields):
    if len(fields) > 2 or not all(fields):
        raise ValueError(
            f"{path}, line {number}: {','.join(fields)!r} has {len(fields)} fields, {fields.count('')} of them empty; "
            "the rule is a name, or an id and a name, such as 17,Ada Lovelace"
        )
    if not all(field.isprintable() for field in fields):
        raise ValueError(
            f"{path}, line {number}: {','.join(fields)!r} cannot be printed; the rule is letters, such as 17,Ada "
            "Lovelace"
        )
    return Student(fields[0], fields[-1])
