"""Filters in pairs: for each filter the one that points most nearly the opposite way.

With filters flattened to vectors w_i,

    cos(i, j) = w_i · w_j / (|w_i| |w_j|)        pairing filter of i: the j ≠ i with the smallest cos(i, j)

First layers of trained networks have many pairs with cosines near -1, random filters do not: that is the observation
behind CReLU, which computes one filter of such a pair and gets the other from the sign.
"""

import numpy as np

from ghostnp.ops.checks import check_arrays


def pairing(weight):
    """Each filter's pairing filter, and the cosine between the two.

    Parameters
    ----------
    weight : ndarray
        Filters of shape (C_out, ...), two or more, none of them zero.

    Returns
    -------
    partners : ndarray of int, shape (C_out,)
    cosines : ndarray, shape (C_out,)
        From -1 (opposite) to 1.

    Raises
    ------
    TypeError, ValueError
        If `weight` is no such array.

    References
    ----------
    .. [1] W. Shang, K. Sohn, D. Almeida, H. Lee, "Understanding and improving convolutional neural networks via
       concatenated rectified linear units", ICML 2016, section 2.1. https://arxiv.org/abs/1603.05201
    """
    check_arrays(weight=weight)
    if weight.ndim < 2 or len(weight) < 2:
        raise ValueError(f"weight has shape {weight.shape}: the rule is two filters or more, such as (16, 3, 3, 3)")
    rows = weight.reshape(len(weight), -1)
    lengths = np.linalg.norm(rows, axis=1)
    if not lengths.all():
        raise ValueError(f"weight[{int(lengths.argmin())}] is zero: the rule is filters that have a direction, such as "
                         f"those of a trained layer")  # fmt: skip
    units = rows / lengths[:, None]
    cosines = units @ units.T
    np.fill_diagonal(cosines, np.inf)  # a filter is not paired with itself
    partners = cosines.argmin(axis=1)
    return partners, cosines[np.arange(len(weight)), partners]
