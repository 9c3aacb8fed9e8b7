"""Layers with parameters: explicit forward and backward over whatever backend is in force.

Read in this order: `base`, `initial`, `layers`, `sequential`, `separable`, `squeeze_excite`, `ghost`, `ghost_v2`,
`shuffle_unit`.
"""

from ghostnp.modules.base import Module, current_path, under
from ghostnp.modules.ghost import GhostBottleneck, GhostModule
from ghostnp.modules.ghost_v2 import DFCAttention, GhostBottleneckV2, GhostModuleV2
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
)
from ghostnp.modules.separable import SeparableConv2d
from ghostnp.modules.sequential import Sequential
from ghostnp.modules.shuffle_unit import ShuffleUnit
from ghostnp.modules.squeeze_excite import SqueezeExcite, make_divisible

__all__ = [
    "AvgPool2d",
    "BatchNorm2d",
    "CReLU",
    "ChannelShuffle",
    "Clip",
    "Conv2d",
    "DFCAttention",
    "Dropout",
    "Flatten",
    "GhostBottleneck",
    "GhostBottleneckV2",
    "GhostModule",
    "GhostModuleV2",
    "GlobalAvgPool2d",
    "HardSigmoid",
    "Linear",
    "MaxPool2d",
    "Module",
    "ReLU",
    "ReLU6",
    "SeparableConv2d",
    "Sequential",
    "ShuffleUnit",
    "Sigmoid",
    "SqueezeExcite",
    "current_path",
    "initializer",
    "make_divisible",
    "under",
]
