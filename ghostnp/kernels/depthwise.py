"""Depthwise convolution, forward and backward: every tap is one scaled addition of long contiguous rows.

In C, H, W, N memory the maps of one channel lie together. What some output rows (a *band*) see of them is copied, with
its padding, to a scratch that stays in the cache. With strides (s, t) it is dealt out to s·t *phases* on the way:

    phase (p, q), pixel (i, j)  =  x̄[i·s + p, j·t + q]

In its phase each tap (u, v) reads neighbouring pixels for neighbouring outputs, whatever the stride and the dilation.
And as a phase's rows follow each other in memory, it reads *one* contiguous piece for the whole band:

    y[k] += w[tap] · phases[offset[tap] + k]

For that an output row has to be as long as a phase's, so it ends in surplus pixels, and these are never copied to y.
Three taps are added at a time, which saves two out of three passes over y. dx gathers from dy by the very same
additions, and dw takes scalar products of the same pieces.
"""

from functools import lru_cache

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.layout import compact, images, plain, planes, rows
from ghostnp.kernels.leaves import accumulate, bounds, copy, fill, sum_row
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
        numbers, order, offsets, _, _ = _layout(window, len(x), x.itemsize)
        w = plain(rows(weight)[:, order])
        bias = np.zeros(len(weight), x.dtype) if bias is None else plain(bias)
        _forward(rows(planes(x)), w, bias, numbers, offsets, rows(y), relu)
    return images(y) if out is None else out


def convolve_depthwise_backward(dy, x, weight, window):
    """`depthwise_conv2d_backward` for a window that has been checked already."""
    pixels = planes(x)
    dx, dweight, dbias = np.zeros_like(pixels), np.zeros(weight.shape, x.dtype), np.zeros(len(weight), x.dtype)
    if dx.size:
        numbers, order, offsets, starts, sources = _layout(window, len(x), x.itemsize)
        w, dw = plain(rows(weight)[:, order]), np.zeros((len(weight), len(order)), x.dtype)
        _backward(rows(planes(dy)), rows(pixels), w, numbers, offsets, starts, sources, rows(dx), dw, dbias)
        rows(dweight)[:, order] = dw
    return ConvGrads(images(dx), dweight, dbias)


@lru_cache(maxsize=256)
def _layout(window, batch, itemsize):
    """Where everything lies in the scratch of a band; lengths count numbers, not pixels.

    Returns
    -------
    numbers : tuple of int
        What the leaves unpack: the window's sizes, the batch, and band (output rows), pitch (from one row of a phase to
        the next), size (of a phase) and margin (the furthest that a tap is from the first pixel of its phase).
    order : ndarray
        The taps, those of one phase next to each other.
    offsets, starts, sources : ndarray
        For each tap in that order, where it begins in the phases; for each phase, its first tap; for each tap, where it
        begins in a dy that has the margin in front.
    """
    window = compact(window)
    (height, width), (height_out, width_out) = window.input, window.output
    (sh, sw), ((top, _), (left, _)) = window.stride, window.padding
    u, v = (tap * dilation for tap, dilation in zip(np.indices(window.kernel), window.dilation, strict=True))
    pitch = (width_out + v.max().item() // sw) * batch
    further = u.max().item() // sh
    band = min(height_out, max(1, BAND_BYTES // (sh * sw * pitch * itemsize)))
    size = (band + further) * pitch
    margin = size - (band - 1) * pitch - width_out * batch
    phases = (u % sh * sw + v % sw).ravel()
    order = np.argsort(phases, kind="stable")
    phases, shifts = phases[order], (u // sh * pitch + v // sw * batch).ravel()[order]
    starts = np.searchsorted(phases, np.arange(sh * sw + 1))
    numbers = (height, width, sh, sw, top, left, height_out, width_out, batch, band, pitch, size, margin)
    return numbers, order, phases * size + shifts, starts, margin - shifts


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
def _deal(x, p, stride, batch, phase):
    """Copy every `stride`-th pixel of x, from number p on, to the phase."""
    if stride == 1:
        copy(x[p : p + phase.size], phase)
    elif batch == 1:
        for j in range(phase.size):
            phase[j] = x[p + j * stride]
    else:
        for j in range(0, phase.size, batch):
            copy(x[p + j * stride : p + j * stride + batch], phase[j : j + batch])


@leaf
def _return(phase, stride, batch, dx, p):
    """Add the phase to every `stride`-th pixel of dx, from number p on: the transpose of `_deal`."""
    if stride == 1:
        accumulate(phase, dx[p : p + phase.size])
    elif batch == 1:
        for j in range(phase.size):
            dx[p + j * stride] += phase[j]
    else:
        for j in range(0, phase.size, batch):
            accumulate(phase[j : j + batch], dx[p + j * stride : p + j * stride + batch])


@leaf
def _visit(x, numbers, first, phases, back):
    """Deal the rows that a band from output row `first` on reads of a channel out to its phases, or bring them `back`.

    Rows of padding are set to zero. Columns of padding are zero from the beginning, and nothing is ever dealt there.
    """
    height, width, sh, sw, top, left, _, _, batch, _, pitch, size, _ = numbers
    for phase in range(sh * sw):
        lines = phases[phase * size : (phase + 1) * size]
        shift = phase % sw - left  # pixel j of a line is pixel j·sw + shift of its row
        begin = max(0, (sw - 1 - shift) // sw)
        end = max(begin, min(pitch // batch, (width - shift + sw - 1) // sw))
        for line in range(size // pitch):
            h = (first + line) * sh + phase // sw - top
            if 0 <= h < height:
                piece = lines[line * pitch + begin * batch : line * pitch + end * batch]
                p = (h * width + begin * sw + shift) * batch
                if back:
                    _return(piece, sw, batch, x, p)
                else:
                    _deal(x, p, sw, batch, piece)
            elif not back:
                fill(lines[line * pitch : (line + 1) * pitch], phases.dtype.type(0))


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
            _visit(x[c], numbers, first, phases, np.bool_(False))
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
