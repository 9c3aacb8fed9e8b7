"""How far a right result may lie from another: bounds from what floating-point numbers do, and none from experience.

A sum of n products, in any order of summation, with unit roundoff u = eps / 2, is off by at most

    |computed − exact|  ≤  γ · Σ |x||w|        with   γ = (n + 1)·u

(C.-P. Jeannerod and S. M. Rump, "Improved error bounds for inner products in floating-point arithmetic", 2013, which
holds where n·u is more than 1 too; and one rounding more for a division or a weight of a mean). No sum has to be
written for this: an operator that adds up products gives Σ |x||w| when it is called with the absolute values of its
arguments, and n when it is called with ones. The same holds of its backward pass. What is made of several such steps,
as decoupled attention, has the product of their n for its n, which is more than enough. A mean of ones is one, so where
an operator divides, n is taken to be the number of pixels of a map.

Where sums are kept in a wider format than the results, γ is that of the wider one, and the results are rounded to the
narrower: once, and once for each step in between, of which no operator has more than four.

A sum may overflow though its result does not: in float16 40000 + 40000 − 40000 is ∞ from left to right. In whatever
order terms t are added up, a partial sum lies between −Σ⁻ and Σ⁺, the sums of all negative and of all positive terms,

    Σ⁺ = (Σ|t| + Σt) / 2        Σ⁻ = (Σ|t| − Σt) / 2

and either is reached where its terms come first. So ∞ is right where Σ⁺ is beyond the largest number of the format in
which sums are kept, −∞ where Σ⁻ is, and NaN, as ∞ − ∞, where both are. Nowhere else is it. A mean is a sum before it is
divided. Of two sums, one of the other's results, the first may overflow and what follows make it small again, so
factors below one count as one there. For numbers that compete, and for an operator that was registered and sums no
products, nothing is known of sums, and none may overflow.

What is no sum of products has a derivation of its own: a bilinear resize beside `_of_places`, softmax beside
`_Softmax`, cross-entropy beside `_CrossEntropy`, batch norms beside `_BatchNorm`. A maximum, and what clips, gives back
numbers of x and rounds nothing; its gradient is a sum of numbers of dy. Of what is left, as sigmoid, most often each
number is a function of one number alone, and is as wrong as its argument: of a backward stable algorithm the result is
the exact one for an argument that is off by a few roundings. So the argument is moved by that much to both sides, and
the smaller of the two changes is the bound, since at a kink or a jump one side is another function. Where a number
depends on several in another way, as those of the ghost module and of operators that were registered may, all arguments
are moved in random directions.

Numbers below the smallest that is no subnormal may be taken for zero, as processors do that are told to be fast.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np

from ghostnp import ops
from ghostnp.ops.geometry import crop, pad, tap
from ghostnp.ops.pooling import check_pool
from ghostnp.ops.resize import bilinear_sources
from ghostnp.ops.vocabulary import BUILT_IN
from ghostnp.testing.arrays import format_of
from ghostnp.testing.calls import Call, leaves, run, run_backward

# Winograd's and FFT's convolutions add and subtract more than they need to, and are allowed that.
_MARGIN = 4
_DIRECTIONS = 4


def forward_bound(call, arguments, dtype, accumulate=None):
    """How far each number of y may be from the exact one.

    Parameters
    ----------
    call : Call
        Which operator, with which keywords.
    arguments : dict
        Its arguments, as `Call.arguments` gives them.
    dtype : dtype or str
        Of the results: one of `FORMATS`.
    accumulate : dtype or str, optional
        In which sums are kept, by default that of the results.

    Returns
    -------
    list of ndarray
        For each array in y, one bound for each number.
    """
    rounding = _Rounding(dtype, accumulate)
    arguments = _in_float64(arguments)
    if (derivation := _DERIVED.get(call.operator)) is not None:
        return derivation(call, arguments, rounding).forward()
    if _copies(call.row):
        return _bound_of_copies(call, arguments, rounding)
    return _bound(call, arguments, rounding, lambda given: leaves(run(ops, call, given)[0]))


def backward_bound(call, arguments, dy, extra, dtype, accumulate=None):
    """How far each number of each gradient may be from the exact one.

    Parameters
    ----------
    call, arguments, dtype, accumulate
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
    rounding = _Rounding(dtype, accumulate)
    arguments = _in_float64(arguments)
    if (derivation := _DERIVED.get(call.operator)) is not None:
        return {name: [bound] for name, bound in derivation(call, arguments, rounding).backward(dy).items()}
    if any(part is None for part in extra):  # a framework keeps them to itself
        extra = run(ops, call, arguments)[1]
    gradients = _Gradients(call, _each(list(extra), lambda part: part.astype(np.float64)))
    if _copies(call.row):
        return gradients.named(_bound_of_sums_of_dy(arguments, dy, rounding, gradients))
    return gradients.named(_bound(call, _in_float64({**arguments, "dy": dy}), rounding, gradients))


def forward_overflows(call, arguments, dtype, accumulate=None):
    """Where a sum on the way to y may be too large for the format that it is kept in, though y is not.

    Parameters
    ----------
    call, arguments, dtype, accumulate
        As of `forward_bound`.

    Returns
    -------
    list of (ndarray of bool, ndarray of bool)
        For each array in y, where Σ⁺ and where Σ⁻ may overflow. Empty where nothing is known of sums.
    """
    rounding = _Rounding(dtype, accumulate)
    arguments = _in_float64(arguments)
    if (derivation := _DERIVED.get(call.operator)) is not None:
        sums = [derivation(call, arguments, rounding).sums()]
    else:
        sums = _partial_sums(call, arguments, rounding, lambda given: leaves(run(ops, call, given)[0]))
    return [rounding.overflow(*pair) for pair in sums]


def backward_overflows(call, arguments, dy, dtype, accumulate=None):
    """Where a sum on the way to a gradient may be too large for the format that it is kept in.

    Parameters
    ----------
    call, arguments, dy, dtype, accumulate
        As of `backward_bound`.

    Returns
    -------
    dict[str, list of (ndarray of bool, ndarray of bool)]
        For each gradient that is a sum, as of `forward_overflows` for each of its arrays.
    """
    rounding = _Rounding(dtype, accumulate)
    arguments = _in_float64(arguments)
    if (derivation := _DERIVED.get(call.operator)) is not None:
        found = {name: [pair] for name, pair in derivation(call, arguments, rounding).sums_backward(dy).items()}
    else:
        gradients = _Gradients(call)
        found = gradients.named(_partial_sums(call, _in_float64({**arguments, "dy": dy}), rounding, gradients))
    return {name: [rounding.overflow(*pair) for pair in sums] for name, sums in found.items()}


def has_slopes(row):
    """Whether a number of y depends on how large one number is, or smoothly on several, so that there are slopes.

    Parameters
    ----------
    row : Operator

    Returns
    -------
    bool
        False where numbers compete, as pixels do for a maximum.
    """
    return row.sums_products or row.family in ("activation", "norm") or row.takes == "any" or row.name in _DERIVED


def kink_bound(call, arguments, dy, extra, dtype=None):
    """How far a gradient may be from the definition's where a number lies on a kink, and each side has its own slope.

    A right algorithm gives the slope of an argument that is off by a few roundings: x/6 + ½ may be 0 in float16 where x
    is a little above −3. So the arguments are moved to both sides, by that and to the next number, since 0 has no
    neighbours at a relative distance. Where there is no kink, dx changes by as much on both sides; the rest is a kink.
    What is homogeneous has constant slopes between its kinks. There all is the kink, or two of them, as CReLU has at 0.

    Parameters
    ----------
    call, arguments, dy, extra
        As of `backward_bound`.
    dtype : dtype or str, optional
        In which arguments are rounded; by default they are exact.

    Returns
    -------
    dict[str, list of ndarray]
        For each gradient that has such, one bound for each number of each array.
    """
    row = call.row
    if row.sums_products or row.name in _DERIVED or not has_slopes(row):
        return {}
    step = 0.0 if dtype is None else 2 * _MARGIN * _Rounding(dtype).unit
    arguments, dy = _in_float64(arguments), _each(dy, lambda part: part.astype(np.float64))

    def gradients(move):
        moved = {name: _each(arguments[name], move) for name in row.activations}
        return {name: leaves(part) for name, part in run_backward(ops, call, dy, {**arguments, **moved}, extra).items()}

    exact = gradients(lambda part: part)
    above = gradients(lambda part: np.nextafter(part + step * np.abs(part), np.inf))
    below = gradients(lambda part: np.nextafter(part - step * np.abs(part), -np.inf))
    changes = {
        name: [
            [np.abs(side - one) for side in sides] for one, *sides in zip(parts, above[name], below[name], strict=True)
        ]
        for name, parts in exact.items()
    }
    share = 1 if row.homogeneous else -1
    return {
        name: [np.maximum(*sides) + share * np.minimum(*sides) for sides in parts] for name, parts in changes.items()
    }


def shares_of_maxima(call, arguments, dy):
    """What each pixel may get of dy in the backward pass of max pooling, where the numbers of a window may tie.

    Of a window with one largest number that gets all of dy, and of others each of the numbers that tie gets a part.

    Parameters
    ----------
    call, arguments, dy
        As of `backward_bound`, for max pooling.

    Returns
    -------
    least, most : ndarray
        Shaped like x: between them lies the gradient of each pixel.
    size, count : ndarray
        Σ|dy| of the windows whose largest number a pixel has, and how many they are.
    """
    x, dy = np.asarray(arguments["x"], np.float64), np.asarray(dy, np.float64)
    window = check_pool(x, call["kernel_size"], call["stride"], call["padding"])
    padded, taps = pad(x, window, value=-np.inf), list(np.ndindex(window.kernel))
    y = np.max([tap(padded, u, v, window) for u, v in taps], axis=0)
    alone = sum((tap(padded, u, v, window) == y).astype(int) for u, v in taps) == 1
    shares = (
        np.where(alone, dy, np.minimum(dy, 0)),
        np.where(alone, dy, np.maximum(dy, 0)),
        np.abs(dy),
        np.ones_like(dy),
    )
    found = [np.zeros_like(padded) for _ in shares]
    for u, v in taps:
        largest = tap(padded, u, v, window) == y
        for total, share in zip(found, shares, strict=True):
            tap(total, u, v, window)[...] += np.where(largest, share, 0)
    return tuple(crop(total, window) for total in found)


def transform_bound(call, arguments, dtype, dy=None):
    """How far a convolution that is computed by Fourier transforms may be from the exact one.

    A transform of M numbers is off by 7u·log₂ M of its norm at most (Higham, theorem 24.2), and mixes all pixels of a
    map, so a small number may be off by as much as a large one. There are three transforms, and between two of them the
    spectra are multiplied: ‖x̂ŵ‖ ≤ ‖x‖₂·max|ŵ| ≤ ‖x‖₂·‖w‖₁. Summed over the channels, that is the convolution itself of
    maps of one pixel, ‖x‖₂, by kernels of one tap, ‖w‖₁; and so it is backwards, with ‖dy‖₁.

    Parameters
    ----------
    call, arguments, dtype
        As of `forward_bound`, of a convolution.
    dy : ndarray, optional
        What came in, for the bounds of the gradients.

    Returns
    -------
    list of ndarray, or dict[str, ndarray]
        For y, or for each gradient, a bound for each map or kernel, that broadcasts to it.
    """
    arguments = _in_float64(arguments)

    def size(name, part):
        if part.ndim != 4:
            return np.abs(part)
        return np.sqrt((part**2).sum((2, 3), keepdims=True)) if name == "x" else np.abs(part).sum((2, 3), keepdims=True)

    given = {name: size(name, part) for name, part in arguments.items()}
    keywords = {"groups": call.keywords["groups"]} if "groups" in call.keywords else {}
    made = Call(call.operator, **{name: part.shape for name, part in given.items()}, **keywords)
    maps = [arguments["x"], *([] if dy is None else [dy])]
    # With a kernel and padding around them; of the number only the logarithm counts.
    points = 16 * max(int(np.prod([pixels + 1 for pixels in part.shape[2:]])) for part in maps)
    share = _MARGIN * _Rounding(dtype).gamma(6 * np.log2(points))
    if dy is None:
        return [share * part for part in leaves(run(ops, made, given)[0])]
    came = size("dy", np.asarray(dy, np.float64))
    return {name: share * part for name, part in run_backward(ops, made, came, given, ()).items()}


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


class _Rounding:
    """What rounding does in one format, or in one for the sums and another for the results."""

    def __init__(self, dtype, accumulate=None):
        self.of_results = format_of(dtype)
        self.of_sums = self.of_results if accumulate is None else format_of(accumulate)

    @property
    def unit(self):
        """u, of the format of the results."""
        return self.of_results.eps / 2

    @property
    def tiny(self):
        """What may be lost where numbers are too small: sums may drop subnormals, results are rounded to them."""
        return _MARGIN * (self.of_sums.tiny + self.of_results.tiny * self.of_results.eps)

    def overflow(self, above, below):
        """Where sums are too large that come to so much above zero and so much below it."""
        return above > self.of_sums.largest, below > self.of_sums.largest

    def gamma(self, count):
        """γ for sums of so many products, and for the rounding of what is made of them."""
        steps = 4 * (self.of_sums is not self.of_results)
        return (np.ceil(count) + 1) * self.of_sums.eps / 2 + steps * self.unit


class _Gradients:
    """The arrays of all gradients, one after the other, as a function of the arguments and dy."""

    def __init__(self, call, extra=()):
        self.call, self.extra, self.numbers = call, extra, {}

    def __call__(self, given):
        given = dict(given)
        came = given.pop("dy")
        row = self.call.row
        extra = run(ops, self.call, given)[1] if row.sums_products and row.extra else self.extra
        found = run_backward(ops, self.call, came, given, extra)
        self.numbers = {name: len(leaves(part)) for name, part in found.items()}
        return leaves(found)

    def named(self, parts):
        """What was found for each array, as a list for each gradient."""
        parts = iter(parts)
        return {name: list(islice(parts, number)) for name, number in self.numbers.items()}


def _bound(call, arguments, rounding, results):
    if call.row.sums_products:
        return _bound_of_sums(call, arguments, rounding, results)
    exact = results(arguments)
    step = 2 * _MARGIN * rounding.unit
    # On the way there are numbers of about one, such as the sum of a sigmoid, and these are rounded too.
    passing = max((float(np.abs(part).max(initial=1)) for part in leaves(arguments.get("dy", []))), default=1.0)
    farthest = [_MARGIN * rounding.unit * (passing + np.abs(part)) for part in exact]
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


def _copies(row):
    """Whether each number of y is a number of x, with either sign, or a limit.

    So it is of those words of the vocabulary that are homogeneous and not linear: they choose, and multiply nothing.
    """
    return bool(row.limits) or (row.name in BUILT_IN and bool(row.homogeneous))


def _bound_of_copies(call, arguments, rounding):
    """What numbers are off by that are given back: nothing, but for what is smaller than the smallest normal number."""
    form = rounding.of_results
    limits = [limit for limit in call.row.limits if np.isfinite(limit)]
    of_limits = max((abs(float(form.rounded(limit)) - limit) for limit in limits), default=0.0)
    return [np.full(y.shape, form.tiny + of_limits) for y in leaves(run(ops, call, arguments)[0])]


def _bound_of_sums_of_dy(arguments, dy, rounding, gradients):
    """What a gradient is off by that adds up as many numbers of dy as have copied its number.

    The sums may be kept in the format of the results, whatever that of others is: PyTorch adds each number of dy to a
    pixel in its place.
    """
    dy = _each(dy, lambda part: part.astype(np.float64))
    unit = max(rounding.of_sums.eps, rounding.of_results.eps) / 2
    sizes = gradients({**arguments, "dy": _each(dy, np.abs)})
    counts = gradients({**arguments, "dy": _each(dy, np.ones_like)})
    return [
        np.abs(count) * (_MARGIN * unit * np.abs(size) + rounding.tiny)
        for size, count in zip(sizes, counts, strict=True)
    ]


def _bound_of_sums(call, arguments, rounding, results):
    absolute = {name: _each(value, np.abs) for name, value in arguments.items()}
    sizes = results(absolute)
    counts = _counts(call, arguments)
    pixels = _pixels(arguments) if call.row.divides else 0
    # Each of the n products may be too small, and so may the factor that the other one makes larger.
    others = 1 + max((float(part.max(initial=0)) for part in leaves(absolute)), default=0.0)
    bounds = []
    for size, count in zip(sizes, counts, strict=True):
        terms = max(count.max(initial=0), pixels)
        bounds.append(_MARGIN * rounding.gamma(terms) * size + rounding.tiny * (count + 1) * others)
    if call.row.family == "resize" and call.row.divides:
        bounds = [bound + _of_places(call, absolute, rounding) for bound in bounds]
    return bounds


@lru_cache(64)  # calls in all regimes and formats have the same shapes
def _counted(call, forward, backward):
    arguments = call.arguments(np.float64, lambda rng, shape, dtype: np.ones(shape, dtype))
    y, _ = run(ops, call, arguments)
    return _Gradients(call)({**arguments, "dy": _each(y, np.ones_like)}) if backward else leaves(y)


def _counts(call, arguments):
    """How many products are added up for each number: the results of ones, in the shapes of the arguments."""
    shapes = {
        name: [part.shape for part in value] if isinstance(value, list) else np.shape(value)
        for name, value in arguments.items()
        if name in call.row.arrays
    }
    alike = call.replace(memory="C", seed=0, regime="usual", **shapes)
    return _counted(alike, call.row.forward, "dy" in arguments)


def _pixels(arguments):
    return max((part.shape[2] * part.shape[3] for part in leaves(arguments) if part.ndim == 4), default=0)


def _partial_sums(call, arguments, rounding, results):
    """Σ⁺ and Σ⁻ for each number of each array, with what rounding may add to them."""
    if not call.row.sums_products:
        return []
    steps = sum(name != "bias" for name in call.row.trained)
    absolute = {name: _each(value, np.abs) for name, value in arguments.items()}
    if steps > 1:
        absolute = {name: _each(value, lambda part: np.maximum(part, 1)) for name, value in absolute.items()}
    counts = _counts(call, arguments)
    divisor = 1
    if call.row.divides and call.row.family != "resize":  # the weights of a blend are small before it is added up
        windows = "kernel_size" in call.row.positional
        divisor = np.prod(np.broadcast_to(call["kernel_size"], 2)) if windows else _pixels(arguments)
    sums = []
    for size, total, count in zip(results(absolute), results(arguments), counts, strict=True):
        rounded = np.minimum(rounding.gamma(max(count.max(initial=0), divisor)), 1) * size
        both = (size, size) if steps > 1 else ((size + total) / 2, (size - total) / 2)
        sums.append(tuple(divisor * (part + rounded) for part in both))
    return sums


def _of_places(call, absolute, rounding):
    """What a bilinear resize is off by because the places of its pixels are rounded.

    A place (i + ½)·in/out − ½ is a product and a difference of numbers up to H + ½, so it is off by 4u·(H + 1) at most,
    and so is t. A blend (1 − t)·a + t·b moves by |b − a|, twice the largest number, for each unit of t: along rows and
    along columns. Where rounding moves a place across a pixel, nothing jumps: both blends give that pixel. Backwards a
    source pixel gets dy from all pixels that read it, by weights that are off by as much: those whose two neighbours it
    is one of, or is where their places are moved, mostly by less than one pixel.

    The weights 1 − t and t are factors, as x is, and no sums: they may be numbers of the format of the results, as
    those of PyTorch 2.13 are for maps of one channel. Then t is off by u/2, since it is less than one, and 1 − t by
    that and another u/2. So a product a·b of two weights is off by u·(a + b): each by 2u at most, and the four of a new
    pixel by 4u together.
    """
    width = _MARGIN * rounding.of_sums.eps / 2 * 4 * sum(size + 1 for size in call.given["x"][2:])
    if "dy" in absolute:
        neighbours = bilinear_sources(absolute["x"], call["size"], call["align_corners"])
        rows, columns = (
            _readers(lower, pixels, math.ceil(width))
            for (lower, *_), pixels in zip(neighbours, call.given["x"][2:], strict=True)
        )
        return (width + 2 * rounding.unit) * (rows @ absolute["dy"] @ columns.T)
    return (2 * width + 4 * rounding.unit) * absolute["x"].max(axis=(2, 3), initial=0, keepdims=True)


def _readers(lower, pixels, moved):
    """For each of so many source pixels (one row each), ones at the new pixels that may blend it."""
    distance = np.arange(pixels)[:, None] - lower
    return ((distance >= -moved) & (distance <= 1 + moved)).astype(np.float64)


class _Softmax:
    """Softmax y = eˣ / Σ eˣ and dx = y·(dy − Σ dy·y), along the channels.

    x is rounded when the largest is taken off, or when log Σ eˣ is. So each exponent is off by 2u·max|x|, and eˣ by a
    share ρ of that size and a few roundings. The sum is off by as great a share and one of C roundings, and so is y:

        |y − exact| ≤ ρ·y        ρ = exp(u·(4·max|x| + C + 8)) − 1

    Both terms of dx are off by the shares of their factors, at most 3ρ, at the scale of y·(|dy| + Σ |dy|·y). However
    large ρ is, computed y lie between 0 and 1, so dx is off by (C + 3)·max|dy| at most.
    """

    def __init__(self, call, arguments, rounding):
        name = call.row.activations[0]
        self.x, self.name, self.rounding = arguments[name], name, rounding
        self.y = _softmax(self.x)
        largest = np.abs(self.x).max(axis=1, keepdims=True, initial=0)
        wide = rounding.of_sums.eps / 2 * (4 * largest + self.x.shape[1] + 8) + 4 * rounding.unit
        self.share = _MARGIN * np.expm1(np.minimum(wide, 700))

    def forward(self):
        return [np.minimum(self.share * self.y, 2.0) + self.rounding.tiny]

    def backward(self, dy):
        scale = self.y * (np.abs(dy) + (np.abs(dy) * self.y).sum(axis=1, keepdims=True))
        largest = np.abs(dy).max(initial=0)
        of_x = np.minimum(3 * self.share * scale, (self.y.shape[1] + 3) * largest)
        return {self.name: of_x + self.rounding.tiny * (1 + largest)}

    def sums(self):
        """Of C numbers that are one at most."""
        return np.full_like(self.y, self.y.shape[1]), np.zeros_like(self.y)

    def sums_backward(self, dy):
        """A mean of dy, which y weights."""
        largest = np.full_like(self.y, np.abs(dy).max(initial=0))
        return {self.name: (largest, largest)}


class _CrossEntropy(_Softmax):
    """Cross-entropy −1/N Σ t·log p, where log p = x − log Σ eˣ, and dx = dloss·(p − t)/N.

    By the same count log Σ eˣ is off by δ = u·(4·max|x| + C + 8), and so is log p. But where losses are added in
    float16, as PyTorch does, log Σ eˣ is kept in float32 at least, or the largest x is taken off first. So max|x|
    counts with the u of that, and with the u of the sums the distance d of x from the largest, which is log p at most:

        δ = u'·4·max|x| + u·(C + 8)        log p is off by δ + 4u·d

    The targets of a sample have the sum 1, and so its loss L is off by δ + 4u·L, and by γ for C terms that all have one
    sign. The mean adds γ for N terms:

        |loss − exact| ≤ mean(δ + 4u·L + γ·(L + δ + 4u·L))        γ for N + C + 8 terms

    p is off by a share ρ = exp(δ + 4u·d) − 1 for its exponent, and by Σ p·ρ for the sum of all, and by 1 at most, since
    it lies between 0 and 1 however it is computed.

    Before it is divided, the mean is the sum of all L. With label smoothing the numbers −log p of all classes may be
    added up before they are weighted, as PyTorch does, and that sum is larger.
    """

    def __init__(self, call, arguments, rounding):
        super().__init__(call, arguments, rounding)
        shifted = self.x - self.x.max(axis=1, keepdims=True)
        self.surprise = np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted
        self.smoothing = call["label_smoothing"]
        of_label = np.take_along_axis(self.surprise, arguments["labels"][:, None], axis=1)[:, 0]
        self.losses = (1 - self.smoothing) * of_label + self.smoothing * self.surprise.mean(axis=1)
        self.unit = rounding.of_sums.eps / 2
        of_largest = min(rounding.of_sums.eps, format_of("float32").eps) / 2 * 4
        largest = np.abs(self.x).max(axis=1, keepdims=True)
        self.of_log = of_largest * largest + self.unit * (self.x.shape[1] + 8) + 4 * rounding.unit
        share = np.expm1(np.minimum(self.of_log - 4 * self.unit * shifted, 700))
        self.of_y = np.minimum(_MARGIN * self.y * (share + (self.y * share).sum(axis=1, keepdims=True)), 1)

    def forward(self):
        samples, classes = self.x.shape
        of_log = self.of_log[:, 0] + 4 * self.unit * self.losses
        gamma = self.rounding.gamma(samples + classes + 8)
        return [np.asarray(_MARGIN * (of_log + gamma * (self.losses + of_log)).mean() + self.rounding.tiny)]

    def backward(self, dy):
        scale, unit = np.abs(dy) / len(self.x), self.rounding.unit
        of_target = (_MARGIN * np.expm1(np.minimum(self.of_log, 700)) + 4 * unit) / self.x.shape[1]
        of_logits = scale * (self.of_y + of_target + 4 * unit * self.y + 8 * unit)
        return {self.name: of_logits + self.rounding.tiny * (1 + scale)}

    def sums(self):
        """Of all losses, or of what they are made of."""
        classes = self.surprise.sum(axis=1) if self.smoothing else 0.0
        total = np.maximum(self.losses, classes).sum()
        return np.asarray(total + min(self.rounding.gamma(self.x.size), 1) * total), np.zeros(())


class _BatchNorm:
    """Batch norms: y = w·x̂ + b with x̂ = (x − m)/σ; errors δ are followed from each step to the next.

    With M numbers in a channel and μ the mean of their absolute values, in training

        mean                  δm = γ·μ
        x − m                 δd = δm + 2u·(|x| + |m|)        also where it is computed as x·(w/σ) + (b − m·w/σ)
        var                   δv = γ·(v + μ·√v) + δm²         as Welford's method and that of two passes keep it; the
                                                              method E[x²] − E[x]² would cost γ·μ²
        1/σ                   a share ρ = δv / 2(v + eps − δv) and four roundings
        x̂                     δx̂ = δd/σ·(1 + ρ) + ρ·|x̂|
        y                     |w|·δx̂ + 4u·(|w·x̂| + |b|)

    and in evaluation m and v are given: δm = δv = 0. Backwards Σ dy is off by γ·Σ|dy|, dw by Σ |dy|·δx̂ + γ·Σ|dy·x̂|, and
    the three terms of dx by the shares of their factors. With a ReLU dy may pass or not where |y| is not above its own
    error, and is off by all of itself there.

    Where the variance is less than its own error, as that of equal numbers is, v is anything from zero on. Then 1/σ is
    between 0 and 1/√eps, so ρ is √((v + eps) / eps) at most. Products of two errors count, since ρ may be large.

    Where Σ|x| or Σ (x − m)² may overflow, 1/σ is 0 and x̂ is no number of use: nothing is promised of that channel.
    """

    def __init__(self, call, arguments, rounding):
        self.trains, self.bends = "mean" not in arguments, "relu" in call.operator
        x, self.weight, self.bias = (arguments[name] for name in ("x", "weight", "bias"))
        self.rounding, self.shape = rounding, (1, -1, *[1] * (x.ndim - 2))
        axes = (0, *range(2, x.ndim))
        self.axes, self.count = axes, x.size // max(x.shape[1], 1)
        u, gamma = rounding.unit, _MARGIN * float(rounding.gamma(self.count + 4))
        if self.trains:
            mean, size = x.mean(axis=axes), np.abs(x).mean(axis=axes)
            var = ((x - self.of(mean)) ** 2).mean(axis=axes)
            lost, _ = rounding.overflow((1 + min(gamma, 1)) * self.count * np.maximum(size, var), 0.0)
            of_mean = gamma * size
            of_var = gamma * (var + size * np.sqrt(var)) + of_mean**2
        else:
            mean, var = arguments["mean"], arguments["var"]
            of_mean = of_var = np.zeros_like(mean)
            lost = np.zeros(mean.shape, bool)
        below, self.lost = var + call["eps"], self.of(lost)
        relative = of_var / np.maximum(2 * (below - of_var), 1e-30 * below)
        relative = np.minimum(relative, _MARGIN * np.sqrt(below / call["eps"]))
        self.share = self.of(relative + _MARGIN * 4 * u)
        self.scale = self.of(1 / np.sqrt(below))
        self.normal = (x - self.of(mean)) * self.scale
        of_difference = self.of(of_mean) + _MARGIN * 2 * u * (np.abs(x) + np.abs(self.of(mean)))
        self.of_normal = of_difference * self.scale * (1 + self.share) + self.share * np.abs(self.normal)
        self.gamma, self.y = gamma, self.of(self.weight) * self.normal + self.of(self.bias)

    def of(self, vector):
        """A number for each channel, beside the maps."""
        return vector.reshape(self.shape)

    def forward(self):
        w, b = np.abs(self.of(self.weight)), np.abs(self.of(self.bias))
        rounded = _MARGIN * 4 * self.rounding.unit * (w * (np.abs(self.normal) + self.of_normal) + b)
        bound = w * self.of_normal + rounded + self.rounding.tiny * (1 + w) * (1 + self.scale)
        return [np.where(self.lost, np.inf, bound)]

    def backward(self, dy):
        dy, of_dy = np.asarray(dy, np.float64), np.zeros_like(self.normal)
        if self.bends:
            (of_y,) = self.forward()
            of_dy = np.where(np.abs(self.y) <= of_y, np.abs(dy), 0.0)
            dy = np.where(self.y > 0, dy, 0.0)
        size, normal, axes = np.abs(dy), np.abs(self.normal), self.axes
        most = size + of_dy
        tiny = self.rounding.tiny * (1 + self.count) * (1 + self.scale) * (1 + size.max(initial=0))
        of_bias = (of_dy + self.gamma * most).sum(axis=axes)
        of_weight = (most * self.of_normal + of_dy * normal + self.gamma * most * (normal + self.of_normal)).sum(
            axis=axes
        )
        terms, of_terms = size, of_dy
        if self.trains and self.count:
            through_bias, through_weight = (
                self.of(total.sum(axis=axes) / self.count) for total in (size, size * normal)
            )
            terms = size + through_bias + normal * through_weight
            of_through = self.of(of_weight / self.count)
            of_terms = of_dy + self.of(of_bias / self.count) + normal * of_through
            of_terms = of_terms + self.of_normal * (through_weight + of_through)
        slope, share = np.abs(self.of(self.weight)) * self.scale, self.share + _MARGIN * 8 * self.rounding.unit
        of_x = slope * ((1 + share) * of_terms + share * terms)
        sums = tiny.max(axis=axes)
        of_weight = np.where(self.lost.ravel(), np.inf, of_weight)
        return {
            "x": np.where(self.lost, np.inf, of_x + slope * tiny),
            "weight": of_weight + sums,
            "bias": of_bias + sums,
        }

    def sums(self):
        """None but those of mean and var, of which the bounds know."""
        return np.zeros_like(self.y), np.zeros_like(self.y)

    def sums_backward(self, dy):
        """Those of dbias and dweight, which in training are terms of dx too."""
        dy = np.asarray(dy, np.float64)
        gamma, found = 1 + min(self.gamma, 1), {}
        for name, terms in (("weight", dy * self.normal), ("bias", dy)):
            size, total = np.abs(terms).sum(axis=self.axes), terms.sum(axis=self.axes)
            slack = (gamma - 1) * size
            found[name] = ((size + total) / 2 + slack, (size - total) / 2 + slack)
        either = self.of(np.max([part for pair in found.values() for part in pair], axis=0) * self.trains)
        either = np.broadcast_to(either, self.y.shape)
        return {"x": (either, either), **found}


_DERIVED: dict[str, Callable[..., Any]] = {
    "softmax": _Softmax,
    "softmax_cross_entropy": _CrossEntropy,
    "batch_norm_train": _BatchNorm,
    "batch_norm_relu_train": _BatchNorm,
    "batch_norm_eval": _BatchNorm,
}


def _softmax(x):
    exponentials = np.exp(x - x.max(axis=1, keepdims=True, initial=-np.inf))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _in_float64(arguments):
    return {name: _each(value, lambda part: part.astype(np.float64)) for name, value in arguments.items()}


def _each(value, change):
    if isinstance(value, list):
        return [_each(part, change) for part in value]
    return change(np.asarray(value)) if np.asarray(value).dtype.kind == "f" else value
