"""GoogLeNet: each inception module looks at its input at several scales at once.

Each row of the table is one module, each line of rows a stage between two pools.
"""

from typing import NamedTuple

from ghostnp.modules import Conv2d, Dropout, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, ReLU, Sequential
from ghostnp.modules.ceil_pool import CeilMaxPool2d
from ghostnp.modules.combine import Branches
from ghostnp.modules.layers import dropped
from ghostnp.modules.rules import of_kind, table
from ghostnp.ops.checks import integer


class InceptionRow(NamedTuple):
    """One inception module: filters of each size; those that reduce come before, those of `pool` behind the pool."""

    one: int
    reduce3: int
    three: int
    reduce5: int
    five: int
    pool: int


# C. Szegedy et al., "Going deeper with convolutions", CVPR 2015, table 1.
STAGES = {
    "3": (InceptionRow(64, 96, 128, 16, 32, 32), InceptionRow(128, 128, 192, 32, 96, 64)),
    "4": (
        InceptionRow(192, 96, 208, 16, 48, 64),
        InceptionRow(160, 112, 224, 24, 64, 64),
        InceptionRow(128, 128, 256, 24, 64, 64),
        InceptionRow(112, 144, 288, 32, 64, 64),
        InceptionRow(256, 160, 320, 32, 128, 128),
    ),
    "5": (InceptionRow(256, 160, 320, 32, 128, 128), InceptionRow(384, 192, 384, 48, 128, 128)),
}


def _conv(in_channels, out_channels, kernel_size, stride=1):
    padding = kernel_size // 2
    return Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding), ReLU()


def inception(in_channels, row):
    """Build one module of the table: 1x1, 3x3 and 5x5 filters and a pool, side by side (figure 2b of the paper)."""
    return Branches(
        branch1=Sequential(*_conv(in_channels, row.one, 1)),
        branch2=Sequential(*_conv(in_channels, row.reduce3, 1), *_conv(row.reduce3, row.three, 3)),
        branch3=Sequential(*_conv(in_channels, row.reduce5, 1), *_conv(row.reduce5, row.five, 5)),
        branch4=Sequential(MaxPool2d(3, stride=1, padding=1), *_conv(in_channels, row.pool, 1)),
    )


class GoogLeNet(Sequential):
    """GoogLeNet as the paper's table has it: biases and no batch norm.

    Left out are the local response normalisation and the two auxiliary classifiers, which the paper discards at
    inference. (torchvision has batch norm, and 3x3 filters in the place of the 5x5.) The pools round up, as in Caffe:
    that is how 112 pixels become 56.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    dropout : float, default 0.4
        Probability in front of the classifier; it takes effect in training with an `rng`.
    stages : dict of str to tuple of InceptionRow, default STAGES
        The table.

    References
    ----------
    .. [1] C. Szegedy et al., "Going deeper with convolutions", CVPR 2015, table 1. https://arxiv.org/abs/1409.4842
    """

    def __init__(self, *, num_classes=1000, in_channels=3, dropout=0.4, stages=STAGES):
        conv1, relu1 = _conv(in_channels, 64, 7, stride=2)
        conv2, relu2 = _conv(64, 64, 1)
        conv3, relu3 = _conv(64, 192, 3)
        channels, modules = 192, {}
        for stage, rows in of_kind("stages", stages, dict, f"{{'3': ({STAGES['3'][0]},)}}").items():
            of_kind("stages has a key, and it", stage, str, "'3'")
            modules[f"pool{stage}"] = CeilMaxPool2d(3, stride=2)
            for number, row in enumerate(table(f"stages[{stage!r}]", rows, InceptionRow, f"{STAGES['3'][0]}")):
                modules[f"inception{stage}{chr(ord('a') + number)}"] = inception(channels, row)
                channels = row.one + row.three + row.five + row.pool
        super().__init__(
            conv1=conv1,
            relu1=relu1,
            pool1=CeilMaxPool2d(3, stride=2),
            conv2=conv2,
            relu2=relu2,
            conv3=conv3,
            relu3=relu3,
            **modules,
            global_pool=GlobalAvgPool2d(),
            flatten=Flatten(),
            dropout=Dropout(dropped("dropout", dropout)),
            classifier=Linear(channels, integer("num_classes", num_classes, 1)),
        )
