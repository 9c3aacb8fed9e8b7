"""Vectors of rows are what their definitions in NumPy say, and nothing is written beyond a row."""

import numpy as np
import pytest

from ghostnp.kernels.runtime import leaf
from ghostnp.kernels.runtime.rows import VECTOR, copy_vector, filter_rows

pytestmark = [pytest.mark.small, pytest.mark.parametrize("dtype", [np.float32, np.float64])]


@leaf
def _copy(source, i, target, j, count):
    copy_vector(source, i, target, j, count)


@leaf
def _filter(w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, limits):
    filter_rows(w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, limits)


def counts(dtype):
    """Row lengths around that of a vector."""
    lanes = VECTOR // np.dtype(dtype).itemsize
    return [1, lanes - 1, lanes, lanes + 3]


def test_a_vector_is_copied_up_to_the_count(dtype):
    lanes = VECTOR // np.dtype(dtype).itemsize
    source = np.arange(2 * lanes, dtype=dtype)
    for count in counts(dtype):
        target = np.full(2 * lanes + 1, np.nan, dtype)
        _copy(source, 2, target, 3, count)
        copied = min(count, lanes)
        np.testing.assert_array_equal(target[3 : 3 + copied], source[2 : 2 + copied])
        assert np.isnan(target[:3]).all()
        assert np.isnan(target[3 + copied :]).all()


@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (0.0, np.inf), (-20.0, 6.0)])
@pytest.mark.parametrize("rows", [1, 3, 4])
@pytest.mark.parametrize("taps", [0, 1, 9])
def test_rows_are_the_sums_over_taps(dtype, limits, rows, taps):
    lanes, x_step, y_step = VECTOR // np.dtype(dtype).itemsize, 40, 35
    rng = np.random.default_rng(rows * 10 + taps)
    x, w = rng.integers(-9, 10, 4 * x_step + 2 * lanes + 5).astype(dtype), rng.integers(-9, 10, taps).astype(dtype)
    offsets = rng.integers(0, lanes, taps)
    for count in counts(dtype):
        y, computed = np.full(2 + 4 * y_step, np.nan, dtype), min(count, lanes)
        expected = y.copy()
        for r in range(rows):
            seen = [x[5 + r * x_step + offset :][:computed] for offset in offsets]
            row = dtype(3) + sum((factor * pixels for factor, pixels in zip(w, seen, strict=True)), np.zeros(computed))
            expected[2 + r * y_step :][:computed] = np.clip(row, *limits)
        _filter(w, offsets, x, 5, x_step, dtype(3), y, 2, y_step, rows, count, limits)
        np.testing.assert_array_equal(y, expected)


def test_clipping_keeps_nan(dtype):
    x = np.full(VECTOR, np.nan, dtype)
    x[1::2] = -1
    n = min(3, VECTOR // np.dtype(dtype).itemsize)
    y = np.zeros(n, dtype)
    _filter(np.ones(1, dtype), np.zeros(1, np.int64), x, 0, 0, dtype(0), y, 0, 0, 1, n, (0.0, 6.0))
    np.testing.assert_array_equal(y, [np.nan, 0, np.nan][:n])
