"""Laws of pooling."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.testing import MapCase, PoolCase, assert_adjoint, map_cases, pool_cases
from tests.ops import oracles

# Integers from -3 to 3 have ties in nearly every window, so they show who wins; float64 has none.
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
LARGE = [
    PoolCase((3, 17, 33, 31), kernel_size=3, stride=2, padding=1),
    PoolCase((2, 9, 28, 26), kernel_size=2),
    PoolCase((9, 5, 14, 15), kernel_size=(2, 3), stride=(1, 2), padding="same"),
]

close = {"rtol": 1e-10, "atol": 1e-10}


def around(case):
    stride = case.kernel_size if case.stride is None else case.stride
    return oracles.sides(case.padding, case.x[2:], oracles.both(case.kernel_size), stride)


def check_max(backend, case, dtype):
    x = case.input(dtype)
    expected, pull = oracles.differentiate(lambda x: oracles.max_pool2d(x, case.kernel_size, **case.geometry), x)
    y, argmax = backend.max_pool2d(x, case.kernel_size, **case.geometry)
    dy = case.gradient(expected)
    dx = backend.max_pool2d_backward(dy, x, case.kernel_size, argmax, **case.geometry)
    assert_array_equal(y, expected)
    assert_allclose(dx, pull(dy)[0], **close)
    assert y.dtype == dx.dtype == dtype
    return dx


def check_average(backend, case, dtype, include):
    x = case.input(dtype)
    expected, pull = oracles.differentiate(
        lambda x: oracles.avg_pool2d(x, case.kernel_size, **case.geometry, count_include_pad=include), x
    )
    dy = case.gradient(expected)
    keywords = case.geometry | {"count_include_pad": include}
    y = backend.avg_pool2d(x, case.kernel_size, **keywords)
    dx = backend.avg_pool2d_backward(dy, x, case.kernel_size, **keywords)
    # float32: a sum of exact integers, divided (rounded) once; a gradient adds up to 16 of these.
    tolerance = close if dtype == np.float64 else {"rtol": 1e-6, "atol": 1e-6}
    assert_allclose(y, expected, **tolerance)
    assert_allclose(dx, pull(dy)[0], **tolerance)
    assert y.dtype == dx.dtype == dtype
    return dx


@pytest.mark.small
@DTYPES
@given(case=pool_cases())
def test_max_matches_pytorch(backend, dtype, case):
    check_max(backend, case, dtype)


@pytest.mark.small
@DTYPES
@pytest.mark.parametrize("include", [True, False])
@given(case=pool_cases())
def test_average_matches_pytorch(backend, dtype, include, case):
    check_average(backend, case, dtype, include)


@DTYPES
@pytest.mark.parametrize("case", LARGE, ids=repr)
def test_matches_pytorch_on_larger_maps(backend, dtype, case):
    assert check_max(backend, case, dtype).any()
    assert check_average(backend, case, dtype, include=True).any()
    assert check_average(backend, case, dtype, include=False).any()


@pytest.mark.small
@given(case=pool_cases())
def test_argmax_names_the_first_largest_tap(backend, case):
    x = case.input(np.float32)
    y, argmax = backend.max_pool2d(x, case.kernel_size, **case.geometry)
    rows, columns = oracles.both(case.kernel_size if case.stride is None else case.stride)
    kh, kw = oracles.both(case.kernel_size)
    xp = np.pad(x, ((0, 0), (0, 0), *around(case)), constant_values=-np.inf)
    for n, c, i, j in np.ndindex(y.shape):
        window = xp[n, c, i * rows : i * rows + kh, j * columns : j * columns + kw]
        assert argmax[n, c, i, j] == window.argmax()


@given(case=pool_cases())
def test_max_hands_out_all_of_dy(backend, case):
    x = case.input(np.float32)
    y, argmax = backend.max_pool2d(x, case.kernel_size, **case.geometry)
    dy = case.gradient(y)
    dx = backend.max_pool2d_backward(dy, x, case.kernel_size, argmax, **case.geometry)
    assert dx.sum() == dy.sum()
    # It is linear where the same pixels win: the maximum of x is x at those pixels.
    assert_adjoint(y, dy, (dx, x))


@given(case=pool_cases())
def test_max_commutes_with_stretching(backend, case):
    x = case.input(np.float64)
    y, argmax = backend.max_pool2d(x, case.kernel_size, **case.geometry)
    y_louder, argmax_louder = backend.max_pool2d(8 * x, case.kernel_size, **case.geometry)
    assert_array_equal(y_louder, 8 * y)
    assert_array_equal(argmax_louder, argmax)


@given(case=pool_cases())
def test_max_of_minus_infinity_is_a_pixel_of_the_map(backend, case):
    """Padding never wins, not even against -inf: the gradient would be lost."""
    x = np.full(case.x, -np.inf)
    y, argmax = backend.max_pool2d(x, case.kernel_size, **case.geometry)
    dx = backend.max_pool2d_backward(np.ones_like(y), x, case.kernel_size, argmax, **case.geometry)
    assert (y == -np.inf).all()
    assert dx.sum() == y.size


@pytest.mark.small
@given(case=pool_cases(), tap=st.integers(0, 15))
def test_a_gradient_for_a_padded_pixel_reaches_nobody(backend, case, tap):
    """An argmax of one's own may point at padding: nothing is written there, least of all beyond the map's memory."""
    x = case.input(np.float32)
    kh, kw = oracles.both(case.kernel_size)
    tap %= kh * kw
    y, argmax = backend.max_pool2d(x, case.kernel_size, **case.geometry)
    dy = case.gradient(y)
    dx = backend.max_pool2d_backward(dy, x, case.kernel_size, np.full_like(argmax, tap), **case.geometry)
    rows, columns = oracles.both(case.kernel_size if case.stride is None else case.stride)
    (top, bottom), (left, right) = around(case)
    height, width = case.x[2:]
    expected = np.zeros((*case.x[:2], top + height + bottom, left + width + right), np.float32)
    for i, j in np.ndindex(y.shape[2:]):
        expected[:, :, i * rows + tap // kw, j * columns + tap % kw] += dy[:, :, i, j]
    assert_array_equal(dx, expected[:, :, top : top + height, left : left + width])


@given(case=pool_cases())
def test_average_is_adjoint(backend, case):
    x = case.input(np.float64)
    y = backend.avg_pool2d(x, case.kernel_size, **case.geometry)
    dy = case.gradient(y)
    dx = backend.avg_pool2d_backward(dy, x, case.kernel_size, **case.geometry)
    assert_adjoint(y, dy, (dx, x), tolerance=1e-12)


@given(case=pool_cases())
def test_average_is_a_depthwise_convolution(backend, case):
    x = case.input(np.float64)
    kernel = oracles.both(case.kernel_size)
    weight = np.full((case.x[1], 1, *kernel), 1 / np.prod(kernel))
    stride = case.kernel_size if case.stride is None else case.stride
    expected = backend.depthwise_conv2d(x, weight, stride=stride, padding=case.padding)
    assert_allclose(backend.avg_pool2d(x, case.kernel_size, **case.geometry), expected, **close)


@given(case=pool_cases(), level=st.integers(-9, 9))
def test_average_of_a_constant_is_the_constant(backend, case, level):
    """Where padding does not count; and the mean lies between the extremes."""
    keywords = case.geometry | {"count_include_pad": False}
    y = backend.avg_pool2d(np.full(case.x, float(level)), case.kernel_size, **keywords)
    assert_array_equal(y, np.full(y.shape, level))
    x = case.input(np.float64)
    mean, (largest, _) = (
        backend.avg_pool2d(x, case.kernel_size, **keywords),
        backend.max_pool2d(x, case.kernel_size, **case.geometry),
    )
    assert (mean <= largest + 1e-12).all()


@given(case=map_cases())
def test_global_average_is_one_window(backend, case):
    x = case.input(np.float64)
    y = backend.global_avg_pool2d(x)
    dy = case.gradient(y)
    dx = backend.global_avg_pool2d_backward(dy, x)
    assert_allclose(y, backend.avg_pool2d(x, case.x[2:]), **close)
    assert_allclose(dx, backend.avg_pool2d_backward(dy, x, case.x[2:]), **close)
    assert_adjoint(y, dy, (dx, x), tolerance=1e-12)


def test_global_average_matches_pytorch(backend):
    case = MapCase((3, 17, 13, 11))
    x = case.input(np.float64)
    expected, pull = oracles.differentiate(lambda x: F.adaptive_avg_pool2d(x, 1), x)
    dy = case.gradient(expected)
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
