"""Do definitions and kernels agree, and how long does each take? The same module is run on both, forward and backward.

Two correct programs need not give the same bits in float32: they add in different orders, and each addition rounds by
up to half of eps = 2⁻²³ of its result. Over a sum of K terms such errors grow like √K·eps, which gives the tolerance,

    largest |definition − kernel|  ≤  16·√K·eps · scale

with K the terms of the longest sum, 16 for errors that pass through many layers, and as scale the largest number in the
definition's array. What goes in is of order 1, and a weight's gradient is a sum that may largely cancel, so scale is at
least 1 and, for gradients of weights, at least the largest |dx|. A real mistake is usually far beyond this.

Both backward passes start from what the definitions' forward pass remembered. Otherwise a ReLU whose input is zero but
for rounding might be open in one and shut in the other, and neither would be wrong.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ghostnp.backend import use_backend

EPS = float(np.finfo(np.float32).eps)
SAFETY = 16
REPEATS = 3


class Pass(NamedTuple):
    """A module forward and backward on one backend, and the milliseconds of each."""

    y: np.ndarray
    cache: Any
    dy: np.ndarray
    dx: np.ndarray
    grads: dict[str, np.ndarray]
    forward_ms: float
    backward_ms: float


class ArrayDistance(NamedTuple):
    """How far apart two arrays are, as a share of their scale, and how far they may be."""

    name: str
    share: float
    tolerance: float

    @property
    def agrees(self):
        """Whether the share is within the tolerance; NaN never is."""
        return self.share <= self.tolerance


@dataclass(frozen=True)
class Comparison:
    """One module on two backends.

    Parameters
    ----------
    definition, kernel : Pass
        What each gave.
    differences : list of ArrayDistance
        Of the output and of every gradient.
    """

    definition: Pass
    kernel: Pass
    differences: list[ArrayDistance]

    @property
    def agrees(self):
        """Whether all of it does."""
        return all(difference.agrees for difference in self.differences)

    @property
    def worst(self):
        """The difference closest to its tolerance, or furthest beyond."""
        return max(
            self.differences, key=lambda difference: math.inf if math.isnan(difference.share) else difference.share
        )


def tolerance(terms):
    """Allowed difference of sums of that many terms in float32, as a share of their scale.

    Parameters
    ----------
    terms : int
        K, the terms of the longest sum.

    Returns
    -------
    float

    Examples
    --------
    >>> f"{tolerance(224 * 224):.1e}"
    '4.3e-04'
    """
    return SAFETY * math.sqrt(terms) * EPS


def compare_backends(module, x, gradient_of: Callable, definitions, kernels, *, training=False):
    """Run a module on both backends, time them, and see whether they agree.

    Parameters
    ----------
    module : Module
        Any layer or network.
    x : ndarray
        Its input.
    gradient_of : callable
        Takes the output and gives its gradient.
    definitions, kernels : module or object
        The backends.
    training : bool, default False
        As in `Module.forward`.

    Returns
    -------
    Comparison
    """
    mine = run(definitions, module, x, gradient_of, training=training)
    theirs = run(kernels, module, x, gradient_of, training=training)
    with use_backend(kernels):
        dx, grads = module.backward(mine.dy, mine.cache)
    # A weight's gradient is a sum over all pixels, an output one over a filter's weights.
    terms = max(x[:, 0].size, *(array[0].size for array in module.parameters().values()), 1)
    flow = float(np.abs(mine.dx).max())
    differences = [_difference("output", mine.y, theirs.y, 1.0, terms)]
    differences.append(_difference("gradient of the input", mine.dx, dx, 1.0, terms))
    for path, gradient in mine.grads.items():
        differences.append(_difference(f"gradient of {path}", gradient, grads[path], max(flow, 1.0), terms))
    return Comparison(mine, theirs, differences)


def run(namespace, module, x, gradient_of, *, training=False):
    """Run a module forward and backward on one backend, on what that pass itself remembered.

    The first time is not counted: it compiles kernels, or reads them from the cache. The fastest of `REPEATS` more is.

    Parameters
    ----------
    namespace, module, x, gradient_of, training
        As in `compare_backends`.

    Returns
    -------
    Pass
    """
    forward, backward = [], []
    with use_backend(namespace):
        for _ in range(1 + REPEATS):
            start = perf_counter()
            y, cache = module.forward(x, training=training)
            forward.append(perf_counter() - start)
            dy = gradient_of(y)
            start = perf_counter()
            dx, grads = module.backward(dy, cache)
            backward.append(perf_counter() - start)
    return Pass(y, cache, dy, dx, grads, 1000 * min(forward[1:]), 1000 * min(backward[1:]))


def _difference(name, mine, theirs, least_scale, terms):
    if mine.shape != theirs.shape:
        return ArrayDistance(f"{name} (shape {mine.shape}, and {theirs.shape})", math.nan, tolerance(terms))
    scale = max(float(np.abs(mine).max()), least_scale)
    return ArrayDistance(name, float(np.abs(mine - theirs).max()) / scale, tolerance(terms))
