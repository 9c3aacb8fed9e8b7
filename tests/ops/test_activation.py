"""Laws of the activations, of softmax and of dropout."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.ops.vocabulary import operator_named, operators
from ghostnp.testing import Call, assert_gradient, calls, shapes
from tests.ops import oracles

PYTORCH = {
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    # Not F.hardsigmoid: in float64 too it multiplies by float32's 1/6, and is off by 3e-8.
    "hard_sigmoid": lambda x: F.relu6(x + 3) / 6,
    "clip": lambda x: x.clamp(0, 1),
    "crelu": lambda x: torch.cat([x.relu(), (-x).relu()], dim=1),
    "softmax": lambda x: x.softmax(dim=1),
}
KINKS = {"relu": [0], "relu6": [0, 6], "hard_sigmoid": [-3, 3], "clip": [0, 1], "crelu": [0]}
# A float32 number is good to 6e-8; an exponential and a few operations more cost a few of these.
TOLERANCE = {np.float32: 5e-7, np.float64: 1e-10}

each_activation = pytest.mark.parametrize("name", PYTORCH)
any_shape = st.lists(st.integers(0, 5), max_size=5).map(tuple)


def both(backend, name):
    return getattr(backend, name), getattr(backend, name + "_backward")


def spread(call, dtype):
    """Numbers that reach every piece of every activation."""
    return call.arguments(dtype)["x"] * np.array(3, dtype)


@pytest.mark.small
@each_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_matches_pytorch(backend, name, dtype, data):
    call = data.draw(calls(name))
    x = spread(call, dtype)
    forward, backward = both(backend, name)
    expected, pull = oracles.differentiate(PYTORCH[name], x)
    dy = call.gradient(expected)
    for actual, wanted in ((forward(x), expected), (backward(dy, x), pull(dy)[0])):
        assert_allclose(actual, wanted, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
        assert actual.dtype == dtype


@each_activation
@given(data=st.data())
def test_gradient_is_the_slope(backend, name, data):
    call = data.draw(calls(name, x=shapes(batches=st.integers(1, 3), channels=st.integers(2, 5))))
    x = spread(call, np.float64)
    assume(all(np.abs(x - kink).min() > 1e-3 for kink in KINKS.get(name, [])))
    forward, backward = both(backend, name)
    dy = call.gradient(forward(x))
    dx = backward(dy, x)
    assume(dx.any())  # a few numbers may all lie where it is flat; that all do not is the next test's
    assert_gradient(forward, [x], dy, [dx])


def test_slope_of_a_softmax_that_is_all_but_certain(backend):
    """Its slope is 7e-7, and what is measured is no better than the rounding of y, which is about 1, divided by the
    step: the difference is 7.5e-13, where one in a million of the slope was allowed."""
    x, dy = (np.random.default_rng([1934, stream]).normal(size=(1, 2, 1, 1)) for stream in (0, 1))
    assert_gradient(backend.softmax, [3 * x], dy, [backend.softmax_backward(dy, 3 * x)])


@pytest.mark.parametrize("seed", range(50))
def test_slopes_of_others_like_it(backend, seed):
    rng = np.random.default_rng(seed)
    x = np.array([rng.normal(), rng.normal() - 18 - seed % 5]).reshape(1, 2, 1, 1)
    dy = rng.normal(size=x.shape)
    dx = backend.softmax_backward(dy, x)
    assert 0 < np.abs(dx).max() < 1e-6
    assert_gradient(backend.softmax, [x], dy, [dx], seed=seed)
    with pytest.raises(AssertionError, match="gradient 0: off by"):
        assert_gradient(backend.softmax, [x], dy, [dx + 1e-6], seed=seed)


@each_activation
def test_gradient_is_not_zero(backend, name):
    call = Call(name, x=(2, 3, 4, 4))
    x = call.arguments(np.float64)["x"]
    forward, backward = both(backend, name)
    assert backward(call.gradient(forward(x)), x).any()


@pytest.mark.parametrize("name", KINKS)
def test_slope_at_a_kink_is_that_of_the_flat_side(backend, name):
    x = np.array([KINKS[name]], np.float64)
    forward, backward = both(backend, name)
    assert not backward(np.ones_like(forward(x)), x).any()


@pytest.mark.parametrize("name", [name for name in operators("activation") if operator_named(name).takes == "any"])
@given(data=st.data())
def test_takes_any_number_of_axes(backend, name, data):
    call = data.draw(calls(name, x=any_shape))
    x = spread(call, np.float64) if call["x"] else np.array(2.5)
    forward, backward = both(backend, name)
    y = forward(x)
    assert y.shape == backward(x, x).shape == x.shape
    assert_allclose(y, PYTORCH[name](torch.tensor(np.array(x, order="C"))).numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.small
@each_activation
def test_extreme_numbers_give_limits_and_no_warning(backend, name):
    x = np.array([[-np.inf, -1e30, -200.0, 200.0, 1e30]], np.float32)
    y = getattr(backend, name)(x)
    assert_allclose(y, PYTORCH[name](torch.tensor(x)).numpy(), rtol=1e-6)


@given(calls("relu"))
def test_bends_are_made_of_relus(backend, call):
    """relu6, clip and hard sigmoid are differences of two ReLUs; integers make it exact."""
    x = spread(call, np.float32)
    relu = backend.relu
    assert_array_equal(backend.relu6(x), relu(x) - relu(x - 6))
    assert_array_equal(backend.clip(x), relu(x) - relu(x - 1))
    assert_allclose(backend.hard_sigmoid(x), (relu(x + 3) - relu(x - 3)) / 6, rtol=1e-6)


@given(calls("crelu"))
def test_crelu_loses_nothing(backend, call):
    """What ReLU throws away is in the second half: y₁ - y₂ = x and y₁ + y₂ = |x|."""
    x = spread(call, np.float64)
    kept, opposite = np.split(backend.crelu(x), 2, axis=1)
    assert_array_equal(kept - opposite, x)
    assert_array_equal(kept + opposite, np.abs(x))


@given(calls("sigmoid"))
def test_sigmoids_are_symmetric(backend, call):
    x = spread(call, np.float64)
    for name in ("sigmoid", "hard_sigmoid"):
        gate = getattr(backend, name)
        assert_allclose(gate(x) + gate(-x), np.ones(x.shape), rtol=1e-12)


def test_sigmoid_stays_accurate_far_out(backend):
    """To the left σ(x) is eˣ itself: a small gate must not become zero."""
    x = np.linspace(-80, -20, 1000)
    assert_allclose(backend.sigmoid(x), np.exp(x), rtol=1e-8)


@given(calls("softmax"))
def test_softmax_rows_sum_to_one(backend, call):
    y = backend.softmax(spread(call, np.float64))
    assert_allclose(y.sum(axis=1), np.ones((call["x"][0], *call["x"][2:])), rtol=1e-12)
    assert (y > 0).all()


@given(call=calls("softmax"), shift=st.integers(-1000, 1000))
def test_softmax_ignores_shifts(backend, call, shift):
    x = spread(call, np.float64)
    # A shift of 1000 rounds the logits at 1e-13.
    assert_allclose(backend.softmax(x + shift), backend.softmax(x), rtol=1e-10)
    dx = backend.softmax_backward(call.gradient(x), x)
    assert_allclose(dx.sum(axis=1), 0, atol=1e-12)
