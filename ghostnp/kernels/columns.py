"""Columns: laying out the pixels that each window sees, so that a convolution becomes a matrix product, and back.

`im2col` writes columns, whose row (c, u, v) holds what tap (u, v) reads of channel c, a number for each output pixel:

    columns[(c, u, v), (i, j, n)] = x̄[c, i·s + u·d, j·s + v·d, n]

`col2im` adds the columns' gradients to the pixels that they came from.

With stride s, output pixels are neighbours and the pixels that they read are not. So a row of x is first split into its
s *phases* (phase r holds pixels r, r + s, r + 2s, ...). In those a tap reads neighbours again, and all that is left is
to copy, or to add, one contiguous piece. Where a piece would reach into the padding it is shortened.
"""

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.layout import compact
from ghostnp.kernels.leaves import accumulate, bounds, copy


def lines(buffer):
    """A (C, H, W, N) buffer as (C, H, W·N)."""
    channels, height, width, batch = buffer.shape
    return buffer.reshape(channels, height, width * batch)


def numbers(window):
    """A `Window` as compiled code takes it: twelve numbers. Padding below and to the right is not needed."""
    window = compact(window)
    (top, _), (left, _) = window.padding
    return (*window.input, *window.kernel, *window.stride, *window.dilation, top, left, *window.output)


@leaf
def reach(offset, stride, size, output):
    """Where the pixels j·stride + offset, for output pixels j = 0, 1, ..., lie in the phases of a row of `size` pixels.

    Returns the phase, the shift (output pixel j reads the phase's pixel j + shift), and the first and last + 1 of the
    output pixels that read the row and not its padding.
    """
    shift = offset // stride
    phase = offset - shift * stride
    length = max(0, (size - phase + stride - 1) // stride)
    first = min(output, max(0, -shift))
    return phase, shift, first, max(first, min(output, length - shift))


@leaf
def split(row, batch, phases):
    """Deal the pixels of a row out to phases[0], phases[1], ..., phases[0], ...: a pixel is `batch` numbers."""
    stride = phases.shape[0]
    pixels = row.size // batch
    for r in range(min(stride, pixels)):
        phase = phases[r]
        if batch == 1:
            for j in range((pixels - r + stride - 1) // stride):
                phase[j] = row[j * stride + r]
        else:
            for j in range((pixels - r + stride - 1) // stride):
                p = (j * stride + r) * batch
                source, target = row[p : p + batch], phase[j * batch : (j + 1) * batch]
                for n in range(batch):
                    target[n] = source[n]


@leaf
def merge(phases, batch, row):
    """Add the phases to a row: the transpose of `split`."""
    stride = phases.shape[0]
    pixels = row.size // batch
    for r in range(min(stride, pixels)):
        phase = phases[r]
        if batch == 1:
            for j in range((pixels - r + stride - 1) // stride):
                row[j * stride + r] += phase[j]
        else:
            for j in range((pixels - r + stride - 1) // stride):
                p = (j * stride + r) * batch
                source, target = phase[j * batch : (j + 1) * batch], row[p : p + batch]
                for n in range(batch):
                    target[n] += source[n]


@leaf
def _clear(row):
    for p in range(row.size):
        row[p] = 0


@leaf
def _gather_row(x, i, window, batch, columns, k, p, phases):
    """Write output row i of one channel's taps to columns[k:, p:]."""
    height, width, kh, kw, sh, sw, dh, dw, top, left, _, output = window
    for u in range(kh):
        h = i * sh + u * dh - top
        inside = 0 <= h < height
        if inside and sw > 1:
            split(x[h], batch, phases)
        for v in range(kw):
            row = columns[k + u * kw + v, p : p + output * batch]
            if not inside:
                _clear(row)
                continue
            phase, shift, first, last = reach(v * dw - left, sw, width, output)
            _clear(row[: first * batch])
            source = x[h] if sw == 1 else phases[phase]
            copy(source[(first + shift) * batch : (last + shift) * batch], row[first * batch : last * batch])
            _clear(row[last * batch :])


@leaf
def _scatter_row(columns, k, i0, i1, window, batch, h, dx, phases):
    """Add to row h of one channel's dx what output rows i0 to i1 - 1 read of it."""
    _, width, kh, kw, sh, sw, dh, dw, top, left, _, output = window
    for r in range(sw if sw > 1 else 0):
        _clear(phases[r])
    for u in range(kh):
        distance = h + top - u * dh
        if distance % sh or not i0 <= distance // sh < i1:
            continue
        p = (distance // sh - i0) * output * batch
        for v in range(kw):
            phase, shift, first, last = reach(v * dw - left, sw, width, output)
            target = dx if sw == 1 else phases[phase]
            row = columns[k + u * kw + v, p : p + output * batch]
            accumulate(row[first * batch : last * batch], target[(first + shift) * batch : (last + shift) * batch])
    if sw > 1:
        merge(phases, batch, dx)


@driver
def im2col(x, i0, i1, window, columns):
    """Write the columns (C·kh·kw, (i1 - i0)·W_out·N) of output rows i0 to i1 - 1, for x (C, H, W·N).

    A job is one output row of one channel.
    """
    _, width, kh, kw, _, sw, _, _, _, _, _, output = window
    batch, rows = x.shape[2] // width, i1 - i0
    for share in prange(SHARES):
        phases = np.empty((sw, (width + sw - 1) // sw * batch), x.dtype)
        begin, end = bounds(np.int64(share), x.shape[0] * rows)
        for job in range(begin, end):
            c, i = job // rows, job % rows
            _gather_row(x[c], i0 + i, window, batch, columns, c * kh * kw, i * output * batch, phases)


@driver
def col2im(columns, i0, i1, window, dx):
    """Add the columns of output rows i0 to i1 - 1 back to the pixels of dx (C, H, W·N) that they came from.

    A job is one row of dx: no two threads add to the same number.
    """
    height, width, kh, kw, _, sw, _, _, _, _, _, _ = window
    batch = dx.shape[2] // width
    for share in prange(SHARES):
        phases = np.empty((sw, (width + sw - 1) // sw * batch), dx.dtype)
        begin, end = bounds(np.int64(share), dx.shape[0] * height)
        for job in range(begin, end):
            c, h = job // height, job % height
            _scatter_row(columns, c * kh * kw, i0, i1, window, batch, h, dx[c, h], phases)
