"""What a class has handed in: whose each file is, by the names that Moodle, nbgrader, Canvas or people give to it.

One folder is a class: each folder in it is a student, and so is each file. Several files or folders are a student each.
A student is called like the folder, or like the file without its ending, but for these names:

- Moodle: ``Ada Lovelace_1234_assignsubmission_file_``, a folder, or the beginning of a file's name: Ada Lovelace, 1234;
- nbgrader: ``submitted/ada/hw1/hw1.ipynb`` is ada's, the folder in the class; collected, ``ada+hw1+2026-03-01 ...`` is;
- Canvas: ``lovelaceada_1234_567_hw1.py``, or ``lovelaceada_LATE_1234_567_hw1.py``: lovelaceada, 1234.

Where several that were named are called the same, as in ``submitted/*/hw1``, it is the folder around them that tells.
"""

import hashlib
import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_.*)?")
_COLLECTED = re.compile(r"(?P<name>[^+]+)\+[^+]+\+\d{4}-\d{2}-\d{2}.*")
_CANVAS = re.compile(r"(?P<name>[^\W_]+)(?:_LATE)?_(?P<id>\d+)_\d+_.+")
# Nothing in there was written by a student.
_NOT_THEIRS = {"__pycache__", "__MACOSX", "site-packages", "node_modules"}
_KINDS = (".py", ".ipynb")


@dataclass
class Submission:
    """What one student has handed in.

    Parameters
    ----------
    name : str
        Of the student.
    id : str
        A number that the course's system has given to the student, or the name.
    files : list of (str, pathlib.Path)
        Python files and notebooks, each with what it is called in the gradebook.
    others : list of str
        What else is there: it is not looked at.
    folders : dict of pathlib.Path to pathlib.Path
        By file, the student's own folder that it is in; a file that lies among those of others has none.
    """

    name: str
    id: str
    files: list[tuple[str, Path]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: dict[Path, Path] = field(default_factory=dict)

    def folder_of(self, path):
        """The student's own folder around a file; None if it lies among those of others."""
        return self.folders.get(path)

    def fingerprint(self):
        """A digest of all files: another one if one of them changes. None if one cannot be read."""
        digest = hashlib.sha256()
        try:
            for called, path in self.files:
                contents = path.read_bytes()
                digest.update(f"{called}\0{len(contents)}\0".encode("utf-8", "surrogateescape") + contents)
        except OSError:
            return None
        return digest.hexdigest()


def find_submissions(paths):
    """Who has handed in what.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        The folder of a class; or several folders and files, one for each student.

    Returns
    -------
    list of Submission
        In the order of their names.

    Raises
    ------
    ValueError
        If there is no submission.
    OSError
        If a path cannot be read.
    """
    paths = [Path(path) for path in paths]
    for path in paths:
        path.stat()  # says at once if there is none
    if len(paths) == 1 and paths[0].is_dir():
        entries = [(path, path.name) for path in sorted(paths[0].iterdir())]
    else:
        entries = list(zip(paths, _told_apart(paths), strict=True))
    found: dict[str, Submission] = {}
    for path, called in entries:
        if not _looked_at(path):
            continue
        is_folder = path.is_dir()
        if not is_folder and path.suffix not in _KINDS:
            continue
        name, identifier = _student(called, is_folder)
        submission = found.setdefault(identifier, Submission(name, identifier))
        if is_folder:
            _gather(path, submission)
        else:
            submission.files.append((path.name, path))
    if not found:
        raise ValueError(
            f"{', '.join(map(str, paths[:3]))}: there is no submission; the rule is a folder with a folder, a Python "
            "file or a notebook for each student, such as submissions/ada/hw1.py"
        )
    return sorted(found.values(), key=lambda submission: (submission.name.casefold(), submission.id))


def match(submissions, roster):
    """Whose each submission is on a class list.

    It is that of the student whose id or name it bears; or else of the one with whose id it begins, such as
    ``17_hw1.py`` with ``17``.

    Parameters
    ----------
    submissions : list of Submission
        As of `find_submissions`.
    roster : sequence of Student
        The class.

    Returns
    -------
    list of (Submission, bool)
        A submission for each student, empty if nothing was handed in, in the order of the list; then those of nobody on
        the list, with False.
    """
    by_id = {_key(student.id): student for student in roster}
    names = [_key(student.name) for student in roster]
    by_name = {_key(student.name): student for student in roster if names.count(_key(student.name)) == 1}
    found = {student.id: Submission(student.name, student.id) for student in roster}
    unknown = []
    for submission in submissions:
        student = by_id.get(_key(submission.id)) or by_name.get(_key(submission.name))
        if student is None:
            begun = [key for key in by_id if re.match(rf"{re.escape(key)}[\W_]", _key(submission.name))]
            student = by_id[max(begun, key=len)] if begun else None
        if student is None:
            unknown.append((submission, False))
            continue
        theirs = found[student.id]
        theirs.files += submission.files
        theirs.others += submission.others
        theirs.folders |= submission.folders
    return [(submission, True) for submission in found.values()] + unknown


def _key(text):
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _told_apart(paths):
    """What each is called: its own name, or that of the nearest folder around it by which all can be told apart."""
    parts = [Path(os.path.abspath(path)).parts for path in paths]
    for depth in range(1, min(map(len, parts))):
        names = [each[-depth] for each in parts]
        if len(set(names)) == len(names):
            return names
    return [path.name for path in paths]


def _student(called, is_folder):
    """Name and id of a student, from what a folder or file is called."""
    for pattern in (_MOODLE, _COLLECTED, *([] if is_folder else [_CANVAS])):
        if (found := pattern.fullmatch(called)) is not None:
            name = found["name"]
            return name, found.groupdict().get("id") or name
    stem, ending = os.path.splitext(called)
    name = stem if ending in _KINDS else called
    return name, name


def _looked_at(path):
    return not path.name.startswith(".") and path.name not in _NOT_THEIRS


def _gather(folder, submission):
    """All files of a student's folder; where a link leads is not looked at, since it may leave the folder."""
    for home, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _looked_at(Path(name)) and not (Path(home) / name).is_symlink())
        for name in sorted(files):
            path = Path(home) / name
            if not _looked_at(path):
                continue
            called = path.relative_to(folder).as_posix()
            if path.suffix in _KINDS and not path.is_symlink():
                submission.files.append((called, path))
                submission.folders[path] = folder
            else:
                submission.others.append(called)
