"""One call of somebody's function, compared with the definition: in its layout, and within rounding."""

from typing import NamedTuple

import numpy as np

from ghostnp import ops
from ghostnp.testing.arrays import values
from ghostnp.testing.bounds import backward_bound, forward_bound
from ghostnp.testing.calls import backward_arguments, leaves, named_gradients, run, run_backward
from ghostnp.testing.frameworks import ADAPTERS
from ghostnp.testing.layouts import from_layout, to_layout


class CallStyle(NamedTuple):
    """How the function that is compared wants to be called: see `assert_matches`."""

    layout: str
    weights: str
    framework: str
    dtype: type
    exact: bool


def compare(fn, backward, call, style, against=ops):
    """Compare y and the gradients on one call.

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
    draw, adapter = values if style.exact else _normal, ADAPTERS[style.framework]
    arguments = call.arguments(style.dtype, draw)
    reference = arguments if style.exact else _in_float64(arguments)
    expected, extra = run(against, call, reference)
    theirs = {name: _written(name, value, call, style) for name, value in arguments.items()}
    y, pull = adapter(fn, list(theirs.values()), call.keywords)
    bounds = None if style.exact else forward_bound(call, arguments, style.dtype)
    _assert_close("y", _read(y, expected, style), expected, bounds, style)
    if backward is None and (pull is None or call.row.backward is None):
        return
    dy = _each(call.gradient(expected, draw), np.asarray(expected[0] if isinstance(expected, list) else expected).dtype)
    came = _written_maps(_each(dy, style.dtype), style)
    if backward is not None:
        outputs = [_written_maps(_each(value, style.dtype), style) for value in extra]
        took = backward_arguments(call, came, theirs, outputs)
        gradients = named_gradients(call.operator, backward(*took, **call.keywords))
    else:
        floats = [name for name, value in arguments.items() if leaves(value) and leaves(value)[0].dtype.kind == "f"]
        pulled = iter(pull(came))
        gradients = {name: _like(arguments[name], pulled) for name in floats}
    wanted = run_backward(against, call, dy, reference, extra)
    limits = {} if style.exact else backward_bound(call, reference, dy, extra, style.dtype)
    for name in [name for name in wanted if name in arguments]:  # a bias that is absent has no gradient to compare
        got = _read(gradients[name], wanted[name], style, name)
        _assert_close(f"d{name}", got, wanted[name], limits.get(name), style)


def _normal(rng, shape, dtype):
    return rng.normal(size=shape).astype(dtype)


def _in_float64(arguments):
    return {name: _each(value, np.float64) for name, value in arguments.items()}


def _each(value, dtype):
    if isinstance(value, list):
        return [_each(part, dtype) for part in value]
    floats = isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"
    return value.astype(dtype) if floats and value.dtype != dtype else value


def _like(value, parts):
    return [next(parts) for _ in value] if isinstance(value, list) else next(parts)


def _written(name, value, call, style):
    """An argument as the function wants it."""
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


def _read(value, like, style, name="y"):
    """What came back as ghostnp writes it, looking like `like`."""
    if isinstance(like, list):
        return [_read(part, one, style, name) for part, one in zip(value, like, strict=True)]
    if isinstance(value, tuple):
        value = value[0]  # extra outputs are left alone
    assert value is not None, f"{name} has no gradient"
    value = np.asarray(value)
    if value.ndim != 4:
        return value
    if "weight" not in name:
        return from_layout(value, style.layout)
    if style.weights == "HWCM":
        return from_layout(value, "HWCM" if like.shape[1] == 1 and name != "pointwise_weight" else "HWIO")
    return from_layout(value, style.weights)


def _assert_close(what, actual, expected, bounds, style):
    actual, expected = ([value] if not isinstance(value, list) else value for value in (actual, expected))
    for number, (got, wanted) in enumerate(zip(actual, map(np.asarray, expected), strict=True)):
        label = f"{what}[{number}]" if len(expected) > 1 else what
        assert got.shape == wanted.shape, f"{label} has shape {got.shape}, and {wanted.shape} is right"
        assert got.dtype == style.dtype, f"{label} is {got.dtype} for {np.dtype(style.dtype)}"
        allowed = np.zeros(wanted.shape) if bounds is None else bounds[number]
        off = np.abs(got.astype(np.float64) - wanted)
        wrong = ~(off <= allowed)
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise AssertionError(
                f"{label}{list(place)} is {got[place]:.8g}, and {wanted[place]:.8g} is right (off by {off[place]:.3g}, "
                f"and {allowed[place]:.3g} would be allowed); {wrong.sum()} of {wrong.size} numbers are off"
            )
