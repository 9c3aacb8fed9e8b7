"""Exercise 13: Normalise each channel, then scale and shift it.

The mean and the variance of a channel are computed over all images, rows and columns.

    ghostnp check tutorials/exercises/13_batch_norm_train.py
"""

import numpy as np


def batch_norm_train(x, weight, bias, *, eps=1e-5):
    """Normalise each channel by its mean and variance in this batch, then scale and shift it.

    Parameters
    ----------
    x : ndarray
        Shape (N, C, H, W) with at least two values for each channel.
    weight, bias : ndarray
        Scale and shift of each channel, of shape (C,).
    eps : float, default 1e-5
        Added to the variance, so that a constant channel is not divided by zero.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`.
    mean, var : ndarray
        Mean and biased variance of each channel, of shape (C,).

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, N·H·W < 2, or `eps` is not above zero.

    References
    ----------
    .. [1] S. Ioffe, C. Szegedy, "Batch normalization", 2015, algorithm 1. https://arxiv.org/abs/1502.03167
    """
    raise NotImplementedError
