"""Grouped convolution: the channels are divided into g groups, and each group is a standard convolution of its own.

With P = C_in / g input and Q = C_out / g output channels to a group, output channel o belongs to group o // Q:

    y[n, o, i, j] = b[o] + Σ_p Σ_uv w[o, p, u, v] · x̄[n, (o // Q)·P + p, i·s + u·d, j·s + v·d]

In the backward pass, each group is computed on its own, too:

    dx̄[n, (o // Q)·P + p, i·s + u·d, j·s + v·d] += w[o, p, u, v] · dy[n, o, i, j]
    dw[o, p, u, v]  = Σ_nij dy[n, o, i, j] · x̄[n, (o // Q)·P + p, i·s + u·d, j·s + v·d]
    db[o]           = Σ_nij dy[n, o, i, j]

Cost: C_out·(C_in/g·kh·kw + 1) parameters. Weights and multiply-adds shrink g times; the biases do not.
"""

import numpy as np

from ghostnp.ops.cost import Cost, applications, biases, filters, from_shapes
from ghostnp.ops.geometry import check_conv2d, conv2d_window, crop, pad, tap
from ghostnp.ops.gradients import ConvGrads


def grouped_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    """Convolve each group of channels on its own.

    Parameters
    ----------
    x : ndarray
        Images of shape (N, C_in, H, W).
    weight : ndarray
        Filters of shape (C_out, C_in/groups, kh, kw): the first C_out/groups of them see the first C_in/groups
        channels.
    bias : ndarray, optional
        Shape (C_out,).
    stride, padding, dilation
        As in `standard_conv2d`.
    groups : int, default 1
        A common divisor of C_in and C_out. One group is the standard convolution, C_in groups the depthwise one.

    Returns
    -------
    y : ndarray
        Shape (N, C_out, H_out, W_out), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If dtypes, shapes or groups do not fit, or the output would be smaller than 1x1.

    References
    ----------
    .. [1] A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks",
       NIPS 2012, section 3.5 and figure 2.
    .. [2] S. Xie et al., "Aggregated residual transformations for deep neural networks", CVPR 2017, section 3.3.
       https://arxiv.org/abs/1611.05431
    """
    window = check_conv2d(x, weight, bias, groups=groups, stride=stride, padding=padding, dilation=dilation)
    xp = pad(x, window)
    y = np.zeros((len(x), len(weight), *window.output), x.dtype)
    for ins, outs in members(groups, x.shape[1], len(weight)):
        for u, v in np.ndindex(window.kernel):
            y[:, outs] += np.einsum("oc,ncij->noij", weight[outs, :, u, v], tap(xp[:, ins], u, v, window))
    return y if bias is None else y + bias[:, None, None]


def grouped_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1, groups=1):
    """Compute the gradients of `x`, `weight` and bias from `dy` (N, C_out, H_out, W_out): a `ConvGrads`."""
    window = check_conv2d(x, weight, dy=dy, groups=groups, stride=stride, padding=padding, dilation=dilation)
    xp = pad(x, window)
    dxp, dweight = np.zeros_like(xp), np.zeros_like(weight)
    for ins, outs in members(groups, x.shape[1], len(weight)):
        for u, v in np.ndindex(window.kernel):
            tap(dxp[:, ins], u, v, window)[...] += np.einsum("oc,noij->ncij", weight[outs, :, u, v], dy[:, outs])
            dweight[outs, :, u, v] = np.einsum("noij,ncij->oc", dy[:, outs], tap(xp[:, ins], u, v, window))
    return ConvGrads(crop(dxp, window), dweight, dy.sum(axis=(0, 2, 3)))


@from_shapes
def grouped_conv2d_cost(x_shape, weight_shape, *, bias=False, stride=1, padding=0, dilation=1, groups=1):
    """Cost from shapes alone: a `Cost` whose parameters read C_out·(C_in/groups·kh·kw + 1)."""
    window = conv2d_window(x_shape, weight_shape, groups=groups, stride=stride, padding=padding, dilation=dilation)
    batch, (out_channels, members_in) = x_shape[0], weight_shape[:2]
    output = (batch, out_channels, *window.output)
    return Cost(
        filters(out_channels, members_in, window.kernel, bias),
        applications(batch, out_channels, window.output, members_in, window.kernel),
        output,
        other=biases(output, bias),
    )


def members(groups, in_channels, out_channels):
    """For each group, the slice of input channels that it reads and the slice of output channels that it writes."""
    p, q = in_channels // groups, out_channels // groups
    return [(slice(g * p, (g + 1) * p), slice(g * q, (g + 1) * q)) for g in range(groups)]
