"""Columns: what each window sees, so that a convolution becomes a matrix product, and back.

The columns of an image have a row (c, u, v) for each tap of a channel, with a number for each output pixel:

    columns[(c, u, v), (i, j, n)] = x̄[c, i·s + u·d, j·s + v·d, n]

They repeat each pixel up to kh·kw times, so they are never written out. `spread` deals x out to its phases, and there
row (c, u, v) is what lies from begins[(c, u, v)] on: one output row after the other, with gaps in between. The matrix
products take their rows from there, a tile at a time.

The gradients of the columns are a matrix like any other, and `col2im` adds them to the pixels that they came from.
"""

from functools import lru_cache

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.leaves import accumulate, bounds, fill
from ghostnp.kernels.matmul import Columns
from ghostnp.kernels.phases import layout, visit_phase


def columns(pixels, window, groups):
    """What the windows see of `pixels` (C, H, W, N), as the products of `matmul` take it."""
    channels, _, _, batch = pixels.shape
    numbers, begins, lines = _columns_layout(window, channels // groups, batch)
    phases = np.empty((channels, *numbers[2:4], numbers[-1]), pixels.dtype)
    spread(pixels.reshape(channels, -1), numbers, phases.reshape(channels, numbers[2] * numbers[3], numbers[-1]))
    return Columns(phases.reshape(groups, -1), begins, *lines)


@lru_cache(maxsize=256)
def _columns_layout(window, channels, batch):
    height, width = window.output
    numbers, order, offsets, _ = layout(window, batch, height)
    _, _, sh, sw, _, _, _, _, _, pitch, size = numbers
    begins = np.empty((channels, order.size), np.int64)
    begins[:, order] = offsets + np.arange(channels)[:, None] * (sh * sw * size)
    return numbers, begins.ravel(), (height * width * batch, width * batch, pitch)


@leaf
def _spread_jobs(begin, end, x, numbers, phases):
    count = phases.shape[1]
    for job in range(begin, end):
        c, phase = job // count, job % count
        fill(phases[c, phase], phases.dtype.type(0))
        visit_phase(x[c], numbers, np.int64(0), phase, phases[c, phase], np.bool_(False))


@driver
def spread(x, numbers, phases):
    """Deal x (C, H·W·N) out to phases (C, s·t, size): a job is one phase of one channel."""
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), phases.shape[0] * phases.shape[1])
        _spread_jobs(begin, end, x, numbers, phases)


@leaf
def _collect_jobs(begin, end, columns, first, numbers, order, offsets, starts, lines, dx):
    _, _, _, _, _, _, _, width, batch, pitch, size = numbers
    n = width * batch
    count = starts.size - 1
    for job in range(begin, end):
        c, phase = job // count, job % count
        fill(lines, lines.dtype.type(0))
        for t in range(starts[phase], starts[phase + 1]):
            row, p = columns[c * order.size + order[t]], offsets[t] - phase * size
            for i in range(row.size // n):
                accumulate(row[i * n : (i + 1) * n], lines[p + i * pitch : p + i * pitch + n])
        visit_phase(dx[c], numbers, first, phase, lines, np.bool_(True))


@driver
def col2im(columns, first, numbers, order, offsets, starts, dx):
    """Add the columns of a band of output rows from row `first` on to the pixels of dx (C, H·W·N) that they came from.

    A job is one phase of one channel: no two threads add to the same number.
    """
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), len(dx) * (starts.size - 1))
        if begin < end:
            lines = np.empty(numbers[-1], dx.dtype)
            _collect_jobs(begin, end, columns, first, numbers, order, offsets, starts, lines, dx)
