"""GhostNet: a table of bottlenecks between a stem and a classifier.

Each row of the table is one `GhostBottleneck`; each line of rows is one stage, ``blocks.I``.
"""

from typing import NamedTuple

from ghostnp.modules import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GhostBottleneck,
    GlobalAvgPool2d,
    Linear,
    ReLU,
    Sequential,
    SqueezeExcite,
    make_divisible,
)
from ghostnp.modules.layers import dropped
from ghostnp.ops.checks import integer, positive


class Row(NamedTuple):
    """One bottleneck: kernel, channels inside and out, to what share of them SE squeezes (0: no SE), stride."""

    kernel: int
    expansion: int
    out: int
    squeeze: float
    stride: int


# K. Han et al., "GhostNet", CVPR 2020, table 1, in the stages of the official code.
STAGES = (
    (Row(3, 16, 16, 0, 1),),
    (Row(3, 48, 24, 0, 2),),
    (Row(3, 72, 24, 0, 1),),
    (Row(5, 72, 40, 0.25, 2),),
    (Row(5, 120, 40, 0.25, 1),),
    (Row(3, 240, 80, 0, 2),),
    (
        Row(3, 200, 80, 0, 1),
        Row(3, 184, 80, 0, 1),
        Row(3, 184, 80, 0, 1),
        Row(3, 480, 112, 0.25, 1),
        Row(3, 672, 112, 0.25, 1),
    ),
    (Row(5, 672, 160, 0.25, 2),),
    (Row(5, 960, 160, 0, 1), Row(5, 960, 160, 0.25, 1), Row(5, 960, 160, 0, 1), Row(5, 960, 160, 0.25, 1)),
)
STEM, LAST, HEAD = 16, 960, 1280


class GhostNet(Sequential):
    """GhostNet as the official PyTorch code builds it, under its names.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    width : float, default 1.0
        Scales every channel count but the head's 1280; results are rounded to a multiple of 4.
    dropout : float, default 0.2
        Probability in front of the classifier; it takes effect in training with an `rng`.
    stages : tuple of tuple of Row, default STAGES
        The table.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, table 1.
       https://arxiv.org/abs/1911.11907
    """

    def __init__(self, *, num_classes=1000, width=1.0, dropout=0.2, stages=STAGES):
        num_classes, width = integer("num_classes", num_classes, 1), positive("width", width)

        def scaled(channels):
            return make_divisible(channels * width, 4)

        channels, blocks = scaled(STEM), []
        for rows in stages:
            stage = []
            for row in rows:
                hidden, out = scaled(row.expansion), scaled(row.out)
                squeeze = None
                if row.squeeze:
                    squeeze = SqueezeExcite(hidden, hidden=make_divisible(hidden * row.squeeze, 4))
                stage.append(
                    GhostBottleneck(
                        channels, hidden, out, kernel_size=row.kernel, stride=row.stride, squeeze_excite=squeeze
                    )
                )
                channels = out
            blocks.append(Sequential(*stage))
        last = scaled(LAST)
        blocks.append(
            Sequential(Sequential(conv=Conv2d(channels, last, 1, bias=False), bn1=BatchNorm2d(last), act1=ReLU()))
        )
        super().__init__(
            conv_stem=Conv2d(3, scaled(STEM), 3, stride=2, padding=1, bias=False),
            bn1=BatchNorm2d(scaled(STEM)),
            act1=ReLU(),
            blocks=Sequential(*blocks),
            global_pool=GlobalAvgPool2d(),
            conv_head=Conv2d(last, HEAD, 1),
            act2=ReLU(),
            flatten=Flatten(),
            dropout=Dropout(dropped("dropout", dropout)),
            classifier=Linear(HEAD, num_classes),
        )
