"""Exercise 17: The ghost module, with a ReLU after each of its two steps.

Call `ops.pointwise_conv2d`, `ops.relu`, `ops.depthwise_conv2d` with padding="same", and `ops.concat`.

    ghostnp check tutorials/exercises/17_ghost_module.py
"""

from ghostnp import ops


def ghost_module(x, primary_weight, cheap_weight, *, keep=None):
    """Make intrinsic maps by a pointwise convolution, and ghosts from them by a depthwise convolution.

    The equations of the paper contain only the two convolutions. The networks also have a ReLU after each of them, and
    so does this function.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C_in, H, W).
    primary_weight : ndarray
        Shape (m, C_in, 1, 1), for m intrinsic maps.
    cheap_weight : ndarray
        Shape ((s - 1)·m, 1, d, d): depthwise filters with d odd.
    keep : int, optional
        How many of the s·m maps to keep, beginning with the first; all by default.

    Returns
    -------
    y : ndarray
        Shape (N, keep, H, W), dtype of `x`.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, equations (2) and (3).
       https://arxiv.org/abs/1911.11907
    """
    raise NotImplementedError
