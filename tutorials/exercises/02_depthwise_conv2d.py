"""Exercise 2: Filter every channel alone, with one or several kernels.

`tap(xp, u, v, window)` returns the pixels that tap (u, v) of the kernel reads in the padded input `xp`, one pixel for
each output pixel. The convolution is the sum over all taps.

    ghostnp check tutorials/exercises/02_depthwise_conv2d.py
"""

import numpy as np

from ghostnp.ops.geometry import EACH_CHANNEL, conv2d_window, pad, tap


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
    window = conv2d_window(
        x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    raise NotImplementedError
