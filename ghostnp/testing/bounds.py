"""How far a right result may lie from another: bounds from what floating-point numbers do, and none from experience.

A sum of n products, in any order of summation, with unit roundoff u = eps / 2, is off by at most

    |computed − exact|  ≤  γ · Σ |x||w|        with   γ = (n + 1)·u / (1 − (n + 1)·u)

(N. J. Higham, "Accuracy and stability of numerical algorithms", 2002, section 3.1, and one rounding more for a division
or a weight of a mean). No sum has to be written for this: an operator that adds up products gives Σ |x||w| when it is
called with the absolute values of its arguments, and n when it is called with ones. The same holds of its backward
pass. What is made of several such steps, as decoupled attention, has the product of their n for its n, which is more
than enough. A mean of ones is one, so where an operator divides, n is taken to be the number of pixels of a map. The
weights of a bilinear resize are rounded themselves: a place within a map of H rows is off by a few u·H, and so are the
weights that follow from it.

What is no sum of products (batch norm, sigmoid, softmax) is as wrong as its arguments: of a backward stable algorithm
the result is the exact one for arguments that are off by a few roundings. So the arguments are moved by that much, in
random directions, and the largest change that is seen, many times over, is the bound. Where each number is a function
of one number alone, each has a bound of its own: the smaller of the changes to both sides, since at a kink or a jump
one side is another function.
"""

import numpy as np

from ghostnp import ops
from ghostnp.testing.calls import leaves, run, run_backward

# Winograd's and FFT's convolutions add and subtract more than they need to, and are allowed that.
_MARGIN = 4
_DIRECTIONS = 4


def forward_bound(call, arguments, dtype):
    """How far each number of y may be from the exact one.

    Parameters
    ----------
    call : Call
        Which operator, with which keywords.
    arguments : dict
        Its arguments, as `Call.arguments` gives them.
    dtype : dtype
        In which the sums are computed.

    Returns
    -------
    list of ndarray
        For each array in y, one bound for each number.
    """
    return _bound(call, arguments, dtype, lambda given: leaves(run(ops, call, given)[0]))


def backward_bound(call, arguments, dy, extra, dtype):
    """How far each number of each gradient may be from the exact one.

    Parameters
    ----------
    call, arguments, dtype
        As of `forward_bound`.
    dy : ndarray or list of ndarray
        What came in.
    extra : tuple
        The extra outputs of forward.

    Returns
    -------
    dict[str, list of ndarray]
        For each gradient, one bound for each number of each array.
    """
    numbers = {}
    extra = _each(list(extra), lambda part: part.astype(np.float64))

    def gradients(given):
        given = dict(given)
        came = given.pop("dy")
        outputs = run(ops, call, given)[1] if call.row.sums_products else extra
        found = run_backward(ops, call, came, given, outputs)
        numbers.update({name: len(leaves(part)) for name, part in found.items()})
        return leaves(found)

    bounds = iter(_bound(call, {**arguments, "dy": dy}, dtype, gradients))
    return {name: [next(bounds) for _ in range(number)] for name, number in numbers.items()}


def allowed_difference(*bounds):
    """How far two computed results may lie apart, for each array the most of any number: twice the bound of one."""
    return [2 * float(bound.max(initial=0)) for bound in bounds]


def inner_bound(a, b, of_a, of_b):
    """How far a computed ⟨a, b⟩ may be from the exact one, where a and b are off by `of_a` and `of_b`.

    Parameters
    ----------
    a, b : ndarray
        Of one shape, float64.
    of_a, of_b : ndarray or float
        Bounds for their numbers.

    Returns
    -------
    float
        Σ |a|·of_b + |b|·of_a, and γ Σ |a||b| for the sum itself.
    """
    gamma = (np.size(a) + 1) * float(np.finfo(np.float64).eps) / 2
    return float(np.sum(np.abs(a) * of_b + np.abs(b) * of_a) + gamma * np.sum(np.abs(a) * np.abs(b)))


def _bound(call, arguments, dtype, results):
    roundoff = float(np.finfo(dtype).eps) / 2
    arguments = {name: _each(value, lambda part: part.astype(np.float64)) for name, value in arguments.items()}
    if call.row.sums_products:
        return _bound_of_sums(call, arguments, roundoff, results)
    exact = results(arguments)
    step = 2 * _MARGIN * roundoff
    # On the way there are numbers of about one, such as the sum of a softmax, and these are rounded too.
    passing = max((float(np.abs(part).max(initial=1)) for part in leaves(arguments.get("dy", []))), default=1.0)
    farthest = [_MARGIN * roundoff * (passing + np.abs(part)) for part in exact]
    if call.row.takes == "any" and len(call.row.activations) == len(call.row.arrays) == 1:
        for name, value in arguments.items():
            sides = (results(arguments | {name: _each(value, lambda part, side=side: part * (1 + side))})
                     for side in (step, -step))  # fmt: skip
            changes = [
                np.minimum(*(np.abs(side - one) for side in pair)) for one, *pair in zip(exact, *sides, strict=True)
            ]
            farthest = [most + change for most, change in zip(farthest, changes, strict=True)]
        return farthest
    rng = np.random.default_rng(call.seed)
    number = max((part.size for part in leaves(arguments)), default=1)
    for _ in range(_DIRECTIONS):
        moved = results({name: _each(value, lambda part: part * (1 + step * rng.choice([-1, 1], part.shape)))
                         for name, value in arguments.items()})  # fmt: skip
        changes = [np.abs(one - other).max(initial=0) for one, other in zip(moved, exact, strict=True)]
        farthest = [np.maximum(most, np.sqrt(number) * change) for most, change in zip(farthest, changes, strict=True)]
    return farthest


def _bound_of_sums(call, arguments, roundoff, results):
    absolute = {name: _each(value, np.abs) for name, value in arguments.items()}
    sizes = results(absolute)
    counts = results({name: _each(value, np.ones_like) for name, value in arguments.items()})
    maps = [part for part in leaves(arguments) if part.ndim == 4]
    pixels = max((part.shape[2] * part.shape[3] for part in maps), default=0) if call.row.divides else 0
    gammas = [(max(np.ceil(count.max(initial=0)), pixels) + 1) * roundoff for count in counts]
    bounds = [_MARGIN * gamma / (1 - gamma) * size for gamma, size in zip(gammas, sizes, strict=True)]
    if call.row.family == "resize" and call.row.divides:
        # A place is a product and a sum of numbers up to H; four pixels are blended, each by two such weights.
        rounded = 8 * roundoff * sum(max(sides) for sides in zip(call.given["x"][2:], call.given["size"], strict=True))
        for number, bound in enumerate(bounds):
            if "dy" in arguments:
                reach = absolute["dy"].sum(axis=(2, 3), keepdims=True)
            else:
                reach = 4 * absolute["x"].max(axis=(2, 3), initial=0, keepdims=True)
            bounds[number] = bound + _MARGIN * rounded * reach
    return bounds


def _each(value, change):
    if isinstance(value, list):
        return [_each(part, change) for part in value]
    return change(np.asarray(value)) if np.asarray(value).dtype.kind == "f" else value
