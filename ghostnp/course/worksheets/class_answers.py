"""A class's answers, graded by a key: points for everybody, and for each question which mistakes were made.

Nothing is lost: a line that cannot be graded is named with why, and so is who is on the key and has no line.
"""

import csv
import io
import math
import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from ghostnp.course.worksheets.answer_key import AnswerKey
from ghostnp.course.worksheets.grading import Grade
from ghostnp.course.worksheets.roster import HEADINGS, Student, why_undecoded
from ghostnp.files import read
from ghostnp.modules.rules import of_kind
from ghostnp.ops.checks import nearest

_SEPARATORS = (",", ";", "\t", "，", "、", "；", "|")
# Columns that say which paper was answered, as it is printed there; the key has the same in "made by".
_MADE_BY = {
    "paper": ("paper", "paper number", "试卷", "卷号", "试卷编号"),
    "seed": ("seed", "种子"),
    "generator": ("generator", "生成器"),
}
_ID, _NAME = ({*HEADINGS[column]} for column in ("id", "name"))
_QUESTION = re.compile(
    r"(?:question|response|answer|frage|no|nr|q|第|题目|题|问题)?[ ._#:-]*0*(\d{1,4})[ .]*(?:题|问)?"
)


_NO_REPLY = ("-", "–", "—")  # as Moodle writes it
# Of fewer replies it is not said that they look like guesses.
_ENOUGH = 12
_TOO_MANY = "which are too many: the rule is a student and a reply to each question, in quotes if it has a comma"


class GradedReply(NamedTuple):
    """One reply.

    Parameters
    ----------
    text : str
        As it was written; empty where there is none.
    grade : Grade or None
        None where there is no reply, or none that can be read.
    """

    text: str
    grade: Grade | None

    @property
    def outcome(self):
        """``right``, ``mistake`` (a known one), ``other`` (wrong), ``unanswered`` or ``unreadable``."""
        if self.grade is None:
            return "unreadable" if self.text else "unanswered"
        return "right" if self.grade.right else "other" if self.grade.mistake is None else "mistake"

    @property
    def reason(self):
        """The mistake by its name, or names where several lead to the same answer."""
        mistake = None if self.grade is None else self.grade.mistake
        return "" if mistake is None else " or ".join(mistake.misconceptions)


class GradedPaper(NamedTuple):
    """A student's replies.

    Parameters
    ----------
    student : Student
        Whose they are.
    replies : tuple of GradedReply
        In the order of the paper.
    points : float
        All together.
    """

    student: Student
    replies: tuple[GradedReply, ...]
    points: float


class Ungraded(NamedTuple):
    """A line that cannot be graded.

    Parameters
    ----------
    line : int
        Its number in the file, from 1.
    text : str
        What it says.
    why : str
        What is wrong with it.
    student : Student or None
        Whose it is, if that can be told.
    """

    line: int
    text: str
    why: str
    student: Student | None = None


@dataclass(frozen=True)
class QuestionStatistics:
    """How a question was answered.

    Parameters
    ----------
    number : int
        Its place on the paper.
    name : str
        Topic and what is asked.
    outcomes : Counter
        How many replies were ``right``, ``mistake``, ``other``, ``unanswered`` or ``unreadable``.
    mistakes : Counter
        How many made which mistake, by name.
    discrimination : float or None
        How a right answer goes together with the points for all other questions: a correlation, from -1 to 1, among
        the papers of which every reply can be read. None where all did the same.
    """

    number: int
    name: str
    outcomes: Counter
    mistakes: Counter
    discrimination: float | None

    @property
    def difficulty(self):
        """Which share of the replies is not right, of those that can be read; None where there are none."""
        asked = self.outcomes.total() - self.outcomes["unreadable"]
        return 1 - self.outcomes["right"] / asked if asked else None


@dataclass
class ClassAnswers:
    """All answers, graded.

    Parameters
    ----------
    key : AnswerKey
        By which.
    papers : list of GradedPaper
        In the order of the file.
    ungraded : list of Ungraded
        Lines that could not be graded.
    ignored : list of str
        Headings of columns that are no question.
    """

    key: AnswerKey
    papers: list[GradedPaper] = field(default_factory=list)
    ungraded: list[Ungraded] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    @property
    def best(self):
        """How many points there are."""
        return sum(question.points for question in self.key.questions)

    @property
    def absent(self):
        """Who is on the key and has no answers, neither such as were graded nor others."""
        here = {paper.student.id for paper in self.papers}
        here |= {each.student.id for each in self.ungraded if each.student is not None}
        return [student for student, _ in self.key.papers.values() if student.id not in here]

    @property
    def like_guesses(self):
        """How many replies are right and of how many, if that is no more than whoever guesses has; else None.

        So it looks where the key is that of another paper: of four options one is right, and of numbers none.
        """
        replies = [
            (question, reply)
            for paper in self.papers
            for question, reply in zip(self.key.papers[paper.student.id][1], paper.replies, strict=True)
            if reply.text
        ]
        right = sum(reply.outcome == "right" for _, reply in replies)
        chances = [1 / len(question.options) for question, _ in replies if question.options]
        spread = math.sqrt(sum(chance * (1 - chance) for chance in chances))
        few = len(replies) >= _ENOUGH and right <= sum(chances) + 2 * spread
        return (right, len(replies)) if few else None

    @property
    def unreadable(self):
        """Replies that are neither right nor wrong: (student, number of the question, text)."""
        return [
            (paper.student, question.number, reply.text)
            for paper in self.papers
            for question, reply in zip(self.key.questions, paper.replies, strict=True)
            if reply.outcome == "unreadable"
        ]

    @property
    def read(self):
        """The papers of which every reply can be read: the points of the others are not known yet."""
        return [paper for paper in self.papers if all(reply.outcome != "unreadable" for reply in paper.replies)]

    @property
    def mean(self):
        """Of the points, over the papers that can be read; None if there are none."""
        points = [paper.points for paper in self.read]
        return sum(points) / len(points) if points else None

    def statistics(self):
        """A `QuestionStatistics` for each question."""
        found = []
        for place, question in enumerate(self.key.questions):
            replies = [paper.replies[place] for paper in self.papers]
            right = [float(paper.replies[place].outcome == "right") for paper in self.read]
            rest = [paper.points - question.points * one for paper, one in zip(self.read, right, strict=True)]
            varies = len(set(right)) > 1 and len(set(rest)) > 1
            found.append(
                QuestionStatistics(
                    question.number,
                    question.name,
                    Counter(reply.outcome for reply in replies),
                    Counter(reply.reason for reply in replies if reply.reason),
                    statistics.correlation(right, rest) if varies else None,
                )
            )
        return found

    def misunderstood(self):
        """By name of a mistake, how many made it and in which questions: {name: (students, numbers)}, most first."""
        found: dict[str, tuple[set[str], set[int]]] = {}
        for paper in self.papers:
            for question, reply in zip(self.key.questions, paper.replies, strict=True):
                if reply.reason:
                    students, numbers = found.setdefault(reply.reason, (set(), set()))
                    students.add(paper.student.id)
                    numbers.add(question.number)
        ordered = sorted(found.items(), key=lambda item: (-len(item[1][0]), item[0]))
        return {name: (len(students), sorted(numbers)) for name, (students, numbers) in ordered}


def grade_answers(path, key):
    """Grade the answers of a class.

    A column ``paper``, ``seed`` or ``generator`` says which paper was answered, and is held against the key.

    Parameters
    ----------
    path : str or pathlib.Path
        A table as text in UTF-8: a line for each student, with the id or the name (or both) and a reply to each
        question. Columns are set apart by commas, semicolons or tabs. Headings may say which is which: ``id``, ``name``
        and for questions ``1``, ``Q1`` or ``Question 1``; without them it is an id or a name, or an id and a name, and
        then the replies in their order.
    key : AnswerKey
        As of `read_key`.

    Returns
    -------
    ClassAnswers

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such table.
    TypeError
        If the key is none.
    """
    of_kind("key", key, AnswerKey, "read_key('key.json')")
    text = unicodedata.normalize("NFC", _decoded(path))
    lines = _table(text, len(key.questions))
    found = ClassAnswers(key)
    columns = None
    seen: dict[str, int] = {}
    for number, fields in lines:
        if columns is None:
            columns = _columns(fields, key, found)
            if columns is not None:
                continue
            columns = _Columns(None, None, {})
        shown = ", ".join(fields)
        try:
            student, replies = _student_and_replies(fields, columns, key)
        except ValueError as error:
            found.ungraded.append(Ungraded(number, shown, str(error), _whose(fields, columns, key)))
            continue
        if student.id in seen:
            why = f"{student.label} is in line {seen[student.id]} already, and that one was graded"
            found.ungraded.append(Ungraded(number, shown, why, student))
            continue
        seen[student.id] = number
        found.papers.append(_graded(student, replies, key))
    if not found.papers and not found.ungraded:
        raise ValueError(f"{path} has no answers: the rule is a line for each student, such as 17,A,51456,C")
    return found


class _Columns(NamedTuple):
    """Where is what in a line of so many fields; `questions` is empty where no headings say it."""

    id: int | None
    name: int | None
    questions: dict[int, int]
    width: int = 0
    made_by: Mapping[str, int] = MappingProxyType({})
    parts: tuple[int, int] | None = None  # first name and family name


def _decoded(path):
    contents = read(path)
    encoding = "utf-16" if contents.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return contents.decode(encoding).lstrip("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} cannot be read ({why_undecoded(contents, error)}): the rule is text in UTF-8, as a "
            "spreadsheet saves it under the name 'CSV UTF-8'"
        ) from None


def _table(text, questions):
    """The lines that say something, each with its number, split by the separator that gives most their fields."""

    def lines(separator):
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
        found, before = [], 0
        for fields in reader:
            stripped = [" ".join(field.split()) for field in fields]
            if any(stripped):
                found.append((before + 1, stripped))
            before = reader.line_num
        return found

    try:
        tables = [lines(separator) for separator in _SEPARATORS]
    except csv.Error as error:
        raise ValueError(f"the answers are no table ({error}): the rule is lines such as 17,A,51456,C") from None
    # Exactly so many fields are best; but a line that has more than it should is no reason to take another separator.
    return max(
        tables,
        key=lambda table: (
            sum(len(fields) > questions for _, fields in table),
            sum(len(fields) <= questions + 2 for _, fields in table),
        ),
    )


def _columns(fields, key, found):
    """What the columns are, if these are headings."""
    words = [field.casefold().strip(' "') for field in fields]
    numbers = {question.number: place for place, question in enumerate(key.questions)}
    questions: dict[int, int] = {}
    for column, word in enumerate(words):
        match = _QUESTION.fullmatch(word)
        if match and int(match[1]) in numbers:
            questions.setdefault(numbers[int(match[1])], column)
    ids = [column for column, word in enumerate(words) if word in _ID]
    names = [column for column, word in enumerate(words) if word in _NAME]
    parts = [[column for column, word in enumerate(words) if word in HEADINGS[part]]
             for part in ("first name", "family name")]  # fmt: skip
    both = (parts[0][0], parts[1][0]) if all(parts) else None
    if not ids and not names and both is None:
        return None
    made_by = {name: words.index(each) for name, called in _MADE_BY.items() for each in called if each in words}
    used = {*questions.values(), *ids[:1], *names[:1], *(both or ()), *made_by.values()}
    if not questions:
        # Headings that do not say which question is which: what follows id and name is in their order.
        return _Columns(None, None, {})
    found.ignored += [field for column, field in enumerate(fields) if field and column not in used]
    return _Columns(ids[0] if ids else None, names[0] if names else None, questions, len(fields), made_by, both)


def _named(fields, columns):
    """What a line with headings says of the student: an id, or a name, or the two parts of one."""
    cells = dict(enumerate(fields))
    given = [cells.get(column, "") for column in (columns.id, columns.name) if column is not None]
    if columns.parts:
        first, family = (cells.get(column, "") for column in columns.parts)
        given += [f"{first} {family}", f"{family} {first}", f"{family}{first}"]
    return [text for text in given if text.strip()]


def _whose(fields, columns, key):
    """The student of a line that cannot be graded; None if it does not say that either."""
    for given in [_named(fields, columns)] if columns.questions else [fields[:1], fields[1:2]]:
        try:
            return _find(given, key)
        except ValueError:
            pass
    return None


def _student_and_replies(fields, columns, key):
    count = len(key.questions)
    if columns.questions:
        cells = dict(enumerate(fields))
        given = _named(fields, columns)
        replies = [cells.get(columns.questions.get(place, -1), "") for place in range(count)]
        if len(fields) > columns.width and any(fields[columns.width :]):
            raise ValueError(f"it has {len(fields)} fields, {_TOO_MANY}")
        _require_paper({name: cells.get(column, "") for name, column in columns.made_by.items()}, key)
        return _find(given, key), replies
    while len(fields) > count + 1 and not fields[-1]:
        fields = fields[:-1]  # a spreadsheet writes empty columns too
    if len(fields) > count + 2:
        raise ValueError(f"it has {len(fields)} fields, {_TOO_MANY}")
    # With an id and a name, or with one of them and a reply too few?
    given = fields[:2] if len(fields) == count + 2 else fields[:1]
    if len(fields) < count + 1:
        raise ValueError(f"it has {len(fields)} fields, and the rule is a student and {count} replies, empty ones too")
    return _find(given, key), fields[len(given) :]


def _require_paper(said, key):
    """Refuse the answers to another paper than that of the key."""
    for name, text in said.items():
        right = str(key.made_by.get(name, ""))
        if text and right and text.casefold().removeprefix(name).strip() != right:
            what = "paper" if name == "paper" else f"a paper of {name}"
            raise ValueError(
                f"it answers {what} {text}, and the key is of {name} {right}: the rule is the key that was made with it"
            )


def _find(given, key):
    """The student of an id, or a name, or both."""
    given = [text for text in given if text]
    students = [student for student, _ in key.papers.values()]
    for part in ("id", "name"):
        for text in given:
            alike = [student for student in students if _plain(getattr(student, part)) == _plain(text)]
            if len(alike) == 1:
                return alike[0]
            if alike:
                raise ValueError(f"{len(alike)} students are called {text!r}: the rule is the id")
    if not given:
        raise ValueError("it names no student: the rule is an id or a name of the key")
    known = [text for student in students for text in dict.fromkeys(student)]
    raise ValueError(f"{' '.join(given)!r} is not on the key; nearest are {nearest(given[0], known)}")


def _plain(text):
    return " ".join(unicodedata.normalize("NFC", text).casefold().split()).lstrip("'")


def _graded(student, replies, key):
    graded = []
    points = 0.0
    written = ["" if reply in _NO_REPLY else reply for reply in replies]
    for question, reply in zip(key.papers[student.id][1], written, strict=True):
        try:
            graded.append(GradedReply(reply, question.grade(reply) if reply else None))
        except ValueError:
            graded.append(GradedReply(reply, None))
        points += question.points if graded[-1].outcome == "right" else 0.0
    return GradedPaper(student, tuple(graded), points)
