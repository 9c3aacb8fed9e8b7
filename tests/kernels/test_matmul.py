"""`gemm` is the product for any number of rows and pixels, in place and gathered, and touches nothing else."""

import numpy as np
import pytest

from ghostnp.kernels.linear import product, product_backward
from ghostnp.kernels.matmul import BLOCKS, NEAR, Columns, gemm, matrix
from ghostnp.kernels.runtime import SHARES, set_threads, shares_for, threads
from ghostnp.kernels.runtime.registers import ROWS

pytestmark = [pytest.mark.small, pytest.mark.parametrize("dtype", [np.float32, np.float64])]

HEIGHTS = [1, 3, ROWS, 2 * ROWS + 3]
PIXELS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 49, 50, 97, 196, 1201]  # a vector has 2 to 16


def whole_numbers(*shape, dtype):
    """Their products and sums are exact."""
    return np.random.default_rng(sum(shape)).integers(-9, 10, shape).astype(dtype)


def gathered(x):
    """The same columns, of which nothing says that they lie in place."""
    return matrix(x)._replace(apart=0)


@pytest.mark.parametrize("columns", [matrix, gathered])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("pixels", PIXELS)
def test_gemm_is_the_product(dtype, columns, transposed, pixels):
    ends = (-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0), (-9.0, 20.0)
    for height, depth, limits in zip(HEIGHTS, (33, 0, 1, 8), ends, strict=True):
        w, bias = whole_numbers(2, height, depth, dtype=dtype), whole_numbers(2, height, dtype=dtype)
        x, y = whole_numbers(2, depth, pixels, dtype=dtype), np.full((2, height, pixels + 3), np.nan, dtype)
        expected, result = y.copy(), w @ x + bias[:, :, None]
        expected[:, :, 2 : 2 + pixels] = np.clip(result, *limits)
        given = np.ascontiguousarray(w.swapaxes(1, 2)) if transposed else w
        gemm(given, transposed, bias, columns(x), y, 2, limits)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("onto", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("more", [0, ROWS + 3])
@pytest.mark.parametrize("pixels", [49, 97, 400])
def test_many_rows_are_shared_out_and_each_is_written_once(dtype, pixels, more, transposed, onto):
    height, depth = BLOCKS * SHARES * ROWS + more, 1024 // pixels + 4
    assert shares_for(2 * height * depth * pixels) == SHARES
    w, bias = whole_numbers(2, height, depth, dtype=dtype), whole_numbers(2, height, dtype=dtype)
    x, y = whole_numbers(2, depth, pixels, dtype=dtype), whole_numbers(2, height, pixels + 3, dtype=dtype)
    assert x[0].nbytes <= NEAR
    expected = y.copy()
    expected[:, :, 2 : 2 + pixels] = np.clip(w @ x + bias[:, :, None] + (y[:, :, 2 : 2 + pixels] if onto else 0), 0, 99)
    given = np.ascontiguousarray(w.swapaxes(1, 2)) if transposed else w
    gemm(given, transposed, bias, matrix(x), y, 2, (0.0, 99.0), onto)
    np.testing.assert_array_equal(y, expected)


def test_some_of_the_columns(dtype):
    x, w = whole_numbers(1, 5, 90, dtype=dtype), whole_numbers(1, 9, 5, dtype=dtype)
    y = np.zeros((1, 9, 49), dtype)
    gemm(w, False, np.zeros((1, 9), dtype), matrix(x, 7, 49), y)
    np.testing.assert_array_equal(y, w @ x[:, :, 7:56])


def test_pieces_of_rows_that_are_apart(dtype):
    """As windows of a padded map are: 3 pieces of 21 pixels, a pitch of 25 apart."""
    x, w = whole_numbers(1, 400, dtype=dtype), whole_numbers(1, 9, 4, dtype=dtype)
    begins, y = np.array([3, 0, 28, 100]), np.zeros((1, 9, 63), dtype)
    seen = np.stack([np.concatenate([x[0, begin + 25 * i :][:21] for i in range(3)]) for begin in begins])
    gemm(w, False, np.zeros((1, 9), dtype), Columns(x, begins, 63, 21, 25), y)
    np.testing.assert_array_equal(y[0], w[0] @ seen)


@pytest.mark.parametrize("pixels", [1, 3, 49, 196])
def test_nan_and_infinity_stay_in_their_pixel_or_row(dtype, pixels):
    w, x = whole_numbers(1, 2 * ROWS + 1, 9, dtype=dtype) + dtype(0.5), whole_numbers(1, 9, pixels, dtype=dtype)
    w[0, -1, 3], x[0, 4, -1], x[0, 5, 0] = np.nan, np.inf, np.nan
    y = np.empty((1, w.shape[1], pixels), dtype)
    product(w, None, x, y)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(y, w @ x)


@pytest.mark.parametrize("pixels", PIXELS[1:])
def test_gradients_are_products_too(dtype, pixels):
    for height, depth in ((1, 1), (3, 21), (19, 8)):
        dy, x = whole_numbers(2, height, pixels, dtype=dtype), whole_numbers(2, depth, pixels, dtype=dtype)
        w = whole_numbers(2, height, depth, dtype=dtype)
        dx, dw = product_backward(dy, x, w)
        np.testing.assert_array_equal(dx, w.swapaxes(1, 2) @ dy)
        np.testing.assert_array_equal(dw, dy @ x.swapaxes(1, 2))


@pytest.mark.parametrize(("height", "depth", "pixels"), [(301, 229, 1), (67, 61, 49), (43, 41, 197), (403, 9, 49)])
def test_bits_do_not_depend_on_the_number_of_threads(dtype, height, depth, pixels):
    rng, before, results = np.random.default_rng(0), threads(), []
    w, x = (rng.standard_normal(shape).astype(dtype) for shape in ((1, height, depth), (1, depth, pixels)))
    try:
        for count in (1, 2, 3):
            set_threads(count)
            y = np.empty((1, height, pixels), dtype)
            product(w, None, x, y)
            results.append(y)
    finally:
        set_threads(before)
    np.testing.assert_array_equal(results[1:], [results[0]] * 2)
    np.testing.assert_allclose(results[0], w @ x, rtol=0, atol=1000 * np.finfo(dtype).eps)
