"""Exercise 15: DFC attention: let every pixel see its column, then its row.

Two sums, or two calls of np.einsum.

    ghostnp check tutorials/exercises/15_decoupled_attention.py
"""

import numpy as np


def decoupled_attention(z, weight_h, weight_w):
    """Let every pixel see its column, then its row.

    Parameters
    ----------
    z : ndarray
        Maps of shape (N, C, H, W).
    weight_h : ndarray
        F_H, of shape (C, H, H, W): the output pixel's row, the input pixel's row, their column.
    weight_w : ndarray
        F_W, of shape (C, W, H, W): the output pixel's column, their row, the input pixel's column.

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
