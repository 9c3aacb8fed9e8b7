"""Exercise 17: Make a few maps by a convolution, and the others cheaply from these. Both steps end in a ReLU.

It is made of calls of the vocabulary: `ops.pointwise_conv2d`, `ops.relu`, `ops.depthwise_conv2d` with
padding="same", `ops.concat`.

    ghostnp check tutorials/exercises/17_ghost_module.py
"""

from ghostnp import ops


def ghost_module(x, primary_weight, cheap_weight, *, keep=None):
    """Make a few maps by a convolution, and the others cheaply from these; both steps end in a ReLU.

    The paper's equations are the two linear maps alone. The networks have a ReLU after each of them, and so has this.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C_in, H, W).
    primary_weight : ndarray
        Shape (m, C_in, 1, 1), for m intrinsic maps.
    cheap_weight : ndarray
        Shape ((s - 1)·m, 1, d, d): depthwise filters with d odd.
    keep : int, optional
        How many of the s·m maps to keep, from the first on; all if it is left out.

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
