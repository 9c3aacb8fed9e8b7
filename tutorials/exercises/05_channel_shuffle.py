"""Exercise 5: Deal the channels out like cards.

Write the channels as a matrix with a row for each group.

    ghostnp check tutorials/exercises/05_channel_shuffle.py
"""

import numpy as np


def channel_shuffle(x, groups):
    """Deal the channels out: one of each group, then the next of each group.

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
