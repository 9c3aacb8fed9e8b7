"""A question before it is put to anyone: what is given, what is right and why, and what misconceptions would answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

from ghostnp.course.worksheets.language import N_, _, if_known
from ghostnp.course.worksheets.misconceptions import name_and_reason
from ghostnp.ops.cost import Worked

LEVELS = {1: N_("easy"), 2: N_("medium"), 3: N_("hard")}
# Ratios are given to this many decimals, and may be off by one in the last place.
_DECIMALS = 2
TOLERANCE = Fraction(1, 10**_DECIMALS)


class Ratio(Fraction):
    """How many times smaller one count is than another.

    Parameters
    ----------
    over, under : int
        The counts.
    """

    over: int
    under: int

    def __new__(cls, over, under):
        """Divide `over` by `under`."""
        ratio = super().__new__(cls, over, under)
        ratio.over, ratio.under = int(over), int(under)
        return ratio

    @property
    def working(self):
        """The division and its value, rounded."""
        return f"{self.over:,} / {self.under:,} = {answer_text(self)}"


class Named(str):
    """An answer that is a name.

    Parameters
    ----------
    name : str
        The answer.
    working : str
        The way to it, which ends in the name.
    """

    working: str

    def __new__(cls, name, working):
        """Make the name, which keeps its `working`."""
        named = super().__new__(cls, name)
        named.working = working
        return named


def answer_text(value):
    """A value as it is printed: ``51,456``, a ratio as ``31.85``, a name as it is."""
    return value if isinstance(value, str) else f"{plain(value):,}" if isinstance(value, int) else plain(value)


def plain(value):
    """A value as a machine reads it, without separators: an int, a ratio's decimals, or a name."""
    return (
        f"{float(value):.{_DECIMALS}f}"
        if isinstance(value, Fraction)
        else value
        if isinstance(value, str)
        else int(value)
    )


def working(value):
    """A value with the way to it, where it knows that."""
    return value.working if isinstance(value, Worked | Ratio | Named) else answer_text(value)


class Mistake(NamedTuple):
    """A wrong answer, and the misconceptions that lead to it.

    Parameters
    ----------
    misconceptions : tuple of str
        Keys of `MISCONCEPTIONS`, or `Misconception`s; more than one where their answers happen to be the same.
    value : Worked, Ratio, int or Named
        The answer; it knows its working.
    """

    misconceptions: tuple[str, ...]
    value: Any

    @property
    def feedback(self):
        """For each misconception its name and why it is wrong, and how the answer comes about."""
        every = (name_and_reason(each) for each in self.misconceptions)
        reasons = _(" Or ").join(_("{name}: {reason}", name=name, reason=reason) for name, reason in every)
        return _(
            "{reasons} That gives {working}.", reasons=reasons[0].upper() + reasons[1:], working=working(self.value)
        )


@dataclass(frozen=True)
class Problem:
    """A question with its answer.

    Parameters
    ----------
    text : str
        What is asked.
    answer : Worked, Ratio, int or str
        What is right.
    solution : str
        How to find it: a rule in letters or words. The answer's own working follows it.
    mistakes : dict of str to value
        By misconception, what it would answer. Some may happen to be right.
    """

    text: str
    answer: Any
    solution: str
    mistakes: Mapping[str, Any] = field(repr=False)

    @property
    def worked(self):
        """The solution, which ends in the answer."""
        # A Chinese mark has its space within.
        space = "" if self.solution.endswith("：") else " "
        return f"{self.solution}{space}{working(self.answer)}"

    @property
    def told_apart(self):
        """The mistakes that can be told from the right answer and from each other: tuple of `Mistake`."""
        found: dict[str, Mistake] = {}
        for misconception, value in self.mistakes.items():
            earlier = found.get(answer_text(value), Mistake((), value))
            found[answer_text(value)] = Mistake((*earlier.misconceptions, misconception), earlier.value)
        return tuple(mistake for mistake in found.values() if not self._looks_right(mistake.value))

    def _looks_right(self, value):
        # A wrong ratio as near as this would be let pass, or the right one taken for it.
        if isinstance(self.answer, Ratio):
            return abs(value - self.answer) <= 3 * TOLERANCE
        return answer_text(value) == answer_text(self.answer)


@dataclass(frozen=True, eq=False)
class Template:
    """A family of problems that differ in their numbers.

    Parameters
    ----------
    topic : str
        What it belongs to.
    level : {1, 2, 3}
        How hard it is.
    choices : dict of str to tuple
        The numbers that each argument of `pose` may have.
    pose : callable
        Makes a `Problem` of one choice for each.
    legal : callable
        Whether a choice makes sense.
    """

    topic: str
    level: int
    choices: Mapping[str, tuple]
    pose: Callable[..., Problem]
    legal: Callable[..., bool]

    @property
    def name(self):
        """Topic and what is asked, such as ``grouped: weights``."""
        return f"{self.topic}: {self.pose.__name__.strip('_').replace('_', ' ')}"

    @property
    def title(self):
        """The name as it is printed."""
        return if_known(self.name)

    @cached_property
    def givens(self):
        """All legal choices, as dicts."""
        every = (dict(zip(self.choices, values, strict=True)) for values in product(*self.choices.values()))
        return [given for given in every if self.legal(**given)]


def template(topic, level, legal=lambda **given: True, **choices):
    """Make a `Template` of a function that poses a problem."""
    return lambda pose: Template(topic, level, choices, pose, legal)
