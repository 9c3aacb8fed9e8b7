"""Exercise 5: Reorder the channels, so that the next grouped convolution mixes the groups.

Write the channels as a matrix with one row for each group.

    ghostnp check tutorials/exercises/05_channel_shuffle.py
"""

import numpy as np


def channel_shuffle(x, groups):
    """Take the first channel of each group, then the second channel of each group, and so on.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).
    groups : int
        A divisor of C.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If `x` is no such array, or `groups` does not divide C.

    References
    ----------
    .. [1] X. Zhang et al., "ShuffleNet", 2018, section 3.1. https://arxiv.org/abs/1707.01083
    """
    raise NotImplementedError
