"""What a training program relies on: gradients in the memory of dy, arguments that tell a shape alone, no dx."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp import kernels, ops
from ghostnp.kernels.layout import in_numpys_order
from ghostnp.kernels.runtime import Program, recording
from ghostnp.ops.vocabulary import VOCABULARY
from ghostnp.testing import in_memory
from tests.kernels.test_out import BATCHES
from tests.kernels.test_recorded import arrays_of, laid_out_like, several, trained_in_order
from tests.ops.examples import backward_by_name, examples, forward

pytestmark = pytest.mark.small


def each_backward(chosen):
    """Parametrize over the calls whose backward pass is chosen, by row and function."""
    calls = [
        call
        for batch in BATCHES
        for call in examples(batch)
        if chosen(call.row, getattr(kernels, f"{call.operator}_backward"))
    ]
    return pytest.mark.parametrize("call", calls, ids=str)


def backward_of(call, namespace=kernels):
    """A call's backward pass, and its arguments by name, laid out as in a program."""
    arguments = trained_in_order(call, 0)
    y, extra = forward(namespace, call, arguments)
    dy = [laid_out_like(part, 2) for part in y] if isinstance(y, list) else laid_out_like(y, 2)
    return getattr(namespace, f"{call.operator}_backward"), backward_by_name(call, arguments, dy, extra)


class InPlaceOf:
    """A scratch that gives an array's own memory to what lies there at last, the result: the `chosen` one to ask."""

    def __init__(self, array=None, chosen=-1):
        self.taken, self._array, self._chosen = [], array, chosen

    def begin_call(self):
        self.taken = []

    def take(self, shape, dtype):
        flat = np.empty(shape, dtype)
        if len(self.taken) == self._chosen:
            flat = np.moveaxis(self._array, 0, -1).reshape(-1).view(dtype).reshape(shape)
        self.taken.append(flat)
        return flat


@each_backward(lambda row, _: row.overwrites_dy)
def test_the_first_gradient_may_take_the_memory_of_dy(call):
    function, arguments = backward_of(call)
    expected = [np.array(part) for part in arrays_of(function(*arguments.values(), **call.keywords))]
    with recording(scratch := InPlaceOf()):
        first = arrays_of(function(*arguments.values(), **call.keywords))[0]
    chosen = next(i for i, taken in enumerate(scratch.taken) if np.shares_memory(taken, first))
    with recording(InPlaceOf(arguments["dy"], chosen)) as launches:
        result = arrays_of(function(*arguments.values(), **call.keywords))
    assert np.shares_memory(result[0], arguments["dy"])
    Program(launches)()
    for actual, wanted in zip(result, expected, strict=True):
        assert_array_equal(actual, wanted)


@pytest.mark.parametrize("namespace", [ops, kernels], ids=["ops", "kernels"])
@each_backward(lambda row, _: bool(row.shape_alone))
def test_no_number_is_read_of_what_tells_its_shape_alone(namespace, call):
    """In a program that memory has long been given to something else."""
    function, arguments = backward_of(call, namespace)
    expected = arrays_of(function(*arguments.values(), **call.keywords))
    for name in call.row.shape_alone:
        for array in several(arguments[name]):
            array[...] = np.nan
    for actual, wanted in zip(arrays_of(function(*arguments.values(), **call.keywords)), expected, strict=True):
        assert np.isfinite(wanted).all()
        assert_array_equal(actual, wanted)


@each_backward(lambda row, function: "no_dx" in inspect.signature(function).parameters)
def test_without_dx_the_other_gradients_are_the_same(call):
    function, arguments = backward_of(call)
    expected = function(*arguments.values(), **call.keywords)
    dx, *others = function(*arguments.values(), **call.keywords, no_dx=True)
    assert dx is None or call.row.sees == "own"
    for actual, wanted in zip(others, expected[1:], strict=True):
        assert_array_equal(actual, wanted)


def test_every_dense_layer_can_do_without_dx():
    able = {name for name in ops.__all__ if "no_dx" in inspect.signature(getattr(kernels, name)).parameters}
    layers = (row for row in VOCABULARY.values() if row.family in ("convolution", "linear") and row.sees != "own")
    assert able == {f"{layer.name}_backward" for layer in layers}


@pytest.mark.parametrize("shape", [(3,), (1, 4), (5, 3), (3, 2, 4, 5), (64, 8, 16, 16)])
@pytest.mark.parametrize("memory", ["C", "batch innermost"])
def test_an_array_is_put_in_numpys_order(shape, memory):
    x = in_memory(np.random.default_rng(0).normal(size=shape).astype(np.float32), memory)
    result = in_numpys_order(x)
    assert result.flags.c_contiguous
    assert_array_equal(result, x)
