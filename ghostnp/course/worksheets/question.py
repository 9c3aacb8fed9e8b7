"""Questions as a student gets them: a problem with its numbers, and options that give nothing away."""

from dataclasses import dataclass
from typing import NamedTuple

from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import LEVELS, Mistake, Named, Problem, Template, answer_text

LETTERS = "ABCD"
CHOICE, NUMBER = "choice", "number"


class Option(NamedTuple):
    """One answer to choose.

    Parameters
    ----------
    letter : str
        Its place.
    value : Worked, Ratio, int or Named
        The answer.
    mistake : Mistake or None
        What leads to it; None for the right one.
    """

    letter: str
    value: object
    mistake: Mistake | None

    @property
    def text(self):
        """The answer as it is printed."""
        return answer_text(self.value)


@dataclass(frozen=True)
class Question:
    """A problem for one student.

    Parameters
    ----------
    number : int
        Its place on the paper, from 1.
    template : Template
        Where it comes from.
    given : dict
        The numbers that were drawn.
    problem : Problem
        What is asked, the answer and the mistakes.
    options : tuple of Option
        Four to choose from; none where a number is to be found.
    """

    number: int
    template: Template
    given: dict
    problem: Problem
    options: tuple[Option, ...]

    @property
    def kind(self):
        """``"choice"`` or ``"number"``."""
        return CHOICE if self.options else NUMBER

    @property
    def level(self):
        """How hard it is, in words."""
        return _(LEVELS[self.template.level])

    @property
    def right(self):
        """The letter of the right option, or nothing."""
        return "".join(option.letter for option in self.options if option.mistake is None)

    @property
    def answer(self):
        """What is right, as it is printed: with the letter where there are options."""
        text = answer_text(self.problem.answer)
        return _("{letter}: {text}", letter=self.right, text=text) if self.options else text


def question(number, template, given, kind, dice):
    """Pose a problem to somebody.

    Parameters
    ----------
    number : int
        Its place on the paper.
    template : Template
        Where it comes from.
    given : dict
        One of the template's `givens`.
    kind : {"choice", "number"}
        Whether there are options.
    dice : Dice
        Of this student and this place.

    Returns
    -------
    Question
    """
    problem = template.pose(**given)
    return Question(number, template, given, problem, _options(problem, dice) if kind == CHOICE else ())


def _options(problem, dice):
    wrong = [(mistake.value, mistake) for mistake in _misleading(problem, dice)]
    options = dice.shuffled([(problem.answer, None), *wrong], "order")
    return tuple(Option(letter, *option) for letter, option in zip(LETTERS, options, strict=True))


def _misleading(problem, dice):
    """Three mistakes, so many of them below the answer that its rank among the four says nothing."""
    mistakes, wanted = dice.shuffled(problem.told_apart, "mistakes"), len(LETTERS) - 1
    if isinstance(problem.answer, Named):
        return mistakes[:wanted]
    below = [mistake for mistake in mistakes if mistake.value < problem.answer]
    above = [mistake for mistake in mistakes if mistake.value > problem.answer]
    ranks = range(max(0, wanted - len(above)), min(wanted, len(below)) + 1)
    rank = dice.pick(ranks, "rank")
    return [*below[:rank], *above[: wanted - rank]]
