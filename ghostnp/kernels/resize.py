"""Resizing, forward and backward, fast.

A source row is made ready once for each new row (as it is, or blended with the next one), and new pixels are then taken
from it, N contiguous numbers each. Channels are shared out.
"""

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.layout import images, planes
from ghostnp.kernels.leaves import accumulate, bounds, copy
from ghostnp.ops.checks import check_gradient, check_maps
from ghostnp.ops.resize import bilinear_sources, nearest_sources


def resize_nearest(x, size, *, out=None):
    """Twin of `ghostnp.ops.resize_nearest`."""
    check_maps(x=x)
    rows, columns = nearest_sources(x.shape[2:], size)
    y = np.empty((x.shape[1], len(rows), len(columns), len(x)), x.dtype) if out is None else planes(out)
    if y.size:
        _nearest(_lines(planes(x)), rows, columns, len(x), _lines(y))
    return images(y)


def resize_nearest_backward(dy, x, size):
    """Twin of `ghostnp.ops.resize_nearest_backward`."""
    check_maps(x=x)
    rows, columns = nearest_sources(x.shape[2:], size)
    check_gradient(dy, (*x.shape[:2], len(rows), len(columns)), x)
    dx = np.zeros((*x.shape[1:], len(x)), x.dtype)
    if dx.size:
        _nearest_backward(_lines(planes(dy)), rows, columns, len(x), _lines(dx))
    return images(dx)


def resize_bilinear(x, size, *, align_corners=False, out=None):
    """Twin of `ghostnp.ops.resize_bilinear`."""
    check_maps(x=x)
    rows, columns = bilinear_sources(x, size, align_corners)
    y = np.empty((x.shape[1], len(rows[0]), len(columns[0]), len(x)), x.dtype) if out is None else planes(out)
    if y.size:
        _bilinear(_lines(planes(x)), rows, columns, len(x), _lines(y))
    return images(y)


def resize_bilinear_backward(dy, x, size, *, align_corners=False):
    """Twin of `ghostnp.ops.resize_bilinear_backward`."""
    check_maps(x=x)
    rows, columns = bilinear_sources(x, size, align_corners)
    check_gradient(dy, (*x.shape[:2], len(rows[0]), len(columns[0])), x)
    dx = np.zeros((*x.shape[1:], len(x)), x.dtype)
    if dx.size:
        _bilinear_backward(_lines(planes(dy)), rows, columns, len(x), _lines(dx))
    return images(dx)


def _lines(buffer):
    channels, height, width, batch = buffer.shape
    return buffer.reshape(channels, height, width * batch)


@leaf
def _add_scaled(source, factor, target):
    for p in range(target.size):
        target[p] += factor * source[p]


@leaf
def _blend(first, second, near, far, target):
    for p in range(target.size):
        target[p] = near * first[p] + far * second[p]


@leaf
def _take(row, columns, batch, y):
    """y[j] = row[columns[j]], pixel by pixel."""
    if batch == 1:
        for j in range(columns.size):
            y[j] = row[columns[j]]
    else:
        for j in range(columns.size):
            k = columns[j] * batch
            copy(row[k : k + batch], y[j * batch : (j + 1) * batch])


@leaf
def _give(dy, columns, batch, row):
    """row[columns[j]] += dy[j], pixel by pixel: the transpose of `_take`."""
    if batch == 1:
        for j in range(columns.size):
            row[columns[j]] += dy[j]
    else:
        for j in range(columns.size):
            k = columns[j] * batch
            accumulate(dy[j * batch : (j + 1) * batch], row[k : k + batch])


@leaf
def _take_blend(row, lower, upper, near, far, batch, y):
    """y[j] = near[j]·row[lower[j]] + far[j]·row[upper[j]], pixel by pixel."""
    if batch == 1:
        for j in range(lower.size):
            y[j] = near[j] * row[lower[j]] + far[j] * row[upper[j]]
    else:
        for j in range(lower.size):
            k, m = lower[j] * batch, upper[j] * batch
            _blend(row[k : k + batch], row[m : m + batch], near[j], far[j], y[j * batch : (j + 1) * batch])


@leaf
def _give_blend(dy, lower, upper, near, far, batch, row):
    """The transpose of `_take_blend`."""
    if batch == 1:
        for j in range(lower.size):
            row[lower[j]] += near[j] * dy[j]
            row[upper[j]] += far[j] * dy[j]
    else:
        for j in range(lower.size):
            k, m, pixel = lower[j] * batch, upper[j] * batch, dy[j * batch : (j + 1) * batch]
            _add_scaled(pixel, near[j], row[k : k + batch])
            _add_scaled(pixel, far[j], row[m : m + batch])


@driver
def _nearest(x, rows, columns, batch, y):
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.shape[0])
        for c in range(begin, end):
            for i in range(rows.size):
                if i > 0 and rows[i] == rows[i - 1]:
                    copy(y[c, i - 1], y[c, i])
                else:
                    _take(x[c, rows[i]], columns, batch, y[c, i])


@driver
def _nearest_backward(dy, rows, columns, batch, dx):
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), dx.shape[0])
        for c in range(begin, end):
            for i in range(rows.size):
                _give(dy[c, i], columns, batch, dx[c, rows[i]])


@driver
def _bilinear(x, rows, columns, batch, y):
    above, below, upward, downward = rows
    lower, upper, near, far = columns
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.shape[0])
        row = np.empty(x.shape[2], x.dtype)
        for c in range(begin, end):
            for i in range(above.size):
                _blend(x[c, above[i]], x[c, below[i]], upward[i], downward[i], row)
                _take_blend(row, lower, upper, near, far, batch, y[c, i])


@driver
def _bilinear_backward(dy, rows, columns, batch, dx):
    above, below, upward, downward = rows
    lower, upper, near, far = columns
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), dx.shape[0])
        row = np.empty(dx.shape[2], dx.dtype)
        for c in range(begin, end):
            for i in range(above.size):
                row[:] = 0
                _give_blend(dy[c, i], lower, upper, near, far, batch, row)
                _add_scaled(row, upward[i], dx[c, above[i]])
                _add_scaled(row, downward[i], dx[c, below[i]])
