"""Depthwise convolution, forward and backward: every tap is one scaled addition of long contiguous rows.

What a band of output rows sees is dealt out to phases (see `phases`), and there each tap reads one contiguous piece:

    y[k] += w[tap] · phases[offset[tap] + k]

Three taps are added at a time, which saves two out of three passes over y. dx gathers from dy by the very same
additions, and dw takes scalar products of the same pieces.
"""

from functools import lru_cache

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.layout import compact, images, plain, planes, rows
from ghostnp.kernels.leaves import bounds, copy, fill, sum_row
from ghostnp.kernels.phases import layout, row_pitch, visit
from ghostnp.ops.geometry import check_conv2d
from ghostnp.ops.gradients import ConvGrads

# How large the phases of a band should be: they, as many outputs and as many gradients share a second-level cache.
BAND_BYTES = 1 << 16


def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, out=None, relu=False):
    """Twin of `ghostnp.ops.depthwise_conv2d`, for the engine into `out` (a kernel's layout) and rectified."""
    window = check_conv2d(x, weight, bias, groups="channels", stride=stride, padding=padding, dilation=dilation)
    return convolve_depthwise(x, weight, bias, window, out=out, relu=relu)


def depthwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """Twin of `ghostnp.ops.depthwise_conv2d_backward`."""
    window = check_conv2d(x, weight, dy=dy, groups="channels", stride=stride, padding=padding, dilation=dilation)
    return convolve_depthwise_backward(dy, x, weight, window)


def convolve_depthwise(x, weight, bias, window, *, out=None, relu=False):
    """`depthwise_conv2d` for a window that has been checked already."""
    y = np.empty((len(weight), *window.output, len(x)), x.dtype) if out is None else planes(out)
    if y.size:
        numbers, order, offsets, _, _ = _phases(window, len(x), x.itemsize)
        w = plain(rows(weight)[:, order])
        bias = np.zeros(len(weight), x.dtype) if bias is None else plain(bias)
        _forward(rows(planes(x)), w, bias, numbers, offsets, rows(y), relu)
    return images(y) if out is None else out


def convolve_depthwise_backward(dy, x, weight, window):
    """`depthwise_conv2d_backward` for a window that has been checked already."""
    pixels = planes(x)
    dx, dweight, dbias = np.zeros_like(pixels), np.zeros(weight.shape, x.dtype), np.zeros(len(weight), x.dtype)
    if dx.size:
        numbers, order, offsets, starts, sources = _phases(window, len(x), x.itemsize)
        w, dw = plain(rows(weight)[:, order]), np.zeros((len(weight), len(order)), x.dtype)
        _backward(rows(planes(dy)), rows(pixels), w, numbers, offsets, starts, sources, rows(dx), dw, dbias)
        rows(dweight)[:, order] = dw
    return ConvGrads(images(dx), dweight, dbias)


@lru_cache(maxsize=256)
def _phases(window, batch, itemsize):
    sh, sw = compact(window).stride
    return layout(window, batch, max(1, BAND_BYTES // (sh * sw * row_pitch(window, batch) * itemsize)))


@leaf
def _add_1(target, x, a):
    for p in range(target.size):
        target[p] += a * x[p]


@leaf
def _add_3(target, x, y, z, a, b, c):
    for p in range(target.size):
        target[p] += a * x[p] + b * y[p] + c * z[p]


@leaf
def _dot_1(g, x):
    s = g.dtype.type(0)
    for p in range(g.size):
        s += g[p] * x[p]
    return s


@leaf
def _dot_3(g, x, y, z):
    s = t = u = g.dtype.type(0)
    for p in range(g.size):
        a = g[p]
        s += a * x[p]
        t += a * y[p]
        u += a * z[p]
    return s, t, u


@leaf
def _add_taps(target, source, begins, w):
    """target += Σ_t w[t] · source[begins[t]:], over all taps t."""
    n, t = target.size, 0
    while t + 3 <= w.size:
        i, j, k = begins[t], begins[t + 1], begins[t + 2]
        _add_3(target, source[i : i + n], source[j : j + n], source[k : k + n], w[t], w[t + 1], w[t + 2])
        t += 3
    while t < w.size:
        _add_1(target, source[begins[t] : begins[t] + n], w[t])
        t += 1


@leaf
def _dot_taps(g, source, begins, dots):
    """dots[t] = g · source[begins[t]:] for each tap t."""
    n, t = g.size, 0
    while t + 3 <= begins.size:
        i, j, k = begins[t], begins[t + 1], begins[t + 2]
        dots[t], dots[t + 1], dots[t + 2] = _dot_3(g, source[i : i + n], source[j : j + n], source[k : k + n])
        t += 3
    while t < begins.size:
        dots[t] = _dot_1(g, source[begins[t] : begins[t] + n])
        t += 1


@leaf
def _all_finite(row):
    finite = True
    for p in range(row.size):
        finite &= np.isfinite(row[p])
    return finite


@leaf
def _copy_relu(source, target):
    """target = relu(source); a comparison with NaN is false, so NaN stays."""
    for p in range(target.size):
        target[p] = 0 if source[p] < 0 else source[p]


@leaf
def _filter(phases, w, bias, numbers, first, offsets, sums, y, relu):
    """One filter's band of y from row `first` on."""
    _, _, _, _, _, _, rows, width, batch, band, pitch, _, _ = numbers
    rows = min(band, rows - first)
    n = width * batch
    total = sums[: (rows - 1) * pitch + n]
    fill(total, bias)
    _add_taps(total, phases, offsets, w)
    for i in range(rows):
        line, target = total[i * pitch : i * pitch + n], y[(first + i) * n : (first + i + 1) * n]
        if relu:
            _copy_relu(line, target)
        else:
            copy(line, target)


@leaf
def _filter_backward(dy, phases, w, numbers, first, offsets, starts, sources, spaced, dphases, dots, dw):
    """What one filter's band of dy sends back: adds to dphases and dw, and returns its share of the bias gradient.

    `spaced` takes dy with its margin, a phase's pitch from row to row, and zeros in between.
    """
    _, _, _, _, _, _, rows, width, batch, band, pitch, size, margin = numbers
    rows = min(band, rows - first)
    n = width * batch
    for i in range(band):
        line = spaced[margin + i * pitch : margin + i * pitch + n]
        if i < rows:
            copy(dy[(first + i) * n : (first + i + 1) * n], line)
        else:
            fill(line, dy.dtype.type(0))
    for phase in range(starts.size - 1):
        t, end = starts[phase], starts[phase + 1]
        target = dphases[phase * size : (phase + 1) * size]
        if _all_finite(w[t:end]):
            _add_taps(target, spaced, sources[t:end], w[t:end])
        else:
            # An infinite weight would make NaN of the zeros between the rows: go around them.
            for tap in range(t, end):
                for i in range(0, rows * pitch, pitch):
                    begin = margin - sources[tap] + i
                    _add_1(target[begin : begin + n], spaced[margin + i : margin + i + n], w[tap])
    g = spaced[margin : margin + (rows - 1) * pitch + n]
    _dot_taps(g, phases, offsets, dots)
    for t in range(dots.size):
        if not np.isfinite(dots[t]):
            # The zeros between the rows have met an infinity or a NaN that the tap does not read: go around them.
            dots[t] = 0
            for i in range(0, rows * pitch, pitch):
                dots[t] += _dot_1(g[i : i + n], phases[offsets[t] + i : offsets[t] + i + n])
        dw[t] += dots[t]
    return sum_row(g)


@leaf
def _filter_channels(begin, end, x, w, bias, numbers, offsets, phases, sums, y, relu):
    multiplier = len(w) // len(x)
    _, _, _, _, _, _, height, _, _, band, _, _, _ = numbers
    for c in range(begin, end):
        for first in range(0, height, band):
            visit(x[c], numbers, first, phases, np.bool_(False))
            for o in range(c * multiplier, (c + 1) * multiplier):
                _filter(phases, w[o], bias[o], numbers, first, offsets, sums, y[o], relu)


@leaf
def _filter_channels_backward(
    begin, end, dy, x, w, numbers, offsets, starts, sources, phases, dphases, spaced, dots, dx, dw, dbias
):
    multiplier = len(w) // len(x)
    _, _, _, _, _, _, height, _, _, band, _, _, _ = numbers
    for c in range(begin, end):
        for first in range(0, height, band):
            visit(x[c], numbers, first, phases, np.bool_(False))
            fill(dphases, dphases.dtype.type(0))
            for o in range(c * multiplier, (c + 1) * multiplier):
                dbias[o] += _filter_backward(
                    dy[o], phases, w[o], numbers, first, offsets, starts, sources, spaced, dphases, dots, dw[o]
                )
            visit(dx[c], numbers, first, dphases, np.bool_(True))


@driver
def _forward(x, w, bias, numbers, offsets, y, relu):
    """y (C_out, H_out·W_out·N) of x (C_in, H·W·N) and w (C_out, taps): the channels are shared out."""
    _, _, sh, sw, _, _, _, _, _, band, pitch, size, _ = numbers
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), len(x))
        if begin < end:
            phases, sums = np.zeros(sh * sw * size, x.dtype), np.empty(band * pitch, x.dtype)
            _filter_channels(begin, end, x, w, bias, numbers, offsets, phases, sums, y, relu)


@driver
def _backward(dy, x, w, numbers, offsets, starts, sources, dx, dw, dbias):
    """Add to dx, dw and dbias, all zero at first, what dy sends back: the channels are shared out."""
    _, _, sh, sw, _, _, _, _, _, _, _, size, margin = numbers
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), len(x))
        if begin < end:
            phases, dphases = np.zeros(sh * sw * size, x.dtype), np.empty(sh * sw * size, x.dtype)
            spaced, dots = np.zeros(margin + size, x.dtype), np.empty(offsets.size, x.dtype)
            _filter_channels_backward(
                begin, end, dy, x, w, numbers, offsets, starts, sources, phases, dphases, spaced, dots, dx, dw, dbias
            )
