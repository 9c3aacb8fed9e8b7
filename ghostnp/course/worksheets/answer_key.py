"""The key as a file of its own, in JSON: what made the papers, and for each what is right and what is a known mistake.

Answers can be graded by it alone, in a year and by another version too: nothing is made again.
"""

import json
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

import ghostnp
from ghostnp.course.worksheets.grading import judged
from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.problem import Mistake, Named, Ratio, answer_text
from ghostnp.course.worksheets.question import Option
from ghostnp.course.worksheets.roster import Student
from ghostnp.files import read
from ghostnp.ops.checks import shown

_FORMAT = "ghostnp key 1"


@dataclass(frozen=True)
class KeyQuestion:
    """What is to be known of a question in order to grade a reply.

    Parameters
    ----------
    number : int
        Its place on the paper, from 1.
    name : str
        Topic and what is asked, the same on all papers.
    points : float
        For the right answer.
    answer : int, Ratio or Named
        What is right.
    options : tuple of Option
        To choose from; none where a number is to be found.
    mistakes : tuple of Mistake
        Wrong answers whose reason is known.
    """

    number: int
    name: str
    points: float
    answer: Any
    options: tuple[Option, ...]
    mistakes: tuple[Mistake, ...]

    def grade(self, reply):
        """The `Grade` of a reply; it raises what `ghostnp.course.worksheets.grade` does."""
        return judged(reply, self.options, self.answer, self.mistakes)


@dataclass(frozen=True)
class AnswerKey:
    """A key that was read.

    Parameters
    ----------
    made_by : dict
        The version that made the papers, seed, topics, levels and what else they depend on.
    papers : dict of str to (Student, tuple of KeyQuestion)
        By the student's id.
    """

    made_by: dict[str, Any]
    papers: dict[str, tuple[Student, tuple[KeyQuestion, ...]]]

    @property
    def questions(self):
        """Those of the first paper: what is the same for all."""
        return next(iter(self.papers.values()))[1]


def to_json_key(plan, papers, heading=PLAIN):
    """The key as JSON, for `read_key`."""
    papers = checked(plan, papers, heading)
    made_by = {part.name: getattr(plan, part.name) for part in fields(plan) if part.name != "slots"}
    content = {
        "format": _FORMAT,
        "made by": {"ghostnp": ghostnp.__version__, "paper": plan.number} | made_by,
        "papers": [
            {
                "id": paper.student.id,
                "name": paper.student.name,
                "questions": [_written(question, heading) for question in paper.questions],
            }
            for paper in papers
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _written(question, heading):
    return {
        "number": question.number,
        "name": question.template.name,
        "level": question.template.level,
        "question": question.problem.text,
        "points": heading.worth(question.template),
        "answer": _value(question.problem.answer),
        "right": question.right,
        "options": {
            option.letter: [_value(option.value), list(option.mistake.misconceptions) if option.mistake else None]
            for option in question.options
        },
        "mistakes": [[_value(mistake.value), list(mistake.misconceptions)] for mistake in question.problem.told_apart],
    }


def _value(value):
    """A value as JSON: an int, a ratio as two ints, a name as text."""
    if isinstance(value, Fraction):
        value = value if isinstance(value, Ratio) else Ratio(value.numerator, value.denominator)
        return [value.over, value.under]
    return str(value) if isinstance(value, str) else int(value)


def read_key(path):
    """Read a key that `ghostnp worksheet --key key.json` wrote.

    Parameters
    ----------
    path : str or pathlib.Path
        Of the file.

    Returns
    -------
    AnswerKey

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no key.
    """
    written = read(path)
    try:
        content = json.loads(written.decode("utf-8-sig"))
        if content["format"] != _FORMAT:
            raise ValueError(f"its format is {shown(content['format'])}")
        papers = {}
        for paper in content["papers"]:
            student = Student(_text(paper["id"]), _text(paper["name"]))
            if student.id in papers:
                raise ValueError(f"{student.id!r} has two papers")
            papers[student.id] = student, tuple(map(_question, paper["questions"]))
        asked = {tuple((question.number, question.name) for question in questions) for _, questions in papers.values()}
        if len(asked) != 1 or asked == {()}:
            raise ValueError("there are no papers on which the same is asked")
        return AnswerKey(dict(content["made by"]), papers)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ZeroDivisionError, OverflowError) as error:
        why = error if type(error) is ValueError else f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{path} is no key ({why}): the rule is a file that was written by ghostnp worksheet --key key.json"
        ) from None


def _text(text):
    if not isinstance(text, str) or not text:
        raise ValueError(f"{shown(text)} is no name")
    return text


def _question(kept):
    options = tuple(
        Option(_text(letter), _read_value(value), None if names is None else _mistake(value, names))
        for letter, (value, names) in kept["options"].items()
    )
    if options and [option.letter for option in options if option.mistake is None] != [kept["right"]]:
        raise ValueError("a question has not one right option")
    points = kept["points"]
    if isinstance(points, bool) or not isinstance(points, int | float) or not 0 <= points < 1e9:
        raise ValueError(f"{shown(points)} points")
    answer = _read_value(kept["answer"])
    mistakes = tuple(_mistake(value, names) for value, names in kept["mistakes"])
    return KeyQuestion(int(kept["number"]), _text(kept["name"]), points, answer, options, mistakes)


def _mistake(value, names):
    return Mistake(tuple(map(_text, names)), _read_value(value))


def _read_value(value):
    if isinstance(value, list):
        over, under = value
        return Ratio(int(over), int(under))
    if isinstance(value, str):
        return Named(value, value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{shown(value)} is no answer")
    return value


def option_text(question):
    """What is right, as it is printed: with the letter where there are options."""
    right = "".join(option.letter for option in question.options if option.mistake is None)
    return f"{right}: {answer_text(question.answer)}" if right else answer_text(question.answer)
