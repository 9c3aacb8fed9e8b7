"""Laws of the depthwise-separable convolution."""

import numpy as np
import pytest
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.testing import Call, assert_adjoint, calls, run, run_backward
from tests.ops import oracles

each_call = given(calls("separable_conv2d"))
LARGE = Call(
    "separable_conv2d",
    x=(3, 17, 14, 13),
    depthwise_weight=(34, 1, 3, 3),
    pointwise_weight=(41, 34, 1, 1),
    bias=(41,),
    stride=(2, 1),
    padding="same",
)


def both_ways(backend, call, dtype):
    """y and gradients, ours and PyTorch's."""
    if "bias" not in call.given:
        call = call.replace(bias=call["pointwise_weight"][:1])
    arguments = call.arguments(dtype)

    def pytorch(x, depthwise, pointwise, bias):
        return oracles.conv2d(oracles.conv2d(x, depthwise, **call.keywords), pointwise, bias)

    expected, pull = oracles.differentiate(pytorch, *arguments.values())
    dy = call.gradient(expected)
    y, _ = run(backend, call, arguments)
    gradients = run_backward(backend, call, dy, arguments, ())
    return (y, *gradients.values()), (expected, *pull(dy))


@pytest.mark.small
@each_call
def test_equals_pytorch_bit_for_bit(backend, call):
    for actual, expected in zip(*both_ways(backend, call, np.float32), strict=True):
        assert_array_equal(actual, expected)
        assert actual.dtype == np.float32


@each_call
def test_matches_pytorch_in_float64(backend, call):
    for actual, expected in zip(*both_ways(backend, call, np.float64), strict=True):
        assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def test_equals_pytorch_on_larger_maps(backend):
    for actual, expected in zip(*both_ways(backend, LARGE, np.float32), strict=True):
        assert_array_equal(actual, expected)
        assert actual.any()


@each_call
def test_backward_is_adjoint(backend, call):
    call = call.replace(bias=None)
    arguments = call.arguments(np.float32)
    y, _ = run(backend, call, arguments)
    dy = call.gradient(y)
    gradients = run_backward(backend, call, dy, arguments, ())
    assert_adjoint(y, dy, *((gradients[name], argument) for name, argument in arguments.items()))


@each_call
def test_is_a_standard_convolution_of_low_rank(backend, call):
    """Its filters are products: weight[o, c, u, v] = Σ_m pointwise[o, c·m] · depthwise[c·m, u, v]."""
    arguments = call.arguments(np.float32)
    x, depthwise, pointwise, *bias = arguments.values()
    channels, (kh, kw) = x.shape[1], depthwise.shape[2:]
    mixing = pointwise.reshape(len(pointwise), channels, -1)
    weight = np.einsum("ocm,cmuv->ocuv", mixing, depthwise.reshape(channels, -1, kh, kw))
    assert_array_equal(run(backend, call, arguments)[0], backend.standard_conv2d(x, weight, *bias, **call.keywords))


@each_call
def test_counts_itself(backend, call):
    """Ones everywhere, padding too: filtered maps sum to the depthwise share, and ones mixed to the pointwise share."""
    x, depthwise, pointwise = (call[name] for name in ("x", "depthwise_weight", "pointwise_weight"))
    cost = call.cost(backend)
    around = oracles.conv_sides(x, depthwise, call["stride"], call["padding"], call["dilation"])
    shape = (*x[:2], *(size + sum(side) for size, side in zip(x[2:], around, strict=True)))
    filtered = backend.depthwise_conv2d(np.ones(shape), np.ones(depthwise), **call.keywords | {"padding": 0})
    mixed = backend.pointwise_conv2d(np.ones_like(filtered), np.ones(pointwise))
    assert filtered.sum() + mixed.sum() == cost.macs
    assert mixed.shape == cost.output
    assert cost.params == np.prod(depthwise) + np.prod(pointwise) + ("bias" in call.given) * pointwise[0]
