"""Convolutions one behind the other, a band of rows at a time: a wide map in between never goes to memory.

An inverted residual widens few channels to many, filters each of these, and narrows them again:

    x  --convolution-->  wide  --depthwise-->  filtered  --pointwise-->  y

At 112x112 pixels the two maps in between are several times as large as a cache. Then it takes longer to write them and
to read them again than to compute them. So a few channels of them are computed for a few rows of y at a time, and what
these add to y is added at once: their memory is used again for the next channels, and stays in the cache. Rows that
two neighbouring bands read are computed twice, which is why a band is not as low as it could be.

Bands do not need each other. So the rows of y are cut into a few stretches, and each is worked on by one thread, band
after band, with memory of its own: what a thread has just written, no other core has to fetch.

Nothing here computes: the launches are those of `matmul` and of `depthwise`, of parts of the maps.
"""

from typing import NamedTuple

import numpy as np

from ghostnp.kernels.concat import concat
from ghostnp.kernels.depthwise import filter_band
from ghostnp.kernels.layout import contiguous, home, images, planes, rows
from ghostnp.kernels.linear import as_rows
from ghostnp.kernels.loops import UNLIMITED
from ghostnp.kernels.matmul import gemm, matrix
from ghostnp.kernels.runtime import SHARES, empty, recorded, side_by_side
from ghostnp.kernels.windows import columns, columns_memory, compact, is_one_pixel
from ghostnp.ops.checks import check_arrays
from ghostnp.ops.geometry import EACH_CHANNEL, conv2d_window

# From so many bytes on a map is worth it: a smaller one stays in the last cache anyhow, and one product takes less time
# than its parts.
LARGE = 6 << 20
# Fewer bands than this are too few to go round: then all threads work on one band after the other.
FEW = 4
# How large some channels of the wide map should be in a band: what a second-level cache holds.
BAND_BYTES = 1 << 20
# So many channels of the wide map are computed at a time. Of fewer a matrix product makes little use, and a band is to
# have so many rows at least: as it begins, it computes rows again that the band above had.
MOST_CHANNELS, LEAST_CHANNELS, LEAST_ROWS = 48, 16, 4


class Link(NamedTuple):
    """A convolution that x goes through on the way: its arguments."""

    weight: np.ndarray
    bias: np.ndarray | None
    stride: object
    padding: object
    dilation: object
    limits: tuple[float, float]

    def window(self, shape, groups=1):
        """Its window over maps of this shape."""
        geometry = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        bias_shape = None if self.bias is None else self.bias.shape
        return conv2d_window(shape, self.weight.shape, bias_shape, groups=groups, **geometry)


def convolve_in_bands(x, through, weight, bias, *, out=None, limits=UNLIMITED, onto=None):
    """`pointwise_conv2d` of what x becomes on the way.

    Parameters
    ----------
    x : ndarray
        Images.
    through : sequence of Link
        A convolution without groups, which may be missing, and a depthwise one with one filter for each channel.
    weight, bias, out, limits, onto
        As of `pointwise_conv2d`, the stride of which is 1.

    Returns
    -------
    y : ndarray
    """
    *widening, filtering = (Link(*link) for link in through)
    check_arrays(x=x, weight=weight, **{f"through[{i}]": link.weight for i, link in enumerate((*widening, filtering))})
    wide = x.shape
    for link in widening:
        wide = len(x), len(link.weight), *link.window(x.shape).output
    window = compact(filtering.window(wide, EACH_CHANNEL))
    filtered = len(x), len(filtering.weight), *window.output
    conv2d_window(filtered, weight.shape, None if bias is None else bias.shape)
    y = home((len(x), len(weight), *window.output), x.dtype, out, over=("onto",), x=x, weight=weight, onto=onto)
    if onto is not None and y.ctypes.data != planes(onto).ctypes.data:
        concat([onto], out=images(y))
    if y.size:
        size, bands = _bands(window, wide[1], window.input[1] * len(x) * x.itemsize)

        def add(some):
            source = _Made(x, *widening, window, size) if widening else _There(x)
            _add_bands(some, source, filtering, window, size, weight, bias, y, limits, onto is not None)

        if len(bands) < FEW:
            add(bands)
        else:
            side_by_side([recorded(add, some) for some in _stretches(bands)])
    return images(y) if out is None else out


class _There:
    """Maps that are there, all rows of them: x itself."""

    def __init__(self, x):
        self._maps = rows(planes(x))

    def go_to(self, begin, end):
        """What comes next are rows `begin` to end - 1; the first row that is there."""
        return 0

    def maps(self, some):
        """Some channels, with these rows at least."""
        return self._maps[some]


class _Made:
    """Maps that a convolution makes of x, a few channels and rows at a time: the last ones' memory is used again."""

    def __init__(self, x, link, reader, size):
        channels, lines = size[0], min(reader.input[0], _lines(reader, size[1]))
        self._window, self._pixels, self._limits = link.window(x.shape), planes(x), link.limits
        self._length, self._w = self._window.output[1] * len(x), contiguous(rows(link.weight))[None]
        self._bias, self._memory = as_rows(link.bias, self._w), empty((channels * lines * self._length,), x.dtype)
        self._is_x = is_one_pixel(self._window)
        self._phases = None if self._is_x else columns_memory(self._pixels, self._window, lines)

    def go_to(self, begin, end):
        """What comes next are rows `begin` to end - 1; the first row that is there."""
        if self._is_x:
            self._seen = matrix(rows(self._pixels)[None], begin * self._length, (end - begin) * self._length)
        else:
            self._seen = columns(self._pixels, self._window, 1, begin, end - begin, self._phases)
        return begin

    def maps(self, some):
        """Some channels of these rows."""
        w = self._w[:, some]
        target = self._memory[: w.shape[1] * self._seen.pixels].reshape(1, w.shape[1], self._seen.pixels)
        gemm(w, False, self._bias[:, some], self._seen, target, limits=self._limits)
        return target[0]


def _stretches(bands):
    """The bands in as many stretches as there are shares, or fewer."""
    count = min(SHARES, len(bands))
    return [bands[i * len(bands) // count : (i + 1) * len(bands) // count] for i in range(count)]


def _add_bands(bands, source, link, window, size, weight, bias, y, limits, onto):
    """Some bands of y (M, H, W, N) = weight (M, C) times what a depthwise convolution makes of maps.

    Of each band, the first row and the last + 1; and how many channels and rows are there at once. What is there is
    added if `onto`.
    """
    (width, batch), (most, height) = (window.output[1], y.shape[3]), size
    weight, length, target = contiguous(rows(weight)), width * batch, rows(y)[None]
    w, filter_bias = contiguous(rows(link.weight)), as_rows(link.bias, link.weight[None])[0]
    bias, no_bias, filtered = as_rows(bias, y[None]), as_rows(None, y[None]), empty((most * height * length,), y.dtype)
    for i, end in bands:
        count = end - i
        first = source.go_to(*_read(window, i, count))
        for c in range(0, len(w), most):
            some, is_first, is_last = slice(c, min(c + most, len(w))), c == 0, c + most >= len(w)
            maps = filtered[: len(w[some]) * count * length].reshape(-1, count * length)
            filter_band(source.maps(some), w[some], filter_bias[some], window, batch, first, i, maps, link.limits)
            gemm(
                contiguous(weight[None, :, some]), False, bias if is_first else no_bias, matrix(maps[None]), target,
                i * length, limits if is_last else UNLIMITED, onto or not is_first
            )  # fmt: skip


def _bands(window, channels, line_bytes):
    """How many channels are computed at a time, and of how many rows of y at most; and the bands, first row and end."""
    least = _lines(window, LEAST_ROWS)
    block = BAND_BYTES // (least * line_bytes) // LEAST_CHANNELS * LEAST_CHANNELS
    block = min(channels, max(LEAST_CHANNELS, min(MOST_CHANNELS, block)))
    lines = BAND_BYTES // (block * line_bytes)
    height, step = window.output[0], max(LEAST_ROWS, (lines - _lines(window, 1)) // window.stride[0] + 1)
    count = -(-height // step)
    if count >= FEW:  # as many for each of two threads, or of four
        count = min(height, -(-count // FEW) * FEW)
    bands = [(i * height // count, (i + 1) * height // count) for i in range(count)]
    return (block, -(-height // count)), bands


def _lines(window, count):
    """How many rows so many rows of y read."""
    return (count - 1) * window.stride[0] + (window.kernel[0] - 1) * window.dilation[0] + 1


def _read(window, first, count):
    """Which rows of the maps so many rows of y read, from row `first` on: first and last + 1; without the padding."""
    begin = first * window.stride[0] - window.padding[0][0]
    end = min(window.input[0], begin + _lines(window, count))
    begin = min(window.input[0], max(0, begin))
    return begin, max(begin, end)
