"""Which products make each number of a result: the definitions are asked, and nothing is derived a second time.

An operator that is linear in its arguments (its row in the vocabulary says in which) gives away its products when it is
called with ones and zeros. Of a convolution, say, with one weight at 1 and one pixel at 1, all others at 0: the outputs
that are not 0 then are those that have the product of the two in their sum.

    y[o] = Σ coefficient · factor · factor

An activation gives away which number of x each number of y is made of, and a maximum which numbers it chooses from, in
the same way. So the page, which adds up what it finds here, cannot have another opinion than `ghostnp.ops`.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Number(NamedTuple):
    """One number: the name of its array, and its place in the flat array."""

    array: str
    place: int


class Term(NamedTuple):
    """A coefficient times one number or two."""

    coefficient: float
    factors: tuple[Number, ...]


@dataclass(frozen=True)
class Made:
    """How each number of one array is made.

    Parameters
    ----------
    kind : str
        "sum" of the terms, "max" of them, or the name of a function of the one term that there is.
    terms : list of list of Term
        For each number of the result.
    """

    kind: str
    terms: list[list[Term]]


def sums(call, first, second, images):
    """The products of a function that is linear in two groups of arrays.

    Parameters
    ----------
    call : callable
        Takes the arrays by name.
    first : dict of str to tuple of int
        The shapes of the first group; the function may have a part that does not depend on it, such as a bias.
    second : dict of str to tuple of int
        The shapes of the second; none for a function of one group, which is then linear without such a part.
    images : collection of str
        Names of the arrays whose first axis is the batch.

    Returns
    -------
    Made
    """
    ones = _places(first)
    terms: list[list[Term]] = []
    for other in _places(second) or [None]:
        held = {name: np.zeros(shape) for name, shape in second.items()}
        if other is not None:
            held[other.array].flat[other.place] = 1
        answers = _answers(call, first, held, images)
        terms = terms or [[] for _ in range(answers.shape[1])]
        alone, moved = answers[-1], answers[:-1] - answers[-1]
        factor = () if other is None else (other,)
        for o in np.flatnonzero(alone):
            terms[o].append(Term(float(alone[o]), factor))
        for o, i in zip(*np.nonzero(moved.T), strict=True):
            terms[o].append(Term(float(moved[i, o]), (*factor, ones[i])))
    return Made("sum", terms)


def function_of(kind, call, name, shape):
    """Of an activation, which number each result is a function of, and whether of that number or its negative.

    Parameters
    ----------
    kind : str
        What the page calls the function; it grows with its argument.
    call : callable
        From an array to the results.
    name : str
        Of the array.
    shape : tuple of int
        Of the array.

    Returns
    -------
    Made
    """
    up, down = (_answers(call, {name: shape}, {}, {name}, one=one)[:-1] for one in (1.0, -1.0))
    return Made(kind, [_terms(name, np.sign(column)) for column in (up - down).T])


def maximum(call, name, shape):
    """Of a maximum, the numbers that each result is chosen from, in their order; as in `function_of`."""
    return Made("max", [_terms(name, column) for column in _answers(call, {name: shape}, {}, {name})[:-1].T])


def _terms(name, coefficients):
    return [Term(float(coefficients[i]), (Number(name, int(i)),)) for i in np.flatnonzero(coefficients)]


def _places(shapes):
    return [Number(name, place) for name, shape in shapes.items() for place in range(math.prod(shape))]


def _answers(call, first, held, images, one=1.0):
    """A row of flat results for each number of the first group at `one`, all others 0, and at the end one for none."""
    ones = _places(first)
    rows = {name: np.zeros((len(ones) + 1, *shape)) for name, shape in first.items()}
    for row, (name, place) in enumerate(ones):
        rows[name][row].flat[place] = one
    if {shape[0] for name, shape in first.items() if name in images} != {1}:
        return np.stack([
            call(**{name: array[row] for name, array in rows.items()}, **held).ravel() for row in range(len(ones) + 1)
        ])  # fmt: skip
    # All of them are one batch, for which a definition takes hardly longer than for one image.
    held = {name: array.repeat(len(ones) + 1, axis=0) if name in images else array for name, array in held.items()}
    return call(**{name: array[:, 0] for name, array in rows.items()}, **held).reshape(len(ones) + 1, -1)
