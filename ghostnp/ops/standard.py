"""Standard convolution: every output pixel sees a window of every input channel.

    y[n, o, i, j] = b[o] + Σ_c Σ_uv w[o, c, u, v] · x̄[n, c, i·s + u·d, j·s + v·d]

with x̄ the padded input, stride s and dilation d. Each tap (u, v) is a matrix that mixes channels, applied to a shifted
view of the input. In the backward pass, each product adds a term to the gradients of both of its factors:

    dx̄[n, c, i·s + u·d, j·s + v·d] += Σ_o w[o, c, u, v] · dy[n, o, i, j]
    dw[o, c, u, v]                  = Σ_nij dy[n, o, i, j] · x̄[n, c, i·s + u·d, j·s + v·d]
    db[o]                           = Σ_nij dy[n, o, i, j]

Cost: C_out·(C_in·kh·kw + 1) parameters, and C_in·kh·kw multiply-adds for each output number.
"""

import numpy as np

from ghostnp.ops.cost import Cost, applications, biases, filters, from_shapes
from ghostnp.ops.geometry import check_conv2d, conv2d_window, crop, pad, tap
from ghostnp.ops.gradients import ConvGrads


def standard_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    """Slide every filter over all channels at once.

    What deep learning calls a convolution is a cross-correlation: the kernel is not flipped.

    Parameters
    ----------
    x : ndarray
        Images of shape (N, C_in, H, W).
    weight : ndarray
        Filters of shape (C_out, C_in, kh, kw).
    bias : ndarray, optional
        Shape (C_out,).
    stride, dilation : int or (int, int), default 1
        Rows and columns between neighbouring windows, and between neighbouring taps.
    padding : int, (int, int), ((int, int), (int, int)) or "same", default 0
        Zeros around each map: all sides, (rows, columns), ((top, bottom), (left, right)), or TensorFlow's rule.

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
    .. [1] V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016, relationships 1 to 6
       and 15. https://arxiv.org/abs/1603.07285
    """
    window = check_conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation)
    xp = pad(x, window)
    y = np.zeros((len(x), len(weight), *window.output), x.dtype)
    for u, v in np.ndindex(window.kernel):
        y += np.einsum("oc,ncij->noij", weight[:, :, u, v], tap(xp, u, v, window))
    return y if bias is None else y + bias[:, None, None]


def standard_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """Compute the gradients of `x`, `weight` and bias from `dy` (N, C_out, H_out, W_out): a `ConvGrads`."""
    window = check_conv2d(x, weight, dy=dy, stride=stride, padding=padding, dilation=dilation)
    xp = pad(x, window)
    dxp, dweight = np.zeros_like(xp), np.zeros_like(weight)
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] += np.einsum("oc,noij->ncij", weight[:, :, u, v], dy)
        dweight[:, :, u, v] = np.einsum("noij,ncij->oc", dy, tap(xp, u, v, window))
    return ConvGrads(crop(dxp, window), dweight, dy.sum(axis=(0, 2, 3)))


@from_shapes
def standard_conv2d_cost(x_shape, weight_shape, *, bias=False, stride=1, padding=0, dilation=1):
    """Cost from shapes alone: a `Cost` whose parameters read C_out·(C_in·kh·kw + 1)."""
    window = conv2d_window(x_shape, weight_shape, stride=stride, padding=padding, dilation=dilation)
    (batch, in_channels), out_channels = x_shape[:2], weight_shape[0]
    output = (batch, out_channels, *window.output)
    return Cost(
        filters(out_channels, in_channels, window.kernel, bias),
        applications(batch, out_channels, window.output, in_channels, window.kernel),
        output,
        other=biases(output, bias),
    )
