"""How a verdict comes about: what a document states, what ghostnp computes, and the rules that compare them."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ghostnp.ops.cost import Worked

# Every verdict, and when it is given. "Holds" is for numbers and for statements alike.
VERDICTS = {
    "reproduced": "what is stated holds exactly",
    "approximate": "rounding as the document does gives its number",
    "imprecise": "it holds in part or under one reading only, or its rounded number is off by up to a tenth",
    "wrong": "it does not hold",
    "agrees": "the document's code or description does the same as the original",
    "differs": "it does something else than the original",
    "fragile": "it works as used there, and fails or silently changes elsewhere",
    "convention": "it holds under one convention of counting and not under another, so the convention has to be named",
    "note": "nothing is stated that could be right or wrong; ghostnp adds a number or a remark",
}
NEAR = Fraction(1, 10)


@dataclass(frozen=True)
class Computed:
    """One thing that was computed.

    Parameters
    ----------
    what : str
        What it is.
    gives : object
        Its value: a number (a `Worked` shows its formula), a bool, a text, or a tuple of them.
    stated : object, optional
        What the other side has; None: nothing.
    unit : int, optional
        To which unit the stated number is rounded; None: it is meant exactly.
    """

    what: str
    gives: Any
    stated: Any = None
    unit: int | None = None

    @property
    def equal(self):
        """Whether both sides are the same."""
        return bool(self.gives == self.stated)

    @property
    def rounded(self):
        """Whether the stated number is the computed one, rounded to its unit."""
        return self.equal or (self.unit is not None and abs(self.gives - self.stated) <= Fraction(self.unit, 2))

    @property
    def near(self):
        """Whether a number that was rounded is off by no more than a tenth."""
        return self.rounded or (self.unit is not None and abs(self.gives - self.stated) <= NEAR * self.stated)


@dataclass(frozen=True)
class Finding:
    """What came of checking a claim.

    Parameters
    ----------
    verdict : str
        One of `VERDICTS`.
    cases : tuple of Computed
        What was computed; empty for a verdict that was judged.
    sides : (str, str)
        Who has what is stated, and who has what is computed.
    """

    verdict: str
    cases: tuple[Computed, ...] = ()
    sides: tuple[str, str] = ("document", "ghostnp")

    @property
    def judged(self):
        """Whether the verdict is a reader's judgement, and not computed."""
        return not self.cases

    @property
    def values(self):
        """What was computed, by what it is."""
        return {case.what: case.gives for case in self.cases}

    @property
    def gives(self):
        """What was computed, in one line."""
        return "; ".join(f"{case.what}: {self._against(case)}" for case in self.cases) or "judged, not computed"

    @property
    def working(self):
        """What was computed and what is stated, each with its working, in lines."""
        lines = []
        for case in self.cases:
            lines.append(f"{case.what}:")
            sides = (self.sides[1], case.gives), (self.sides[0], case.stated)
            lines += [f"    {side}: {worked(value)}" for side, value in sides if value is not None]
        return lines

    def _against(self, case):
        if case.stated is None or case.equal:
            return value_text(case.gives)
        return f"{value_text(case.gives)} ({self.sides[0]}: {value_text(case.stated)})"


def statement(*cases):
    """Judge a statement by the cases in which something is stated.

    Returns
    -------
    Finding
        All equal: reproduced. All equal when rounded as stated: approximate. Some equal, or all near: imprecise. None
        of these: wrong. Nothing stated: note.
    """
    stated = _stated(cases)
    if not stated:
        return Finding("note", cases)
    if all(case.equal for case in stated):
        return Finding("reproduced", cases)
    if all(case.rounded for case in stated):
        return Finding("approximate", cases)
    in_part = any(case.equal for case in stated) or all(case.near for case in stated)
    return Finding("imprecise" if in_part else "wrong", cases)


def comparison(*cases, sides=("document", "official code")):
    """Compare two codes, or a text and a code: agrees where all cases are equal, else differs."""
    return Finding("agrees" if all(case.equal for case in _stated(cases)) else "differs", cases, sides)


def elsewhere(*cases):
    """Judge code by its use in the document, the first case, and by other uses: fragile where only the first holds."""
    as_used, *others = _stated(cases)
    if as_used.equal and not all(case.equal for case in others):
        return Finding("fragile", cases)
    return statement(*cases)


def convention(*cases):
    """Judge a number by the conventions that give it: convention where some do and some do not."""
    equal = [case.equal for case in _stated(cases)]
    if any(equal) and not all(equal):
        return Finding("convention", cases)
    return statement(*cases)


def judged(verdict):
    """Give a verdict on history or wording, where there is nothing to compute."""
    return Finding(verdict)


def value_text(value):
    """A value as readers write it: separators between thousands, three decimals, yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(value_text, value)) or "none"
    if isinstance(value, int):
        return f"{int(value):,}"
    if isinstance(value, Fraction | float):
        decimal = f"{float(value):,.3f}".rstrip("0").rstrip(".")
        is_short = isinstance(value, Fraction) and 1 < value.denominator < 100 and value.numerator < 100
        return f"{value} = {decimal}" if is_short else decimal
    return str(value)


def worked(value):
    """A value with its working, if it remembers one."""
    return value.working if isinstance(value, Worked) else value_text(value)


def _stated(cases):
    return [case for case in cases if case.stated is not None]
