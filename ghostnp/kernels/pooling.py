"""Pooling, forward and backward, fast.

As in a depthwise convolution (see there), a tap of the window reads one contiguous piece of an input row, or of one of
its phases where the stride is above 1, and meets one piece of an output row. Padding is what the piece leaves out. So
each tap is one loop: keep the larger, add, or give back.
"""

from functools import lru_cache

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.join import spread_pixels, sum_pixels
from ghostnp.kernels.layout import compact, images, planes
from ghostnp.kernels.leaves import accumulate, bounds, copy, fill
from ghostnp.kernels.phases import merge, split
from ghostnp.ops.checks import check_argmax, check_gradient, check_maps, flag
from ghostnp.ops.pooling import pixel_count, pool_window


def max_pool2d(x, kernel_size, *, stride=None, padding=0, out=None):
    """Twin of `ghostnp.ops.max_pool2d`."""
    check_maps(x=x)
    window = pool_window(x.shape, kernel_size, stride, padding)
    y = np.empty((x.shape[1], *window.output, len(x)), x.dtype) if out is None else planes(out)
    y.fill(-np.inf)
    argmax = np.full(y.shape, -1)
    if y.size:
        _max(_lines(planes(x)), *_geometry(window), _lines(y), _lines(argmax))
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
        _max_backward(planes(dy), planes(argmax), window.kernel[1], window.stride, (top, left), dx)
    return images(dx)


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, count_include_pad=True, out=None):
    """Twin of `ghostnp.ops.avg_pool2d`."""
    check_maps(x=x)
    window = pool_window(x.shape, kernel_size, stride, padding)
    y = np.empty((x.shape[1], *window.output, len(x)), x.dtype) if out is None else planes(out)
    y.fill(0)
    counts = _counts(window, flag("count_include_pad", count_include_pad), len(x), x.dtype)
    if y.size:
        _average(_lines(planes(x)), counts, *_geometry(window), _lines(y))
    return images(y)


def avg_pool2d_backward(dy, x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Twin of `ghostnp.ops.avg_pool2d_backward`."""
    check_maps(x=x)
    window = pool_window(x.shape, kernel_size, stride, padding)
    check_gradient(dy, (*x.shape[:2], *window.output), x)
    dx = np.zeros((*x.shape[1:], len(x)), x.dtype)
    counts = _counts(window, flag("count_include_pad", count_include_pad), len(x), x.dtype)
    if dx.size:
        _average_backward(_lines(planes(dy)), counts, *_geometry(window), _lines(dx))
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


@lru_cache
def _geometry(window):
    """A `Window` as compiled code takes it: numbers for the rows, and the piece of a row that each column tap v reads.

    The piece is (phase, shift, first, last + 1): output pixel j reads pixel j + shift of that phase, from the first
    output pixel that has one there, and no padding, to the last.
    """
    window = compact(window)
    (height, width), (rows, columns), ((top, _), (left, _)) = window.input, window.output, window.padding
    stride = window.stride[1]
    shift, phase = np.divmod(np.arange(window.kernel[1]) - left, stride)
    first = np.clip(-shift, 0, columns)
    last = np.clip((width - phase + stride - 1) // stride - shift, first, columns)
    pieces = np.stack([phase, shift, first, last], axis=1)
    return (height, width, *window.kernel, *window.stride, top, rows), pieces


@lru_cache(maxsize=8)  # these are as large as a map
def _counts(window, include_pad, batch, dtype):
    """How many pixels each window averages over, as H_out rows of W_out·N numbers."""
    return np.repeat(pixel_count(window, include_pad)[0, 0].astype(dtype), batch, axis=1)


@leaf
def _keep_larger(x, number, y, argmax):
    for p in range(y.size):
        first_nan = (x[p] != x[p]) & (y[p] == y[p])
        better = (x[p] > y[p]) | first_nan | (argmax[p] < 0)
        y[p] = x[p] if better else y[p]
        argmax[p] = number if better else argmax[p]


@leaf
def _give_to_largest(dy, argmax, kw, stride, before, dx):
    """One channel: each number of dy goes to the pixel that its tap read, unless that is padding."""
    for i in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            for n in range(dy.shape[2]):
                tap = np.int32(argmax[i, j, n])
                h, w = i * stride[0] - before[0] + tap // kw, j * stride[1] - before[1] + tap % kw
                if 0 <= h < dx.shape[0] and 0 <= w < dx.shape[1]:
                    dx[h, w, n] += dy[i, j, n]


@leaf
def _divide(row, divisor):
    for p in range(row.size):
        row[p] /= divisor[p]


@leaf
def _merge_channel(phases, batch, dx):
    for h in range(dx.shape[0]):
        merge(phases[h], batch, dx[h])


@leaf
def _split_channel(x, batch, phases):
    for h in range(x.shape[0]):
        split(x[h], batch, phases[h])


@leaf
def _max_channel(phases, geometry, pieces, batch, y, argmax):
    height, _, kh, kw, sh, _, top, rows = geometry
    for i in range(rows):
        for u in range(max(0, top - i * sh), min(kh, height + top - i * sh)):
            for v in range(kw):
                phase, shift, first, last = pieces[v, 0], pieces[v, 1], pieces[v, 2], pieces[v, 3]
                source = phases[i * sh + u - top, phase, (first + shift) * batch : (last + shift) * batch]
                begin, end = first * batch, last * batch
                _keep_larger(source, u * kw + v, y[i, begin:end], argmax[i, begin:end])


@leaf
def _average_channel(phases, counts, geometry, pieces, batch, y):
    height, _, kh, kw, sh, _, top, rows = geometry
    for i in range(rows):
        for u in range(max(0, top - i * sh), min(kh, height + top - i * sh)):
            for v in range(kw):
                phase, shift, first, last = pieces[v, 0], pieces[v, 1], pieces[v, 2], pieces[v, 3]
                source = phases[i * sh + u - top, phase, (first + shift) * batch : (last + shift) * batch]
                accumulate(source, y[i, first * batch : last * batch])
        _divide(y[i], counts[i])


@leaf
def _average_channel_backward(dy, counts, geometry, pieces, batch, each, phases):
    height, _, kh, kw, sh, _, top, rows = geometry
    for i in range(rows):
        copy(dy[i], each)
        _divide(each, counts[i])
        for u in range(max(0, top - i * sh), min(kh, height + top - i * sh)):
            for v in range(kw):
                phase, shift, first, last = pieces[v, 0], pieces[v, 1], pieces[v, 2], pieces[v, 3]
                target = phases[i * sh + u - top, phase, (first + shift) * batch : (last + shift) * batch]
                accumulate(each[first * batch : last * batch], target)


@driver
def _max(x, geometry, pieces, y, argmax):
    height, width, stride = geometry[0], geometry[1], geometry[5]
    batch = x.shape[2] // width
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.shape[0])
        scratch = np.empty((height, stride, (width + stride - 1) // stride * batch), x.dtype)
        for c in range(begin, end):
            phases = x[c].reshape(height, 1, x.shape[2])
            if stride > 1:
                phases = scratch
                _split_channel(x[c], batch, phases)
            _max_channel(phases, geometry, pieces, batch, y[c], argmax[c])


@driver
def _max_backward(dy, argmax, kw, stride, before, dx):
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), len(dx))
        for c in range(begin, end):
            _give_to_largest(dy[c], argmax[c], kw, stride, before, dx[c])


@driver
def _average(x, counts, geometry, pieces, y):
    height, width, stride = geometry[0], geometry[1], geometry[5]
    batch = x.shape[2] // width
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.shape[0])
        scratch = np.empty((height, stride, (width + stride - 1) // stride * batch), x.dtype)
        for c in range(begin, end):
            phases = x[c].reshape(height, 1, x.shape[2])
            if stride > 1:
                phases = scratch
                _split_channel(x[c], batch, phases)
            _average_channel(phases, counts, geometry, pieces, batch, y[c])


@driver
def _average_backward(dy, counts, geometry, pieces, dx):
    height, width, stride = geometry[0], geometry[1], geometry[5]
    batch = dx.shape[2] // width
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), dx.shape[0])
        scratch = np.empty((height, stride, (width + stride - 1) // stride * batch), dx.dtype)
        each = np.empty(dy.shape[2], dx.dtype)
        for c in range(begin, end):
            phases = dx[c].reshape(height, 1, dx.shape[2])
            if stride > 1:
                phases = scratch
                fill(phases.reshape(phases.size), dx.dtype.type(0))
            _average_channel_backward(dy[c], counts, geometry, pieces, batch, each, phases)
            if stride > 1:
                _merge_channel(phases, batch, dx[c])
