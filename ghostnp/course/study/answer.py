"""What an answer to an exercise is: computed when it is asked for, so that no file has to be kept right by hand."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class ExerciseAnswer(NamedTuple):
    """The answer to one exercise.

    Parameters
    ----------
    compute : callable
        Gives the right answer: an int, a float, a bool, a str, or a tuple or array of numbers.
    hint : str
        What to look at for whoever gave another one. It does not give the answer away.
    tolerance : float, default 0
        How far off a number may be, as a share of the right one.
    """

    compute: Callable[[], Any]
    hint: str
    tolerance: float = 0.0

    def accepts(self, given):
        """Whether `given` is right."""
        right = self.compute()
        if isinstance(right, str):
            return isinstance(given, str) and " ".join(given.split()).casefold() == right.casefold()
        if isinstance(given, str):
            return False
        right, given = np.asarray(right), np.asarray(given)
        if right.shape != given.shape or given.dtype == object:
            return False
        if "b" in right.dtype.kind + given.dtype.kind:
            return bool(right.dtype == given.dtype and (right == given).all())
        return bool((abs(given - right) <= self.tolerance * abs(right)).all())
