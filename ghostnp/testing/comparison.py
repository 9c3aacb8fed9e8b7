"""One call of somebody's function, compared with the definition: in its layout, and within rounding."""

from typing import NamedTuple

import numpy as np

from ghostnp import ops
from ghostnp.testing.arrays import values
from ghostnp.testing.bounds import backward_bound, forward_bound
from ghostnp.testing.calls import backward_arguments, leaves, named_gradients, run, run_backward
from ghostnp.testing.frameworks import ADAPTERS
from ghostnp.testing.layouts import from_layout, to_layout


class Dialect(NamedTuple):
    """How the function that is compared wants to be called: see `assert_matches`."""

    layout: str
    weights: str
    framework: str
    dtype: type
    exact: bool


def compare(fn, backward, call, dialect, against=ops):
    """Compare y and the gradients on one call.

    Parameters
    ----------
    fn, backward, against
        As of `assert_matches`.
    call : Call
        The call.
    dialect : Dialect
        How `fn` is called.

    Raises
    ------
    AssertionError
        If a result is off.
    """
    draw, adapter = values if dialect.exact else _normal, ADAPTERS[dialect.framework]
    arguments = call.arguments(dialect.dtype, draw)
    reference = arguments if dialect.exact else _in_float64(arguments)
    expected, extra = run(against, call, reference)
    theirs = {name: _written(name, value, call, dialect) for name, value in arguments.items()}
    y, pull = adapter(fn, list(theirs.values()), call.keywords)
    bounds = None if dialect.exact else forward_bound(call, arguments, dialect.dtype)
    _assert_close("y", _read(y, expected, dialect), expected, bounds, dialect)
    if backward is None and (pull is None or call.row.backward is None):
        return
    dy = _each(call.gradient(expected, draw), np.asarray(expected[0] if isinstance(expected, list) else expected).dtype)
    came = _written_maps(_each(dy, dialect.dtype), dialect)
    if backward is not None:
        outputs = [_written_maps(_each(value, dialect.dtype), dialect) for value in extra]
        took = backward_arguments(call, came, theirs, outputs)
        gradients = named_gradients(call.operator, backward(*took, **call.keywords))
    else:
        floats = [name for name, value in arguments.items() if leaves(value) and leaves(value)[0].dtype.kind == "f"]
        pulled = iter(pull(came))
        gradients = {name: _like(arguments[name], pulled) for name in floats}
    wanted = run_backward(against, call, dy, reference, extra)
    limits = {} if dialect.exact else backward_bound(call, reference, dy, extra, dialect.dtype)
    for name in (
        name for name in wanted if name in arguments
    ):  # the gradient of a bias that is absent is not asked for
        got = _read(gradients[name], wanted[name], dialect, name)
        _assert_close(f"d{name}", got, wanted[name], limits.get(name), dialect)


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


def _written(name, value, call, dialect):
    """An argument as the function wants it."""
    if "weight" not in name:
        return _written_maps(value, dialect)
    if value.ndim != 4 or call.row.family == "attention":
        return value
    return to_layout(value, _filters(name, call, dialect), channels=call.given["x"][1])


def _filters(name, call, dialect):
    depthwise = call.row.sees == "own" and name != "pointwise_weight"
    return "HWIO" if dialect.weights == "HWCM" and not depthwise else dialect.weights


def _written_maps(value, dialect):
    if isinstance(value, list):
        return [_written_maps(part, dialect) for part in value]
    return to_layout(value, dialect.layout) if np.ndim(value) == 4 else value


def _read(value, like, dialect, name="y"):
    """What came back as ghostnp writes it, looking like `like`."""
    if isinstance(like, list):
        return [_read(part, one, dialect, name) for part, one in zip(value, like, strict=True)]
    if isinstance(value, tuple):
        value = value[0]  # extra outputs are left alone
    assert value is not None, f"{name} has no gradient"
    value = np.asarray(value)
    if value.ndim != 4:
        return value
    if "weight" not in name:
        return from_layout(value, dialect.layout)
    if dialect.weights == "HWCM":
        return from_layout(value, "HWCM" if like.shape[1] == 1 and name != "pointwise_weight" else "HWIO")
    return from_layout(value, dialect.weights)


def _assert_close(what, actual, expected, bounds, dialect):
    actual, expected = ([value] if not isinstance(value, list) else value for value in (actual, expected))
    for number, (got, wanted) in enumerate(zip(actual, map(np.asarray, expected), strict=True)):
        label = f"{what}[{number}]" if len(expected) > 1 else what
        assert got.shape == wanted.shape, f"{label} has shape {got.shape}, and {wanted.shape} is right"
        assert got.dtype == dialect.dtype, f"{label} is {got.dtype} for {np.dtype(dialect.dtype)}"
        allowed = np.zeros(wanted.shape) if bounds is None else bounds[number]
        off = np.abs(got.astype(np.float64) - wanted)
        wrong = ~(off <= allowed)
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise AssertionError(
                f"{label}{list(place)} is {got[place]:.8g}, and {wanted[place]:.8g} is right (off by {off[place]:.3g}, "
                f"and {allowed[place]:.3g} would be allowed); {wrong.sum()} of {wrong.size} numbers are off"
            )
