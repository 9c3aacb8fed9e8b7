"""Exercise 1: Mix the channels of each pixel with one matrix.

`conv2d_window` works out the stride and the padding, also for "same". `tap(pad(x, window), 0, 0, window)` returns the
pixels that the only tap of the kernel reads, one pixel for each output pixel.

    ghostnp check tutorials/exercises/01_pointwise_conv2d.py
"""

import numpy as np

from ghostnp.ops.geometry import conv2d_window, pad, tap


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
    window = conv2d_window(x.shape, weight.shape, stride=stride, padding=padding, dilation=dilation)
    raise NotImplementedError
