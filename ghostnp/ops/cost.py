"""What an operator costs: parameters, multiply-adds and other operations, each with its working.

This is the only arithmetic of counting in ghostnp. A count is computed from its own formula, so they cannot disagree:

>>> weights = Worked("256·(8·5·5 + 1)")
>>> weights == 51_456, weights.working
(True, '256·(8·5·5 + 1) = 51,456')

Multiply-adds are those of convolutions, linear maps and attention alone, one for each product that is summed up. All
else is counted apart, as other operations; an addition, a product, a comparison or a function's value is one each:

    a bias                           1 for each number out
    relu, sigmoid and their like     1 for each number out
    add, multiply                    1 for each number out
    batch norm in evaluation         2 for each number: times a slope, plus a shift
    batch norm in training           6 for each number: those 2, 1 for the mean, 3 for the variance
    softmax                          3 for each number: exponential, sum, division
    softmax cross-entropy            6 for each logit: softmax's, then logarithm, times target, sum
    max and average pooling          the kernel's area for each number out
    global average pooling           H·W for each map
    bilinear resizing                3 for each number of each of its two blends: two products, one sum
    shuffle, concat, split, flatten, nearest resizing    0: they only move numbers

What is done once for a channel and not for each of its pixels (a root, a division by N·H·W) is left out.
"""

import inspect
import math
import re
from functools import lru_cache, wraps
from typing import NamedTuple

from ghostnp.ops.checks import flag, sequence, shape_of


class Worked(int):
    """An integer that remembers how it was worked out.

    Parameters
    ----------
    formula : str
        Whole numbers joined by ``·``, ``+`` and parentheses.

    Attributes
    ----------
    formula : str
        The text that was given.
    working : str
        The formula and its value.
    """

    formula: str

    def __new__(cls, formula):
        """Work `formula` out."""
        worked = super().__new__(cls, _value(formula))
        worked.formula = formula
        return worked

    def __getnewargs__(self):
        """What `copy` and `pickle` make it from again."""
        return (self.formula,)

    @property
    def working(self):
        """The formula and its value, ``"4·(3·3 + 1) = 40"``."""
        value = f"{int(self):,}"
        return value if self.formula == str(int(self)) else f"{self.formula} = {value}"


@lru_cache(10_000)  # the layers of a network, and the questions of a worksheet, have many formulas in common
def _value(formula):
    flat = formula
    while "(" in flat:  # the innermost parentheses first
        flat, found = re.subn(r"\(([^()]*)\)", lambda inner: str(_sum_of_products(inner[1], formula)), flat)
        if not found:
            break
    return _sum_of_products(flat, formula)


def _sum_of_products(text, formula):
    try:
        return sum(math.prod(map(_whole, term.split("·"))) for term in text.split("+"))
    except ValueError:
        raise ValueError(
            f"formula={formula!r}: the rule is whole numbers joined by ·, + and parentheses, such as '4·(3·3 + 1)'"
        ) from None


def _whole(text):
    digits = text.strip(" ")
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError(text)
    return int(digits)


NOTHING = Worked("0")


class Cost(NamedTuple):
    """What one call of an operator costs, from shapes alone.

    Parameters
    ----------
    params : Worked
        Weights and biases.
    macs : Worked
        Multiply-adds of convolutions, linear maps and attention, for the whole batch; additions of a bias do not count.
    output : tuple of int, or list of tuple of int
        The shape of y; a list where the operator returns several arrays of equal standing.
    extra : tuple of tuple of int
        The shapes of what forward returns after y.
    other : Worked
        Operations that are no such multiply-adds, by the rule at the top of this file.
    """

    params: Worked
    macs: Worked
    output: tuple[int, ...] | list[tuple[int, ...]]
    extra: tuple[tuple[int, ...], ...] = ()
    other: Worked = NOTHING


def free(output, *extra, other=NOTHING):
    """Cost of an operator that has no weights and no multiply-adds."""
    return Cost(NOTHING, NOTHING, output, extra, other)


def product(*factors):
    """Formula of a product, ``"4·3·3"``."""
    return "·".join(map(str, factors))


def filters(out_channels, in_channels, kernel, bias):
    """Parameters of `out_channels` filters, each over `in_channels` maps: C_out·(C_in·kh·kw + 1) with bias."""
    taps = product(in_channels, *kernel)
    return Worked(f"{out_channels}·({taps} + 1)" if bias else f"{out_channels}·{taps}")


def applications(batch, out_channels, output, in_channels, kernel):
    """Multiply-adds of those filters, one application for each output pixel; a batch of one is left unsaid."""
    return Worked(product(*_unsaid((batch, out_channels)), *output, in_channels, *kernel))


def each(shape, *operations):
    """Operations (a product of factors; one if there are none) for each number of an array (N, ...)."""
    return Worked(product(*operations, *_unsaid(shape)) or "1")


def biases(shape, bias):
    """An addition for each number of `shape`, if there is a bias."""
    return each(shape) if bias else NOTHING


def _unsaid(shape):
    return shape[1:] if shape[:1] == (1,) else shape


def from_shapes(cost):
    """Hand a cost function its shapes as tuples of Python's ints, and `bias` as a bool; or say what else they are."""
    parameters = inspect.signature(cost).parameters
    checks = {name: check for name in parameters if (check := _check_of(name))}
    order = tuple(parameters)

    @wraps(cost)
    def counted(*args, **keywords):
        args = tuple(checks[name](value) if name in checks else value for name, value in zip(order, args, strict=False))
        keywords = {name: checks[name](value) if name in checks else value for name, value in keywords.items()}
        return cost(*args, **keywords)

    return counted


def _check_of(name):
    if name.endswith("_shapes"):
        return lambda shapes: [shape_of(f"{name}[{i}]", shape) for i, shape in enumerate(sequence(name, shapes))]
    if name.endswith("_shape"):
        return lambda shape: shape_of(name, shape)
    return (lambda bias: flag("bias", bias)) if name == "bias" else None
