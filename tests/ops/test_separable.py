"""Laws of the depthwise-separable convolution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.testing import ConvCase, assert_adjoint, conv_cases
from tests.ops import oracles

outputs = st.integers(1, 5)
LARGE = ConvCase("depthwise_conv2d", x=(3, 17, 14, 13), weight=(34, 1, 3, 3), stride=(2, 1), padding="same")


def arrays(case, out_channels, dtype):
    x, depthwise, _ = case.arrays(dtype)
    pointwise = case.array((out_channels, len(depthwise), 1, 1), dtype, 5)
    return x, depthwise, pointwise, case.array((out_channels,), dtype, 6)


def both_ways(backend, case, out_channels, dtype):
    """y and gradients, ours and PyTorch's."""
    x, depthwise, pointwise, bias = arrays(case, out_channels, dtype)

    def pytorch(x, depthwise, pointwise, bias):
        return oracles.conv2d(oracles.conv2d(x, depthwise, **case.geometry), pointwise, bias)

    expected, pull = oracles.differentiate(pytorch, x, depthwise, pointwise, bias)
    dy = case.gradient(expected)
    y = backend.separable_conv2d(x, depthwise, pointwise, bias, **case.geometry)
    gradients = backend.separable_conv2d_backward(dy, x, depthwise, pointwise, **case.geometry)
    return (y, *gradients), (expected, *pull(dy))


@pytest.mark.small
@given(case=conv_cases("depthwise_conv2d"), out_channels=outputs)
def test_equals_pytorch_bit_for_bit(backend, case, out_channels):
    for actual, expected in zip(*both_ways(backend, case, out_channels, np.float32), strict=True):
        assert_array_equal(actual, expected)
        assert actual.dtype == np.float32


@given(case=conv_cases("depthwise_conv2d"), out_channels=outputs)
def test_matches_pytorch_in_float64(backend, case, out_channels):
    for actual, expected in zip(*both_ways(backend, case, out_channels, np.float64), strict=True):
        assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def test_equals_pytorch_on_larger_maps(backend):
    for actual, expected in zip(*both_ways(backend, LARGE, 41, np.float32), strict=True):
        assert_array_equal(actual, expected)
        assert actual.any()


@given(case=conv_cases("depthwise_conv2d"), out_channels=outputs)
def test_backward_is_adjoint(backend, case, out_channels):
    x, depthwise, pointwise, _ = arrays(case, out_channels, np.float32)
    y = backend.separable_conv2d(x, depthwise, pointwise, **case.geometry)
    dy = case.gradient(y)
    gradients = backend.separable_conv2d_backward(dy, x, depthwise, pointwise, **case.geometry)
    assert_adjoint(y, dy, *zip(gradients, (x, depthwise, pointwise), strict=False))


@given(case=conv_cases("depthwise_conv2d"), out_channels=outputs)
def test_is_a_standard_convolution_of_low_rank(backend, case, out_channels):
    """Its filters are products: weight[o, c, u, v] = Σ_m pointwise[o, c·m] · depthwise[c·m, u, v]."""
    x, depthwise, pointwise, bias = arrays(case, out_channels, np.float32)
    channels, (kh, kw) = x.shape[1], depthwise.shape[2:]
    mixing = pointwise.reshape(out_channels, channels, -1)
    weight = np.einsum("ocm,cmuv->ocuv", mixing, depthwise.reshape(channels, -1, kh, kw))
    y = backend.separable_conv2d(x, depthwise, pointwise, bias, **case.geometry)
    assert_array_equal(y, backend.standard_conv2d(x, weight, bias, **case.geometry))


@given(case=conv_cases("depthwise_conv2d"), out_channels=outputs)
def test_counts_itself(backend, case, out_channels):
    """Ones everywhere, padding too: filtered maps sum to the depthwise share, and ones mixed to the pointwise share."""
    pointwise = (out_channels, case.weight[0], 1, 1)
    cost = backend.separable_conv2d_cost(case.x, case.weight, pointwise, bias=True, **case.geometry)
    around = oracles.conv_sides(case.x, case.weight, case.stride, case.padding, case.dilation)
    shape = (*case.x[:2], *(size + sum(side) for size, side in zip(case.x[2:], around, strict=True)))
    filtered = backend.depthwise_conv2d(np.ones(shape), np.ones(case.weight), **case.geometry | {"padding": 0})
    mixed = backend.pointwise_conv2d(np.ones_like(filtered), np.ones(pointwise))
    assert filtered.sum() + mixed.sum() == cost.macs
    assert mixed.shape == cost.output
    assert cost.params == np.prod(case.weight) + np.prod(pointwise) + out_channels
