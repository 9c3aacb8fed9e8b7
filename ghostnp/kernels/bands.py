"""Convolutions one behind the other, a band of rows at a time: a wide map in between never goes to memory.

An inverted residual widens few channels to many, filters each of these, and narrows them again:

    x  --convolution-->  wide  --depthwise-->  filtered  --pointwise-->  y

At 112x112 pixels the two maps in between are several times as large as a cache. Then it takes longer to write them and
to read them again than to compute them. So a few channels of them are computed for a few rows of y at a time, and what
these add to y is added at once: their memory is used again for the next channels, and stays in the cache. Rows that
two neighbouring bands read are computed twice, which is why a band is not as low as it could be.

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
from ghostnp.kernels.runtime import empty
from ghostnp.kernels.windows import columns, compact, is_one_pixel
from ghostnp.ops.checks import check_arrays
from ghostnp.ops.geometry import EACH_CHANNEL, conv2d_window

# How large the channels of a wide map should be in a band: what a second-level cache holds. Maps that are smaller than
# this are computed as they are.
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
    shape, compute = x.shape, None
    for link in widening:
        window = link.window(shape)
        shape, compute = (len(x), len(link.weight), *window.output), _rows_of(x, link, window)
    window = filtering.window(shape, EACH_CHANNEL)
    shape = len(x), len(filtering.weight), *window.output
    conv2d_window(shape, weight.shape, None if bias is None else bias.shape)
    y = home((len(x), len(weight), *window.output), x.dtype, out, over=("onto",), x=x, weight=weight, onto=onto)
    if onto is not None and y.ctypes.data != planes(onto).ctypes.data:
        concat([onto], out=images(y))
    if y.size:
        _add_bands(x, compute, filtering, compact(window), contiguous(rows(weight)), bias, y, limits, onto is not None)
    return images(y) if out is None else out


def _rows_of(x, link, window):
    """How to compute some rows of what a convolution makes: a function (first channel, first row, target)."""
    pixels, length = planes(x), window.output[1] * len(x)
    flat, seen = rows(pixels)[None], None if is_one_pixel(window) else columns(pixels, window, 1)
    w = contiguous(rows(link.weight))

    def compute(channel, first, target):
        channels, size = slice(channel, channel + len(target)), target.shape[1]
        if seen is None:
            part = matrix(flat, first * length, size)
        else:
            part = seen._replace(begins=seen.begins + first * seen.pitch, pixels=size)
        gemm(w[None, channels], False, bias[None, channels], part, target[None], limits=link.limits)

    bias = as_rows(link.bias, w[None])[0]
    return compute


def _add_bands(x, compute, link, window, weight, bias, y, limits, onto):
    """y (M, H, W, N) = weight (M, C) times what a depthwise convolution makes of maps, plus what is there if `onto`.

    The maps are x, or what `compute` makes of it.
    """
    (height, width), (height_out, width_out), batch = window.input, window.output, y.shape[3]
    channels, length, length_out = weight.shape[1], width * batch, width_out * batch
    block, step = _band(window, channels, length * y.itemsize)
    w, filter_bias = contiguous(rows(link.weight)), as_rows(link.bias, link.weight[None])[0]
    bias, no_bias, target = as_rows(bias, y[None]), as_rows(None, y[None]), rows(y)[None]
    most = min(height, _lines(window, step))
    wide = empty((block * most * length if compute else 0,), y.dtype)
    filtered = empty((block * step * length_out,), y.dtype)
    for i in range(0, height_out, step):
        count = min(step, height_out - i)
        begin, end = _read(window, i, count)
        for c in range(0, channels, block):
            some, is_first = slice(c, min(c + block, channels)), c == 0
            n, is_last = some.stop - c, some.stop == channels
            if compute:
                maps, first = wide[: n * (end - begin) * length].reshape(n, -1), begin
                compute(c, begin, maps)
            else:
                maps, first = rows(planes(x))[some], 0
            band = filtered[: n * count * length_out].reshape(n, -1)
            filter_band(maps, w[some], filter_bias[some], window, batch, first, i, band, link.limits)
            gemm(
                contiguous(weight[None, :, some]), False, bias if is_first else no_bias, matrix(band[None]), target,
                i * length_out, limits if is_last else UNLIMITED, onto or not is_first
            )  # fmt: skip


def _band(window, channels, line_bytes):
    """How many channels are computed at a time, and of how many rows of y."""
    least = _lines(window, LEAST_ROWS)
    block = BAND_BYTES // (least * line_bytes) // LEAST_CHANNELS * LEAST_CHANNELS
    block = min(channels, max(LEAST_CHANNELS, min(MOST_CHANNELS, block)))
    lines = BAND_BYTES // (block * line_bytes)
    step = (lines - _lines(window, 1)) // window.stride[0] + 1
    return block, min(window.output[0], max(LEAST_ROWS, step))


def _lines(window, count):
    """How many rows so many rows of y read."""
    return (count - 1) * window.stride[0] + (window.kernel[0] - 1) * window.dilation[0] + 1


def _read(window, first, count):
    """Which rows of the maps so many rows of y read, from row `first` on: first and last + 1; without the padding."""
    begin = first * window.stride[0] - window.padding[0][0]
    end = min(window.input[0], begin + _lines(window, count))
    begin = min(window.input[0], max(0, begin))
    return begin, max(begin, end)
