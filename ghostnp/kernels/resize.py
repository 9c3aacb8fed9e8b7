"""Resizing, forward and backward, fast.

A source row is made ready once for each new row (as it is, or blended with the next one), and new pixels are then taken
from it, N contiguous numbers each. Channels are shared out. Maps of twice the height and width, as nearly always, are
written by vectors where there is one image.
"""

import numpy as np

from ghostnp.kernels.layout import home, images, lines, planes
from ghostnp.kernels.layout import rows as flat
from ghostnp.kernels.loops import accumulate, add_scaled, copy
from ghostnp.kernels.runtime import bounds, driver, leaf, shares_for, zeros
from ghostnp.kernels.runtime.rows import VECTOR, double_vector
from ghostnp.kernels.taps import copy_pixels
from ghostnp.ops.checks import check_gradient
from ghostnp.ops.resize import bilinear_sources, nearest_sources


def resize_nearest(x, size, *, out=None):
    """Twin of `ghostnp.ops.resize_nearest`."""
    rows, columns = nearest_sources(x, size)
    y = home((*x.shape[:2], len(rows), len(columns)), x.dtype, out, x=x)
    if y.size:
        pixels = planes(x)
        _nearest(shares_for(y.size), flat(pixels), x.shape[2], rows, columns, len(x), flat(y))
    return images(y)


def resize_nearest_backward(dy, x, size):
    """Twin of `ghostnp.ops.resize_nearest_backward`."""
    rows, columns = nearest_sources(x, size)
    check_gradient(dy, (*x.shape[:2], len(rows), len(columns)), x)
    dx = zeros((*x.shape[1:], len(x)), x.dtype)
    if dx.size:
        _nearest_backward(shares_for(dy.size), lines(planes(dy)), rows, columns, len(x), lines(dx))
    return images(dx)


def resize_bilinear(x, size, *, align_corners=False, out=None):
    """Twin of `ghostnp.ops.resize_bilinear`."""
    rows, columns = bilinear_sources(x, size, align_corners)
    y = home((*x.shape[:2], len(rows[0]), len(columns[0])), x.dtype, out, x=x)
    if y.size:
        _bilinear(shares_for(y.size), lines(planes(x)), rows, columns, len(x), lines(y))
    return images(y)


def resize_bilinear_backward(dy, x, size, *, align_corners=False):
    """Twin of `ghostnp.ops.resize_bilinear_backward`."""
    rows, columns = bilinear_sources(x, size, align_corners)
    check_gradient(dy, (*x.shape[:2], len(rows[0]), len(columns[0])), x)
    dx = zeros((*x.shape[1:], len(x)), x.dtype)
    if dx.size:
        _bilinear_backward(shares_for(dy.size), lines(planes(dy)), rows, columns, len(x), lines(dx))
    return images(dx)


@leaf
def _blend(first, second, near, far, target):
    for p in range(target.size):
        target[p] = near * first[p] + far * second[p]


@leaf
def _take(row, columns, batch, y):
    """y[j] = row[columns[j]], pixel by pixel."""
    for j in range(columns.size):
        k = columns[j] * batch
        copy(row[k : k + batch], y[j * batch : (j + 1) * batch])


@leaf
def _take_pixels(x, length, rows, columns, y):
    """y[i, j] = x[rows[i], columns[j]] for one image, of whose x a row has this length."""
    at = np.uintp(0)
    for i in range(rows.size):
        row = np.uintp(rows[i] * length)
        for j in range(columns.size):
            y[at] = x[row + np.uintp(columns[j])]
            at += np.uintp(1)


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
            add_scaled(pixel, near[j], row[k : k + batch])
            add_scaled(pixel, far[j], row[m : m + batch])


@leaf
def _double_map(x, width, y):
    """What `enlarge` does to a map of one image that becomes twice as high and as wide."""
    for row in range(x.size // width):
        for j in range(0, 2 * width, VECTOR // y.itemsize):
            source, target = row * width + j // 2, 4 * row * width + j
            double_vector(x, source, y, target, 2 * width - j)
            double_vector(x, source, y, target + 2 * width, 2 * width - j)


@leaf
def _halve(dy, batch, row):
    """What `_give` does where each pixel was copied twice."""
    if batch == 1:
        for j in range(row.size):
            row[j] += dy[2 * j] + dy[2 * j + 1]
    else:
        for p in range(0, row.size, batch):
            pixel, first = row[p : p + batch], dy[2 * p : 2 * p + batch]
            second = dy[2 * p + batch : 2 * p + 2 * batch]
            for n in range(batch):
                pixel[n] += first[n] + second[n]


@leaf
def enlarge(x, height, rows, columns, batch, y):
    """y[i, j] = x[rows[i], columns[j]], pixel by pixel, for a channel x (H·W·N) and y (H_out·W_out·N)."""
    length, n = x.size // height, columns.size * batch
    double = n == 2 * length
    if batch == 1:
        if double and rows.size == 2 * height:
            _double_map(x, length, y)
        else:
            _take_pixels(x, length, rows, columns, y)
        return
    for i in range(rows.size):
        row, target = x[rows[i] * length : (rows[i] + 1) * length], y[i * n : (i + 1) * n]
        if i > 0 and rows[i] == rows[i - 1]:
            copy(y[(i - 1) * n : i * n], target)
        elif double:
            copy_pixels(row, batch, target, 2 * batch, length // batch, batch)
            copy_pixels(row, batch, target[batch:], 2 * batch, length // batch, batch)
        else:
            _take(row, columns, batch, target)


@leaf
def _gather_back(begin, end, dy, rows, columns, batch, dx):
    """The transpose of `enlarge`."""
    double = columns.size * batch == 2 * dx.shape[2]
    for c in range(begin, end):
        for i in range(rows.size):
            if double:
                _halve(dy[c, i], batch, dx[c, rows[i]])
            else:
                _give(dy[c, i], columns, batch, dx[c, rows[i]])


@leaf
def _enlarge_some(begin, end, x, height, rows, columns, batch, y):
    for c in range(begin, end):
        enlarge(x[c], height, rows, columns, batch, y[c])


@driver
def _nearest(share, shares, x, height, rows, columns, batch, y):
    begin, end = bounds(share, shares, len(x))
    _enlarge_some(begin, end, x, height, rows, columns, batch, y)


@driver
def _nearest_backward(share, shares, dy, rows, columns, batch, dx):
    begin, end = bounds(share, shares, len(dx))
    _gather_back(begin, end, dy, rows, columns, batch, dx)


@driver
def _bilinear(share, shares, x, rows, columns, batch, y):
    above, below, upward, downward = rows
    lower, upper, near, far = columns
    begin, end = bounds(share, shares, len(x))
    row = np.empty(x.shape[2], x.dtype)
    for c in range(begin, end):
        for i in range(above.size):
            _blend(x[c, above[i]], x[c, below[i]], upward[i], downward[i], row)
            _take_blend(row, lower, upper, near, far, batch, y[c, i])


@driver
def _bilinear_backward(share, shares, dy, rows, columns, batch, dx):
    above, below, upward, downward = rows
    lower, upper, near, far = columns
    begin, end = bounds(share, shares, len(dx))
    row = np.empty(dx.shape[2], dx.dtype)
    for c in range(begin, end):
        for i in range(above.size):
            row[:] = 0
            _give_blend(dy[c, i], lower, upper, near, far, batch, row)
            add_scaled(row, upward[i], dx[c, above[i]])
            add_scaled(row, downward[i], dx[c, below[i]])
