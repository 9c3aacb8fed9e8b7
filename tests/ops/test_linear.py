"""Laws of the linear map."""

import numpy as np
import pytest
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp import kernels, ops
from ghostnp.testing import Call, assert_adjoint, assert_linear, assert_matches, calls
from tests.ops import oracles

each_call = given(calls("linear", x=st.tuples(st.integers(0, 20), st.integers(1, 20)), outputs=st.integers(1, 20)))


def arrays(call, dtype):
    """x, weight and bias, whether the call has one or not."""
    return call.replace(bias=call["weight"][:1]).arguments(dtype).values()


@pytest.mark.small
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each_call
def test_matches_pytorch(backend, dtype, call):
    x, weight, bias = arrays(call, dtype)
    expected, pull = oracles.differentiate(F.linear, x, weight, bias)
    dy = call.gradient(expected)
    results = backend.linear(x, weight, bias), *backend.linear_backward(dy, x, weight)
    for actual, wanted in zip(results, (expected, *pull(dy)), strict=True):
        if dtype == np.float32:
            assert_array_equal(actual, wanted)
        else:
            assert_allclose(actual, wanted, rtol=1e-10, atol=1e-10)
        assert actual.dtype == dtype


@each_call
def test_backward_is_adjoint(backend, call):
    x, weight, _ = arrays(call, np.float32)
    y = backend.linear(x, weight)
    dy = call.gradient(y)
    dx, dweight, _ = backend.linear_backward(dy, x, weight)
    assert_adjoint(y, dy, (dx, x), (dweight, weight))


def test_matches_pytorch_as_closely_as_rounding_allows(backend):
    assert_matches(F.linear, "linear", against=backend)
    assert_matches(F.linear, "linear", against=backend, dtype="float64")


@each_call
def test_is_linear(backend, call):
    x, weight, _ = arrays(call, np.float32)
    assert_linear(lambda x: backend.linear(x, weight), x, call.arguments(np.float32, stream=1)["x"])


@each_call
def test_is_a_pointwise_convolution_of_single_pixels(backend, call):
    x, weight, bias = arrays(call, np.float32)
    y = backend.pointwise_conv2d(x[:, :, None, None], weight[:, :, None, None], bias)
    assert_array_equal(backend.linear(x, weight, bias), y[:, :, 0, 0])


@each_call
def test_counts_itself(backend, call):
    cost = backend.linear_cost(call["x"], call["weight"], bias=True)
    y = backend.linear(np.ones(call["x"]), np.ones(call["weight"]))
    assert y.sum() == cost.macs
    assert y.shape == cost.output
    assert cost.params == call["weight"][0] * (call["x"][1] + 1)


def test_gradients_are_not_zero(backend):
    call = Call("linear", x=(5, 131), weight=(67, 131), seed=1)
    x, weight, _ = arrays(call, np.float32)
    dy = call.gradient(backend.linear(x, weight))
    assert all(gradient.any() for gradient in backend.linear_backward(dy, x, weight))


@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0)])
@each_call
def test_kernel_writes_where_the_engine_wants_it_and_clips_on_the_way(limits, call):
    x, weight, bias = arrays(call, np.float32)
    y = ops.linear(x, weight, bias)
    expected = np.clip(y, *limits)
    assert_array_equal(kernels.linear(x, weight, bias, limits=limits), expected)
    # Channels 2 to 2 + C_out of a larger array.
    channels = len(weight)
    buffer = np.full((channels + 5, len(x)), 7, np.float32).T
    out = buffer[:, 2 : 2 + channels]
    assert kernels.linear(x, weight, bias, out=out, limits=limits) is out
    assert_array_equal(out, expected)
    assert_array_equal(np.delete(buffer, range(2, 2 + channels), axis=1), 7)


@pytest.mark.parametrize("batch", [3, 300])
def test_clipping_keeps_nan(batch):
    x, weight, bias = arrays(Call("linear", x=(batch, 9), weight=(5, 9)), np.float32)
    x[0, 0] = np.nan
    y = kernels.linear(x, weight, bias, limits=(0.0, 6.0))
    assert_array_equal(np.isnan(y), np.isnan(ops.linear(x, weight, bias)))
    assert np.isnan(y).any()
