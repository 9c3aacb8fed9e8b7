"""A whole class: every submission is checked in processes of its own, and the gradebook has a row for each student.

Beside ``grades.csv`` there is a folder ``grades.reports``. For each student it has a file ``.json``, from which the row
is made, and a text to give back. What is in there is not checked again as long as the student's files and the settings
are the same; points are worked out anew whenever the gradebook is written, so that another rubric needs no other check.
"""

import csv
import hashlib
import io
import json
import re
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from ghostnp.course.grader.clock import Limits
from ghostnp.course.grader.file_report import FileReport, FunctionReport, from_json, plain, to_json, to_text
from ghostnp.course.grader.rubric import UNDECIDED, Rubric
from ghostnp.course.grader.runner import StoppedError
from ghostnp.course.grader.submissions import Submission
from ghostnp.files import no_formula, read, replace

_COLUMNS = ("student", "id", "status", "points", "at least", "at most", "of")
_ENCODING = ("utf-8", "replace")
# Which of two reports on one function counts: the first status that one of them has.
_ORDER = ("passed", *UNDECIDED, "wrong", "handed over", "not started")


@dataclass
class GradebookRow:
    """One student.

    Parameters
    ----------
    submission : Submission
        What was handed in.
    on_roster : bool
        Whether the class list has the student; True without a list.
    reports : dict of str to FileReport
        By file.
    unread : dict of str to str
        Why a file could not be checked, which says nothing about what is in it.
    checked : bool
        Whether that has been done.
    """

    submission: Submission
    on_roster: bool = True
    reports: dict[str, FileReport] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    checked: bool = False

    def functions(self, rubric):
        """For each function that was handed in, the report that counts: the best, where several files have it."""
        found: dict[str, FunctionReport] = {}
        for report in self.reports.values():
            for name, each in report.functions.items():
                if each is not None and (name not in found or _rank(rubric, each) > _rank(rubric, found[name])):
                    found[name] = each
        return found

    def undecided_files(self):
        """Files of which nothing is known, each with why."""
        stopped = {
            name: report.problem.says
            for name, report in self.reports.items()
            if report.problem is not None and report.problem.status in UNDECIDED
        }
        return stopped | self.unread

    def points(self, rubric, names):
        """For each function in `names` its parts, each a `Share`."""
        found = self.functions(rubric)
        unknown = bool(self.undecided_files()) or not self.checked
        undecided = FunctionReport("", "not reached")
        return {name: rubric.earned(name, found.get(name, undecided if unknown else None)) for name in names}

    def status(self, rubric, names):
        """What became of it, in a word or two."""
        if not self.submission.files:
            return "nothing to check" if self.submission.others else "not handed in"
        if not self.checked:
            return "not checked"
        shares = [share for parts in self.points(rubric, names).values() for share in parts.values()]
        if any(share.points is None for share in shares):
            return "incomplete"
        found = self.functions(rubric)
        if names and all(name in found and found[name].status == "passed" for name in names):
            return "right"
        return "not right" if found or any(report.problem for report in self.reports.values()) else "no function"

    def notes(self, rubric, names):
        """What a teacher has to know of it, in sentences."""
        found = self.functions(rubric)
        said = [] if self.on_roster else ["not on the class list"]
        said += [f"{name}: {why}" for name, why in self.undecided_files().items()]
        for name, report in self.reports.items():
            if report.problem is not None and report.problem.status not in UNDECIDED:
                said.append(f"{name}: {report.problem.says}")
        for name in names:
            if name in found and found[name].status != "passed":
                status, says = found[name].status, found[name].says
                said.append(f"{name}: {says if status == 'wrong' or status in says else f'{status}: {says}'}")
        missing = [name for name in names if name not in found]
        if self.checked and self.submission.files and missing and not self.undecided_files():
            said.append(f"not handed in: {', '.join(missing)}")
        if missing or not found:
            said += [f"{name}: {each}" for name, report in self.reports.items() for each in report.unchecked]
        if self.submission.others and (missing or not self.submission.files):
            more = len(self.submission.others) - 3
            listed = ", ".join(self.submission.others[:3]) + (f" and {more} more" if more > 0 else "")
            said.append(f"not looked at: {listed}")
        return plain("; ".join(" ".join(each.split()) for each in said))


def _rank(rubric, found):
    earned = [share.points or 0.0 for share in rubric.earned(found.name, found).values()]
    return len(_ORDER) - _ORDER.index(found.status), sum(earned)


@dataclass
class Gradebook:
    """A table of a class, which is written whenever a student was checked.

    Parameters
    ----------
    path : pathlib.Path
        Where it is written, as CSV.
    rows : list of GradebookRow
        The class.
    rubric : Rubric
        What functions are worth.
    settings : dict
        What results depend on beside the files: seed, what registers operators, the container.
    limits : Limits
        How much each file may take. What is right stays so with others.
    by_law : bool
        Whether each law has a column of its own.
    """

    path: Path
    rows: list[GradebookRow]
    rubric: Rubric
    settings: dict[str, Any]
    limits: Limits
    by_law: bool = False

    @property
    def folder(self):
        """Where the reports are."""
        return self.path.with_name(f"{self.path.stem}.reports")

    def open(self):
        """Make sure that it can be written, read what was checked before, and write what is known.

        Raises
        ------
        OSError
            If it cannot be written.
        ValueError
            If there is another file in its place.
        """
        if self.path.exists() and not read(self.path).decode("utf-8-sig", "replace").startswith(",".join(_COLUMNS)):
            raise ValueError(f"{self.path} is there and is no gradebook: the rule is another name, such as grades.csv")
        self.folder.mkdir(exist_ok=True)
        for row in self.rows:
            self._recall(row)
        self.write()

    def fill(self, check, jobs=1, tell=lambda row: None):
        """Check who was not checked yet, and write after each.

        Parameters
        ----------
        check : callable
            Takes a Submission, a path and a threading.Event that says that it is to stop, and gives a FileReport. An
            OSError of it says why the file could not be checked.
        jobs : int, default 1
            How many students at once.
        tell : callable, optional
            Is called with each row that was filled.
        """
        stop = Event()
        todo = [row for row in self.rows if not row.checked]
        with ThreadPoolExecutor(jobs) as pool:
            pending = {pool.submit(self._check, row.submission, check, stop): row for row in todo}
            try:
                while pending:
                    for done in wait(pending, return_when=FIRST_COMPLETED).done:
                        row = pending.pop(done)
                        self._enter(row, *done.result())
                        self.write()
                        tell(row)
            finally:
                # Of Ctrl-C, or a full disk: what runs is ended, and nothing of it is kept.
                stop.set()
                pool.shutdown(cancel_futures=True)

    def names(self):
        """The functions that are graded, in the order of the rubric."""
        if self.rubric.points:
            return list(self.rubric.points)
        return list(dict.fromkeys(name for row in self.rows for name in row.functions(self.rubric)))

    def write(self):
        """Write the table, whole or not at all."""
        names = self.names()
        points = [row.points(self.rubric, names) for row in self.rows]
        # Functions of a registered operator may have other laws in another file.
        parts = {name: list(dict.fromkeys(part for each in points for part in each[name])) for name in names}
        laws = [(name, part) for name in names for part in parts[name]] if self.by_law else []
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow([*_COLUMNS, *names, *(f"{name}: {part}" for name, part in laws), "notes", "files"])
        for row, theirs in zip(self.rows, points, strict=True):
            shares = [share for each in theirs.values() for share in each.values()]
            (points_of, least, most), of = total(shares), sum(map(self.rubric.worth, names))
            files = ", ".join(called for called, _ in row.submission.files)
            writer.writerow(
                [
                    *map(_text, (row.submission.name, row.submission.id)),
                    row.status(self.rubric, names),
                    *("" if value is None else number(value) for value in (points_of, least, most, of)),
                    *(_cell(theirs[name].values()) for name in names),
                    *(_cell([share] if (share := theirs[name].get(part)) else []) for name, part in laws),
                    _text(row.notes(self.rubric, names)),
                    _text(plain(files)),
                ]
            )
        # Without the mark at the beginning, Excel takes the text for one in the machine's old encoding.
        replace(self.path, table.getvalue().encode("utf-8-sig", "replace"))

    def _check(self, submission, check, stop):
        """All files of one student: the reports, and why others could not be checked; run on a thread."""
        reports, unread = {}, {}
        before = submission.fingerprint()
        for called, path in submission.files:
            try:
                reports[called] = check(submission, path, stop)
            except StoppedError:
                raise
            except OSError as error:
                unread[called] = f"it could not be checked: {error.strerror or error}"
            except Exception as error:  # one student's must not keep the others from being checked
                unread[called] = f"it could not be checked, the grader failed ({type(error).__name__}: {error})"
        return before, reports, unread

    def _enter(self, row, before, reports, unread):
        row.reports, row.unread = reports, unread
        row.checked = not unread
        self._write_text(row)
        if row.checked and before is not None:
            kept = {
                "settings": self.settings,
                "limits": list(self.limits),
                "files": before,
                "reports": {called: json.loads(to_json(report)) for called, report in reports.items()},
            }
            replace(self._report(row, ".json"), json.dumps(kept, ensure_ascii=False, indent=1).encode(*_ENCODING))

    def _recall(self, row):
        """Take over what was found before, if it holds still; what cannot be read is checked again."""
        if not row.submission.files:
            row.checked = True
            return
        try:
            kept = json.loads(read(self._report(row, ".json")).decode())
            reports = {called: from_json(json.dumps(report)) for called, report in kept["reports"].items()}
            same = (kept["settings"], kept["files"]) == (self.settings, row.submission.fingerprint())
            limits = kept["limits"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
        # With other limits, what was stopped may come to an end; what is right stays so.
        if same and (limits == list(self.limits) or all(report.passed for report in reports.values())):
            row.reports, row.checked = reports, True
            self._write_text(row)

    def _write_text(self, row):
        """What can be given back to a student."""
        names = list(self.rubric.points) or list(row.functions(self.rubric))
        points = row.points(self.rubric, names)
        _, least, _ = total([share for parts in points.values() for share in parts.values()])
        lines = [f"{row.submission.name}: {row.status(self.rubric, names)}", ""]
        for name, parts in points.items():
            _, earned, _ = total(parts.values())
            lines.append(f"{name}: {_cell(parts.values())} of {number(self.rubric.worth(name))}")
            if earned < self.rubric.worth(name) and any(share.points != 0 for share in parts.values()):
                lines += [f"    {_cell([share])} of {number(share.of)}  {part}" for part, share in parts.items()]
        lines += [f"together: {number(least)} of {number(sum(map(self.rubric.worth, names)))}", ""]
        lines += [f"{called}: {why}" for called, why in row.unread.items()]
        for report in row.reports.values():
            lines += [to_text(report), ""]
        text = "\n".join(lines).encode(*_ENCODING)
        path = self._report(row, ".txt")
        if not path.exists() or read(path) != text:
            replace(path, text)

    def _report(self, row, ending):
        """A file for a student: called by the id, as far as a file can be."""
        identifier = row.submission.id
        called = re.sub(r"[^\w .@+-]", "_", identifier)[:60].strip(" .")
        if called != identifier:
            called += f"-{hashlib.sha256(identifier.encode(*_ENCODING)).hexdigest()[:8]}"
        return self.folder / f"{called}{ending}"


def total(shares):
    """Points, at least and at most; the points are None where a share is not decided."""
    shares = list(shares)
    least = sum(share.points or 0.0 for share in shares)
    most = sum(share.of if share.points is None else share.points for share in shares)
    return None if any(share.points is None for share in shares) else least, least, most


def number(value):
    """Points as they are written: two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(text):
    return no_formula(text) if text else ""


def _cell(shares):
    points, _, _ = total(shares)
    return "incomplete" if points is None else number(points)


def digest(path):
    """A short name for what is in a file."""
    return hashlib.sha256(read(path)).hexdigest()[:16]
