"""Vectors of rows are what their definitions in NumPy say, and nothing is written beyond a row."""

from itertools import product

import numpy as np
import pytest

from ghostnp.kernels.runtime import leaf
from ghostnp.kernels.runtime.rows import (
    VECTOR,
    RowTaps,
    copy_every_other,
    copy_vector,
    double_vector,
    filter_rows,
    scale_row,
    sum_periods,
)
from ghostnp.kernels.runtime.strips import DEALT, SIZES, filter_strip

pytestmark = [pytest.mark.small, pytest.mark.parametrize("dtype", [np.float32, np.float64])]


@leaf
def _copy(source, i, target, j, count):
    copy_vector(source, i, target, j, count)


@leaf
def _double(source, i, target, j, count):
    double_vector(source, i, target, j, count)


@leaf
def _copy_every_other(source, i, target, j, count):
    copy_every_other(source, i, target, j, count)


@leaf
def _sum_periods(x, period, totals):
    sum_periods(x, period, totals)


@leaf
def _scale_row(x, factors, y):
    scale_row(x, factors, y)


@leaf
def _filter(w, taps, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
    filter_rows(w, taps, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits)


@leaf
def _filter_strip(w, taps, dealt, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits):
    filter_strip(w, taps, dealt, x, zeros, row, begin, bias, y, q, y_step, rows, count, limits)


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


def test_a_row_is_summed_period_by_period(dtype):
    lanes = VECTOR // np.dtype(dtype).itemsize
    periods = [period for period in range(1, lanes + 1) if lanes % period == 0]
    for size, period in product([*counts(dtype), 0, 4 * lanes, 9 * lanes - 1], periods):
        x = np.append(np.arange(1, size + 1, dtype=dtype), dtype(np.nan))[:size]
        totals = np.full(lanes + 1, np.nan, dtype)
        _sum_periods(x, period, totals)
        np.testing.assert_array_equal(totals[:period], [x[n::period].sum() for n in range(period)])
        assert np.isnan(totals[lanes])


def test_a_row_is_scaled_by_one_factor_or_by_as_many_as_a_vector_has(dtype):
    lanes = VECTOR // np.dtype(dtype).itemsize
    for size, factors in product(
        [*counts(dtype), 0, 5 * lanes - 1], [np.full(1, 3, dtype), np.arange(2, lanes + 2, dtype=dtype)]
    ):
        x, y = np.arange(1, size + 1, dtype=dtype), np.full(size + 1, np.nan, dtype)
        expected = x * np.resize(factors, size)
        _scale_row(x, factors, y[:size])
        np.testing.assert_array_equal(y[:size], expected)
        assert np.isnan(y[size])
        _scale_row(x, factors, x)
        np.testing.assert_array_equal(x, expected)


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


def test_every_other_number_is_copied_up_to_the_count(dtype):
    lanes = VECTOR // np.dtype(dtype).itemsize
    source = np.arange(3 * lanes, dtype=dtype)
    for count in counts(dtype):
        target, copied = np.full(2 * lanes + 1, np.nan, dtype), min(count, lanes)
        # The last number of the source is the last that is read.
        first = source.size - 2 * copied + 1
        _copy_every_other(source, first, target, 3, count)
        np.testing.assert_array_equal(target[3 : 3 + copied], source[first::2])
        assert np.isnan(target[:3]).all()
        assert np.isnan(target[3 + copied :]).all()


def sums(x, w, taps, row, begin, rows, numbers):
    """Σ_uv w[u, v] · x̄[row + r·step + u·dilation, begin + v·shift + j] for r < rows and these numbers j, and 3."""
    far = 100
    xp = np.pad(x, far).astype(np.float64)
    lines = far + row + taps.step * np.arange(rows)[:, None]
    result = np.full((rows, len(numbers)), 3.0)
    for u, v in np.ndindex(w.shape):
        result += w[u, v] * xp[lines + u * taps.dilation, far + begin + v * taps.shift + np.array(numbers)]
    return result


def drawn(dtype, seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.integers(-9, 10, shape).astype(dtype) for shape in shapes]


LIMITS = [(-np.inf, np.inf), (0.0, np.inf), (-20.0, 6.0)]
Y_STEP = 67


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("rows", [1, 3, 4])
@pytest.mark.parametrize(
    ("kernel", "step", "dilation", "shift"), [((1, 1), 1, 1, 1), ((3, 2), 2, 3, 2), ((1, 7), 3, 1, 5)]
)
def test_rows_are_the_sums_over_taps(dtype, limits, rows, kernel, step, dilation, shift):
    lanes, length = VECTOR // np.dtype(dtype).itemsize, 53
    x, w = drawn(dtype, rows, (7, length), kernel)
    taps = RowTaps(7, length, kernel[1], step, dilation, shift)
    # Above the map, in it, and below it; over its left end, in it, and over its right end.
    for row, begin, count in product((-3, 1, 5, 20), (-2, 0, 4, length - lanes - 1, length - 3, 99), counts(dtype)):
        y, computed = np.full(2 + 4 * Y_STEP, np.nan, dtype), min(count, lanes)
        expected = y.copy()
        result = np.clip(sums(x, w, taps, row, begin, rows, range(computed)), *limits)
        for r in range(rows):
            expected[2 + r * Y_STEP :][:computed] = result[r]
        zeros = np.zeros(length, dtype)
        _filter(w.ravel(), taps, x.ravel(), zeros, row, begin, dtype(3), y, 2, Y_STEP, rows, count, limits)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("step", "shift", "dealt"), [(1, 1, 0), (1, 3, 0), (2, 4, 0), *((2, n, n) for n in DEALT)])
def test_strips_are_the_sums_over_taps(dtype, limits, size, step, shift, dealt):
    lanes, length = VECTOR // np.dtype(dtype).itemsize, 53
    if dealt:
        shift = dealt = min(dealt, lanes)  # a larger pixel is a run by itself
    x, w = drawn(dtype, size, (7, length), (size, size))
    taps = RowTaps(7, length, size, step, 1, shift)
    for row, begin, count, rows in product((-2, 0, 3), (-2, 0, 4, length - 3), counts(dtype), (1, 2, 8)):
        y, computed = np.full(2 + 8 * Y_STEP, np.nan, dtype), min(count, lanes)
        expected, numbers = y.copy(), [j + j // dealt * dealt if dealt else j for j in range(computed)]
        result = np.clip(sums(x, w, taps, row, begin, rows, numbers), *limits)
        for r in range(rows):
            expected[2 + r * Y_STEP :][:computed] = result[r]
        zeros = np.zeros(length, dtype)
        _filter_strip(w.ravel(), taps, dealt, x.ravel(), zeros, row, begin, dtype(3), y, 2, Y_STEP, rows, count, limits)
        np.testing.assert_array_equal(y, expected)


def test_clipping_keeps_nan(dtype):
    x = np.full(VECTOR, np.nan, dtype)
    x[1::2] = -1
    n, zeros = min(3, VECTOR // np.dtype(dtype).itemsize), np.zeros(VECTOR, dtype)
    y = np.zeros(n, dtype)
    taps = RowTaps(1, VECTOR, 1, 1, 1, 1)
    _filter(np.ones(1, dtype), taps, x, zeros, 0, 0, dtype(0), y, 0, 0, 1, n, (0.0, 6.0))
    np.testing.assert_array_equal(y, [np.nan, 0, np.nan][:n])


@pytest.mark.parametrize("size", SIZES)
def test_a_strip_keeps_nan_and_infinity_in_their_place(dtype, size):
    lines = length = 9
    x, w = np.zeros((lines, length), dtype), np.ones((size, size), dtype)
    x[0, 0], x[-1, -1] = np.nan, -np.inf
    taps, half, n = RowTaps(lines, length, size, 1, 1, 1), size // 2, min(length, VECTOR // np.dtype(dtype).itemsize)
    y, zeros = np.empty((lines, length), dtype), np.zeros(length, dtype)
    for begin in range(0, length, n):
        _filter_strip(
            *(w.ravel(), taps, 0, x.ravel(), zeros, -half, begin - half, dtype(0), y.ravel(), begin),
            *(length, lines, length - begin, (-1.0, np.inf)),
        )
    expected = np.zeros_like(y)
    expected[: half + 1, : half + 1], expected[-half - 1 :, -half - 1 :] = np.nan, -1
    np.testing.assert_array_equal(y, expected)
