"""Layers with parameters: explicit forward and backward over whatever backend is in force.

Read in this order: `base`, `initial`, `layers`, `combine`, `conv_norm`, `separable`, `squeeze_excite`, `ghost`,
`ghost_v2`, `shuffle_unit`, `shuffle_unit_v2`, and for the networks of comparison `bottleneck`, `inverted_residual`,
`fire`, `ceil_pool`. `rules` checks arguments.

Constructors raise a TypeError or a ValueError that names an argument which is not legal. Where no more is to be said of
it, their docstrings do not repeat that.

A new layer of one operator is a subclass of `Plain` in `layers`; a block has a file of its own. Layers for users are
named here, and get a case in ``tests/modules/cases.py``.
"""

from ghostnp.modules.base import Module, current_path, under
from ghostnp.modules.combine import Residual, Sequential
from ghostnp.modules.conv_norm import ConvNorm
from ghostnp.modules.ghost import GhostBottleneck, GhostModule
from ghostnp.modules.ghost_v2 import DFCAttention, GhostModuleV2
from ghostnp.modules.initial import initializer
from ghostnp.modules.layers import (
    AvgPool2d,
    BatchNorm2d,
    ChannelShuffle,
    Clip,
    Conv2d,
    CReLU,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    HardSigmoid,
    Linear,
    MaxPool2d,
    ReLU,
    ReLU6,
    Sigmoid,
    Softmax,
)
from ghostnp.modules.separable import SeparableConv2d
from ghostnp.modules.shuffle_unit import ShuffleUnit
from ghostnp.modules.squeeze_excite import SqueezeExcite, make_divisible

__all__ = [
    "AvgPool2d",
    "BatchNorm2d",
    "CReLU",
    "ChannelShuffle",
    "Clip",
    "Conv2d",
    "ConvNorm",
    "DFCAttention",
    "Dropout",
    "Flatten",
    "GhostBottleneck",
    "GhostModule",
    "GhostModuleV2",
    "GlobalAvgPool2d",
    "HardSigmoid",
    "Linear",
    "MaxPool2d",
    "Module",
    "ReLU",
    "ReLU6",
    "Residual",
    "SeparableConv2d",
    "Sequential",
    "ShuffleUnit",
    "Sigmoid",
    "Softmax",
    "SqueezeExcite",
    "current_path",
    "initializer",
    "make_divisible",
    "under",
]
