"""Standard, pointwise and grouped convolution as matrix products; `conv2d`, which chooses; separable convolution.

With g groups, C, H, W, N memory holds g matrices of C_in/g rows each, one below the other, and the columns (see
`windows`) keep that order: y = w @ columns + bias, once for each group. With a 1x1 kernel, stride 1 and no padding, x
is its own columns.

Two keywords are not in the vocabulary: `out`, an array of a kernel's own layout (or some channels of one) to write
the result to, and `limits`, the least and the greatest number that it may hold: a ReLU in the same pass is (0, ∞),
and a ReLU6 is (0, 6). They are there for the inference engine, and so is `through`: what x goes through
before a pointwise convolution (see `bands`). `no_dx` is there for a training program: the first layer's input needs no
gradient.

Backwards dw = dy @ columnsᵀ, and wᵀ @ dy are the gradients of the columns, which `col2im` adds to their pixels: a few
output rows at a time, so that the memory which they take is bounded.
"""

import math

import numpy as np

from ghostnp.kernels.bands import BAND_BYTES, convolve_in_bands
from ghostnp.kernels.concat import concat
from ghostnp.kernels.depthwise import (
    convolve_depthwise,
    convolve_depthwise_backward,
    depthwise_conv2d,
    depthwise_conv2d_backward,
)
from ghostnp.kernels.elementwise import add
from ghostnp.kernels.layout import contiguous, home, images, planes, rows
from ghostnp.kernels.linear import as_rows, bias_gradient, product, product_backward
from ghostnp.kernels.loops import UNLIMITED
from ghostnp.kernels.matmul import gemm, gemm_nt, matrix
from ghostnp.kernels.runtime import empty, shares_for, zeros
from ghostnp.kernels.windows import col2im, columns, columns_memory, columns_rows, is_one_pixel, layout
from ghostnp.ops.convolution import check_separable
from ghostnp.ops.geometry import check_conv2d
from ghostnp.ops.gradients import ConvGrads, SeparableGrads
from ghostnp.ops.pointwise import pointwise_window

# How much memory the columns may take, unless a single output row takes more: what the caches hold.
COLUMN_BYTES = 1 << 22


def standard_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, out=None, limits=UNLIMITED, onto=None):
    """Twin of `ghostnp.ops.standard_conv2d`."""
    window = check_conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation)
    return convolve(x, weight, bias, window, 1, out, limits, onto)


def standard_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1, no_dx=False):
    """Twin of `ghostnp.ops.standard_conv2d_backward`."""
    window = check_conv2d(x, weight, dy=dy, stride=stride, padding=padding, dilation=dilation)
    return _convolve_backward(dy, x, weight, window, no_dx=no_dx)


def pointwise_conv2d(
    x, weight, bias=None, *, stride=1, padding=0, dilation=1, out=None, limits=UNLIMITED, onto=None, through=()
):
    """Twin of `ghostnp.ops.pointwise_conv2d`."""
    if through:
        return convolve_in_bands(x, through, weight, bias, out=out, limits=limits, onto=onto)
    window = pointwise_window(x, weight, bias, stride=stride, padding=padding, dilation=dilation)
    return convolve(x, weight, bias, window, 1, out, limits, onto)


def pointwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1, no_dx=False):
    """Twin of `ghostnp.ops.pointwise_conv2d_backward`."""
    window = pointwise_window(x, weight, dy=dy, stride=stride, padding=padding, dilation=dilation)
    return _convolve_backward(dy, x, weight, window, no_dx=no_dx)


def grouped_conv2d(
    x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1, out=None, limits=UNLIMITED, onto=None
):
    """Twin of `ghostnp.ops.grouped_conv2d`."""
    window = check_conv2d(x, weight, bias, groups=groups, stride=stride, padding=padding, dilation=dilation)
    return convolve(x, weight, bias, window, groups, out, limits, onto)


def grouped_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1, groups=1, no_dx=False):
    """Twin of `ghostnp.ops.grouped_conv2d_backward`."""
    window = check_conv2d(x, weight, dy=dy, groups=groups, stride=stride, padding=padding, dilation=dilation)
    return _convolve_backward(dy, x, weight, window, groups, no_dx)


def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1, out=None, limits=UNLIMITED, onto=None):
    """Twin of `ghostnp.ops.conv2d`."""
    window = check_conv2d(x, weight, bias, groups=groups, stride=stride, padding=padding, dilation=dilation)
    return convolve(x, weight, bias, window, groups, out, limits, onto)


def conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1, groups=1):
    """Twin of `ghostnp.ops.conv2d_backward`."""
    window = check_conv2d(x, weight, dy=dy, groups=groups, stride=stride, padding=padding, dilation=dilation)
    return _convolve_backward(dy, x, weight, window, groups)


def separable_conv2d(x, depthwise_weight, pointwise_weight, bias=None, *, stride=1, padding=0, dilation=1):
    """Twin of `ghostnp.ops.separable_conv2d`."""
    check_separable(x, depthwise_weight, pointwise_weight, bias)
    filtered = depthwise_conv2d(x, depthwise_weight, stride=stride, padding=padding, dilation=dilation)
    return pointwise_conv2d(filtered, pointwise_weight, bias)


def separable_conv2d_backward(dy, x, depthwise_weight, pointwise_weight, *, stride=1, padding=0, dilation=1):
    """Twin of `ghostnp.ops.separable_conv2d_backward`."""
    check_separable(x, depthwise_weight, pointwise_weight)
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    filtered = depthwise_conv2d(x, depthwise_weight, **geometry)
    dfiltered, dpointwise, dbias = pointwise_conv2d_backward(dy, filtered, pointwise_weight)
    dx, ddepthwise, _ = depthwise_conv2d_backward(dfiltered, x, depthwise_weight, **geometry)
    return SeparableGrads(dx, ddepthwise, dpointwise, dbias)


def convolve(x, weight, bias, window, groups, out=None, limits=UNLIMITED, onto=None):
    """`conv2d` for a window that has been checked already."""
    groups = int(groups)  # of NumPy's integers some become floats where they are added to others
    if groups == x.shape[1] > 1:
        if onto is None:
            return convolve_depthwise(x, weight, bias, window, out=out, limits=limits)
        return add(convolve_depthwise(x, weight, bias, window), onto, limits=limits, out=out)
    shape, is_added = (len(x), len(weight), *window.output), onto is not None
    buffer = home(shape, x.dtype, out, over=("onto",), x=x, weight=weight, bias=bias, onto=onto)
    if is_added and buffer.ctypes.data != planes(onto).ctypes.data:
        concat([onto], out=images(buffer))
    pixels, w, y = planes(x), _by_group(contiguous(weight), groups), _by_group(buffer, groups)
    if is_one_pixel(window):
        product(w, bias, _by_group(pixels, groups), y, limits, is_added)
    elif y.size:
        _multiply_columns(w, as_rows(bias, y), pixels, window, y, limits, is_added)
    return images(buffer) if out is None else out


def _convolve_backward(dy, x, weight, window, groups=1, no_dx=False):
    groups = int(groups)
    if groups == x.shape[1] > 1:
        return convolve_depthwise_backward(dy, x, weight, window)
    gradient, pixels = planes(dy), planes(x)
    w, dproducts = _by_group(contiguous(weight), groups), _by_group(gradient, groups)
    if is_one_pixel(window):
        dx, dw = product_backward(dproducts, _by_group(pixels, groups), w, no_dx)
    else:
        dx, dw = None if no_dx else zeros(pixels.shape, x.dtype), zeros(w.shape, x.dtype)
        if dy.size:
            gemm_nt(dproducts, 0, columns(pixels, window, groups), dw)
        if dy.size and not no_dx:
            _add_to_pixels(dproducts, w, window, rows(dx), len(x))
    dx = None if no_dx else images(dx.reshape(pixels.shape))
    return ConvGrads(dx, dw.reshape(weight.shape), bias_gradient(rows(gradient)))


def _by_group(buffer, groups):
    """`buffer` as (G, rows, columns): a group's channels are contiguous, so this is a view."""
    return buffer.reshape(groups, len(buffer) // groups, math.prod(buffer.shape[1:]))


def _multiply_columns(w, bias, pixels, window, y, limits, onto):
    """y = w times the columns of the pixels, plus bias: a band of rows at a time, so that phases stay in the cache."""
    step = columns_rows(pixels, window, BAND_BYTES)
    memory, length = columns_memory(pixels, window, step), window.output[1] * pixels.shape[3]
    for i in range(0, window.output[0], step):
        seen = columns(pixels, window, len(w), i, min(step, window.output[0] - i), memory)
        gemm(w, False, bias, seen, y, i * length, limits, onto)


def _add_to_pixels(dy, w, window, dx, batch):
    """Add the gradients of the columns, wᵀ @ dy, to their pixels in dx: a band of output rows at a time."""
    height, width = window.output
    depth, length = w.shape[0] * w.shape[2], width * batch
    step = min(height, max(1, COLUMN_BYTES // (depth * length * dy.itemsize)))
    band, taps = layout(window, batch, step, deal_columns=True)
    no_bias, memory = np.zeros((len(w), w.shape[2]), dy.dtype), empty((depth * step * length,), dy.dtype)
    for i in range(0, height, step):
        pixels = min(step, height - i) * length
        dcolumns = memory[: depth * pixels].reshape(len(w), w.shape[2], pixels)
        gemm(w, True, no_bias, matrix(dy, i * length, pixels), dcolumns)
        col2im(shares_for(dcolumns.size), dcolumns.reshape(depth, -1), band, taps, i, dx)
