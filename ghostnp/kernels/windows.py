"""Windows: what each tap of a kernel reads, as contiguous runs of numbers.

In C, H, W, N memory the maps of one channel lie together. What a *band* of output rows reads of a channel is copied,
with its padding, to a scratch. With stride (s, t) it is dealt out on the way to s·t *phases*:

    phase (p, q), pixel (i, j)  =  x̄[i·s + p, j·t + q]

Each tap (u, v) belongs to one phase. There it reads neighbouring pixels for neighbouring outputs, whatever the stride
and the dilation. The rows of a phase follow each other, one *pitch* apart. So a tap reads one contiguous run for the
whole band, if the output rows are one pitch apart too; each then has surplus pixels at its end, which are not used.

Dealing out columns takes time, since neighbouring pixels part. A caller may deal out rows alone: there are s phases
then, and in a phase the pixels for neighbouring outputs are t pixels apart.

A convolution is a matrix product of its weights and its *columns*: a row (c, u, v) for each tap of a channel, with a
number for each output pixel.

    columns[(c, u, v), (i, j, n)] = x̄[c, i·s + u·d, j·t + v·d, n]

They repeat each pixel up to kh·kw times, so they are never written out. The phases hold them already: row (c, u, v) is
what its tap reads there, one output row after the other. The matrix products take their operand from the phases, a tile
at a time. A product may take them band by band, each in the memory of the last one, which then stays in the cache. The
gradients of the columns are a matrix like any other, and `col2im` adds them to the pixels that they belong to.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ghostnp.kernels.layout import compact
from ghostnp.kernels.loops import accumulate, copy, fill
from ghostnp.kernels.matmul import Columns
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, shares_for
from ghostnp.kernels.runtime.rows import VECTOR, copy_vector
from ghostnp.kernels.taps import copy_pixels


class Band(NamedTuple):
    """The sizes of a window, and of the phases that a band of its output rows reads.

    Parameters
    ----------
    height, width, height_out, width_out : int
        Of the input and the output, in pixels.
    stride_rows, top, left : int
        In pixels; the padding at the bottom and on the right follows from the sizes.
    batch : int
        How many numbers make a pixel.
    rows, lines : int
        How many output rows a band has, the last one perhaps fewer; and how many rows a phase has for that.
    phases, phase_columns : int
        How many phases there are, and into how many of them each row is dealt: 1, or as many as the stride has columns.
    spacing, pitch, size : int
        In numbers: in a phase, from one output pixel to the next, and from one row to the next; and of a whole phase.
    reach : int
        In numbers: from the beginning of a phase to what its furthest tap reads first.
    """

    height: int
    width: int
    height_out: int
    width_out: int
    stride_rows: int
    top: int
    left: int
    batch: int
    rows: int
    lines: int
    phases: int
    phase_columns: int
    spacing: int
    pitch: int
    size: int
    reach: int


class Taps(NamedTuple):
    """Where the taps of a kernel read in the phases of a `Band`, as arrays of integers.

    Parameters
    ----------
    offsets : ndarray
        For each tap, in the order of the weights: where it begins in the phases, which lie one after the other.
    order : ndarray
        The taps in the order of their phases.
    shifts : ndarray
        For each tap in that order: where it begins in its own phase.
    starts : ndarray
        For each phase the first of its taps in that order; at the end, the number of taps.
    """

    offsets: np.ndarray
    order: np.ndarray
    shifts: np.ndarray
    starts: np.ndarray


@lru_cache(maxsize=256)
def layout(window, batch, rows, deal_columns):
    """The phases of a band of `rows` output rows, or of all if there are fewer.

    Returns
    -------
    band : Band
    taps : Taps
    """
    window = compact(window)
    (height, width), (height_out, width_out) = window.input, window.output
    (stride_rows, stride_columns), ((top, _), (left, _)) = window.stride, window.padding
    phase_columns, step = (stride_columns, 1) if deal_columns else (1, stride_columns)
    u, v = (tap * dilation for tap, dilation in zip(np.indices(window.kernel), window.dilation, strict=True))
    rows, pitch = min(height_out, rows), ((width_out - 1) * step + 1 + v.max().item() // phase_columns) * batch
    shifts = (u // stride_rows * pitch + v // phase_columns * batch).ravel()
    lines, count, reach = rows + u.max().item() // stride_rows, stride_rows * phase_columns, shifts.max().item()
    sizes = (height, width, height_out, width_out, stride_rows, top, left, batch)
    band = Band(*sizes, rows, lines, count, phase_columns, step * batch, pitch, lines * pitch, reach)
    phases = (u % stride_rows * phase_columns + v % phase_columns).ravel()
    order = np.argsort(phases, kind="stable")
    starts = np.searchsorted(phases[order], np.arange(band.phases + 1))
    return band, Taps(phases * band.size + shifts, order, shifts[order], starts)


def is_one_pixel(window):
    """Whether each output pixel reads the input pixel in the same place and no other."""
    return window.kernel == window.stride == (1, 1) and window.input == window.output


def columns(pixels, window, groups, first=0, count=None, memory=None):
    """What the windows of `count` output rows see of `pixels` (C, H, W, N), as `Columns` for each group of channels.

    By default these are all rows. Those of a band may take the memory of the one before, which is `columns_memory`.
    """
    channels, _, _, batch = pixels.shape
    band, begins = _columns_layout(window, channels // groups, batch, window.output[0] if count is None else count)
    memory = columns_memory(pixels, window, band.rows) if memory is None else memory
    phases = memory[: channels * band.phases * band.size].reshape(channels, band.phases, band.size)
    _deal_channels(shares_for(phases.size), pixels.reshape(channels, -1), band, first, phases)
    width = band.width_out * batch
    return Columns(phases.reshape(groups, -1), begins, band.rows * width, width, band.pitch)


def columns_memory(pixels, window, count):
    """Memory for the columns of so many output rows."""
    band, _ = layout(window, pixels.shape[3], count, deal_columns=True)
    return empty((len(pixels) * band.phases * band.size,), pixels.dtype)


def columns_rows(pixels, window, room):
    """Of how many output rows the columns take so many bytes, but of one at least."""
    row, _ = layout(window, pixels.shape[3], 1, deal_columns=True)
    lines = room // (len(pixels) * row.phases * row.pitch * pixels.itemsize)
    return max(1, min(window.output[0], lines - row.lines + 1))


@lru_cache(maxsize=256)
def _columns_layout(window, channels, batch, count):
    """The phases of a band of so many output rows, and where each row of a group's columns begins in them."""
    band, taps = layout(window, batch, count, deal_columns=True)
    return band, (np.arange(channels)[:, None] * (band.phases * band.size) + taps.offsets).ravel()


@leaf
def _inside(band, q):
    """Which numbers of a row in phase (·, q) are no padding, first and last + 1, and where these begin in a map's row.

    Pixel j of the row in the phase is pixel j·t + shift of the map's row.
    """
    step, shift = band.phase_columns, q - band.left
    begin = max(0, (step - 1 - shift) // step)
    end = max(begin, min(band.pitch // band.batch, (band.width - shift + step - 1) // step))
    return begin * band.batch, end * band.batch, (begin * step + shift) * band.batch


@leaf
def deal(x, band, first, phases):
    """Copy what a band from output row `first` on reads of a channel x (H·W·N) to its phases, of rows alone.

    The padding has to be zero at first. Its columns stay so; its rows are set to zero where another band was before.
    """
    begin, end, at = _inside(band, np.int64(0))
    for phase in range(band.phases):
        for line in range(band.lines):
            row, target = (first + line) * band.stride_rows + phase - band.top, phase * band.size + line * band.pitch
            if 0 <= row < band.height:
                source = row * band.width * band.batch + at
                for p in range(0, end - begin, VECTOR // x.itemsize):
                    copy_vector(x, source + p, phases, target + begin + p, end - begin - p)
            elif band.rows < band.height_out:
                fill(phases[target : target + band.pitch], phases.dtype.type(0))


@leaf
def collect(phases, band, first, dx):
    """Add the phases, of rows alone, to the pixels of a channel dx (H·W·N) that they belong to: `deal` transposed."""
    begin, end, at = _inside(band, np.int64(0))
    for phase in range(band.phases):
        for line in range(band.lines):
            row, source = (first + line) * band.stride_rows + phase - band.top, phase * band.size + line * band.pitch
            if 0 <= row < band.height:
                target = row * band.width * band.batch + at
                accumulate(phases[source + begin : source + end], dx[target : target + end - begin])


@leaf
def _deal_row(x, begin, step, batch, piece):
    """Copy every `step`-th pixel of x, from number `begin` on, to the piece of a phase."""
    if step == 1:
        copy(x[begin : begin + piece.size], piece)
    else:
        copy_pixels(x[begin:], step * batch, piece, batch, piece.size // batch, batch)


@leaf
def _collect_row(piece, begin, step, batch, dx):
    """Add the piece of a phase to every `step`-th pixel of dx, from number `begin` on: the transpose of `_deal_row`."""
    if step == 1:
        accumulate(piece, dx[begin : begin + piece.size])
    elif batch == 1:
        for j in range(piece.size):
            dx[begin + j * step] += piece[j]
    else:
        for j in range(0, piece.size, batch):
            accumulate(piece[j : j + batch], dx[begin + j * step : begin + j * step + batch])


@leaf
def _deal_phase(x, band, first, phase, numbers):
    """Copy what a band from output row `first` on reads of a channel x (H·W·N) to the numbers of one phase."""
    p, q = phase // band.phase_columns, phase % band.phase_columns
    begin, end, at = _inside(band, q)
    zero = numbers.dtype.type(0)
    for line in range(band.lines):
        row, target = (first + line) * band.stride_rows + p - band.top, line * band.pitch
        if 0 <= row < band.height:
            piece = numbers[target + begin : target + end]
            _deal_row(x, row * band.width * band.batch + at, band.phase_columns, band.batch, piece)
            fill(numbers[target : target + begin], zero)
            fill(numbers[target + end : target + band.pitch], zero)
        else:
            fill(numbers[target : target + band.pitch], zero)


@leaf
def _collect_phase(numbers, band, first, phase, dx):
    """Add one phase of a band from output row `first` on to the pixels of a channel dx that it belongs to."""
    p, q = phase // band.phase_columns, phase % band.phase_columns
    begin, end, at = _inside(band, q)
    for line in range(band.lines):
        row, source = (first + line) * band.stride_rows + p - band.top, line * band.pitch
        if 0 <= row < band.height:
            piece = numbers[source + begin : source + end]
            _collect_row(piece, row * band.width * band.batch + at, band.phase_columns, band.batch, dx)


@leaf
def _deal_jobs(begin, end, x, band, first, phases):
    for job in range(begin, end):
        c, phase = job // band.phases, job % band.phases
        _deal_phase(x[c], band, first, phase, phases[c, phase])


@driver
def _deal_channels(share, shares, x, band, first, phases):
    """Deal x (C, H·W·N) out to phases (C, s·t, size): a job is one phase of one channel."""
    begin, end = bounds(share, shares, len(x) * band.phases)
    _deal_jobs(begin, end, x, band, first, phases)


@leaf
def _collect_jobs(begin, end, columns, band, taps, first, numbers, dx):
    n = band.width_out * band.batch
    for job in range(begin, end):
        c, phase = job // band.phases, job % band.phases
        fill(numbers, numbers.dtype.type(0))
        for t in range(taps.starts[phase], taps.starts[phase + 1]):
            row = columns[c * taps.order.size + taps.order[t]]
            for i in range(row.size // n):
                p = taps.shifts[t] + i * band.pitch
                accumulate(row[i * n : (i + 1) * n], numbers[p : p + n])
        _collect_phase(numbers, band, first, phase, dx[c])


@driver
def col2im(share, shares, columns, band, taps, first, dx):
    """Add the columns of a band of output rows from row `first` on to the pixels of dx (C, H·W·N) that they belong to.

    A job is one phase of one channel: no two shares add to the same number.
    """
    begin, end = bounds(share, shares, len(dx) * band.phases)
    if begin < end:
        _collect_jobs(begin, end, columns, band, taps, first, np.empty(band.size, dx.dtype), dx)
