"""The ghost module as two functions of its arrays: what the exercise of that name is held against.

    intrinsic  Y' = relu(primary ∗ X)       a 1x1 convolution
    ghosts     Y'' = relu(cheap ∗ Y')       depthwise filters over each intrinsic map, "same" padding
    output     [Y', Y'']                    side by side, the first `keep` channels

`ghostnp.modules.GhostModule` is the layer that networks use: the same with batch norms in between, and with names.
"""

from typing import NamedTuple

import numpy as np

from ghostnp import ops


class GhostGrads(NamedTuple):
    """Gradients of a ghost module: shaped like `x`, `primary_weight` and `cheap_weight`."""

    x: np.ndarray
    primary_weight: np.ndarray
    cheap_weight: np.ndarray


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
    intrinsic = ops.relu(ops.pointwise_conv2d(x, primary_weight))
    ghosts = ops.relu(ops.depthwise_conv2d(intrinsic, cheap_weight, padding="same"))
    return ops.concat((intrinsic, ghosts), keep=keep)


def ghost_module_backward(dy, x, primary_weight, cheap_weight, *, keep=None):
    """Compute the gradients of `x` and both weights from `dy` (N, keep, H, W): a `GhostGrads`."""
    before_primary = ops.pointwise_conv2d(x, primary_weight)
    intrinsic = ops.relu(before_primary)
    before_cheap = ops.depthwise_conv2d(intrinsic, cheap_weight, padding="same")
    dintrinsic, dghosts = ops.concat_backward(dy, (intrinsic, ops.relu(before_cheap)), keep=keep)
    cheap = ops.depthwise_conv2d_backward(
        ops.relu_backward(dghosts, before_cheap), intrinsic, cheap_weight, padding="same"
    )
    # The intrinsic maps were used twice: their gradients add.
    primary = ops.pointwise_conv2d_backward(ops.relu_backward(dintrinsic + cheap.x, before_primary), x, primary_weight)
    return GhostGrads(primary.x, primary.weight, cheap.weight)
