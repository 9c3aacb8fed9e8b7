"""Pooling, forward and backward, fast.

A window is its rows and its columns: for each row of the output, the input's rows are first made one, number by number,
and then that row's neighbours are, pixel by pixel. Both are loops over whole rows, whatever the stride: of the windows
at every pixel, those that the stride asks for are picked at the end. Backwards the same steps run the other way around.
Only a maximum's gradient goes where its tap number says.
"""

import math
from functools import lru_cache

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.join import spread_pixels, sum_pixels
from ghostnp.kernels.layout import compact, images, planes
from ghostnp.kernels.leaves import FEW, accumulate, bounds, copy, fill
from ghostnp.kernels.taps import copy_pixels
from ghostnp.ops.checks import check_argmax, check_gradient, check_maps, flag
from ghostnp.ops.pooling import pixel_count, pool_window


def max_pool2d(x, kernel_size, *, stride=None, padding=0, out=None):
    """Twin of `ghostnp.ops.max_pool2d`."""
    check_maps(x=x)
    window = pool_window(x.shape, kernel_size, stride, padding)
    y = np.empty((x.shape[1], *window.output, len(x)), x.dtype) if out is None else planes(out)
    argmax = np.empty(y.shape, int)
    if y.size:
        _max(_lines(planes(x)), _geometry(window, len(x)), _lines(y), _lines(argmax))
    return images(y), images(argmax)


def max_pool2d_backward(dy, x, kernel_size, argmax, *, stride=None, padding=0):
    """Twin of `ghostnp.ops.max_pool2d_backward`."""
    check_maps(x=x)
    window = pool_window(x.shape, kernel_size, stride, padding)
    check_gradient(dy, (*x.shape[:2], *window.output), x)
    check_argmax(argmax, dy.shape, window.kernel)
    dx = np.zeros((*x.shape[1:], len(x)), x.dtype)
    if dx.size:
        (top, _), (left, _) = window.padding
        u, v = np.divmod(np.arange(math.prod(window.kernel)), window.kernel[1])
        _max_backward(planes(dy), planes(argmax), u - top, v - left, window.stride, dx)
    return images(dx)


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, count_include_pad=True, out=None):
    """Twin of `ghostnp.ops.avg_pool2d`."""
    check_maps(x=x)
    window = pool_window(x.shape, kernel_size, stride, padding)
    y = np.empty((x.shape[1], *window.output, len(x)), x.dtype) if out is None else planes(out)
    counts = _counts(window, flag("count_include_pad", count_include_pad), len(x), x.dtype)
    if y.size:
        _average(_lines(planes(x)), counts, _geometry(window, len(x)), _lines(y))
    return images(y)


def avg_pool2d_backward(dy, x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Twin of `ghostnp.ops.avg_pool2d_backward`."""
    check_maps(x=x)
    window = pool_window(x.shape, kernel_size, stride, padding)
    check_gradient(dy, (*x.shape[:2], *window.output), x)
    dx = np.zeros((*x.shape[1:], len(x)), x.dtype)
    counts = _counts(window, flag("count_include_pad", count_include_pad), len(x), x.dtype)
    if dx.size:
        _average_backward(_lines(planes(dy)), counts, _geometry(window, len(x)), _lines(dx))
    return images(dx)


def global_avg_pool2d(x, *, out=None):
    """Twin of `ghostnp.ops.global_avg_pool2d`."""
    check_maps(x=x)
    total = sum_pixels(planes(x), total=None if out is None else planes(out))
    total /= x.shape[2] * x.shape[3]
    return images(total)


def global_avg_pool2d_backward(dy, x):
    """Twin of `ghostnp.ops.global_avg_pool2d_backward`."""
    check_maps(x=x)
    check_gradient(dy, (*x.shape[:2], 1, 1), x)
    dx = np.empty((*x.shape[1:], len(x)), x.dtype)
    spread_pixels(planes(dy) / (x.shape[2] * x.shape[3]), dx)
    return images(dx)


def _lines(buffer):
    channels, height, width, batch = buffer.shape
    return buffer.reshape(channels, height, width * batch)


def _geometry(window, batch):
    """A `Window` as compiled code takes it, with three lengths in numbers.

    They are that of a pixel, of a row with its padding, and of the row of all windows at stride 1.
    """
    window = compact(window)
    (top, _), (left, right) = window.padding
    padded, length = left + window.input[1] + right, (window.output[1] - 1) * window.stride[1] + 1
    return *window.kernel, *window.stride, top, left, batch, padded * batch, length * batch


@lru_cache(maxsize=8)  # these are as large as a map
def _counts(window, include_pad, batch, dtype):
    """How many pixels each window averages over, as H_out rows of W_out·N numbers."""
    return np.repeat(pixel_count(window, include_pad)[0, 0].astype(dtype), batch, axis=1)


@leaf
def _rows(i, geometry, height):
    """Which rows of a map output row `i` reads: first and last + 1."""
    kh, _, sh, _, top, _, _, _, _ = geometry
    return max(0, i * sh - top), min(height, i * sh - top + kh)


@leaf
def _divide(row, divisor):
    for p in range(row.size):
        row[p] /= divisor[p]


@leaf
def _average_channels(x, counts, geometry, row, total, y):
    """The `row` has zeros at both ends."""
    _, kw, _, sw, _, left, batch, _, _ = geometry
    middle, n = row[left * batch : left * batch + x.shape[2]], y.shape[2]
    for c in range(len(x)):
        for i in range(y.shape[1]):
            begin, end = _rows(i, geometry, x.shape[1])
            copy(x[c, begin], middle)
            for h in range(begin + 1, end):
                accumulate(x[c, h], middle)
            copy(row[: total.size], total)
            for v in range(1, kw):
                accumulate(row[v * batch : v * batch + total.size], total)
            copy_pixels(total, sw * batch, y[c, i], batch, n // batch, batch)
            _divide(y[c, i], counts[i])


@leaf
def _average_channels_backward(dy, counts, geometry, row, spaced, share, dx):
    """What `_average_channels` is forwards. Between the pixels of dy `spaced` has zeros."""
    _, kw, _, sw, _, left, batch, _, _ = geometry
    middle, n = row[left * batch : left * batch + dx.shape[2]], dy.shape[2]
    for c in range(len(dx)):
        for i in range(dy.shape[1]):
            copy(dy[c, i], share)
            _divide(share, counts[i])
            copy_pixels(share, batch, spaced, sw * batch, n // batch, batch)
            fill(row, row.dtype.type(0))
            for v in range(kw):
                accumulate(spaced, row[v * batch : v * batch + spaced.size])
            begin, end = _rows(i, geometry, dx.shape[1])
            for h in range(begin, end):
                accumulate(middle, dx[c, h])


@leaf
def _larger(a, b):
    """Whether a > b, where NaN is larger than every number."""
    return (a > b) | (np.isnan(a) & ~np.isnan(b))


@leaf
def _keep_larger(x, tap, y, taps):
    for p in range(y.size):
        better = _larger(x[p], y[p])
        y[p] = x[p] if better else y[p]
        taps[p] = tap if better else taps[p]


@leaf
def _keep_first_larger(x, x_taps, v, y, taps):
    """Among equals it is the lower tap that wins."""
    for p in range(y.size):
        tap = x_taps[p] + v
        better = _larger(x[p], y[p]) | ((tap < taps[p]) & ~_larger(y[p], x[p]))
        y[p] = x[p] if better else y[p]
        taps[p] = tap if better else taps[p]


@leaf
def _whole(x, y):
    for p in range(y.size):
        y[p] = np.int64(x[p])


@leaf
def _max_channels(x, geometry, row, row_taps, largest, taps, y, argmax):
    """The `row` has -inf at both ends, from taps above all others. Whole numbers are exact in float64."""
    _, kw, sh, sw, top, left, batch, _, _ = geometry
    middle, n = slice(left * batch, left * batch + x.shape[2]), y.shape[2]
    f = taps.dtype.type
    for c in range(len(x)):
        for i in range(y.shape[1]):
            begin, end = _rows(i, geometry, x.shape[1])
            first = top - i * sh
            copy(x[c, begin], row[middle])
            fill(row_taps[middle], f((begin + first) * kw))
            for h in range(begin + 1, end):
                _keep_larger(x[c, h], f((h + first) * kw), row[middle], row_taps[middle])
            copy(row[: largest.size], largest)
            copy(row_taps[: largest.size], taps)
            for v in range(1, kw):
                piece = slice(v * batch, v * batch + largest.size)
                _keep_first_larger(row[piece], row_taps[piece], f(v), largest, taps)
            copy_pixels(largest, sw * batch, y[c, i], batch, n // batch, batch)
            copy_pixels(taps, sw * batch, taps, batch, n // batch, batch)  # in place: none moves up
            _whole(taps[:n], argmax[c, i])


@leaf
def _give_to_largest(dy, argmax, down, right, stride, dx):
    """One channel: each number of dy goes to the pixel that its tap read, unless that is padding."""
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            for n in range(dy.shape[2]):
                tap = argmax[i, j, n]
                h, w = i * stride[0] + down[tap], j * stride[1] + right[tap]
                if 0 <= h < dx.shape[0] and 0 <= w < dx.shape[1]:
                    dx[h, w, n] += dy[i, j, n]


@driver
def _max(x, geometry, y, argmax):
    kh, kw, _, _, _, _, _, padded, length = geometry
    if 4 * x.size < FEW:  # comparing takes longer than adding
        row, row_taps = np.full(padded, -np.inf, x.dtype), np.full(padded, kh * kw, np.float64)
        largest, taps = np.empty(length, x.dtype), np.empty(length, np.float64)
        _max_channels(x, geometry, row, row_taps, largest, taps, y, argmax)
    else:
        for share in prange(SHARES):
            begin, end = bounds(np.int64(share), len(x))
            row, row_taps = np.full(padded, -np.inf, x.dtype), np.full(padded, kh * kw, np.float64)
            largest, taps = np.empty(length, x.dtype), np.empty(length, np.float64)
            _max_channels(x[begin:end], geometry, row, row_taps, largest, taps, y[begin:end], argmax[begin:end])


@driver
def _max_backward(dy, argmax, down, right, stride, dx):
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), len(dx))
        for c in range(begin, end):
            _give_to_largest(dy[c], argmax[c], down, right, stride, dx[c])


@driver
def _average(x, counts, geometry, y):
    _, _, _, _, _, _, _, padded, length = geometry
    if x.size < FEW:
        _average_channels(x, counts, geometry, np.zeros(padded, x.dtype), np.empty(length, x.dtype), y)
    else:
        for share in prange(SHARES):
            begin, end = bounds(np.int64(share), len(x))
            row, total = np.zeros(padded, x.dtype), np.empty(length, x.dtype)
            _average_channels(x[begin:end], counts, geometry, row, total, y[begin:end])


@driver
def _average_backward(dy, counts, geometry, dx):
    _, _, _, _, _, _, _, padded, length = geometry
    if dx.size < FEW:
        row, spaced, each = np.empty(padded, dx.dtype), np.zeros(length, dx.dtype), np.empty(dy.shape[2], dx.dtype)
        _average_channels_backward(dy, counts, geometry, row, spaced, each, dx)
    else:
        for share in prange(SHARES):
            begin, end = bounds(np.int64(share), len(dx))
            row, spaced, each = np.empty(padded, dx.dtype), np.zeros(length, dx.dtype), np.empty(dy.shape[2], dx.dtype)
            _average_channels_backward(dy[begin:end], counts, geometry, row, spaced, each, dx[begin:end])
