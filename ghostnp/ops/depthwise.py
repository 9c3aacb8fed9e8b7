"""Depthwise convolution: every channel is filtered alone, and channels never mix.

    y[n, c, i, j] = b[c] + Σ_uv w[c, 0, u, v] · x̄[n, c // m, i·s + u·d, j·s + v·d]

with x̄ the padded input, stride s, dilation d and m = C_out / C_in filters for each input channel (the multiplier).
In the backward pass, each product adds a term to the gradients of both of its factors:

    dx̄[n, c // m, i·s + u·d, j·s + v·d] += w[c, 0, u, v] · dy[n, c, i, j]
    dw[c, 0, u, v]                       = Σ_nij dy[n, c, i, j] · x̄[n, c // m, i·s + u·d, j·s + v·d]
    db[c]                                = Σ_nij dy[n, c, i, j]

Cost: C_out·(kh·kw + 1) parameters, and kh·kw multiply-adds for each output number: C_in times fewer than a standard
convolution.
"""

import numpy as np

from ghostnp.ops.cost import Cost, applications, biases, filters, from_shapes
from ghostnp.ops.geometry import EACH_CHANNEL, check_conv2d, conv2d_window, crop, pad, tap
from ghostnp.ops.gradients import ConvGrads


def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    """Filter each channel alone.

    Parameters
    ----------
    x : ndarray
        Images of shape (N, C_in, H, W).
    weight : ndarray
        Filters of shape (m·C_in, 1, kh, kw). Filters c·m to c·m + m - 1 see channel c, and the multiplier m is 1 in
        most networks.
    bias : ndarray, optional
        Shape (m·C_in,).
    stride, padding, dilation
        As in `standard_conv2d`.

    Returns
    -------
    y : ndarray
        Shape (N, m·C_in, H_out, W_out), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or the output would be smaller than 1x1.

    References
    ----------
    .. [1] A. G. Howard et al., "MobileNets", 2017, section 3.1, equation (3). https://arxiv.org/abs/1704.04861
    """
    window = check_conv2d(x, weight, bias, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation)
    multiplier = len(weight) // x.shape[1]
    xp = pad(x, window).repeat(multiplier, axis=1)
    y = np.zeros((len(x), len(weight), *window.output), x.dtype)
    for u, v in np.ndindex(window.kernel):
        y += weight[:, 0, u, v, None, None] * tap(xp, u, v, window)
    return y if bias is None else y + bias[:, None, None]


def depthwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """Compute the gradients of `x`, `weight` and bias from `dy` (N, m·C_in, H_out, W_out): a `ConvGrads`."""
    window = check_conv2d(x, weight, dy=dy, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation)
    multiplier = len(weight) // x.shape[1]
    xp = pad(x, window).repeat(multiplier, axis=1)
    dxp, dweight = np.zeros_like(xp), np.zeros_like(weight)
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] += weight[:, 0, u, v, None, None] * dy
        dweight[:, 0, u, v] = (dy * tap(xp, u, v, window)).sum(axis=(0, 2, 3))
    copies = crop(dxp, window).reshape(len(x), x.shape[1], multiplier, *x.shape[2:])
    return ConvGrads(copies.sum(axis=2), dweight, dy.sum(axis=(0, 2, 3)))


@from_shapes
def depthwise_conv2d_cost(x_shape, weight_shape, *, bias=False, stride=1, padding=0, dilation=1):
    """Cost from shapes alone: a `Cost` whose parameters read C_out·(1·kh·kw + 1)."""
    window = conv2d_window(
        x_shape, weight_shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    batch, out_channels = x_shape[0], weight_shape[0]
    output = (batch, out_channels, *window.output)
    return Cost(
        filters(out_channels, 1, window.kernel, bias),
        applications(batch, out_channels, window.output, 1, window.kernel),
        output,
        other=biases(output, bias),
    )
