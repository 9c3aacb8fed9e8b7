"""Vectors of rows are what their definitions in NumPy say, and nothing is written beyond a row."""

import numpy as np
import pytest

from ghostnp.kernels.runtime import leaf
from ghostnp.kernels.runtime.rows import VECTOR, copy_vector, double_vector, filter_rows

pytestmark = [pytest.mark.small, pytest.mark.parametrize("dtype", [np.float32, np.float64])]


@leaf
def _copy(source, i, target, j, count):
    copy_vector(source, i, target, j, count)


@leaf
def _double(source, i, target, j, count):
    double_vector(source, i, target, j, count)


@leaf
def _filter(w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, relu):
    filter_rows(w, offsets, x, p, x_step, bias, y, q, y_step, rows, count, relu)


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


def test_a_vector_is_doubled_up_to_the_count(dtype):
    lanes = VECTOR // np.dtype(dtype).itemsize
    for count in counts(dtype):
        copied = min(count, lanes)
        source = np.arange(2 + (copied + 1) // 2, dtype=dtype)  # nothing behind it may be read
        target = np.full(2 * lanes + 1, np.nan, dtype)
        _double(source, 2, target, 3, count)
        np.testing.assert_array_equal(target[3 : 3 + copied], 2 + np.arange(copied) // 2)
        assert np.isnan(target[:3]).all()
        assert np.isnan(target[3 + copied :]).all()


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("rows", [1, 3, 4])
@pytest.mark.parametrize("taps", [0, 1, 9])
def test_rows_are_the_sums_over_taps(dtype, relu, rows, taps):
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
            expected[2 + r * y_step :][:computed] = np.maximum(row, 0) if relu else row
        _filter(w, offsets, x, 5, x_step, dtype(3), y, 2, y_step, rows, count, relu)
        np.testing.assert_array_equal(y, expected)


def test_rectifying_keeps_nan(dtype):
    x = np.full(VECTOR, np.nan, dtype)
    x[1::2] = -1
    n = min(3, VECTOR // np.dtype(dtype).itemsize)
    y = np.zeros(n, dtype)
    _filter(np.ones(1, dtype), np.zeros(1, np.int64), x, 0, 0, dtype(0), y, 0, 0, 1, n, True)
    np.testing.assert_array_equal(y, [np.nan, 0, np.nan][:n])
