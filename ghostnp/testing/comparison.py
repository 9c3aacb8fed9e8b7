"""One call of somebody's function, compared with the definition: in its layout, and within rounding."""

from functools import cache
from typing import NamedTuple

import numpy as np

from ghostnp import ops
from ghostnp.testing.arrays import format_of, values
from ghostnp.testing.bounds import (
    backward_bound,
    backward_overflows,
    forward_bound,
    forward_overflows,
    has_slopes,
    kink_bound,
    shares_of_maxima,
)
from ghostnp.testing.calls import backward_arguments, leaves, named_gradients, run, run_backward
from ghostnp.testing.frameworks import Adapter
from ghostnp.testing.layouts import from_layout, to_layout


class CallStyle(NamedTuple):
    """How the function that is compared wants to be called, and how close it has to come: see `assert_matches`."""

    layout: str = "NCHW"
    weights: str = "OIHW"
    adapter: Adapter = Adapter()
    dtype: str = "float32"
    accumulate: str | None = None
    exact: bool = False
    rtol: float | None = None
    atol: float | None = None
    gradients: bool | tuple[str, ...] = True

    @property
    def form(self):
        """The format of the arrays."""
        return format_of(self.dtype)


def compare(fn, backward, call, style, against=ops):
    """Compare y and the gradients on one call.

    What is promised depends on the call's regime. With NaN or infinities among the activations y is compared, and no
    gradient; a convolution may make NaN of all of an image that has such (see `spoiled`). Where a sum overflows in the
    format that it is kept in, its result is ∞ or NaN (see `ghostnp.testing.bounds`). Where a number lies on a kink, as
    0 does of ReLU, any slope between those of its two sides is right. Where numbers of a window tie, any of them may
    get the gradient of its maximum, or it is shared, and what is handed out has to be what came in. Rounding does both
    too, in formats with few digits and far from zero. Where a framework takes subnormals for zeros, they are on the
    kink of a ReLU, and gradients of what has kinks are not compared there.

    Parameters
    ----------
    fn, backward, against
        As of `assert_matches`.
    call : Call
        The call.
    style : CallStyle
        How `fn` is called.

    Raises
    ------
    AssertionError
        If a result is off.
    """
    with np.errstate(all="ignore"):  # of what is not finite NumPy would warn, and it is wanted here
        _compare(fn, backward, call, style, against)


def _compare(fn, backward, call, style, against):
    draw, form = values if style.exact else normal, style.form
    arguments = call.arguments(form.name, draw)
    reference = arguments if style.exact else each(arguments, np.float64)
    expected, extra = run(against, call, reference)
    if style.exact:
        expected = _rounded(expected, form)  # bfloat16 has no odd integers above 256
    equal = style.exact and not _rounds_between(call, form)
    theirs = {name: written(name, value, call, style) for name, value in arguments.items()}
    wanted = _wanted(call, style) if backward is not None or call.row.backward is not None else []
    asked = [backward is None and name in wanted for name in arguments]
    y, pull = style.adapter(_first_of(fn, call), list(theirs.values()), call.keywords, form, asked)
    if isinstance(y, list) is not isinstance(expected, list):  # a model does not say how many outputs are y
        y = y[0] if isinstance(y, list) else [y]

    # What is equal needs no bound, so bounds are computed where they are asked for.
    @cache
    def finite():
        return {name: finite_alone(value) for name, value in arguments.items()}

    @cache
    def bounds():
        return None if equal else forward_bound(call, finite(), form.name, style.accumulate)

    def overflows(accumulate):
        return forward_overflows(call, finite(), form.name, accumulate)

    _assert_close("y", read(y, expected, style), expected, bounds, style, overflows, spoiled(call, reference))
    if not wanted or (backward is None and pull is None):
        return
    dy = call.gradient(each(expected, form.carrier), draw)
    dy = _rounded(dy, form)
    came = _written_maps(dy, style)
    dy = dy if style.exact else each(dy, np.float64)
    if backward is not None:
        outputs = [_written_maps(each(value, form.carrier), style) for value in extra]
        took = backward_arguments(call, came, theirs, outputs)
        tensors = [style.adapter.tensor(part, form, False) if isinstance(part, np.ndarray) else part for part in took]
        found = named_gradients(call.operator, backward(*tensors, **call.keywords))
        gradients = {name: _back(part, f"d{name}", style) for name, part in found.items() if name in wanted}
    else:
        pulled = iter(pull(came))
        gradients = {name: _like(arguments[name], pulled) for name in wanted}
    right = run_backward(against, call, dy, reference, extra)
    if style.exact:
        right = {name: _rounded(value, form) for name, value in right.items()}
    got = {name: read(gradients[name], right[name], style, name) for name in wanted}
    if _ties(call, reference, style):
        if style.adapter.computes:
            _assert_handed_out(call, got, reference, dy, expected, style)
        return

    @cache
    def limits():
        kinks = kink_bound(call, reference, dy, extra, None if style.exact else form.name)
        if equal:
            return kinks
        rounding = backward_bound(call, reference, dy, extra, form.name, style.accumulate)
        return {name: _sum(of_rounding, kinks.get(name)) for name, of_rounding in rounding.items()}

    for name in wanted:

        def of_gradient(name=name):
            return limits().get(name)

        def overflows_backward(accumulate, name=name):
            return backward_overflows(call, reference, dy, form.name, accumulate).get(name, [])

        _assert_close(f"d{name}", got[name], right[name], of_gradient, style, overflows_backward)


def _sum(bounds, others):
    return bounds if others is None else [one + other for one, other in zip(bounds, others, strict=True)]


def _rounded(value, form):
    return [form.rounded(part) for part in value] if isinstance(value, list) else form.rounded(value)


def _rounds_between(call, form):
    """Whether there are results between two steps, as of a separable convolution, that may be rounded to the format."""
    return sum(name != "bias" for name in call.row.trained) > 1 and form.name != np.dtype(form.carrier).name


def _wanted(call, style):
    """The arguments whose gradients are compared; that of a bias that is absent is not asked for."""
    if style.gradients is False or call.regime in ("nan", "infinite"):
        return []
    if on_kinks(call) and not call.row.homogeneous and not has_slopes(call.row):
        return []
    if call.regime == "tiny" and _bends(call) and not style.adapter.subnormals:
        return []
    named = call.row.gradients if style.gradients is True else style.gradients
    return [name for name in call.row.gradients if name in named and name in call.given]


def on_kinks(call):
    """Whether numbers lie on kinks, or tie, where an operator has such."""
    return call.regime == "ties" and _bends(call)


def _ties(call, arguments, style):
    """Whether numbers are equal that compete for a maximum: those that lie along no axis that is alike."""
    if not _bends(call) or has_slopes(call.row) or not call.row.homogeneous:
        return False
    if call.regime == "ties":
        return True
    own = sum(axis in call.row.alike for axis in ("images", "channels"))
    maps = [] if style.exact else leaves([arguments[name] for name in call.row.activations])
    rivals = [np.sort(part.reshape(int(np.prod(part.shape[:own])), -1), axis=1) for part in maps if part.size]
    return any((group[:, 1:] == group[:, :-1]).any() for group in rivals)


def _bends(call):
    """Whether it may have kinks, at which a gradient can be another."""
    return not call.row.sums_products and call.row.family != "norm"


def _first_of(fn, call):
    """`fn` without its extra outputs, which are left alone; a model in a file stays what it is."""
    if not callable(fn):
        return fn

    def first(*arrays, **keywords):
        y = fn(*arrays, **keywords)
        return y[0] if isinstance(y, tuple) and "sizes" not in call.row.positional else y

    return first


def finite_alone(value):
    """Zeros where numbers are not finite."""
    if isinstance(value, list):
        return [finite_alone(part) for part in value]
    floats = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return np.nan_to_num(value, nan=0, posinf=0, neginf=0) if floats else value


def _assert_handed_out(call, gradients, arguments, dy, y, style):
    """Of each pixel, that it gets no more than the windows may give; of all, that ⟨dx, x⟩ = ⟨dy, y⟩.

    The second holds of all functions that are homogeneous, whichever slope a kink is given.
    """
    terms = max((one.size for one in leaves(dy)), default=0)
    if call.operator == "max_pool2d":
        least, most, size, count = shares_of_maxima(call, arguments, dy)
        terms = int(count.max(initial=0))
        slack = (2 * style.form.eps * (count + 1) + (style.rtol or 0.0)) * size + (style.atol or 0.0)
        got = gradients["x"].astype(np.float64)
        wrong = ~((got >= least - slack) & (got <= most + slack))
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise AssertionError(
                f"dx{list(place)} is {got[place]:.8g}, and between {least[place] - slack[place]:.8g} and "
                f"{most[place] + slack[place]:.8g} would be allowed, as the largest numbers of windows may tie there; "
                f"{wrong.sum()} of {wrong.size} numbers are off"
            )
    came = sum(float(np.sum(one * two)) for one, two in zip(leaves(dy), leaves(y), strict=True))
    sums = sum(float(np.abs(one).sum()) for one in leaves(dy))
    tolerance = 2 * style.form.eps * (terms + 1) + (style.rtol or 0.0)
    for name in (name for group in call.row.homogeneous for name in group if name in gradients):
        pairs = list(zip(leaves(gradients[name]), leaves(arguments[name]), strict=True))
        went = sum(float(np.sum(one.astype(np.float64) * two)) for one, two in pairs)
        most = max((float(np.abs(two).max(initial=0)) for _, two in pairs), default=0.0)
        allowed = most * (tolerance * sums + (style.atol or 0.0) * sum(one.size for one, _ in pairs))
        if not abs(went - came) <= allowed:
            raise AssertionError(
                f"d{name} hands out {went:.8g} where numbers tie, and {came:.8g} came in: the gradient of a maximum "
                f"goes to one of the numbers that tie, or is shared among them"
            )


def normal(rng, shape, dtype):
    """Draw numbers from a normal distribution."""
    return rng.normal(size=shape).astype(dtype)


def each(value, dtype):
    """Every array of floats as `dtype`, in a dict or a list too."""
    if isinstance(value, dict):
        return {name: each(part, dtype) for name, part in value.items()}
    if isinstance(value, list):
        return [each(part, dtype) for part in value]
    floats = isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"
    return value.astype(dtype) if floats and value.dtype != dtype else value


def _back(value, what, style):
    """What a backward function gave, as arrays."""
    if isinstance(value, list):
        return [_back(part, what, style) for part in value]
    return None if value is None else style.adapter.back(value, style.form, what)


def _like(value, parts):
    return [next(parts) for _ in value] if isinstance(value, list) else next(parts)


def written(name, value, call, style):
    """An argument, or what comes in, as the function wants it; of the call only its row and x's shape are asked."""
    if "weight" not in name:
        return _written_maps(value, style)
    if value.ndim != 4 or call.row.family == "attention":
        return value
    return to_layout(value, _filters(name, call, style), channels=call.given["x"][1])


def _filters(name, call, style):
    depthwise = call.row.sees == "own" and name != "pointwise_weight"
    return "HWIO" if style.weights == "HWCM" and not depthwise else style.weights


def _written_maps(value, style):
    if isinstance(value, list):
        return [_written_maps(part, style) for part in value]
    return to_layout(value, style.layout) if np.ndim(value) == 4 else value


def read(value, like, style, name="y"):
    """What came back as ghostnp writes it, looking like `like`."""
    if isinstance(like, list):
        return [read(part, one, style, name) for part, one in zip(value, like, strict=True)]
    if value is None:
        raise AssertionError(f"{name} has no gradient")
    value = np.asarray(value)
    if value.ndim != 4:
        return value
    if "weight" not in name:
        return from_layout(value, style.layout)
    if style.weights == "HWCM":
        return from_layout(value, "HWCM" if like.shape[1] == 1 and name != "pointwise_weight" else "HWIO")
    return from_layout(value, style.weights)


def _assert_close(what, actual, expected, bounds, style, overflows, spoils=False):
    form = style.form
    actual, expected = ([value] if not isinstance(value, list) else value for value in (actual, expected))
    for number, (got, wanted) in enumerate(zip(actual, map(np.asarray, expected), strict=True)):
        label = f"{what}[{number}]" if len(expected) > 1 else what
        if got.shape != wanted.shape:
            raise AssertionError(f"{label} has shape {got.shape}, and {wanted.shape} is right")
        if not style.adapter.computes or np.array_equal(got, wanted, equal_nan=True):
            continue
        allowed = _allowed(wanted, bounds, number, style)
        wrong = wrong_numbers(got, wanted, allowed, form, spoils)
        if (wrong & ~np.isfinite(got)).any():  # seldom, and so nothing is computed for it before
            wrong &= ~_overflowed(got, overflows(style.accumulate), number)
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            off = np.abs(got.astype(np.float64) - wanted)
            said = (
                f"{label}{list(place)} is {got[place]:.8g}, and {wanted[place]:.8g} is right (off by {off[place]:.3g}, "
                f"and {allowed[place]:.3g} would be allowed); {wrong.sum()} of {wrong.size} numbers are off"
            )
            if not np.isfinite(got[place]) and _overflowed(got, overflows(form.name), number)[place]:
                said += (
                    f". A sum on the way to it is beyond {form.largest:.8g}: if sums are kept in {form.name}, say "
                    f"accumulate={form.name!r}"
                )
            raise AssertionError(said)


def _overflowed(got, overflows, number):
    """Which numbers are not finite because a sum on the way to them may overflow."""
    if not overflows:
        return np.zeros(got.shape, bool)
    above, below = overflows[number]
    return (np.isposinf(got) & above) | (np.isneginf(got) & below) | (np.isnan(got) & above & below)


def spoiled(call, arguments):
    """Where NaN is right because one pixel is not finite, though it may be another's.

    A convolution may work on several pixels at once, whether it needs them or not: as Fourier transforms and products
    with matrices of many zeros do, and oneDNN in bfloat16, which multiplies pairs and has a weight of zero for the
    second. All of them belong to one image.

    Parameters
    ----------
    call : Call
    arguments : dict
        Its arguments, as `Call.arguments` gives them.

    Returns
    -------
    ndarray of bool
        One for each image, of a shape that broadcasts to y.
    """
    if call.row.family != "convolution" or call.regime not in ("nan", "infinite"):
        return np.False_
    return ~np.isfinite(arguments["x"]).all(axis=(1, 2, 3), keepdims=True)


def wrong_numbers(got, wanted, allowed, form, spoils=False):
    """Which numbers of a result are not right.

    Parameters
    ----------
    got, wanted : ndarray
        What came, and what is right, as exact as can be had: of one shape.
    allowed : ndarray or float
        How far each number may be off. Where it is infinite nothing is promised, and NaN is right too.
    form : Format
        What came is of.
    spoils : ndarray of bool, default False
        Where NaN is right too: see `spoiled`.

    Returns
    -------
    ndarray of bool
    """
    off = np.abs(got.astype(np.float64) - wanted)
    # What may be too large for the format is infinite in it, or its largest number.
    above = (wanted + allowed > form.largest) & (got >= form.largest)
    below = (wanted - allowed < -form.largest) & (got <= -form.largest)
    right = (off <= allowed) | above | below | np.isposinf(allowed) | (got == wanted)
    right = np.where(np.isfinite(wanted), right, got == wanted) | (np.isnan(got) & spoils)
    return ~np.where(np.isnan(wanted), np.isnan(got), right)


def _allowed(wanted, bounds, number, style):
    """How far each number may be off: by the tolerance that was given, or by what rounding explains."""
    if style.rtol is not None or style.atol is not None:
        return (style.atol or 0.0) + (style.rtol or 0.0) * np.abs(wanted)
    found = bounds()
    return np.broadcast_to(0.0 if found is None else found[number], wanted.shape)
