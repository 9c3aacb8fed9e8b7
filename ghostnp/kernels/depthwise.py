"""Depthwise convolution, forward and backward: every tap is one scaled addition of long contiguous rows.

What a band of output rows reads of a channel is dealt out to phases, as `windows` says: by rows alone. There each tap
begins at an offset, and the numbers that follow are those that it multiplies for the numbers of an output row:

    row[k] = b + Σ_tap w[tap] · phases[offset[tap] + i · pitch + k]

A few rows are summed at once in vector registers. If the stride skips columns, so do the pixels of y in such a row, and
they are copied from it. To deal out the columns as well would take more time than the sums that it saves.

Backwards dy is spaced out as the rows of a phase are, with zeros in between, and a tap reads one contiguous run for the
whole band. dx takes scaled additions of such runs, up to nine taps at a time, and dw takes scalar products.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ghostnp.kernels.layout import contiguous, images, planes, rows
from ghostnp.kernels.loops import add_scaled, dot, fill, sum_row
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, shares_for, zeros
from ghostnp.kernels.runtime.rows import ROWS, VECTOR, filter_rows
from ghostnp.kernels.taps import add_taps, all_finite, copy_pixels, dot_taps
from ghostnp.kernels.windows import collect, deal, layout
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
    y = empty((len(weight), *window.output, len(x)), x.dtype) if out is None else planes(out)
    if y.size:
        band, taps, _ = _layout(window, len(x), x.itemsize)
        bias = np.zeros(len(weight), x.dtype) if bias is None else contiguous(bias)
        w, shares = contiguous(rows(weight)), shares_for(y.size * taps.order.size)
        _forward(shares, rows(planes(x)), w, bias, band, taps.offsets, rows(y), relu)
    return images(y) if out is None else out


def convolve_depthwise_backward(dy, x, weight, window):
    """`depthwise_conv2d_backward` for a window that has been checked already."""
    pixels = planes(x)
    dx, dweight, dbias = (zeros(shape, x.dtype) for shape in (pixels.shape, weight.shape, weight.shape[:1]))
    if dx.size:
        band, taps, sources = _layout(window, len(x), x.itemsize)
        w, gradients = _ordered(contiguous(rows(weight)), taps.order), ConvGrads(rows(dx), rows(dweight), dbias)
        shares = shares_for(dy.size * taps.order.size)
        _backward(shares, rows(planes(dy)), rows(pixels), w, band, taps, sources, gradients)
    return ConvGrads(images(dx), dweight, dbias)


def _ordered(w, order):
    """The columns of w in another order."""
    target = empty(w.shape, w.dtype)
    _order_columns(shares_for(w.size), w, order, target)
    return target


class _Scratch(NamedTuple):
    """What the backward pass of a band needs besides its results, as flat arrays.

    Parameters
    ----------
    phases, dphases : ndarray
        What the taps read, and its gradient.
    spaced : ndarray
        dy as it lies in a phase: zeros as far as the band reaches, then its pixels, with zeros between and after them.
    dots : ndarray of float64
        A number for each tap.
    totals : ndarray of float64
        Of a channel: a row for each of its filters, with a number for each tap, and one for the bias.
    """

    phases: np.ndarray
    dphases: np.ndarray
    spaced: np.ndarray
    dots: np.ndarray
    totals: np.ndarray


@lru_cache(maxsize=256)
def _layout(window, batch, itemsize):
    """The `layout` of bands of the size that fits the cache; and where each tap, in the order of phases, reads dy.

    The further on in its phase a tap reads x, the further in front it reads the dy that is spaced out.
    """
    row, _ = layout(window, batch, 1, deal_columns=False)
    count = max(1, BAND_BYTES // (row.phases * row.pitch * itemsize))
    band, taps = layout(window, batch, count, deal_columns=False)
    return band, taps, band.reach - taps.shifts


@leaf
def _row_length(band):
    """How many numbers an output row has as it lies in a phase: from its first pixel to the end of its last."""
    return (band.width_out - 1) * band.spacing + band.batch


@leaf
def _filter(phases, w, bias, band, offsets, first, sums, y, relu):
    """One filter's band of y from row `first` on; with other pixels between those of y, it takes them from `sums`."""
    n, width, end = band.width_out * band.batch, _row_length(band), min(band.height_out, first + band.rows)
    apart = band.spacing > band.batch
    for i in range(first, end, ROWS):
        begin, rows = (i - first) * band.pitch, min(ROWS, end - i)
        home = sums if apart else y[i * n : (i + rows) * n]
        for j in range(0, width, VECTOR // y.itemsize):
            filter_rows(w, offsets, phases, begin + j, band.pitch, bias, home, j, width, rows, width - j, relu)
        if apart:
            for r in range(rows):
                row, target = sums[r * width : (r + 1) * width], y[(i + r) * n : (i + r + 1) * n]
                copy_pixels(row, band.spacing, target, band.batch, band.width_out, band.batch)


@leaf
def _space_out(dy, band, first, spaced):
    """Write a band of dy, from row `first` on, to where its pixels lie in a phase, and zeros after them."""
    rows, n = min(band.rows, band.height_out - first), band.width_out * band.batch
    fill(spaced[band.reach + (rows - 1) * band.pitch + _row_length(band) :], dy.dtype.type(0))
    for i in range(rows):
        row, target = dy[(first + i) * n :], spaced[band.reach + i * band.pitch :]
        copy_pixels(row, band.batch, target, band.spacing, band.width_out, band.batch)


@leaf
def _add_pixels(g, w, band, target):
    """target += w · g, pixel by pixel, without the numbers between them."""
    for i in range(0, g.size, band.pitch):
        for p in range(i, i + band.width_out * band.spacing, band.spacing):
            add_scaled(g[p : p + band.batch], w, target[p : p + band.batch])


@leaf
def _dot_pixels(g, x, band):
    """g · x, pixel by pixel, without the numbers between them."""
    total = 0.0
    for i in range(0, g.size, band.pitch):
        for p in range(i, i + band.width_out * band.spacing, band.spacing):
            total += dot(g[p : p + band.batch], x[p : p + band.batch])
    return total


@leaf
def _filter_backward(dy, w, band, taps, sources, first, scratch, totals):
    """Add to the phases' gradient, and to the totals of weights and bias, what one filter's band of dy gives."""
    _space_out(dy, band, first, scratch.spaced)
    rows = min(band.rows, band.height_out - first)
    g = scratch.spaced[band.reach :][: (rows - 1) * band.pitch + _row_length(band)]
    for phase in range(band.phases):
        begin, end = taps.starts[phase], taps.starts[phase + 1]
        target = scratch.dphases[phase * band.size : (phase + 1) * band.size]
        if all_finite(w[begin:end]):
            add_taps(target, scratch.spaced, sources[begin:end], w[begin:end])
        else:  # infinity times the zeros between the pixels would be NaN
            for t in range(begin, end):
                _add_pixels(g, w[t], band, target[taps.shifts[t] :])
    dot_taps(g, scratch.phases, taps.offsets, scratch.dots)
    for t in range(taps.offsets.size):
        if np.isfinite(scratch.dots[t]):
            totals[t] += scratch.dots[t]
        else:  # perhaps an infinity or a NaN of x, which this tap does not read, times a zero between the pixels
            totals[t] += _dot_pixels(g, scratch.phases[taps.offsets[t] :], band)
    totals[taps.offsets.size] += sum_row(g)


# The loops over channels are leaves too: in a driver each row taken would be counted as a reference, by all threads at
# once.


@leaf
def _filter_channels(begin, end, x, w, bias, band, offsets, phases, sums, y, relu):
    """Channels `begin` to `end` - 1 of x, each with all of its filters."""
    multiplier = len(w) // len(x)
    for c in range(begin, end):
        for first in range(0, band.height_out, band.rows):
            deal(x[c], band, first, phases)
            for o in range(c * multiplier, (c + 1) * multiplier):
                _filter(phases, w[o], bias[o], band, offsets, first, sums, y[o], relu)


@leaf
def _filter_channels_backward(begin, end, dy, x, w, band, taps, sources, scratch, gradients):
    """Channels `begin` to `end` - 1 of x, each with all of its filters."""
    multiplier, count = len(w) // len(x), taps.offsets.size
    for c in range(begin, end):
        filters = c * multiplier
        for m in range(multiplier):
            fill(scratch.totals[m], np.float64(0))
        for first in range(0, band.height_out, band.rows):
            deal(x[c], band, first, scratch.phases)
            fill(scratch.dphases, x.dtype.type(0))
            for m in range(multiplier):
                o = filters + m
                _filter_backward(dy[o], w[o], band, taps, sources, first, scratch, scratch.totals[m])
            collect(scratch.dphases, band, first, gradients.x[c])
        for m in range(multiplier):
            for t in range(count):
                gradients.weight[filters + m, t] = scratch.totals[m, t]
            gradients.bias[filters + m] = scratch.totals[m, count]


@driver
def _order_columns(share, shares, w, order, target):
    begin, end = bounds(share, shares, len(w))
    for o in range(begin, end):
        for t in range(order.size):
            target[o, t] = w[o, order[t]]


@driver
def _forward(share, shares, x, w, bias, band, offsets, y, relu):
    """y (C_out, H_out·W_out·N) of x (C_in, H·W·N) and w (C_out, taps): the channels are shared out."""
    begin, end = bounds(share, shares, len(x))
    if begin < end:
        # Whole vectors are read, so the last one of a row may go beyond the phases.
        phases = np.zeros(band.phases * band.size + VECTOR // x.itemsize, x.dtype)
        sums = np.empty(ROWS * band.pitch, x.dtype)
        _filter_channels(begin, end, x, w, bias, band, offsets, phases, sums, y, relu)


@driver
def _backward(share, shares, dy, x, w, band, taps, sources, gradients):
    """Add to dx, zero at first, what dy gives, and write the other gradients: the channels are shared out.

    The weights w are in the order of their taps' phases, those of the gradient in their own.
    """
    begin, end = bounds(share, shares, len(x))
    if begin < end:
        phases, dphases = np.zeros(band.phases * band.size, x.dtype), np.empty(band.phases * band.size, x.dtype)
        spaced, dots = np.zeros(band.reach + band.size, x.dtype), np.empty(taps.order.size)
        totals = np.empty((len(w) // len(x), taps.order.size + 1))
        scratch = _Scratch(phases, dphases, spaced, dots, totals)
        _filter_channels_backward(begin, end, dy, x, w, band, taps, sources, scratch, gradients)
