"""Exercise 0: Convolve every input channel with its kernel, and add up the results for each filter.

`tap(xp, u, v, window)` returns the pixels that tap (u, v) of the kernel reads in the padded input `xp`, one pixel for
each output pixel.

    ghostnp check tutorials/exercises/00_standard_conv2d.py
"""

import numpy as np

from ghostnp.ops.geometry import conv2d_window, pad, tap


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
    window = conv2d_window(x.shape, weight.shape, stride=stride, padding=padding, dilation=dilation)
    raise NotImplementedError
