"""What memory kernels take and give: any layout in, untouched; batch innermost out; with any threads the same."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp import kernels, ops
from ghostnp.kernels.runtime import set_threads, threads
from ghostnp.ops.vocabulary import operator_named, operators
from ghostnp.testing import MEMORY, run_backward, values
from ghostnp.testing.calls import leaves
from tests.ops.examples import examples, forward, run

each_call = pytest.mark.parametrize("call", examples(), ids=str)


def normals(rng, shape, dtype):
    return rng.normal(size=shape).astype(dtype)


def arrays_in(arguments):
    for value in arguments.values():
        yield from (part for part in (value if isinstance(value, list) else [value]) if isinstance(part, np.ndarray))


def is_planes(array):
    """Whether memory runs C, H, W, N."""
    return array.transpose(1, 2, 3, 0).flags.c_contiguous


def test_every_operator_is_called():
    assert {call.operator for call in examples()} == set(operators())


@each_call
@pytest.mark.parametrize("memory", ["C", "batch innermost"])
def test_results_lie_batch_innermost(call, memory):
    """With one image any order looks right, so there are two."""
    if getattr(kernels, call.operator) is getattr(ops, call.operator):
        memory = "batch innermost"  # a definition keeps the order that it finds
    call = call.replace(memory=memory)
    results = run(kernels, call, call.arguments(np.float32))
    maps = {name: array for name, array in results.items() if array.ndim == 4 and "weight" not in name}
    lost = [name for name, array in maps.items() if not is_planes(array)]
    # Rows have one layout, and fully connected attention is there to be read, not to be run fast.
    assert not lost or call.operator == "flatten" or call.row.family == "attention"


def test_rows_say_which_gradients_are_views_of_dy():
    views = set()
    for call in (call.replace(memory="batch innermost") for call in examples()):
        arguments = call.arguments(np.float32)
        y, extra = forward(kernels, call, arguments)
        dy = call.gradient(y)
        gradients = leaves(run_backward(kernels, call, dy, arguments, extra))
        if all(any(np.shares_memory(gradient, part) for part in leaves(dy)) for gradient in gradients):
            views.add(call.operator)
    assert views == {name for name in operators() if operator_named(name).is_view_backward}


@pytest.mark.small
@each_call
@pytest.mark.parametrize("memory", MEMORY)
def test_takes_any_memory_and_leaves_it_alone(backend, call, memory):
    """Integers are exact where the operator is; elsewhere sums may run in another order, and round a few times more."""
    expected = run(ops, call, call.arguments(np.float32))
    laid_out = call.replace(memory=memory)
    arguments, untouched = laid_out.arguments(np.float32), call.arguments(np.float32)
    results = run(backend, laid_out, arguments)
    for name, array in results.items():
        assert_allclose(array, expected[name], rtol=1e-5, atol=1e-5, err_msg=name)
        assert array.dtype == expected[name].dtype
    for given, before in zip(arrays_in(arguments), arrays_in(untouched), strict=True):
        assert_array_equal(given, before)


def floats_in(arguments):
    return [array for array in arrays_in(arguments) if array.dtype.kind == "f"]


def poisoned(array, value, corner):
    array = np.asarray(array)
    array[tuple(0 if corner else size // 2 for size in array.shape)] = value
    return array[()]  # the gradient of a loss stays a number


@pytest.mark.small
@each_call
@pytest.mark.parametrize("corner", [False, True], ids=["inside", "corner"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_come_through(backend, call, value, corner):
    """A NaN that vanishes in a kernel is a diverged training that goes on unseen: in any argument, and in dy."""
    clean = len(floats_in(call.arguments(np.float32)))
    for place in range(clean + 1):
        arguments = call.arguments(np.float32)
        draw = values
        if place < clean:
            poisoned(floats_in(arguments)[place], value, corner)
        else:
            draw = lambda *given: poisoned(values(*given), value, corner)  # noqa: E731
        with np.errstate(all="ignore"):
            expected, results = (run(namespace, call, arguments, draw=draw) for namespace in (ops, backend))
        for name, array in results.items():
            assert_allclose(array, expected[name], rtol=1e-5, atol=1e-5, err_msg=f"{name}, poisoned array {place}")


@pytest.mark.parametrize("call", examples(batch=9), ids=str)
def test_gradients_do_not_depend_on_threads(call):
    arguments = call.arguments(np.float32, draw=normals)
    before = threads()
    try:
        set_threads(1)
        alone = run(kernels, call, arguments, draw=normals)
        set_threads(3)
        together = run(kernels, call, arguments, draw=normals)
    finally:
        set_threads(before)
    for name, array in together.items():
        assert_array_equal(array, alone[name], err_msg=name)
