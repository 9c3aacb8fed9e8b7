"""Reconciling: which conventions of counting give the numbers that others print, and what lies between two of them."""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from numbers import Integral

from ghostnp.graph.counting import Count, count
from ghostnp.graph.counting.conventions import CONVENTIONS, MEASURES, Convention, Part
from ghostnp.graph.counting.rows import shape_text
from ghostnp.ops.checks import shown

_SCALES = {"": 0, "k": 3, "m": 6, "g": 9, "b": 9, "t": 12}
_UNITS = r"(?:MACs?|FLOPs?|Mult-?Adds?|params?|parameters)?"
_DIGITS = 60
_NUMBER = re.compile(rf"\s*(\d+(?:[,_]\d{{3}})*)(?:\.(\d+))?\s*([kmgbt]?)\s*{_UNITS}\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Printed:
    """A number as somebody printed it.

    Parameters
    ----------
    text : str
        As it was written.
    value : Fraction
        Of the digits that are there.
    unit : Fraction
        What one more in the last digit would be: the number is known to half of it.
    """

    text: str
    value: Fraction
    unit: Fraction

    def fits(self, total):
        """Whether `total` rounds to this."""
        return 2 * abs(total - self.value) <= (self.unit if self.unit > 1 else 0)


def printed(number):
    """Read ``141M``, ``0.1512 G``, ``5.18M``, ``141,150,512`` or an int.

    Parameters
    ----------
    number : str or int
        Digits with or without a decimal point, and K, M, G (or B) or T; a unit such as MACs may follow.

    Returns
    -------
    Printed

    Raises
    ------
    ValueError
        If it is no such number.

    Examples
    --------
    >>> printed("0.1512 G").value, printed("0.1512 G").unit
    (Fraction(151200000, 1), Fraction(100000, 1))
    """
    # No count has more digits, and Python itself would not read or write some thousands of them.
    whole = isinstance(number, Integral) and not isinstance(number, bool) and abs(number) < 10**_DIGITS
    text = isinstance(number, str) and len(number) < _DIGITS
    match = _NUMBER.fullmatch(str(number)) if whole or text else None
    if match is None:
        raise ValueError(f"number={shown(number)}: the rule is digits and K, M, G or T, such as 141M or 0.1512G")
    digits, decimals, scale = match[1].replace(",", "").replace("_", ""), match[2] or "", match[3].lower()
    unit = Fraction(10) ** (_SCALES[scale] - len(decimals))
    if unit.denominator > 1 and int(decimals[_SCALES[scale] :]):
        raise ValueError(f"number={shown(number)} is no whole number: the rule is a count, such as 141M or 0.1512G")
    return Printed(str(number).strip(), int(digits + decimals) * unit, unit)


@dataclass(frozen=True)
class NumberFound:
    """What was found out about one number.

    Parameters
    ----------
    number : Printed
        The number.
    given_by : tuple of Convention
        Those whose total rounds to it.
    nearest : Convention
        The one whose total is nearest, whether it rounds to it or not.
    """

    number: Printed
    given_by: tuple[Convention, ...]
    nearest: Convention


@dataclass(frozen=True)
class ConventionDifference:
    """What one convention counts more, or less, than another.

    Parameters
    ----------
    first, second : Convention
        The two.
    terms : tuple of Part
        For each operator and measure how many more the second counts of how many; a factor below zero counts less.
        They sum to the difference.
    """

    first: Convention
    second: Convention
    terms: tuple[Part, ...]

    @property
    def total(self):
        """The sum of the terms."""
        return sum(term.factor * term.elements for term in self.terms)


@dataclass(frozen=True)
class Reconciliation:
    """What became of some numbers; print it.

    Parameters
    ----------
    table : Count
        The network's own count.
    totals : dict of str to int
        What each convention gives.
    answers : tuple of NumberFound
        One for each number.
    differences : tuple of ConventionDifference
        Between each number and the next, where a convention of one kind gives both.
    """

    table: Count
    totals: dict[str, int]
    answers: tuple[NumberFound, ...]
    differences: tuple[ConventionDifference, ...]

    def __str__(self):
        """One paragraph for each number, and one for each difference."""
        head = f"{self.table.name}, input {shape_text(self.table.input)}"
        return "\n\n".join([head, *map(self._answer, self.answers), *map(self._difference, self.differences)])

    def _answer(self, answer):
        said, nearest = answer.number.text, answer.nearest
        if answer.given_by:
            return "\n".join([f"{said} is given by", *map(self._line, answer.given_by)])
        off = self.totals[nearest.name] - answer.number.value
        return (
            f"{said} is given by no convention that ghostnp knows; nearest, and {abs(int(off)):,} too "
            f"{'high' if off > 0 else 'low'}, is\n{self._line(nearest)}\n"
            "  (tools that look at modules count differently what is written as a function: see "
            "ghostnp.graph.counting.conventions)"
        )

    def _line(self, convention):
        total = self.totals[convention.name]
        return f"  {convention.name}: {total:,} {convention.counts}. {convention.text} [{convention.source}]"

    def _difference(self, difference):
        first, second = difference.first.name, difference.second.name
        if first == second:
            return f"{first} gives both numbers: they are one count, printed twice"
        head = f"{second} - {first} = {self.totals[second]:,} - {self.totals[first]:,} = {difference.total:,}"
        rows = [
            (term.op, f"{term.factor:+d} x {term.elements:,} {MEASURES[term.measure]}", term.factor * term.elements)
            for term in difference.terms
        ]
        wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
        last = max(len(f"{row[2]:+,}") for row in rows)
        lines = (f"  {op:{wide[0]}}  {words:{wide[1]}}  {value:+{last},}" for op, words, value in rows)
        return "\n".join([head, *lines])


def reconcile(model, *numbers, input_shape=(1, 3, 224, 224), name=None):
    """Find the conventions that give some printed numbers, and explain what lies between them, term by term.

    Parameters
    ----------
    model : Module
        The network that the numbers are about.
    *numbers : str or int
        As they were printed: ``"141M"``, ``"0.1512 G"``, ``5_182_508``. Each is taken at its own precision.
    input_shape : tuple of int, default (1, 3, 224, 224)
        For which they hold.
    name : str, optional
        Of the network; its class by default.

    Returns
    -------
    Reconciliation
        Print it.

    Raises
    ------
    TypeError, ValueError
        If there is no number, or one cannot be read, or the model cannot be counted.

    Examples
    --------
    >>> from ghostnp.modules import BatchNorm2d, Conv2d, Sequential
    >>> layers = Sequential(Conv2d(3, 8, 3, bias=False), BatchNorm2d(8))
    >>> print(reconcile(layers, "19440", "20.88K", input_shape=(1, 3, 12, 11)).differences[0].terms[0])
    Part(op='batch_norm_eval', measure='inputs', factor=2, elements=720)
    """
    if not numbers:
        raise ValueError("numbers is empty: the rule is one or more, such as '141M'")
    wanted = [printed(number) for number in numbers]
    table = count(model, input_shape, name=name)
    totals = {convention.name: sum(convention.of_each(table)) for convention in CONVENTIONS.values()}
    answers = tuple(_answer(number, totals) for number in wanted)
    differences = tuple(
        difference(table, *chosen) for chosen in (_pair(*two) for two in pairwise(answers)) if chosen is not None
    )
    return Reconciliation(table, totals, answers, differences)


def difference(table, first, second):
    """What `second` counts in a `Count` and `first` does not: a `ConventionDifference`."""
    less = {(part.op, part.measure): part for part in first.parts(table)}
    more = {(part.op, part.measure): part for part in second.parts(table)}
    terms = []
    for key in less | more:
        part = more.get(key) or less[key]
        factor = (more[key].factor if key in more else 0) - (less[key].factor if key in less else 0)
        if factor:
            terms.append(part._replace(factor=factor))
    return ConventionDifference(first, second, tuple(terms))


def _answer(number, totals):
    fitting = tuple(convention for convention in CONVENTIONS.values() if number.fits(totals[convention.name]))
    nearest = min(CONVENTIONS.values(), key=lambda convention: abs(totals[convention.name] - number.value))
    return NumberFound(number, fitting, nearest)


def _pair(one, two):
    """A convention for each of two numbers, of one kind, the first of `CONVENTIONS` that fit; or None."""
    pairs = ((a, b) for a in one.given_by for b in two.given_by if a.counts == b.counts)
    return next(pairs, None)
