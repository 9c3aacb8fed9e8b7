"""Laws of handling: what an operator may do with the arrays that it is given, and what its results look like."""

import numpy as np

from ghostnp.testing import symmetry
from ghostnp.testing.calls import leaves, run, run_backward
from ghostnp.testing.symmetry import CONVOLUTIONAL, assert_same


def hands_off(namespace, call):
    """Arguments are left alone, whatever their memory layout and dtype, and the dtype is kept."""
    for dtype in (np.float32, np.float64):
        arguments, before = call.arguments(dtype), call.arguments(dtype)
        y, _ = run(namespace, call, arguments)
        _assert_dtype("y", y, dtype)
        _assert_untouched(arguments, before)
        plain, _ = run(namespace, call, call.replace(memory="C").arguments(dtype))
        _assert_close_in_any_memory(y, plain, dtype)
        again, _ = run(namespace, call, arguments)
        assert_same(again, y, "a second call's y", exact=True)


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
                assert np.array_equal(part, copy), "dy was written into"
            results.append(gradients)
        for name, gradient in results[0].items():
            _assert_dtype(f"d{name}", gradient, dtype)
            shapes = [np.shape(part) for part in leaves(arguments.get(name, []))]
            if name in arguments:
                got = [np.shape(part) for part in leaves(gradient)]
                assert got == shapes, f"d{name} has shape {_one(got)}, and {name} has {_one(shapes)}"
            _assert_close_in_any_memory(gradient, results[1][name], dtype)


def counts_itself(namespace, call):
    """There are as many numbers, and over ones as many multiply-adds, as the cost says."""
    cost = call.cost(namespace)
    y, _ = run(namespace, call, call.arguments(np.float64))
    expected = cost.output if isinstance(y, list) else [cost.output]
    assert [part.shape for part in leaves(y)] == [tuple(shape) for shape in expected], (
        f"y has shape {_one([part.shape for part in leaves(y)])}, and the cost says {_one(expected)}"
    )
    if call.operator in CONVOLUTIONAL:
        ones = symmetry.bordered(call).arguments(np.float64, draw=lambda rng, shape, dtype: np.ones(shape, dtype))
        ones.pop("bias", None)
        total = run(namespace, symmetry.bordered(call), ones)[0].sum()
        assert total == cost.macs, f"over ones the outputs sum to {total:g}, and there are {cost.macs} multiply-adds"


def _one(shapes):
    return tuple(shapes[0]) if len(shapes) == 1 else [tuple(shape) for shape in shapes]


def _assert_dtype(what, value, dtype):
    for part in leaves(value) or [np.asarray(value)]:
        assert part.dtype == dtype, f"{what} is {part.dtype} for {np.dtype(dtype)}"


def _assert_untouched(arguments, before):
    for name in arguments:
        for part, copy in zip(leaves(arguments[name]), leaves(before[name]), strict=True):
            assert np.array_equal(part, copy), f"{name} was written into"


def _assert_close_in_any_memory(value, plain, dtype):
    """Sums may run in another order, and round otherwise."""
    for got, wanted in zip(leaves(value), leaves(plain), strict=True):
        allowed = 64 * np.finfo(dtype).eps * (1 + np.abs(wanted).max(initial=0))
        assert got.shape == wanted.shape, f"in another memory layout a shape is {got.shape}, and {wanted.shape} else"
        off = np.abs(got - wanted).max(initial=0)
        assert off <= allowed, f"in another memory layout of the same numbers a result differs by {off:.3g}"
