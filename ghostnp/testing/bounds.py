"""How far a right result may lie from another: bounds from what floating-point numbers do, and none from experience.

A sum of n products, in any order of summation, with unit roundoff u = eps / 2, is off by at most

    |computed − exact|  ≤  γ · Σ |x||w|        with   γ = (n + 1)·u / (1 − (n + 1)·u)

(N. J. Higham, "Accuracy and stability of numerical algorithms", 2002, section 3.1, and one rounding more for a division
or a weight of a mean). No sum has to be written for this: an operator that adds up products gives Σ |x||w| when it is
called with the absolute values of its arguments, and n when it is called with ones. The same holds of its backward
pass. What is made of several such steps, as decoupled attention, has the product of their n for its n, which is more
than enough.

What is no sum of products (batch norm, sigmoid, softmax) is as wrong as its arguments: of a backward stable algorithm
the result is the exact one for arguments that are off by a few roundings. So the arguments are moved by that much, in
random directions, and the largest change that is seen, many times over, is the bound.
"""

import numpy as np

from ghostnp import ops
from ghostnp.testing.calls import leaves, run, run_backward
from ghostnp.testing.structure import LINEAR

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
        What forward gave beside y.

    Returns
    -------
    list of ndarray
    """

    def gradients(given):
        given = dict(given)
        came = given.pop("dy")
        beside = run(ops, call, given)[1] if _sums(call) else extra
        return leaves(run_backward(ops, call, came, given, beside))

    return _bound(call, {**arguments, "dy": dy}, dtype, gradients)


def _sums(call):
    return call.operator in LINEAR and not call.operator.startswith("batch_norm")


def _bound(call, arguments, dtype, results):
    roundoff = float(np.finfo(dtype).eps) / 2
    arguments = {name: _each(value, lambda part: part.astype(np.float64)) for name, value in arguments.items()}
    if _sums(call):
        sizes = results({name: _each(value, np.abs) for name, value in arguments.items()})
        counts = results({name: _each(value, np.ones_like) for name, value in arguments.items()})
        gammas = [(np.ceil(count.max(initial=0)) + 1) * roundoff for count in counts]
        return [_MARGIN * gamma / (1 - gamma) * size for gamma, size in zip(gammas, sizes, strict=True)]
    rng = np.random.default_rng(call.seed)
    exact = results(arguments)
    step = 2 * _MARGIN * roundoff
    # On the way there are numbers of about one, such as the sum of a softmax, and these are rounded too.
    farthest = [_MARGIN * roundoff * (1 + np.abs(part)) for part in exact]
    number = max((part.size for part in leaves(arguments)), default=1)
    for _ in range(_DIRECTIONS):
        moved = results({name: _each(value, lambda part: part * (1 + step * rng.choice([-1, 1], part.shape)))
                         for name, value in arguments.items()})  # fmt: skip
        changes = [np.abs(one - other).max(initial=0) for one, other in zip(moved, exact, strict=True)]
        farthest = [np.maximum(most, np.sqrt(number) * change) for most, change in zip(farthest, changes, strict=True)]
    return farthest


def _each(value, change):
    if isinstance(value, list):
        return [_each(part, change) for part in value]
    return change(np.asarray(value)) if np.asarray(value).dtype.kind == "f" else value
