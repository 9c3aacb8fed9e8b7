"""Exercise 15: Decoupled attention, as a weighted sum of each column and then a weighted sum of each row.

Write two sums, or call np.einsum two times.

    ghostnp check tutorials/exercises/15_decoupled_attention.py
"""

import numpy as np


def decoupled_attention(z, weight_h, weight_w):
    """Replace each pixel by a weighted sum of its column, then by a weighted sum of its row.

    Parameters
    ----------
    z : ndarray
        Maps of shape (N, C, H, W).
    weight_h : ndarray
        F_H, of shape (C, H, H, W): channel, row of the output pixel, row of the input pixel, column of both.
    weight_w : ndarray
        F_W, of shape (C, W, H, W): channel, column of the output pixel, row of both, column of the input pixel.

    Returns
    -------
    a : ndarray
        Shape (N, C, H, W), dtype of `z`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.

    References
    ----------
    .. [1] Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022, equations (4)
       and (5). https://arxiv.org/abs/2211.12905
    """
    raise NotImplementedError
