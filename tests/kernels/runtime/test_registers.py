"""The block in registers is the product that its definition says, and touches no memory but its own."""

import numpy as np
import pytest

from ghostnp.kernels.runtime import leaf
from ghostnp.kernels.runtime.registers import ROWS, VECTOR, VECTORS, multiply_rows

pytestmark = [pytest.mark.small, pytest.mark.parametrize("dtype", [np.float32, np.float64])]


@leaf
def _multiply(w, m, m_step, k_step, rows, bias, b, x, p, pitch, depth, y, q, y_pitch, count, limits, onto):
    return multiply_rows(w, m, m_step, k_step, rows, bias, b, x, p, pitch, depth, y, q, y_pitch, count, limits, onto)


def block(w, transposed, bias, x, count, limits, y, onto=False):
    """Multiply with some numbers before each matrix, which are NaN: y[:, 3:] is to get the result."""
    (rows, depth), before = w.shape, np.full(2, np.nan, w.dtype)
    steps = (1, rows) if transposed else (depth, 1)
    w, bias, flat = (np.concatenate([before, part.ravel()]) for part in (w.T if transposed else w, bias, x))
    return _multiply(
        w, 2, *steps, rows, bias, 2, flat, 2, x.shape[1], depth, y.reshape(-1), 3, y.shape[1], count, limits, onto
    )


@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (0.0, np.inf), (-20.0, 6.0)])
@pytest.mark.parametrize("onto", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("rows", "depth"), [(ROWS, 5), (ROWS, 1), (3, 7), (1, 2), (ROWS, 0)])
def test_block_is_the_product_of_so_many_pixels(dtype, limits, onto, transposed, rows, depth):
    rng, lanes = np.random.default_rng(rows * 10 + depth), VECTOR // np.dtype(dtype).itemsize
    for count in (1, lanes - 1, lanes, lanes + 3, 2 * lanes, 3 * lanes - 1, VECTORS * lanes, 4 * lanes):
        w, x, bias = (rng.integers(-9, 10, shape).astype(dtype) for shape in ((rows, depth), (depth, count), rows))
        y = np.full((rows, count + 7), np.nan, dtype)
        before = rng.integers(-9, 10, (rows, count)).astype(dtype)
        if onto:
            y[:, 3 : 3 + count] = before
        expected = y.copy()
        done = block(w, transposed, bias, x, count, limits, y, onto)
        assert 0 < done <= count
        if count < lanes or (count % lanes == 0 and count <= VECTORS * lanes):
            assert done == count
        product = w @ x[:, :done] + bias[:, None] + onto * before[:, :done]
        expected[:, 3 : 3 + done] = np.clip(product, *limits)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("count", [1, 16])
@pytest.mark.parametrize(("value", "expected"), [(np.nan, np.nan), (np.inf, np.inf), (-np.inf, 0), (-1, 0)])
def test_a_relu_keeps_nan_and_infinity(dtype, count, value, expected):
    y = np.full((1, count + 3), 7, dtype)
    one, zero = np.ones((1, 1), dtype), np.zeros(1, dtype)
    done = block(one, False, zero, np.full((1, count), value, dtype), count, (0.0, np.inf), y)
    np.testing.assert_array_equal(y[0, 3 : 3 + done], np.full(done, expected))
