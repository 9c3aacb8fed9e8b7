"""What an operator costs: parameters and multiply-adds, each with its working.

This is the only arithmetic of counting in ghostnp. A count is computed from its own formula, so they cannot disagree:

>>> weights = Worked("256·(8·5·5 + 1)")
>>> weights == 51_456, weights.working
(True, '256·(8·5·5 + 1) = 51,456')
"""

import re
from typing import NamedTuple


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
        if not re.fullmatch(r"[\d·+() ]+", formula):
            raise ValueError(
                f"formula={formula!r}: the rule is whole numbers joined by ·, + and parentheses, such as '4·(3·3 + 1)'"
            )
        worked = super().__new__(cls, eval(formula.replace("·", "*")))
        worked.formula = formula
        return worked

    @property
    def working(self):
        """The formula and its value, ``"4·(3·3 + 1) = 40"``."""
        value = f"{int(self):,}"
        return value if self.formula == str(int(self)) else f"{self.formula} = {value}"


class Cost(NamedTuple):
    """What one call of an operator costs, from shapes alone.

    Parameters
    ----------
    params : Worked
        Weights and biases.
    macs : Worked
        Multiply-adds of convolutions and linear maps, for the whole batch; bias additions are not counted.
    output : tuple of int, or list of tuple of int
        The shape of y; a list where the operator returns several arrays of equal standing.
    extra : tuple of tuple of int
        The shapes of what forward returns after y.
    """

    params: Worked
    macs: Worked
    output: tuple[int, ...] | list[tuple[int, ...]]
    extra: tuple[tuple[int, ...], ...] = ()


NOTHING = Worked("0")


def free(output, *extra):
    """Cost of an operator that has no weights and no multiply-adds: it only gives a shape."""
    return Cost(NOTHING, NOTHING, output, extra)


def product(*factors):
    """Formula of a product, ``"4·3·3"``."""
    return "·".join(map(str, factors))


def filters(out_channels, in_channels, kernel, bias):
    """Parameters of `out_channels` filters, each over `in_channels` maps: C_out·(C_in·kh·kw + 1) with bias."""
    taps = product(in_channels, *kernel)
    return Worked(f"{out_channels}·({taps} + 1)" if bias else f"{out_channels}·{taps}")


def applications(batch, out_channels, output, in_channels, kernel):
    """Multiply-adds of those filters, one application for each output pixel; a batch of one is left unsaid."""
    images = () if batch == 1 else (batch,)
    return Worked(product(*images, out_channels, *output, in_channels, *kernel))
