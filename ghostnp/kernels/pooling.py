"""Pooling, forward and backward, fast.

The sum of a window is what a depthwise convolution with ones computes. Its maximum is taken in two steps: of its rows,
elementwise, and then of the columns of the row that results. Both are loops over whole rows. The second step computes
the windows at every pixel, and those that the stride asks for are copied to the result. Backward of the average runs
such steps in the opposite order. Backward of the maximum adds each gradient to the pixel that its tap number says, in a
padded map that stays in the cache, so that no place has to be looked at whether it is inside.
"""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ghostnp.kernels.depthwise import convolve_depthwise
from ghostnp.kernels.elementwise import spread_pixels, sum_pixels
from ghostnp.kernels.layout import compact, home, images, lines, planes, rows
from ghostnp.kernels.loops import accumulate, copy, fill
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, shares_for, zeros
from ghostnp.kernels.taps import copy_pixels
from ghostnp.ops.checks import check_argmax, check_gradient, check_maps, flag
from ghostnp.ops.pooling import check_pool, pixel_count


def max_pool2d(x, kernel_size, *, stride=None, padding=0, out=None):
    """Twin of `ghostnp.ops.max_pool2d`; with `out`, for the engine, it does not say where the maxima were."""
    window = check_pool(x, kernel_size, stride, padding)
    y = home((*x.shape[:2], *window.output), x.dtype, out, x=x)
    sizes, shares = _sizes(window, len(x)), shares_for(4 * x.size)  # comparing takes longer than adding
    if out is not None:
        if y.size:
            _max_alone(shares, rows(planes(x)), x.shape[2], sizes, lines(y))
        return out
    argmax = empty(y.shape, int)
    if y.size:
        _max(shares, lines(planes(x)), sizes, lines(y), lines(argmax))
    return images(y), images(argmax)


def max_pool2d_backward(dy, x, kernel_size, argmax, *, stride=None, padding=0):
    """Twin of `ghostnp.ops.max_pool2d_backward`."""
    window = check_pool(x, kernel_size, stride, padding, dy=dy)
    check_argmax(argmax, dy.shape, window.kernel)
    dx = empty((*x.shape[1:], len(x)), x.dtype)
    if dx.size:
        sizes, padded_rows = _sizes(window, len(x)), sum(window.padding[0]) + x.shape[2]
        u, v = np.divmod(np.arange(math.prod(window.kernel)), window.kernel[1])
        shifts = (u * sizes.padded + v * sizes.batch).astype(np.uintp)
        gradient, taps = lines(planes(dy)), lines(planes(argmax))
        _max_backward(shares_for(4 * dy.size), gradient, taps, shifts, sizes, padded_rows, lines(dx))
    return images(dx)


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, count_include_pad=True, out=None):
    """Twin of `ghostnp.ops.avg_pool2d`."""
    window = check_pool(x, kernel_size, stride, padding)
    counts, factor = _counts(window, flag("count_include_pad", count_include_pad), len(x), x.dtype)
    weight = np.full((x.shape[1], 1, *window.kernel), factor or 1, x.dtype)
    y = convolve_depthwise(x, weight, None, window, out=out)
    if factor is None:
        _divide_maps(shares_for(y.size), rows(planes(y)), counts.reshape(-1))
    return y


def avg_pool2d_backward(dy, x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Twin of `ghostnp.ops.avg_pool2d_backward`."""
    window = check_pool(x, kernel_size, stride, padding, dy=dy)
    dx = zeros((*x.shape[1:], len(x)), x.dtype)
    counts, _ = _counts(window, flag("count_include_pad", count_include_pad), len(x), x.dtype)
    if dx.size:
        _average_backward(shares_for(x.size), lines(planes(dy)), counts, _sizes(window, len(x)), lines(dx))
    return images(dx)


def global_avg_pool2d(x, *, out=None):
    """Twin of `ghostnp.ops.global_avg_pool2d`."""
    check_maps(x=x)
    y = home((*x.shape[:2], 1, 1), x.dtype, out, x=x)
    return images(sum_pixels(planes(x), total=y, divisor=x.shape[2] * x.shape[3]))


def global_avg_pool2d_backward(dy, x):
    """Twin of `ghostnp.ops.global_avg_pool2d_backward`."""
    check_maps(x=x)
    check_gradient(dy, (*x.shape[:2], 1, 1), x)
    dx = empty((*x.shape[1:], len(x)), x.dtype)
    spread_pixels(planes(dy), dx, divisor=x.shape[2] * x.shape[3])
    return images(dx)


class _Sizes(NamedTuple):
    """The sizes of a pooling window.

    Parameters
    ----------
    kernel_rows, kernel_columns, stride_rows, top, left : int
        In pixels.
    batch, spacing : int
        In numbers: one pixel, and from one window to the next in its row.
    padded, length : int
        In numbers: a row with its padding, and the row of the windows at every pixel.
    """

    kernel_rows: int
    kernel_columns: int
    stride_rows: int
    top: int
    left: int
    batch: int
    spacing: int
    padded: int
    length: int


def _sizes(window, batch):
    window = compact(window)
    (top, _), (left, right) = window.padding
    stride_rows, stride_columns = window.stride
    padded, length = left + window.input[1] + right, (window.output[1] - 1) * stride_columns + 1
    return _Sizes(*window.kernel, stride_rows, top, left, batch, stride_columns * batch, padded * batch, length * batch)


@lru_cache(maxsize=8)  # these are as large as a map
def _counts(window, include_pad, batch, dtype):
    """How many pixels each window averages over, as H_out rows of W_out·N numbers.

    And 1 / count, if that is one number without rounding: as weights it does what the division would do.
    """
    counts = np.repeat(pixel_count(window, include_pad)[0, 0].astype(dtype), batch, axis=1)
    is_exact = counts.size and (counts == counts[0, 0]).all() and np.frexp(counts[0, 0])[0] == 0.5
    return counts, 1 / counts[0, 0].item() if is_exact else None


@leaf
def _rows(i, sizes, height):
    """Which rows of a map output row `i` reads: first and last + 1."""
    begin = i * sizes.stride_rows - sizes.top
    return max(0, begin), min(height, begin + sizes.kernel_rows)


@leaf
def _divide(row, divisor):
    for p in range(row.size):
        row[p] /= divisor[p]


@leaf
def _average_channels_backward(dy, counts, sizes, row, spaced, share, dx):
    """Give to each window's columns, then to its rows. Between the pixels of dy `spaced` has zeros."""
    middle = row[sizes.left * sizes.batch :][: dx.shape[2]]
    pixels = dy.shape[2] // sizes.batch
    for c in range(len(dx)):
        for i in range(dy.shape[1]):
            copy(dy[c, i], share)
            _divide(share, counts[i])
            copy_pixels(share, sizes.batch, spaced, sizes.spacing, pixels, sizes.batch)
            fill(row, row.dtype.type(0))
            for v in range(sizes.kernel_columns):
                accumulate(spaced, row[v * sizes.batch :][: spaced.size])
            begin, end = _rows(i, sizes, dx.shape[1])
            for h in range(begin, end):
                accumulate(middle, dx[c, h])


@leaf
def _larger(a, b):
    """Whether a > b, where NaN counts as larger than every number."""
    return (a > b) | (np.isnan(a) & ~np.isnan(b))


@leaf
def _keep_larger(x, tap, y, taps):
    """y = max(y, x), and `tap` where x is the larger one."""
    for p in range(y.size):
        better = _larger(x[p], y[p])
        y[p] = x[p] if better else y[p]
        taps[p] = tap if better else taps[p]


@leaf
def _keep_first_larger(x, x_taps, v, y, taps):
    """y = max(y, x), with the tap that the larger one has; of equal numbers the lower tap is kept."""
    for p in range(y.size):
        tap = x_taps[p] + v
        better = _larger(x[p], y[p]) | ((tap < taps[p]) & ~_larger(y[p], x[p]))
        y[p] = x[p] if better else y[p]
        taps[p] = tap if better else taps[p]


@leaf
def _larger_of(a, b):
    """The larger one of two numbers; NaN counts as larger than every number."""
    larger = a if a > b else b  # b, if either is NaN
    return a if np.isnan(a) else larger


@leaf
def _raise(x, y):
    """y = max(y, x)."""
    for p in range(y.size):
        y[p] = _larger_of(x[p], y[p])


@leaf
def _raise_twice(w, x, y):
    """y = max(y, x, w)."""
    for p in range(y.size):
        y[p] = _larger_of(w[p], _larger_of(x[p], y[p]))


@leaf
def _raise_all(x, begin, end, step, y):
    """y = max(y, x[begin:], x[begin + step:], ...), up to but without x[end:]."""
    n = y.size
    while begin + step < end:
        _raise_twice(x[begin + step : begin + step + n], x[begin : begin + n], y)
        begin += 2 * step
    if begin < end:
        _raise(x[begin : begin + n], y)


@leaf
def _max_channels_alone(x, height, sizes, row, largest, y):
    """What `_max_channels` does, without taps; for x (C, H·W·N)."""
    width, pixels, batch = x.shape[1] // height, y.shape[2] // sizes.batch, sizes.batch
    middle = row[sizes.left * batch :][:width]
    for c in range(len(x)):
        for i in range(y.shape[1]):
            begin, end = _rows(i, sizes, height)
            copy(x[c, begin * width :], middle)
            _raise_all(x[c], (begin + 1) * width, end * width, width, middle)
            copy(row, largest)
            _raise_all(row, batch, sizes.kernel_columns * batch, batch, largest)
            copy_pixels(largest, sizes.spacing, y[c, i], batch, pixels, batch)


@leaf
def _as_integers(x, y):
    for p in range(y.size):
        y[p] = np.int64(x[p])


@leaf
def _max_channels(x, sizes, row, row_taps, largest, taps, y, argmax):
    """The `row` has -inf at both ends, with taps above all others. Taps are integers in float64, which is exact."""
    middle = slice(sizes.left * sizes.batch, sizes.left * sizes.batch + x.shape[2])
    n, pixels = y.shape[2], y.shape[2] // sizes.batch
    f = taps.dtype.type
    for c in range(len(x)):
        for i in range(y.shape[1]):
            begin, end = _rows(i, sizes, x.shape[1])
            first = sizes.top - i * sizes.stride_rows  # row h of the map is row h + first of the kernel
            copy(x[c, begin], row[middle])
            fill(row_taps[middle], f((begin + first) * sizes.kernel_columns))
            for h in range(begin + 1, end):
                _keep_larger(x[c, h], f((h + first) * sizes.kernel_columns), row[middle], row_taps[middle])
            copy(row[: largest.size], largest)
            copy(row_taps[: largest.size], taps)
            for v in range(1, sizes.kernel_columns):
                piece = slice(v * sizes.batch, v * sizes.batch + largest.size)
                _keep_first_larger(row[piece], row_taps[piece], f(v), largest, taps)
            copy_pixels(largest, sizes.spacing, y[c, i], sizes.batch, pixels, sizes.batch)
            copy_pixels(taps, sizes.spacing, taps, sizes.batch, pixels, sizes.batch)  # in place: pixels move down only
            _as_integers(taps[:n], argmax[c, i])


@leaf
def _give_row(dy, argmax, shifts, sizes, padded):
    """Add each number of a row of dy to the pixel that its tap read; `padded` begins where tap 0 of the first one is.

    Indices without a sign are a third of the time: those with one could be negative, and count from the end.
    """
    batch, spacing, p, q = np.uintp(sizes.batch), np.uintp(sizes.spacing), np.uintp(0), np.uintp(0)
    while p < np.uintp(dy.size):
        for n in range(batch):
            padded[q + n + shifts[np.uintp(argmax[p + n])]] += dy[p + n]
        p += batch
        q += spacing


@leaf
def _give_to_largest(dy, argmax, shifts, sizes, padded, dx):
    for c in range(len(dx)):
        fill(padded, dx.dtype.type(0))
        for i in range(dy.shape[1]):
            _give_row(dy[c, i], argmax[c, i], shifts, sizes, padded[i * sizes.stride_rows * sizes.padded :])
        for h in range(dx.shape[1]):
            copy(padded[(h + sizes.top) * sizes.padded + sizes.left * sizes.batch :], dx[c, h])


@driver
def _max(share, shares, x, sizes, y, argmax):
    begin, end = bounds(share, shares, len(x))
    if begin < end:
        taps = sizes.kernel_rows * sizes.kernel_columns
        row, row_taps = np.full(sizes.padded, -np.inf, x.dtype), np.full(sizes.padded, taps, np.float64)
        largest, largest_taps = np.empty(sizes.length, x.dtype), np.empty(sizes.length, np.float64)
        _max_channels(x[begin:end], sizes, row, row_taps, largest, largest_taps, y[begin:end], argmax[begin:end])


@driver
def _max_alone(share, shares, x, height, sizes, y):
    begin, end = bounds(share, shares, len(x))
    if begin < end:
        row, largest = np.full(sizes.padded, -np.inf, x.dtype), np.empty(sizes.length, x.dtype)
        _max_channels_alone(x[begin:end], height, sizes, row, largest, y[begin:end])


@driver
def _max_backward(share, shares, dy, argmax, shifts, sizes, padded_rows, dx):
    begin, end = bounds(share, shares, len(dx))
    if begin < end:
        padded = np.empty(padded_rows * sizes.padded, dx.dtype)
        _give_to_largest(dy[begin:end], argmax[begin:end], shifts, sizes, padded, dx[begin:end])


@driver
def _divide_maps(share, shares, y, counts):
    begin, end = bounds(share, shares, len(y))
    for c in range(begin, end):
        _divide(y[c], counts)


@driver
def _average_backward(share, shares, dy, counts, sizes, dx):
    begin, end = bounds(share, shares, len(dx))
    if begin < end:
        row, spaced = np.empty(sizes.padded, dx.dtype), np.zeros(sizes.length, dx.dtype)
        each = np.empty(dy.shape[2], dx.dtype)
        _average_channels_backward(dy[begin:end], counts, sizes, row, spaced, each, dx[begin:end])
