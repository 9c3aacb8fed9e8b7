"""Depthwise convolution, forward and backward: every tap is one scaled addition of long contiguous rows.

In C, H, W, N memory a tap reads for the numbers of an output row neighbouring numbers of an input row:

    y[i, k] = b + Σ_uv w[u, v] · x̄[i·s + u·d − top, k + (v·d − left)·N]

A few rows are summed at once in vector registers: those of a whole strip, under the 3x3 and 5x5 filters of networks. If
the stride skips columns, so do the pixels of y in such a row. Then each pixel is summed by itself, or those between are
sorted out in registers. With other filters, small pixels are summed with those between them, and copied. A map of
short rows is filtered as one long row, under masks.

Backwards what a band of output rows reads of a channel is dealt out to phases, as `windows` says: by rows alone. There
each tap begins at an offset. dy is spaced out as the rows of a phase are, with zeros in between, and a tap reads one
contiguous run for the whole band. dx takes scaled additions of such runs, up to nine taps at a time, and dw takes
scalar products.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ghostnp.kernels.layout import compact, contiguous, home, images, planes, rows
from ghostnp.kernels.loops import UNLIMITED, add_scaled, dot, fill, sum_row
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, shares_for, zeros
from ghostnp.kernels.runtime.flat import AT_ONCE, filter_map
from ghostnp.kernels.runtime.rows import ROWS, VECTOR, RowTaps, filter_rows
from ghostnp.kernels.runtime.strips import DEALT, SIZES, STEPS, filter_strip
from ghostnp.kernels.taps import add_taps, all_finite, copy_pixels, dot_taps
from ghostnp.kernels.windows import collect, deal, layout
from ghostnp.ops.geometry import EACH_CHANNEL, check_conv2d
from ghostnp.ops.gradients import ConvGrads

# How large the phases of a band should be: they, as many outputs and as many gradients share a second-level cache.
BAND_BYTES = 1 << 16
# How much of x the strips beside each other read: what the first-level cache holds. But since each begins with rows
# that it does not finish, they are to have some rows.
STRIP_BYTES, LEAST_ROWS = 1 << 14, 8
# Up to so many vectors in a row of a map, masks for all of the map cost less than the ends of rows. Windows of several
# rows and columns, which read a row of x once for all of them, are better off with rows of half a vector alone.
SHORT = 4


def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, out=None, limits=UNLIMITED):
    """Twin of `ghostnp.ops.depthwise_conv2d`, for the engine into `out` (a kernel's layout), within `limits`."""
    window = check_conv2d(x, weight, bias, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation)
    return convolve_depthwise(x, weight, bias, window, out=out, limits=limits)


def depthwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """Twin of `ghostnp.ops.depthwise_conv2d_backward`."""
    window = check_conv2d(x, weight, dy=dy, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation)
    return convolve_depthwise_backward(dy, x, weight, window)


def convolve_depthwise(x, weight, bias, window, *, out=None, limits=UNLIMITED):
    """`depthwise_conv2d` for a window that has been checked already."""
    y = home((len(x), len(weight), *window.output), x.dtype, out, x=x, weight=weight, bias=bias)
    if y.size:
        bias = np.zeros(len(weight), x.dtype) if bias is None else contiguous(bias)
        w, shares = contiguous(rows(weight)), shares_for(y.size * weight[0].size)
        sight = (_flat(window, len(x), x.itemsize), *_sight(window, len(x), x.itemsize))
        _forward(shares, rows(planes(x)), w, bias, *sight, rows(y), limits)
    return images(y) if out is None else out


def filter_band(x, w, bias, window, batch, first_line, first, y, limits):
    """Some rows y (C, rows·W_out·N) of filtered maps, from row `first` on, within the limits.

    Of the maps, x (C, lines·W·N) has the rows from `first_line` on, and all of those that are read and are no padding.
    Each has one filter, w (C, taps).
    """
    taps, lines = _sight(window, batch, x.itemsize)
    lines = lines._replace(
        height=y.shape[1] // (lines.pixels * batch), first=lines.first + first * taps.step - first_line
    )
    taps = taps._replace(lines=x.shape[1] // taps.length)
    _forward(shares_for(y.size * w.shape[1]), x, w, bias, _NOT_FLAT, taps, lines, y, limits)


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


class _Rows(NamedTuple):
    """The rows of y, and where they begin to read: all in numbers, but for the height and the first row.

    Parameters
    ----------
    height, pixels, batch : int
        How many rows; how many pixels in each; and how many numbers in a pixel.
    spacing : int
        From what a tap reads for a pixel to what it reads for the next.
    first, begin : int
        Where the first tap reads for the first pixel: in which row of x, and at which number; negative in the padding.
    usual : bool
        Whether it is a window for `filter_strip`.
    dealt : int
        How many numbers make a pixel where that leaves out every other pixel, or 0.
    at_once : int
        How many rows are computed before the rest of these is.
    """

    height: int
    pixels: int
    batch: int
    spacing: int
    first: int
    begin: int
    usual: bool
    dealt: int
    at_once: int


class _Flat(NamedTuple):
    """What `filter_map` wants to know of a window; nothing, where it is not for that."""

    shifts: np.ndarray
    masks: np.ndarray


_NOT_FLAT = _Flat(np.zeros(0, np.int64), np.zeros(0, np.uint16))


@lru_cache(maxsize=256)
def _flat(window, batch, itemsize):
    """How the taps of a window read a map as one row, if they do."""
    window, lanes = compact(window), VECTOR // itemsize
    (height, width), (dilation_rows, dilation_columns) = window.input, window.dilation
    short = SHORT * lanes if min(window.kernel) == 1 else lanes // 2
    if width * batch > short or max(window.kernel) == 1 or window.stride != (1, 1) or window.output != window.input:
        return _NOT_FLAT
    (top, _), (left, _) = window.padding
    u, v = (tap.reshape(-1, 1, 1) for tap in np.indices(window.kernel))
    down, right = u * dilation_rows - top, v * dilation_columns - left
    i, j = np.indices(window.input)
    reads = (i + down >= 0) & (i + down < height) & (j + right >= 0) & (j + right < width)
    reads = np.concatenate([reads, np.ones((1, height, width), bool)]).repeat(batch, axis=2).reshape(u.size + 1, -1)
    reads = np.pad(reads, ((0, 0), (0, -reads.shape[1] % (AT_ONCE * lanes))))
    masks = (reads.reshape(-1, lanes) << np.arange(lanes)).sum(axis=1)
    return _Flat(((down * width + right) * batch).ravel(), masks.astype(np.uint16))


@lru_cache(maxsize=256)
def _sight(window, batch, itemsize):
    """How a window reads, as `RowTaps` and `_Rows`."""
    window = compact(window)
    (height, width), (height_out, width_out) = window.input, window.output
    (kernel_rows, columns), (step, stride), (dilation, shift) = window.kernel, window.stride, window.dilation
    (top, _), (left, _) = window.padding
    taps = RowTaps(height, width * batch, columns, step, dilation, shift * batch)
    usual = kernel_rows == columns and columns in SIZES and step in STEPS and dilation == 1
    is_dealt = usual and step == stride == 2 and shift == 1 and batch in DEALT and batch <= VECTOR // itemsize
    dealt = batch if is_dealt else 0
    at_once = max(LEAST_ROWS, STRIP_BYTES // (step * width * batch * itemsize)) if usual else ROWS
    return taps, _Rows(height_out, width_out, batch, stride * batch, -top, -left * batch, usual, dealt, at_once)


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
def _filter_runs(x, w, bias, taps, rows, zeros, y, limits):
    """One filter's map y (H_out·W_out·N) of a channel x (H·W·N): each run of its numbers that reads such a run."""
    n, lanes = rows.pixels * rows.batch, VECTOR // x.itemsize
    run = n if rows.dealt > 0 or rows.spacing == rows.batch else rows.batch
    for i in range(0, rows.height, rows.at_once):
        row, height = rows.first + i * taps.step, min(rows.at_once, rows.height - i)
        for p in range(0, n, run):
            for j in range(0, run, lanes):
                q, count, source = p + j, run - j, p // rows.batch * rows.spacing + (2 * j if rows.dealt > 0 else j)
                if rows.usual:
                    filter_strip(
                        w,
                        taps,
                        rows.dealt,
                        x,
                        zeros,
                        row,
                        rows.begin + source,
                        bias,
                        y,
                        i * n + q,
                        n,
                        height,
                        count,
                        limits,
                    )
                else:
                    filter_rows(
                        w, taps, x, zeros, row, rows.begin + source, bias, y, i * n + q, n, height, count, limits
                    )


@leaf
def _filter_all(x, w, bias, taps, rows, zeros, sums, y, limits):
    """One filter's map y of a channel x, out of one that has the pixels between those of y too."""
    n, lanes, length = rows.pixels * rows.batch, VECTOR // x.itemsize, (rows.pixels - 1) * rows.spacing + rows.batch
    for i in range(0, rows.height, ROWS):
        row, height = rows.first + i * taps.step, min(ROWS, rows.height - i)
        for j in range(0, length, lanes):
            filter_rows(w, taps, x, zeros, row, rows.begin + j, bias, sums, j, length, height, length - j, limits)
        for r in range(height):
            target = y[(i + r) * n : (i + r + 1) * n]
            copy_pixels(sums[r * length :], rows.spacing, target, rows.batch, rows.pixels, rows.batch)


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
def _filter_channels(begin, end, x, w, bias, flat, taps, rows, zeros, sums, y, limits):
    """Channels `begin` to `end` - 1 of x, each with all of its filters."""
    multiplier, in_runs = len(w) // len(x), sums.size == 0
    for o in range(begin * multiplier, end * multiplier):
        if flat.shifts.size > 0:
            filter_map(w[o], flat.shifts, flat.masks, x[o // multiplier], bias[o], y[o], limits)
        elif in_runs:
            _filter_runs(x[o // multiplier], w[o], bias[o], taps, rows, zeros, y[o], limits)
        else:
            _filter_all(x[o // multiplier], w[o], bias[o], taps, rows, zeros, sums, y[o], limits)


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
def _forward(share, shares, x, w, bias, flat, taps, rows, y, limits):
    """y (C_out, H_out·W_out·N), within the limits, of x (C_in, H·W·N) and w (C_out, taps): channels are shared out."""
    begin, end = bounds(share, shares, len(x))
    if begin < end:
        in_runs = rows.usual or rows.spacing == rows.batch or 2 * rows.batch >= VECTOR // x.itemsize
        zeros = np.zeros(taps.length, x.dtype)
        sums = np.empty(0 if in_runs else ROWS * rows.pixels * rows.spacing, x.dtype)
        _filter_channels(begin, end, x, w, bias, flat, taps, rows, zeros, sums, y, limits)


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
