"""What backward passes return: gradients named like the arguments they belong to."""

from typing import NamedTuple

import numpy as np


class ConvGrads(NamedTuple):
    """Gradients of a convolution or a linear map: shaped like `x`, `weight` and `bias`."""

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray


class SeparableGrads(NamedTuple):
    """Gradients of a depthwise-separable convolution."""

    x: np.ndarray
    depthwise_weight: np.ndarray
    pointwise_weight: np.ndarray
    bias: np.ndarray


class NormGrads(NamedTuple):
    """Gradients of a batch norm: shaped like `x`, `weight` and `bias`."""

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray


class PairGrads(NamedTuple):
    """Gradients of an operator on two arrays."""

    a: np.ndarray
    b: np.ndarray


class FullAttentionGrads(NamedTuple):
    """Gradients of fully connected attention."""

    z: np.ndarray
    weight: np.ndarray


class DecoupledAttentionGrads(NamedTuple):
    """Gradients of decoupled fully connected attention."""

    z: np.ndarray
    weight_h: np.ndarray
    weight_w: np.ndarray
