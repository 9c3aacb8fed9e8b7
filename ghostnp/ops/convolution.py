"""Convolution by its most general name, and the separable one, which is two of them in a row.

`conv2d` computes nothing itself. It looks at the groups and the kernel, and calls the definition that fits:

    groups = 1, kernel 1x1          pointwise_conv2d
    groups = 1                      standard_conv2d
    groups = C_in > 1               depthwise_conv2d
    1 < groups < C_in               grouped_conv2d

A depthwise-separable convolution is depthwise, then pointwise: space first, channels second.

    y = pointwise(depthwise(x))          dx = depthwise_backward(pointwise_backward(dy))

Its cost against a standard convolution is kh·kw·C_in + C_in·C_out to kh·kw·C_in·C_out: a share of 1/C_out + 1/(kh·kw).
"""

from ghostnp.ops.checks import ABSENT, check_arrays, check_axes, check_images, check_shape
from ghostnp.ops.composition import composition
from ghostnp.ops.cost import Cost, Worked, from_shapes
from ghostnp.ops.depthwise import depthwise_conv2d_cost
from ghostnp.ops.geometry import check_conv2d, check_depthwise_weight
from ghostnp.ops.gradients import SeparableGrads
from ghostnp.ops.grouped import grouped_conv2d_cost
from ghostnp.ops.pointwise import pointwise_conv2d_cost


def conv2d_operator(in_channels, kernel, groups):
    """Name of the definition that a convolution falls under, such as ``"depthwise_conv2d"``."""
    if groups == 1:
        return "pointwise_conv2d" if tuple(kernel) == (1, 1) else "standard_conv2d"
    return "depthwise_conv2d" if groups == in_channels else "grouped_conv2d"


@composition
def conv2d(words, x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    """Convolve by whichever definition fits.

    Parameters
    ----------
    x : ndarray
        Images of shape (N, C_in, H, W).
    weight : ndarray
        Filters of shape (C_out, C_in/groups, kh, kw).
    bias : ndarray, optional
        Shape (C_out,).
    stride, padding, dilation
        As in `standard_conv2d`.
    groups : int, default 1
        A common divisor of C_in and C_out.

    Returns
    -------
    y : ndarray
        Shape (N, C_out, H_out, W_out), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If dtypes, shapes or groups do not fit, or the output would be smaller than 1x1.
    """
    check_conv2d(x, weight, bias, groups=groups, stride=stride, padding=padding, dilation=dilation)
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    match conv2d_operator(x.shape[1], weight.shape[2:], groups):
        case "pointwise_conv2d":
            return words.pointwise_conv2d(x, weight, bias, **geometry)
        case "standard_conv2d":
            return words.standard_conv2d(x, weight, bias, **geometry)
        case "depthwise_conv2d":
            return words.depthwise_conv2d(x, weight, bias, **geometry)
        case _:
            return words.grouped_conv2d(x, weight, bias, groups=groups, **geometry)


@composition
def conv2d_backward(words, dy, x, weight, *, stride=1, padding=0, dilation=1, groups=1):
    """Compute the gradients of `x`, `weight` and bias from `dy` (N, C_out, H_out, W_out): a `ConvGrads`."""
    check_conv2d(x, weight, dy=dy, groups=groups, stride=stride, padding=padding, dilation=dilation)
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    match conv2d_operator(x.shape[1], weight.shape[2:], groups):
        case "pointwise_conv2d":
            return words.pointwise_conv2d_backward(dy, x, weight, **geometry)
        case "standard_conv2d":
            return words.standard_conv2d_backward(dy, x, weight, **geometry)
        case "depthwise_conv2d":
            return words.depthwise_conv2d_backward(dy, x, weight, **geometry)
        case _:
            return words.grouped_conv2d_backward(dy, x, weight, groups=groups, **geometry)


@from_shapes
def conv2d_cost(x_shape, weight_shape, *, bias=False, stride=1, padding=0, dilation=1, groups=1):
    """Cost from shapes alone: whatever definition fits, a convolution in groups is what is counted."""
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    return grouped_conv2d_cost(x_shape, weight_shape, bias=bias, groups=groups, **geometry)


@composition
def separable_conv2d(words, x, depthwise_weight, pointwise_weight, bias=None, *, stride=1, padding=0, dilation=1):
    """Filter each channel alone, then mix the channels of each pixel.

    Parameters
    ----------
    x : ndarray
        Images of shape (N, C_in, H, W).
    depthwise_weight : ndarray
        Filters of shape (m·C_in, 1, kh, kw).
    pointwise_weight : ndarray
        The mixing matrix, of shape (C_out, m·C_in, 1, 1).
    bias : ndarray, optional
        Shape (C_out,), added after the mixing.
    stride, padding, dilation
        Of the depthwise step, as in `standard_conv2d`.

    Returns
    -------
    y : ndarray
        Shape (N, C_out, H_out, W_out), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or the output would be smaller than 1x1.

    References
    ----------
    .. [1] F. Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017, section 1.
       https://arxiv.org/abs/1610.02357
    """
    check_separable(x, depthwise_weight, pointwise_weight, bias)
    filtered = words.depthwise_conv2d(x, depthwise_weight, stride=stride, padding=padding, dilation=dilation)
    return words.pointwise_conv2d(filtered, pointwise_weight, bias)


@composition
def separable_conv2d_backward(words, dy, x, depthwise_weight, pointwise_weight, *, stride=1, padding=0, dilation=1):
    """Compute the gradients of `x`, both weights and bias from `dy` (N, C_out, H_out, W_out): a `SeparableGrads`.

    The result of the depthwise step is computed again.
    """
    check_separable(x, depthwise_weight, pointwise_weight)
    geometry = {"stride": stride, "padding": padding, "dilation": dilation}
    filtered = words.depthwise_conv2d(x, depthwise_weight, **geometry)
    dfiltered, dpointwise, dbias = words.pointwise_conv2d_backward(dy, filtered, pointwise_weight)
    dx, ddepthwise, _ = words.depthwise_conv2d_backward(dfiltered, x, depthwise_weight, **geometry)
    return SeparableGrads(dx, ddepthwise, dpointwise, dbias)


@from_shapes
def separable_conv2d_cost(
    x_shape, depthwise_weight_shape, pointwise_weight_shape, *, bias=False, stride=1, padding=0, dilation=1
):
    """Cost from shapes alone: the two steps' costs, added."""
    _check_separable_shapes(x_shape, depthwise_weight_shape, pointwise_weight_shape)
    space = depthwise_conv2d_cost(x_shape, depthwise_weight_shape, stride=stride, padding=padding, dilation=dilation)
    channels = pointwise_conv2d_cost(space.output, pointwise_weight_shape, bias=bias)
    return Cost(
        Worked(f"{space.params.formula} + {channels.params.formula}"),
        Worked(f"{space.macs.formula} + {channels.macs.formula}"),
        channels.output,
        other=channels.other,
    )


def check_separable(x, depthwise_weight, pointwise_weight, bias=None):
    """Check by their own names what both steps would call weight: shared with the kernel's twin."""
    bias = ABSENT if bias is None else bias
    check_arrays(x=x, depthwise_weight=depthwise_weight, pointwise_weight=pointwise_weight, bias=bias)
    _check_separable_shapes(x.shape, depthwise_weight.shape, pointwise_weight.shape)


def _check_separable_shapes(x_shape, depthwise_shape, pointwise_shape):
    check_images("x", x_shape)
    check_axes("depthwise_weight", depthwise_shape, "m·C_in 1 kh kw")
    check_depthwise_weight("depthwise_weight", depthwise_shape, x_shape[1])
    check_axes("pointwise_weight", pointwise_shape, "C_out m·C_in 1 1")
    filtered = depthwise_shape[0]
    why = "it mixes the maps that depthwise_weight filtered, one pixel at a time"
    check_shape("pointwise_weight", pointwise_shape, (pointwise_shape[0], filtered, 1, 1), why)
