"""The block in registers is the product that its definition says, for any steps, and for fewer rows than it has."""

import numpy as np
import pytest

from ghostnp.kernels.runtime import leaf
from ghostnp.kernels.runtime.registers import ROWS, VECTOR, multiply_block

pytestmark = pytest.mark.small


@leaf
def _multiply(w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width):
    multiply_block(w, m, k_step, m_step, rows, x, p, pitch, depth, sums, width)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("rows", "depth"), [(8, 5), (8, 1), (3, 7), (1, 2), (8, 0)])
def test_block_is_the_product(dtype, transposed, rows, depth):
    rng = np.random.default_rng(rows * 10 + depth)
    lanes = VECTOR // np.dtype(dtype).itemsize
    w, x = rng.standard_normal((rows, depth)).astype(dtype), rng.standard_normal((depth, lanes + 5)).astype(dtype)
    flat = np.concatenate([np.full(2, np.nan, dtype), (w.T if transposed else w).ravel()])
    k_step, m_step = (rows, 1) if transposed else (1, depth)
    sums = np.full((ROWS, lanes + 9), 7, dtype)
    _multiply(flat, 2, k_step, m_step, rows, x.ravel(), 3, x.shape[1], depth, sums.ravel(), sums.shape[1])
    expected = np.full_like(sums, 7)
    expected[:, 3 : 3 + lanes] = w[np.minimum(np.arange(ROWS), rows - 1)] @ x[:, 3 : 3 + lanes]
    np.testing.assert_allclose(sums, expected, rtol=0, atol=32 * np.finfo(dtype).eps)
