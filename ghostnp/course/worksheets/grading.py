"""Grading a reply: right or wrong, and if wrong, by which misconception."""

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import TOLERANCE, Mistake, Named, plain
from ghostnp.course.worksheets.question import LETTERS, Question
from ghostnp.modules.rules import of_kind

# Thousands may be set apart, and a point begins the decimals.
_NUMBER = re.compile(r"(\d{1,3}(?:([, _'])\d{3})(?:\2\d{3})*|\d+)(\.\d+)?", re.ASCII)


class Grade(NamedTuple):
    """What a reply is worth.

    Parameters
    ----------
    right : bool
        Whether it is.
    mistake : Mistake or None
        What leads to a wrong reply, if that is known.
    """

    right: bool
    mistake: Mistake | None = None


def grade(question, reply):
    """Grade a reply.

    Parameters
    ----------
    question : Question
        What was asked.
    reply : str
        A letter where there are options, or what one of them shows; otherwise a number such as ``51456`` or
        ``51,456``.

    Returns
    -------
    Grade

    Raises
    ------
    ValueError
        If the reply is of neither kind.
    TypeError
        If the question is none, or the reply no text.

    Examples
    --------
    >>> from ghostnp.course.worksheets.paper import plan
    >>> from ghostnp.course.worksheets.roster import Student
    >>> (question,) = plan(["crelu"], 1, seed=0).paper(Student("17", "Ada")).questions
    >>> grade(question, question.right or question.answer).right
    True
    """
    of_kind("question", question, Question, "paper.questions[0]")
    reply = of_kind("reply", reply, str, "'51456'")
    return judged(reply, question.options, question.problem.answer, question.problem.told_apart)


def judged(reply, options, answer, mistakes):
    """As `grade`, of a question by its parts: `options` to choose from, if there are any, `answer` and `mistakes`."""
    reply = unicodedata.normalize("NFKC", reply).strip()  # also as a Chinese keyboard types it
    return _choice(reply, options) if options else _number(reply, answer, mistakes)


def _choice(reply, options):
    """By the letter of an option, or by what it shows, which is how course systems write down what was chosen."""
    letter, number = reply.upper().strip("(). :"), _NUMBER.fullmatch(reply)
    for option in options:
        text = " ".join(reply.casefold().split()) == unicodedata.normalize("NFKC", option.text).casefold()
        shows = number and not isinstance(option.value, Named) and _agree(_value(reply), option.value)
        if option.letter == letter or text or shows:
            return Grade(option.mistake is None, option.mistake)
    raise ValueError(
        _(
            "reply {reply!r} is none of the letters {letters}: the rule is one of them, such as A",
            reply=reply,
            letters=", ".join(LETTERS),
        )
    )


def _number(reply, answer, mistakes):
    match = _NUMBER.fullmatch(reply)
    if match is None:
        raise ValueError(
            _(
                "reply {reply!r} is no number: the rule is digits with a decimal point, such as 51456, 51,456 or 31.85",
                reply=reply,
            )
        )
    value = _value(reply)
    if _agree(value, answer):
        return Grade(True)
    known = (mistake for mistake in mistakes if _agree(value, mistake.value))
    return Grade(False, next(known, None))


def _value(reply):
    return Fraction(re.sub(r"[, _']", "", reply))


def _agree(value, answer):
    """Whether a number is the answer, or as near as its last decimal tells."""
    within = TOLERANCE if isinstance(answer, Fraction) else 0
    return abs(value - Fraction(str(plain(answer)))) <= within
