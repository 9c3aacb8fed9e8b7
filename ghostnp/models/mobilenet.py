"""MobileNets: V1 takes every convolution apart into depthwise and pointwise, V2 turns the residual block inside out.

Each row of a table is one or more blocks.
"""

from typing import NamedTuple

from ghostnp.modules import Dropout, Flatten, GlobalAvgPool2d, Linear, ReLU, ReLU6, Sequential, make_divisible
from ghostnp.modules.conv_norm import PYTORCH
from ghostnp.modules.inverted_residual import inverted_residual
from ghostnp.modules.layers import dropped
from ghostnp.modules.rules import builder, check_width, staged_table, table
from ghostnp.ops.checks import integer


class SeparableRow(NamedTuple):
    """A depthwise convolution of `stride` and a pointwise one to `out` channels."""

    out: int
    stride: int


# A. Howard et al., "MobileNets", 2017, table 1: a line for each resolution. The last depthwise convolution is printed
# there with stride 2, between 7x7 maps and 7x7 maps: its stride is 1.
STAGES_V1 = (
    (SeparableRow(64, 1),),
    (SeparableRow(128, 2), SeparableRow(128, 1)),
    (SeparableRow(256, 2), SeparableRow(256, 1)),
    (SeparableRow(512, 2), *(SeparableRow(512, 1),) * 5),
    (SeparableRow(1024, 2), SeparableRow(1024, 1)),
)


class MobileNetV1(Sequential):
    """MobileNet: a stem and thirteen depthwise-separable convolutions, each convolution with batch norm and ReLU.

    ``conv_stem bn1 blocks.I.J.{conv_dw,bn1,conv_pw,bn2} classifier`` are timm's names.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    width : float, default 1.0
        α, scales every channel count; results are rounded to a multiple of 8.
    activation : type of Module, default ReLU
        `ReLU` as in the paper; the official TensorFlow code and timm have `ReLU6`.
    stages : tuple of tuple of SeparableRow, default STAGES_V1
        The table.

    References
    ----------
    .. [1] A. Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications", 2017,
       table 1. https://arxiv.org/abs/1704.04861
    """

    def __init__(self, *, num_classes=1000, in_channels=3, width=1.0, activation=ReLU, stages=STAGES_V1):
        width, activation = check_width(width), builder("activation", activation, "ReLU6")

        def layers(conv, norm, act, *geometry, **keywords):
            """By name; a ReLU is in the norm, and `act` is left out."""
            return dict(zip((conv, norm, act), PYTORCH(*geometry, activation=activation, **keywords), strict=False))

        def block(in_channels, out_channels, stride):
            return Sequential(
                **layers("conv_dw", "bn1", "act1", in_channels, in_channels, 3, stride=stride, groups=in_channels),
                **layers("conv_pw", "bn2", "act2", in_channels, out_channels, 1),
            )

        channels, blocks = make_divisible(32 * width, 8), []
        stem = layers("conv_stem", "bn1", "act1", in_channels, channels, 3, stride=2)
        for rows in staged_table("stages", stages, SeparableRow, f"{STAGES_V1[0][0]}"):
            stage = []
            for row in rows:
                out = make_divisible(row.out * width, 8)
                stage.append(block(channels, out, row.stride))
                channels = out
            blocks.append(Sequential(*stage))
        super().__init__(
            **stem,
            blocks=Sequential(*blocks),
            global_pool=GlobalAvgPool2d(),
            flatten=Flatten(),
            classifier=Linear(channels, integer("num_classes", num_classes, 1)),
        )


class RowV2(NamedTuple):
    """Blocks in a row: expansion t, channels out, how many, stride of the first."""

    expansion: int
    out: int
    blocks: int
    stride: int


# M. Sandler et al., "MobileNetV2", CVPR 2018, table 2.
ROWS_V2 = (
    RowV2(1, 16, 1, 1),
    RowV2(6, 24, 2, 2),
    RowV2(6, 32, 3, 2),
    RowV2(6, 64, 4, 2),
    RowV2(6, 96, 3, 1),
    RowV2(6, 160, 3, 2),
    RowV2(6, 320, 1, 1),
)


class MobileNetV2(Sequential):
    """MobileNetV2, plain or with attention, under torchvision's names.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    width : float, default 1.0
        Scales every channel count, save the last 1280 where it is below 1; results are rounded to a multiple of 8.
    dropout : float, default 0.2
        Probability in front of the classifier; it takes effect in training with an `rng`.
    squeeze_excite, gate : callable, optional
        The attention in every block that widens, as in `inverted_residual`: with ``gate=DFCAttention`` or
        ``squeeze_excite=SqueezeExcite`` the network is one of those that the GhostNetV2 paper, and document 003 after
        it, compare. A plain network's names are unchanged by either.
    rows : tuple of RowV2, default ROWS_V2
        The table.

    References
    ----------
    .. [1] M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018, table 2.
       https://arxiv.org/abs/1801.04381
    .. [2] Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022, section 5.4.
       https://arxiv.org/abs/2211.12905
    """

    def __init__(
        self,
        *,
        num_classes=1000,
        in_channels=3,
        width=1.0,
        dropout=0.2,
        squeeze_excite=None,
        gate=None,
        rows=ROWS_V2,
    ):
        width = check_width(width)
        channels = make_divisible(32 * width, 8)
        layers = [PYTORCH(in_channels, channels, 3, stride=2, activation=ReLU6)]
        for row in table("rows", rows, RowV2, f"{ROWS_V2[0]}"):
            out = make_divisible(row.out * width, 8)
            for stride in (row.stride, *(1,) * (row.blocks - 1)):
                layers.append(
                    inverted_residual(
                        channels,
                        out,
                        stride=stride,
                        expansion=row.expansion,
                        squeeze_excite=squeeze_excite,
                        gate=gate,
                    )
                )
                channels = out
        last = make_divisible(1280 * max(1.0, width), 8)
        super().__init__(
            features=Sequential(*layers, PYTORCH(channels, last, 1, activation=ReLU6)),
            global_pool=GlobalAvgPool2d(),
            flatten=Flatten(),
            classifier=Sequential(
                Dropout(dropped("dropout", dropout)), Linear(last, integer("num_classes", num_classes, 1))
            ),
        )
