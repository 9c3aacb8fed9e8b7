"""Standard, pointwise and grouped convolution as linear maps, and the names that hand over to them.

All three are one thing here. With g groups, C, H, W, N memory already holds g matrices of C_in/g rows each, one below
the other, and the columns of `im2col` keep that order: y = w @ columns + bias, once for each group. With a 1x1 kernel,
stride 1 and no padding, x is its own columns. Otherwise they are made for a few output rows at a time: the memory that
they take is bounded, and what one step has written the next still finds in the cache.

Two keywords are not in the vocabulary: `out`, an array of a kernel's own layout (or some channels of one) to write
the result to, and `relu`, which rectifies it on the way. They are there for the inference engine.

Backwards dw = dy @ columnsᵀ, and wᵀ @ dy are the gradients of the columns, which `col2im` adds up where they came from.
"""

import math

import numpy as np

from ghostnp.kernels.columns import col2im, im2col, lines, numbers
from ghostnp.kernels.depthwise import (
    convolve_depthwise,
    convolve_depthwise_backward,
    depthwise_conv2d,
    depthwise_conv2d_backward,
)
from ghostnp.kernels.layout import images, plain, planes, rows
from ghostnp.kernels.linear import multiply, multiply_backward, sum_pixels
from ghostnp.ops.convolution import check_separable
from ghostnp.ops.geometry import check_conv2d
from ghostnp.ops.gradients import ConvGrads, SeparableGrads
from ghostnp.ops.pointwise import pointwise_window

# How much memory the columns may take, unless a single output row takes more: what the caches hold.
COLUMN_BYTES = 1 << 22


def standard_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, out=None, relu=False):
    """Twin of `ghostnp.ops.standard_conv2d`."""
    window = check_conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation)
    return convolve(x, weight, bias, window, 1, out, relu)


def standard_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """Twin of `ghostnp.ops.standard_conv2d_backward`."""
    window = check_conv2d(x, weight, dy=dy, stride=stride, padding=padding, dilation=dilation)
    return _convolve_backward(dy, x, weight, window)


def pointwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, out=None, relu=False):
    """Twin of `ghostnp.ops.pointwise_conv2d`."""
    window = pointwise_window(x, weight, bias, stride=stride, padding=padding, dilation=dilation)
    return convolve(x, weight, bias, window, 1, out, relu)


def pointwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """Twin of `ghostnp.ops.pointwise_conv2d_backward`."""
    window = pointwise_window(x, weight, dy=dy, stride=stride, padding=padding, dilation=dilation)
    return _convolve_backward(dy, x, weight, window)


def grouped_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1, out=None, relu=False):
    """Twin of `ghostnp.ops.grouped_conv2d`."""
    window = check_conv2d(x, weight, bias, groups=groups, stride=stride, padding=padding, dilation=dilation)
    return convolve(x, weight, bias, window, groups, out, relu)


def grouped_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1, groups=1):
    """Twin of `ghostnp.ops.grouped_conv2d_backward`."""
    window = check_conv2d(x, weight, dy=dy, groups=groups, stride=stride, padding=padding, dilation=dilation)
    return _convolve_backward(dy, x, weight, window, groups)


def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1, out=None, relu=False):
    """Twin of `ghostnp.ops.conv2d`."""
    window = check_conv2d(x, weight, bias, groups=groups, stride=stride, padding=padding, dilation=dilation)
    return convolve(x, weight, bias, window, groups, out, relu)


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


def convolve(x, weight, bias, window, groups, out=None, relu=False):
    """`conv2d` for a window that has been checked already."""
    if groups == x.shape[1] > 1:
        return convolve_depthwise(x, weight, bias, window, out=out, relu=relu)
    if out is None:
        out = images(np.empty((len(weight), *window.output, len(x)), x.dtype))
    pixels = planes(x)
    w, y = _by_group(plain(weight), groups), _by_group(planes(out), groups)
    for band, first in _bands(pixels, window):
        multiply(w, bias, _columns(pixels, band, window, groups), y, first, relu)
    return out


def _convolve_backward(dy, x, weight, window, groups=1):
    if groups == x.shape[1] > 1:
        return convolve_depthwise_backward(dy, x, weight, window)
    gradient, pixels = planes(dy), planes(x)
    dx, dweight = np.zeros_like(pixels), np.zeros(weight.shape, x.dtype)
    w, dw, dproducts = _by_group(plain(weight), groups), _by_group(dweight, groups), _by_group(gradient, groups)
    for band, first in _bands(pixels, window):
        dcolumns = multiply_backward(dproducts, _columns(pixels, band, window, groups), w, dw, first)
        if _is_one_pixel(window):
            dx = dcolumns.reshape(dx.shape)
        else:
            col2im(dcolumns.reshape(-1, dcolumns.shape[2]), *band, numbers(window), lines(dx))
    return ConvGrads(images(dx), dweight, sum_pixels(rows(gradient)))


def _by_group(buffer, groups):
    """`buffer` as (G, rows, columns): a group's channels lie together, so this is a view."""
    return buffer.reshape(groups, len(buffer) // groups, math.prod(buffer.shape[1:]))


def _is_one_pixel(window):
    """Whether each output pixel sees just the input pixel in the same place."""
    return window.kernel == window.stride == (1, 1) and window.input == window.output


def _bands(pixels, window):
    """For each band of output rows: its first row and last + 1, and the number of its first column."""
    channels, _, _, batch = pixels.shape
    height, width = window.output
    if not batch:
        return
    step = height
    if not _is_one_pixel(window):
        row_bytes = channels * math.prod(window.kernel) * width * batch * pixels.itemsize
        step = max(1, COLUMN_BYTES // row_bytes)
    for i in range(0, height, step):
        yield (i, min(i + step, height)), i * width * batch


def _columns(pixels, band, window, groups):
    """What the windows of a band of output rows see, (G, C_in/G·kh·kw, P)."""
    if _is_one_pixel(window):
        return _by_group(pixels, groups)
    begin, end = band
    depth = len(pixels) * math.prod(window.kernel)
    columns = np.empty((depth, (end - begin) * window.output[1] * pixels.shape[3]), pixels.dtype)
    im2col(lines(pixels), begin, end, numbers(window), columns)
    return _by_group(columns, groups)
