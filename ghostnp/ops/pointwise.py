"""Pointwise convolution: a 1x1 kernel, so that each pixel's channels are mixed and no pixel sees another.

    y[n, o, i, j] = b[o] + Σ_c w[o, c] · x̄[n, c, i·s, j·s]

One matrix is applied at every pixel. In the backward pass, the matrix is transposed:

    dx̄[n, c, i·s, j·s] += Σ_o w[o, c] · dy[n, o, i, j]
    dw[o, c]            = Σ_nij dy[n, o, i, j] · x̄[n, c, i·s, j·s]
    db[o]               = Σ_nij dy[n, o, i, j]

Cost: C_out·(C_in + 1) parameters, and C_in multiply-adds for each output number.
"""

import numpy as np

from ghostnp.ops.checks import ABSENT, check_shape
from ghostnp.ops.cost import Cost, applications, biases, filters, from_shapes
from ghostnp.ops.geometry import check_conv2d, conv2d_window, crop, pad, tap
from ghostnp.ops.gradients import ConvGrads


def pointwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    """Mix the channels of each pixel.

    Parameters
    ----------
    x : ndarray
        Images of shape (N, C_in, H, W).
    weight : ndarray
        The mixing matrix, of shape (C_out, C_in, 1, 1).
    bias : ndarray, optional
        Shape (C_out,).
    stride, dilation : int or (int, int), default 1
        Rows and columns between neighbouring pixels that are kept; a 1x1 kernel has no second tap to dilate.
    padding
        As in `standard_conv2d`.

    Returns
    -------
    y : ndarray
        Shape (N, C_out, H_out, W_out), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or the kernel is not 1x1.

    References
    ----------
    .. [1] M. Lin, Q. Chen, S. Yan, "Network in network", 2013, section 3.1. https://arxiv.org/abs/1312.4400
    """
    window = pointwise_window(x, weight, bias, stride=stride, padding=padding, dilation=dilation)
    y = np.einsum("oc,ncij->noij", weight[:, :, 0, 0], tap(pad(x, window), 0, 0, window))
    return y if bias is None else y + bias[:, None, None]


def pointwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """Compute the gradients of `x`, `weight` and bias from `dy` (N, C_out, H_out, W_out): a `ConvGrads`."""
    window = pointwise_window(x, weight, dy=dy, stride=stride, padding=padding, dilation=dilation)
    xp = pad(x, window)
    dxp = np.zeros_like(xp)
    tap(dxp, 0, 0, window)[...] = np.einsum("oc,noij->ncij", weight[:, :, 0, 0], dy)
    dweight = np.einsum("noij,ncij->oc", dy, tap(xp, 0, 0, window))
    return ConvGrads(crop(dxp, window), dweight[:, :, None, None], dy.sum(axis=(0, 2, 3)))


@from_shapes
def pointwise_conv2d_cost(x_shape, weight_shape, *, bias=False, stride=1, padding=0, dilation=1):
    """Cost from shapes alone: a `Cost` whose parameters read C_out·(C_in·1·1 + 1)."""
    _check_kernel(weight_shape)
    window = conv2d_window(x_shape, weight_shape, stride=stride, padding=padding, dilation=dilation)
    (batch, in_channels), out_channels = x_shape[:2], weight_shape[0]
    output = (batch, out_channels, *window.output)
    return Cost(
        filters(out_channels, in_channels, window.kernel, bias),
        applications(batch, out_channels, window.output, in_channels, window.kernel),
        output,
        other=biases(output, bias),
    )


def pointwise_window(x, weight, bias=None, *, dy=ABSENT, **geometry):
    """`check_conv2d` and the rule that the kernel is 1x1: shared with the kernel's twin."""
    window = check_conv2d(x, weight, bias, dy=dy, **geometry)
    _check_kernel(weight.shape)
    return window


def _check_kernel(weight_shape):
    check_shape("weight", weight_shape[2:], (1, 1), "a pointwise kernel is 1x1 (these are the shape's last two axes)")
