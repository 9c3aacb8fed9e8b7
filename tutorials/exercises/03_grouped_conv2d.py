"""Exercise 3: Convolve each group of channels on its own.

Each group is a standard convolution of a slice of the channels with a slice of the filters.

    ghostnp check tutorials/exercises/03_grouped_conv2d.py
"""

import numpy as np

from ghostnp.ops.geometry import conv2d_window, pad, tap


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
    window = conv2d_window(x.shape, weight.shape, groups=groups, stride=stride, padding=padding, dilation=dilation)
    raise NotImplementedError
