"""Depthwise convolution, forward and backward: every tap is one scaled addition of long contiguous rows.

In C, H, W, N memory the maps of one channel lie together. What some output rows (a *band*) see of them is copied, with
its padding, to a scratch that stays in the cache. With s rows from one window to the next, it is dealt out to s
*phases* on the way:

    phase p, row i  =  row i·s + p of x̄

In its phase each tap (u, v) reads neighbouring rows for neighbouring outputs, whatever the stride and the dilation.
And as a phase's rows follow each other in memory, it reads *one* contiguous piece for the whole band:

    sums[k] += w[tap] · phases[offset[tap] + k]

So there are sums in between and at the ends of rows that are nobody's output, and these are never copied to y: with t
columns from one window to the next, every t-th pixel is. To sort columns out beforehand would take more time than the
additions that it saves. Up to nine taps are added at a time, which saves most passes over the sums.

dx gathers from a dy that is spaced likewise, by the very same additions, and dw takes scalar products of the same
pieces.
"""

from functools import lru_cache

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.layout import compact, images, plain, planes, rows
from ghostnp.kernels.leaves import accumulate, bounds, copy, fill, sum_row
from ghostnp.kernels.taps import add_1, add_taps, all_finite, copy_pixels, dot_1, dot_taps, rectify
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
        numbers, offsets, *_ = _layout(window, len(x), x.itemsize)
        bias = np.zeros(len(weight), x.dtype) if bias is None else plain(bias)
        _forward(rows(planes(x)), plain(rows(weight)), bias, numbers, offsets, rows(y), relu)
    return images(y) if out is None else out


def convolve_depthwise_backward(dy, x, weight, window):
    """`depthwise_conv2d_backward` for a window that has been checked already."""
    pixels = planes(x)
    dx, dweight, dbias = np.zeros_like(pixels), np.zeros(weight.shape, x.dtype), np.zeros(len(weight), x.dtype)
    if dx.size:
        numbers, offsets, order, starts, sources = _layout(window, len(x), x.itemsize)
        w = plain(rows(weight)[:, order])
        _backward(rows(planes(dy)), rows(pixels), w, numbers, offsets, starts, sources, rows(dx), rows(dweight), dbias)
    return ConvGrads(images(dx), dweight, dbias)


@lru_cache(maxsize=256)
def _layout(window, batch, itemsize):
    """Where everything lies in the scratch of a band; lengths count numbers, not pixels.

    Returns
    -------
    numbers : tuple of int
        What the leaves unpack: the window's sizes, the batch, and band (output rows), pitch (from one row of a phase to
        the next), size (of a phase) and margin (the furthest that a tap is from the first pixel of its phase).
    offsets : ndarray
        For each tap, where it begins in the phases.
    order, starts, sources : ndarray
        The taps, those of one phase next to each other; for each phase, the first of them; for each of them, where it
        begins in a dy that has the margin in front.
    """
    window = compact(window)
    (height, width), (height_out, width_out) = window.input, window.output
    (sh, sw), ((top, _), (left, _)) = window.stride, window.padding
    u, v = (tap * dilation for tap, dilation in zip(np.indices(window.kernel), window.dilation, strict=True))
    wide = (width_out - 1) * sw + 1
    pitch = (wide + v.max().item()) * batch
    further = u.max().item() // sh
    band = min(height_out, max(1, BAND_BYTES // (sh * pitch * itemsize)))
    size = (band + further) * pitch
    margin = size - (band - 1) * pitch - wide * batch
    phases, shifts = (u % sh).ravel(), (u // sh * pitch + v * batch).ravel()
    order = np.argsort(phases, kind="stable")
    starts = np.searchsorted(phases[order], np.arange(sh + 1))
    numbers = (height, width, sh, sw, top, left, height_out, width_out, batch, band, pitch, size, margin)
    return numbers, phases * size + shifts, order, starts, margin - shifts[order]


@leaf
def _visit(x, numbers, first, phases, back):
    """Deal the rows that a band from output row `first` on reads of a channel out to its phases, or bring them `back`.

    Rows of padding are set to zero. Columns of padding are zero from the beginning, and nothing is ever copied there.
    """
    height, width, sh, _, top, left, _, _, batch, _, pitch, size, _ = numbers
    begin = min(left * batch, pitch)
    n = min(width * batch, pitch - begin)
    for phase in range(sh):
        for line in range(size // pitch):
            h = (first + line) * sh + phase - top
            at = phase * size + line * pitch
            if 0 <= h < height:
                row, piece = x[h * width * batch : h * width * batch + n], phases[at + begin : at + begin + n]
                if back:
                    accumulate(piece, row)
                else:
                    copy(row, piece)
            elif not back:
                fill(phases[at : at + pitch], phases.dtype.type(0))


@leaf
def _filter(phases, w, bias, numbers, first, offsets, sums, y, relu):
    """One filter's band of y from row `first` on."""
    _, _, _, sw, _, _, height, width, batch, band, pitch, size, margin = numbers
    rows = min(band, height - first)
    total = sums[: size - margin - (band - rows) * pitch]
    fill(total, bias)
    add_taps(total, phases, offsets, w)
    n = width * batch
    for i in range(first, first + rows):
        copy_pixels(total[(i - first) * pitch :], sw * batch, y[i * n : (i + 1) * n], batch, width, batch)
    if relu:
        rectify(y[first * n : (first + rows) * n])


@leaf
def _filter_backward(dy, phases, w, numbers, first, offsets, starts, sources, spaced, dphases, dots, dw):
    """What one filter's band of dy sends back: adds to dphases and dw, and returns its share of the bias gradient.

    `spaced` takes dy with its margin, a phase's pitch from row to row, and zeros in between.
    """
    _, _, _, sw, _, _, height, width, batch, band, pitch, size, margin = numbers
    rows = min(band, height - first)
    n = width * batch
    g = spaced[margin : margin + size - margin - (band - rows) * pitch]
    fill(spaced[margin + g.size :], dy.dtype.type(0))
    for i in range(rows):
        copy_pixels(dy[(first + i) * n :], batch, g[i * pitch :], sw * batch, width, batch)
    for phase in range(starts.size - 1):
        t, end = starts[phase], starts[phase + 1]
        target = dphases[phase * size : (phase + 1) * size]
        if all_finite(w[t:end]):
            add_taps(target, spaced, sources[t:end], w[t:end])
        else:
            # An infinite weight would make NaN of the zeros between the pixels: go around them.
            for tap in range(t, end):
                for i in range(0, rows * pitch, pitch):
                    for p in range(i, i + width * sw * batch, sw * batch):
                        add_1(target[margin - sources[tap] + p :][:batch], g[p : p + batch], w[tap])
    dot_taps(g, phases, offsets, dots)
    for t in range(dots.size):
        if not np.isfinite(dots[t]):
            # The zeros between the pixels have met an infinity or a NaN that the tap does not read: go around them.
            dots[t] = 0
            for i in range(0, rows * pitch, pitch):
                for p in range(i, i + width * sw * batch, sw * batch):
                    dots[t] += dot_1(g[p : p + batch], phases[offsets[t] + p :][:batch])
        dw[t] += dots[t]
    return sum_row(g)


@leaf
def _filter_channels(begin, end, x, w, bias, numbers, offsets, phases, sums, y, relu):
    """Channels `begin` to `end`; a leaf, for in a driver each row taken would be counted, by all threads at once."""
    multiplier = len(w) // len(x)
    _, _, _, _, _, _, height, _, _, band, _, _, _ = numbers
    for c in range(begin, end):
        for first in range(0, height, band):
            _visit(x[c], numbers, first, phases, np.bool_(False))
            for o in range(c * multiplier, (c + 1) * multiplier):
                _filter(phases, w[o], bias[o], numbers, first, offsets, sums, y[o], relu)


@leaf
def _filter_channels_backward(
    begin, end, dy, x, w, numbers, offsets, starts, sources, phases, dphases, spaced, dots, dx, dw, dbias
):
    """What `_filter_channels` is forwards."""
    multiplier = len(w) // len(x)
    _, _, _, _, _, _, height, _, _, band, _, _, _ = numbers
    for c in range(begin, end):
        for first in range(0, height, band):
            _visit(x[c], numbers, first, phases, np.bool_(False))
            fill(dphases, dphases.dtype.type(0))
            for o in range(c * multiplier, (c + 1) * multiplier):
                dbias[o] += _filter_backward(
                    dy[o], phases, w[o], numbers, first, offsets, starts, sources, spaced, dphases, dots, dw[o]
                )
            _visit(dx[c], numbers, first, dphases, np.bool_(True))


@driver
def _forward(x, w, bias, numbers, offsets, y, relu):
    """y (C_out, H_out·W_out·N) of x (C_in, H·W·N) and w (C_out, taps): the channels are shared out."""
    _, _, sh, _, _, _, _, _, _, band, pitch, size, _ = numbers
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), len(x))
        if begin < end:
            phases, sums = np.zeros(sh * size, x.dtype), np.empty(band * pitch, x.dtype)
            _filter_channels(begin, end, x, w, bias, numbers, offsets, phases, sums, y, relu)


@driver
def _backward(dy, x, w, numbers, offsets, starts, sources, dx, dw, dbias):
    """Add to dx, dw and dbias, all zero at first, what dy sends back: the channels are shared out."""
    _, _, sh, _, _, _, _, _, _, _, _, size, margin = numbers
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), len(x))
        if begin < end:
            phases, dphases = np.zeros(sh * size, x.dtype), np.empty(sh * size, x.dtype)
            spaced, dots = np.zeros(margin + size, x.dtype), np.empty(offsets.size, x.dtype)
            _filter_channels_backward(
                begin, end, dy, x, w, numbers, offsets, starts, sources, phases, dphases, spaced, dots, dx, dw, dbias
            )
