"""Laws of handling: what an operator may do with the arrays that it is given, and what its results look like."""

import numpy as np

from ghostnp.testing.bounds import allowed_difference, backward_bound, forward_bound
from ghostnp.testing.calls import leaves, run, run_backward
from ghostnp.testing.laws.symmetry import assert_same, bordered


def leaves_arguments_alone(namespace, call):
    """Arguments are left alone, whatever their memory layout and dtype, and the dtype is kept."""
    for dtype in (np.float32, np.float64):
        arguments, before = call.arguments(dtype), call.arguments(dtype)
        y, _ = run(namespace, call, arguments)
        _assert_dtype("y", y, dtype)
        _assert_untouched(arguments, before)
        plain, _ = run(namespace, call, call.replace(memory="C").arguments(dtype))
        bounds = [] if _exact(call, dtype) else forward_bound(call, before, dtype)
        _assert_close_in_any_memory(y, plain, bounds)
        again, _ = run(namespace, call, arguments)
        assert_same(again, y, "a second call's y")


def gradients_fit(namespace, call):
    """Gradients have the shapes and dtype of their arguments, which stay untouched."""
    for dtype in (np.float32, np.float64):
        results = []
        for layout in (call, call.replace(memory="C")):
            arguments, before = layout.arguments(dtype), layout.arguments(dtype)
            y, extra = run(namespace, layout, arguments)
            dy = layout.gradient(y)
            came = [np.copy(part) for part in leaves(dy)]
            gradients = run_backward(namespace, layout, dy, arguments, extra)
            _assert_untouched(arguments, before)
            for part, copy in zip(leaves(dy), came, strict=True):
                if not np.array_equal(part, copy):
                    raise AssertionError("dy was written into")
            results.append(gradients)
        for name, gradient in results[0].items():
            _assert_dtype(f"d{name}", gradient, dtype)
            shapes = [np.shape(part) for part in leaves(arguments.get(name, []))]
            if name in arguments:
                got = [np.shape(part) for part in leaves(gradient)]
                if got != shapes:
                    raise AssertionError(f"d{name} has shape {_one(got)}, and {name} has {_one(shapes)}")
        bounds = {} if _exact(call, dtype) else backward_bound(call, arguments, dy, extra, dtype)
        found, plain = results
        for name, gradient in found.items():
            _assert_close_in_any_memory(gradient, plain[name], bounds.get(name, []))


def counts_itself(namespace, call):
    """There are as many numbers, and over ones as many multiply-adds, as the cost says."""
    cost = call.cost(namespace)
    y, _ = run(namespace, call, call.arguments(np.float64))
    expected = cost.output if isinstance(y, list) else [cost.output]
    if [part.shape for part in leaves(y)] != [tuple(shape) for shape in expected]:
        raise AssertionError(
            f"y has shape {_one([part.shape for part in leaves(y)])}, and the cost says {_one(expected)}"
        )
    if call.row.multiplies and len(set(call.row.trained) - {"bias"}) == 1:  # of two, the second sums what the first did
        whole = bordered(call) if call.row.slides else call
        ones = whole.arguments(np.float64, draw=lambda rng, shape, dtype: np.ones(shape, dtype))
        ones.pop("bias", None)
        total = run(namespace, whole, ones)[0].sum()
        if total != cost.macs:
            raise AssertionError(f"over ones the outputs sum to {total:g}, and there are {cost.macs} multiply-adds")


def passes_nan_on(namespace, call):
    """Where y changes with the numbers that are NaN, it is NaN too."""
    with np.errstate(all="ignore"):
        given = call.arguments(np.float32)
        # Far apart, so that a maximum and a clipped number change as well.
        ends = (run(namespace, call, {name: _filled(value, level) for name, value in given.items()})[0]
                for level in (-64.0, 64.0))  # fmt: skip
        y = run(namespace, call, given)[0]
    for got, low, high in zip(leaves(y), *map(leaves, ends), strict=True):
        swallowed = (low != high) & ~np.isnan(got)
        if np.any(swallowed):
            place = tuple(int(index) for index in np.argwhere(swallowed)[0])
            raise AssertionError(f"y is {got[place]:.6g} at {list(place)}, which depends on a number that is NaN")


def _filled(value, level):
    if isinstance(value, list):
        return [_filled(part, level) for part in value]
    floats = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return np.where(np.isnan(value), value.dtype.type(level), value) if floats else value


def stays_finite(namespace, call):
    """y and gradients are finite: nothing overflows on the way."""
    arguments = call.arguments(np.float32)
    with np.errstate(all="ignore"):
        y, extra = run(namespace, call, arguments)
        results = {"y": y}
        if call.row.backward is not None:
            gradients = run_backward(namespace, call, call.gradient(y), arguments, extra)
            results |= {f"d{name}": part for name, part in gradients.items()}
    for name, value in results.items():
        for part in leaves(value):
            off = ~np.isfinite(part)
            if np.any(off):
                raise AssertionError(f"{name} has {part[off].ravel()[0]} in it, where every argument is below 1e5")


def _one(shapes):
    return tuple(shapes[0]) if len(shapes) == 1 else [tuple(shape) for shape in shapes]


def _assert_dtype(what, value, dtype):
    for part in leaves(value) or [np.asarray(value)]:
        if part.dtype != dtype:
            raise AssertionError(f"{what} is {part.dtype} for {np.dtype(dtype)}")


def _assert_untouched(arguments, before):
    for name in arguments:
        for part, copy in zip(leaves(arguments[name]), leaves(before[name]), strict=True):
            if not np.array_equal(part, copy):
                raise AssertionError(f"{name} was written into")


def _exact(call, dtype):
    """Whether sums in another order are the same: those of integers."""
    return call.row.exact and dtype == np.float32


def _assert_close_in_any_memory(value, plain, bounds):
    """Require that what was computed twice differs by twice the bound at most, and not at all where there is none."""
    got, wanted = leaves(value), leaves(plain)
    for one, other, most in zip(got, wanted, allowed_difference(*bounds) or [0.0] * len(wanted), strict=True):
        if one.shape != other.shape:
            raise AssertionError(f"in another memory layout a shape is {one.shape}, and {other.shape} else")
        off = np.abs(one - other).max(initial=0)
        if not off <= most:
            raise AssertionError(f"in another memory layout of the same numbers a result differs by {off:.3g}")
