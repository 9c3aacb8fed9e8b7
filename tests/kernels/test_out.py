"""The engine's private keywords: `out`, where the result is to be written, and `relu`, which rectifies on the way."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp import kernels
from tests.ops.calls import calls
from tests.ops.test_layout import normals

# These may write over their first argument.
IN_PLACE = {"relu", "relu6", "clip", "sigmoid", "hard_sigmoid", "batch_norm_eval", "add", "multiply", "scale"}

BATCHES = [2, 400]  # few numbers, and enough to be shared out among threads


def each_call(keyword, operators=frozenset(kernels.__all__)):
    """Parametrize over the calls of these operators, as far as their kernels have the keyword."""
    chosen = [
        pytest.param(call, id=f"{call} batch={batch}")
        for batch in BATCHES
        for call in calls(batch)
        if call.operator in operators and keyword in inspect.signature(kernel(call)).parameters
    ]
    return pytest.mark.parametrize("call", chosen)


def kernel(call):
    return getattr(kernels, call.operator)


def arguments_of(call):
    return call.arrays(np.float32, "batch innermost", draw=normals)


def run_with(call, arguments, **keywords):
    result = kernel(call)(*arguments.values(), **call.keywords, **keywords)
    return result[0] if isinstance(result, tuple) else result


def same_memory(a, b):
    return a.__array_interface__["data"] == b.__array_interface__["data"] and a.strides == b.strides


@pytest.mark.small
@each_call("out")
def test_out_gets_the_result_and_nothing_beside_it_is_touched(call):
    """The home of a result may be a slice of a larger array's channels, as a concat's parts are."""
    expected = run_with(call, arguments_of(call))
    batch, channels, *size = expected.shape
    whole = np.full((channels + 3, *size, batch), 12345, np.float32)
    out = np.moveaxis(whole[1 : channels + 1], -1, 0)
    assert same_memory(run_with(call, arguments_of(call), out=out), out)
    assert_array_equal(out, expected)
    assert (whole[0] == 12345).all()
    assert (whole[channels + 1 :] == 12345).all()


@pytest.mark.small
@each_call("out", IN_PLACE)
def test_out_may_be_the_first_argument(call):
    expected = run_with(call, arguments_of(call))
    arguments = arguments_of(call)
    first = next(iter(arguments.values()))
    run_with(call, arguments, out=first)
    assert_array_equal(first, expected)


@pytest.mark.small
@each_call("relu")
def test_relu_keeps_what_is_positive_and_nan(call):
    arguments = arguments_of(call)
    next(iter(arguments.values()))[0, 0] = np.nan
    plain = run_with(call, arguments)
    result = run_with(call, arguments, relu=True)
    assert_array_equal(result, np.maximum(plain, 0))
    assert np.isnan(result).any()
    assert (result == 0).any()
