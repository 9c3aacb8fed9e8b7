"""Laws of batch norm."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ghostnp.testing import assert_gradient, calls, shapes
from tests.ops import oracles

# A channel of one value has no variance. With two that are nearly equal the slope w/σ is up to 1/√eps = 300.
several = shapes(batches=st.integers(1, 4)).filter(lambda x: x[0] * x[2] * x[3] >= 2)
in_training = calls("batch_norm_train", x=several, eps=st.sampled_from([1e-5, 1e-3]))
in_evaluation = calls("batch_norm_eval", eps=st.sampled_from([1e-5, 1e-3]))
TINY = 1e-300  # an eps that vanishes beside any variance

close = {"rtol": 1e-10, "atol": 1e-10}


def arrays(call):
    """x, weight and bias."""
    return list(call.arguments(np.float64).values())[:3]


def statistics(call):
    channels = (call["x"][1],)
    return call.array(channels, np.float64, 4), call.array(channels, np.float64, 5) ** 2 + 0.1


def train(backend, relu):
    """Forward, and backward with one signature for both."""
    if relu:
        return backend.batch_norm_relu_train, backend.batch_norm_relu_train_backward

    def backward(dy, x, weight, bias, mean, var, *, eps=1e-5):
        return backend.batch_norm_train_backward(dy, x, weight, mean, var, eps=eps)

    return backend.batch_norm_train, backward


@pytest.mark.small
@pytest.mark.parametrize("relu", [False, True])
@given(call=in_training)
def test_training_matches_pytorch(backend, relu, call):
    x, weight, bias = arrays(call)
    eps = call["eps"]

    def pytorch(x, weight, bias):
        y = F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)
        return F.relu(y) if relu else y

    forward, backward = train(backend, relu)
    expected, pull = oracles.differentiate(pytorch, x, weight, bias)
    y, mean, var = forward(x, weight, bias, eps=eps)
    dy = call.gradient(expected)
    assert_allclose(y, expected, **close)
    assert_allclose(mean, np.mean(x, axis=(0, 2, 3)), **close)
    assert_allclose(var, np.var(x, axis=(0, 2, 3)), **close)
    for gradient, wanted in zip(backward(dy, x, weight, bias, mean, var, eps=eps), pull(dy), strict=True):
        assert_allclose(gradient, wanted, **close)


@pytest.mark.small
@given(call=in_evaluation.filter(lambda call: call["x"][0]))  # PyTorch refuses an empty batch
def test_evaluation_matches_pytorch(backend, call):
    x, weight, bias = arrays(call)
    eps = call["eps"]
    mean, var = statistics(call)

    def pytorch(x, weight, bias):
        return F.batch_norm(x, torch.tensor(mean.copy()), torch.tensor(var.copy()), weight, bias, False, eps=eps)

    expected, pull = oracles.differentiate(pytorch, x, weight, bias)
    dy = call.gradient(expected)
    assert_allclose(backend.batch_norm_eval(x, weight, bias, mean, var, eps=eps), expected, **close)
    gradients = backend.batch_norm_eval_backward(dy, x, weight, mean, var, eps=eps)
    for gradient, wanted in zip(gradients, pull(dy), strict=True):
        assert_allclose(gradient, wanted, **close)


@pytest.mark.parametrize("relu", [False, True])
@given(call=in_training)
def test_training_gradient_is_the_slope(backend, relu, call):
    x, weight, bias = arrays(call)
    assume(x.size // x.shape[1] >= 4)
    forward, backward = train(backend, relu)
    y, mean, var = forward(x, weight, bias)
    # The third derivative grows with 1/σ³, and a difference quotient across ReLU's kink is neither of its two slopes.
    before = backend.batch_norm_train(x, weight, bias)[0]
    assume(var.min() > 0.1 and np.abs(before).min() > 1e-2 and y.any())
    dy = call.gradient(y)
    gradients = backward(dy, x, weight, bias, mean, var)
    assert_gradient(lambda *arguments: forward(*arguments)[0], (x, weight, bias), dy, gradients)


@given(call=in_training)
def test_output_has_the_mean_and_scale_that_were_asked_for(backend, call):
    x, weight, bias = arrays(call)
    y, _, _ = backend.batch_norm_train(x, weight, bias, eps=TINY)
    assert_allclose(y.mean(axis=(0, 2, 3)), bias, rtol=1e-8, atol=1e-8)
    assert_allclose(y.std(axis=(0, 2, 3)), np.abs(weight), rtol=1e-8, atol=1e-8)


@given(call=in_training)
def test_gradient_ignores_shift_and_stretch(backend, call):
    """dx sums to 0 over each channel, and has no overlap with x̂."""
    x, weight, bias = arrays(call)
    normalized, mean, var = backend.batch_norm_train(x, np.ones_like(weight), np.zeros_like(bias), eps=TINY)
    dy = call.gradient(x)
    dx, dweight, _ = backend.batch_norm_train_backward(dy, x, weight, mean, var, eps=TINY)
    # Of two values nothing but shift and stretch is left: then dx is zero.
    assert dx.any() or x.size // x.shape[1] == 2
    assert dweight.any()
    size = 1e-10 * (1 + np.abs(weight) / np.sqrt(var))  # rounding of the two terms that cancel, as large as w/σ each
    assert np.all(np.abs(dx.sum(axis=(0, 2, 3))) <= size * x.size)
    assert np.all(np.abs((dx * normalized).sum(axis=(0, 2, 3))) <= size * x.size)


@given(call=in_training, shift=st.integers(-9, 9), stretch=st.sampled_from([0.5, 3.0]))
def test_output_ignores_shift_and_stretch(backend, call, shift, stretch):
    x, weight, bias = arrays(call)
    y, _, var = backend.batch_norm_train(x, weight, bias, eps=TINY)
    assume(var.min() > 1e-4)
    moved, _, _ = backend.batch_norm_train(stretch * x + shift, weight, bias, eps=TINY)
    assert_allclose(moved, y, rtol=1e-8, atol=1e-8)


@given(call=in_training)
def test_relu_in_one_pass_is_relu_after(backend, call):
    x, weight, bias = arrays(call)
    y, mean, var = backend.batch_norm_train(x, weight, bias)
    together, mean_too, var_too = backend.batch_norm_relu_train(x, weight, bias)
    for actual, wanted in ((together, backend.relu(y)), (mean_too, mean), (var_too, var)):
        assert_allclose(actual, wanted, rtol=1e-12, atol=1e-12)
    assume(np.abs(y).min() > 1e-9)  # at the kink itself a rounding decides
    dy = call.gradient(x)
    apart = backend.batch_norm_train_backward(backend.relu_backward(dy, y), x, weight, mean, var)
    gradients = backend.batch_norm_relu_train_backward(dy, x, weight, bias, mean, var)
    for gradient, wanted in zip(gradients, apart, strict=True):
        assert_allclose(gradient, wanted, **close)


@given(call=in_training)
def test_evaluation_with_the_batch_statistics_is_training(backend, call):
    x, weight, bias = arrays(call)
    y, mean, var = backend.batch_norm_train(x, weight, bias)
    assert_allclose(backend.batch_norm_eval(x, weight, bias, mean, var), y, **close)


@given(call=in_evaluation)
def test_evaluation_is_affine(backend, call):
    """f(x) - f(0) is linear in x, and dx is its adjoint; batches may be empty."""
    x, weight, bias = arrays(call)
    constants = statistics(call)
    at_zero = backend.batch_norm_eval(np.zeros_like(x), weight, bias, *constants)
    y = backend.batch_norm_eval(x, weight, bias, *constants) - at_zero
    doubled = backend.batch_norm_eval(2 * x, weight, bias, *constants) - at_zero
    assert_allclose(doubled, 2 * y, **close)
    dy = call.gradient(x)
    dx, _, _ = backend.batch_norm_eval_backward(dy, x, weight, *constants)
    assert_allclose(np.sum(dx * x), np.sum(dy * y), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("relu", [False, True])
def test_float32_survives_a_large_mean(backend, relu):
    """E[x²] - E[x]² would lose every digit here. What is left is x's own rounding: 1000 · 2⁻²⁴ beside σ = 1."""
    rng = np.random.default_rng(0)
    x = (1000 + rng.normal(size=(4, 3, 17, 19))).astype(np.float32)
    exact = x.astype(np.float64)
    weight, bias = np.ones(3, np.float32), np.zeros(3, np.float32)
    y, mean, var = train(backend, relu)[0](x, weight, bias)
    expected = (exact - exact.mean(axis=(0, 2, 3), keepdims=True)) / exact.std(axis=(0, 2, 3), keepdims=True)
    assert_allclose(y, np.maximum(expected, 0) if relu else expected, rtol=0, atol=2e-4)
    assert_allclose(var, exact.var(axis=(0, 2, 3)), rtol=1e-3)
    assert y.dtype == mean.dtype == var.dtype == np.float32


@pytest.mark.parametrize("relu", [False, True])
def test_a_mean_of_a_million_leaves_the_variance_right(backend, relu):
    """A sum of 400,000 such numbers, in float32, is off by so much that the variance is off by a tenth."""
    rng = np.random.default_rng(0)
    x = (1e6 + rng.normal(size=(32, 2, 112, 112))).astype(np.float32)
    dy = rng.normal(size=x.shape).astype(np.float32)
    exact = x.astype(np.float64)
    weight, bias = np.ones(2, np.float32), np.full(2, 9, np.float32)  # so large that the ReLU lets everything pass
    forward, backward = train(backend, relu)
    _, mean, var = forward(x, weight, bias)
    assert_allclose(mean, exact.mean(axis=(0, 2, 3)), rtol=2**-23)
    assert_allclose(var, exact.var(axis=(0, 2, 3)), rtol=1e-6)
    _, dweight, _ = backward(dy, x, weight, bias, mean, var)
    centred = (exact - mean[:, None, None]) / exact.std(axis=(0, 2, 3), keepdims=True)
    assert_allclose(dweight, (dy * centred).sum(axis=(0, 2, 3)), rtol=1e-4)
