"""Laws of pooling."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.testing import Call, assert_adjoint, calls, run, run_backward
from ghostnp.testing.laws import algebra
from tests.ops import oracles

# Integers from -3 to 3 have ties in nearly every window, so they show who wins; float64 has none.
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
LARGE = [
    Call("max_pool2d", x=(3, 17, 33, 31), kernel_size=3, stride=2, padding=1),
    Call("max_pool2d", x=(2, 9, 28, 26), kernel_size=2),
    Call("max_pool2d", x=(9, 5, 14, 15), kernel_size=(2, 3), stride=(1, 2), padding="same"),
]

close = {"rtol": 1e-10, "atol": 1e-10}


def strides(call):
    return oracles.both(call["kernel_size"] if call["stride"] is None else call["stride"])


def around(call):
    return oracles.sides(call["padding"], call["x"][2:], oracles.both(call["kernel_size"]), strides(call))


def both_ways(backend, call, dtype):
    """y and dx, ours and PyTorch's."""
    arguments = call.arguments(dtype)
    pytorch = getattr(oracles, call.operator)
    expected, pull = oracles.differentiate(lambda x: pytorch(x, call["kernel_size"], **call.keywords), arguments["x"])
    y, extra = run(backend, call, arguments)
    dy = call.gradient(expected)
    dx = run_backward(backend, call, dy, arguments, extra)["x"]
    assert y.dtype == dx.dtype == dtype
    return (y, dx), (expected, pull(dy)[0])


def check_max(backend, call, dtype):
    (y, dx), (expected, wanted) = both_ways(backend, call, dtype)
    assert_array_equal(y, expected)
    assert_allclose(dx, wanted, **close)
    return dx


def check_average(backend, call, dtype):
    (y, dx), (expected, wanted) = both_ways(backend, call, dtype)
    # float32: a sum of exact integers, divided (rounded) once; a gradient adds up to 16 of these.
    tolerance = close if dtype == np.float64 else {"rtol": 1e-6, "atol": 1e-6}
    assert_allclose(y, expected, **tolerance)
    assert_allclose(dx, wanted, **tolerance)
    return dx


def average(call, **keywords):
    """The same window, averaged."""
    return Call("avg_pool2d", memory=call.memory, seed=call.seed, **call.given | call.keywords | keywords)


@pytest.mark.small
@DTYPES
@given(call=calls("max_pool2d"))
def test_max_matches_pytorch(backend, dtype, call):
    check_max(backend, call, dtype)


@pytest.mark.small
@DTYPES
@pytest.mark.parametrize("include", [True, False])
@given(call=calls("max_pool2d"))
def test_average_matches_pytorch(backend, dtype, include, call):
    check_average(backend, average(call, count_include_pad=include), dtype)


@DTYPES
@pytest.mark.parametrize("call", LARGE, ids=repr)
def test_matches_pytorch_on_larger_maps(backend, dtype, call):
    assert check_max(backend, call, dtype).any()
    assert check_average(backend, average(call), dtype).any()
    assert check_average(backend, average(call, count_include_pad=False), dtype).any()


@pytest.mark.small
@given(call=calls("max_pool2d"))
def test_argmax_names_the_first_largest_tap(backend, call):
    x = call.arguments(np.float32)["x"]
    y, argmax = backend.max_pool2d(x, call["kernel_size"], **call.keywords)
    rows, columns = strides(call)
    kh, kw = oracles.both(call["kernel_size"])
    xp = np.pad(x, ((0, 0), (0, 0), *around(call)), constant_values=-np.inf)
    for n, c, i, j in np.ndindex(y.shape):
        window = xp[n, c, i * rows : i * rows + kh, j * columns : j * columns + kw]
        assert argmax[n, c, i, j] == window.argmax()


@given(call=calls("max_pool2d"))
def test_max_hands_out_all_of_dy(backend, call):
    x = call.arguments(np.float32)["x"]
    y, argmax = backend.max_pool2d(x, call["kernel_size"], **call.keywords)
    dy = call.gradient(y)
    dx = backend.max_pool2d_backward(dy, x, call["kernel_size"], argmax, **call.keywords)
    assert dx.sum() == dy.sum()
    # It is linear where the same pixels win: the maximum of x is x at those pixels.
    assert_adjoint(y, dy, (dx, x))


@given(call=calls("max_pool2d"))
def test_max_commutes_with_stretching(backend, call):
    x = call.arguments(np.float64)["x"]
    y, argmax = backend.max_pool2d(x, call["kernel_size"], **call.keywords)
    y_louder, argmax_louder = backend.max_pool2d(8 * x, call["kernel_size"], **call.keywords)
    assert_array_equal(y_louder, 8 * y)
    assert_array_equal(argmax_louder, argmax)


@given(call=calls("max_pool2d"))
def test_max_of_minus_infinity_is_a_pixel_of_the_map(backend, call):
    """Padding never wins, not even against -inf: the gradient would be lost."""
    x = np.full(call["x"], -np.inf)
    y, argmax = backend.max_pool2d(x, call["kernel_size"], **call.keywords)
    dx = backend.max_pool2d_backward(np.ones_like(y), x, call["kernel_size"], argmax, **call.keywords)
    assert (y == -np.inf).all()
    assert dx.sum() == y.size


@pytest.mark.small
@given(call=calls("max_pool2d"), tap=st.integers(0, 15))
def test_a_gradient_for_a_padded_pixel_reaches_nobody(backend, call, tap):
    """An argmax of one's own may point at padding: nothing is written there, least of all beyond the map's memory."""
    x = call.arguments(np.float32)["x"]
    kh, kw = oracles.both(call["kernel_size"])
    tap %= kh * kw
    y, argmax = backend.max_pool2d(x, call["kernel_size"], **call.keywords)
    dy = call.gradient(y)
    dx = backend.max_pool2d_backward(dy, x, call["kernel_size"], np.full_like(argmax, tap), **call.keywords)
    rows, columns = strides(call)
    (top, bottom), (left, right) = around(call)
    height, width = call["x"][2:]
    expected = np.zeros((*call["x"][:2], top + height + bottom, left + width + right), np.float32)
    for i, j in np.ndindex(y.shape[2:]):
        expected[:, :, i * rows + tap // kw, j * columns + tap % kw] += dy[:, :, i, j]
    assert_array_equal(dx, expected[:, :, top : top + height, left : left + width])


@given(call=calls("avg_pool2d"))
def test_average_is_adjoint(backend, call):
    algebra.adjoint(backend, call)


@given(call=calls("avg_pool2d", count_include_pad=True))
def test_average_is_a_depthwise_convolution(backend, call):
    arguments = call.arguments(np.float64)
    kernel = oracles.both(call["kernel_size"])
    weight = np.full((call["x"][1], 1, *kernel), 1 / np.prod(kernel))
    expected = backend.depthwise_conv2d(arguments["x"], weight, stride=strides(call), padding=call["padding"])
    assert_allclose(run(backend, call, arguments)[0], expected, **close)


@given(call=calls("max_pool2d"), level=st.integers(-9, 9))
def test_average_of_a_constant_is_the_constant(backend, call, level):
    """Where padding does not count; and the mean lies between the extremes."""
    keywords = call.keywords | {"count_include_pad": False}
    y = backend.avg_pool2d(np.full(call["x"], float(level)), call["kernel_size"], **keywords)
    assert_array_equal(y, np.full(y.shape, level))
    x = call.arguments(np.float64)["x"]
    mean, (largest, _) = (
        backend.avg_pool2d(x, call["kernel_size"], **keywords),
        backend.max_pool2d(x, call["kernel_size"], **call.keywords),
    )
    assert (mean <= largest + 1e-12).all()


@given(call=calls("global_avg_pool2d"))
def test_global_average_is_one_window(backend, call):
    x = call.arguments(np.float64)["x"]
    y = backend.global_avg_pool2d(x)
    dy = call.gradient(y)
    dx = backend.global_avg_pool2d_backward(dy, x)
    assert_allclose(y, backend.avg_pool2d(x, call["x"][2:]), **close)
    assert_allclose(dx, backend.avg_pool2d_backward(dy, x, call["x"][2:]), **close)
    algebra.adjoint(backend, call)


def test_global_average_matches_pytorch(backend):
    call = Call("global_avg_pool2d", x=(3, 17, 13, 11))
    x = call.arguments(np.float64)["x"]
    expected, pull = oracles.differentiate(lambda x: F.adaptive_avg_pool2d(x, 1), x)
    dy = call.gradient(expected)
    dx = backend.global_avg_pool2d_backward(dy, x)
    assert dx.any()
    assert_allclose(backend.global_avg_pool2d(x), expected, **close)
    assert_allclose(dx, pull(dy)[0], **close)


def test_nan_wins(backend):
    x = np.array([1.0, np.nan, 3.0, 2.0]).reshape(1, 1, 2, 2)
    y, argmax = backend.max_pool2d(x, 2)
    expected, index = F.max_pool2d(torch.tensor(x), 2, return_indices=True)
    assert_array_equal(y, expected.numpy())
    assert argmax.item() == index.item() == 1


def test_an_odd_map_loses_its_last_row(backend):
    """DFC attention halves 7x7 maps to 3x3: the seventh row and column meet no window, and get no gradient."""
    x = np.arange(49.0).reshape(1, 1, 7, 7)
    y = backend.avg_pool2d(x, 2)
    assert_array_equal(y[0, 0], [[4, 6, 8], [18, 20, 22], [32, 34, 36]])
    dx = backend.avg_pool2d_backward(np.ones_like(y), x, 2)
    assert_array_equal(dx[0, 0, :6, :6], np.full((6, 6), 0.25))
    assert not dx[0, 0, 6].any()
    assert not dx[0, 0, :, 6].any()
