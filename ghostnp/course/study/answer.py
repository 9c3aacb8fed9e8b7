"""What an answer to an exercise is: computed when it is asked for, so that no file has to be kept right by hand."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ghostnp.course.study.slips import pair_slip, slip
from ghostnp.course.study.working import Working, arithmetic

RIGHT, UNREADABLE, SLIP, MISTAKE, WRONG = "right", "unreadable", "slip", "mistake", "wrong"


class Judgement(NamedTuple):
    """What is said of an answer that was given.

    Parameters
    ----------
    kind : str
        "right"; "unreadable" (of another kind than what was asked for); "slip" (the way is right, and the arithmetic
        is not); "mistake" (a misconception with a name); or "wrong".
    why : str
        A sentence about it; empty where there is nothing to say.
    """

    kind: str
    why: str = ""


class ExerciseAnswer(NamedTuple):
    """The answer to one exercise.

    Parameters
    ----------
    compute : callable
        Gives the right answer: a number, or a tuple or array of numbers.
    hints : tuple of str
        Two: what to look at, and then how to begin. They do not give the answer away.
    solution : str
        How to get there, with its arithmetic in braces (see `Working`).
    mistakes : dict of str to str
        What other answers come from: the arithmetic that gives one, and what was misunderstood.
    tolerance : float, default 0
        How far off a number may be, as a share of the right one.
    """

    compute: Callable[[], Any]
    hints: tuple[str, str]
    solution: str
    mistakes: dict[str, str]
    tolerance: float = 0.0

    @property
    def working(self):
        """The solution, worked out."""
        return Working(self.solution)

    def accepts(self, given):
        """Whether `given` is right."""
        return self.judge(given).kind == RIGHT

    def judge(self, given):
        """What is to be said of an answer.

        Parameters
        ----------
        given : object
            What somebody answers.

        Returns
        -------
        Judgement
        """
        right = np.asarray(self.compute())
        given = float(given) if isinstance(given, Fraction) else given
        unreadable = _unreadable(right, given)
        if unreadable:
            return Judgement(UNREADABLE, unreadable)
        number = np.asarray(given)
        if self._same(number, right):
            return Judgement(RIGHT)
        for expression, why in self.mistakes.items():
            if self._same(number, np.asarray(arithmetic(expression))):
                return Judgement(MISTAKE, why)
        slipped = slip if right.ndim == 0 else pair_slip
        why = slipped(number.tolist(), right.tolist(), self.tolerance)
        return Judgement(SLIP, why) if why else Judgement(WRONG)

    def _same(self, given, value):
        return given.shape == value.shape and bool((abs(given - value) <= self.tolerance * abs(value)).all())


def _unreadable(right, given):
    """What is wrong with the kind of an answer, or nothing."""
    what = "a number" if right.ndim == 0 else f"{right.size} numbers, as ({', '.join('abcdef'[: right.size])})"
    if isinstance(given, str):
        return f"{given!r} is text. The answer is {what}, without quotes."
    try:
        number = np.asarray(given)
    except ValueError:  # a list of lists of several lengths
        return f"The answer is {what}."
    if number.dtype.kind not in "iuf" or not np.isfinite(number).all():
        return f"The answer is {what}."
    if number.shape != right.shape:
        return f"The answer is {what}; this has {'one number' if number.size == 1 else f'{number.size} numbers'}."
    return ""
