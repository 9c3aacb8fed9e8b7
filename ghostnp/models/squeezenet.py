"""SqueezeNet: few parameters by 1x1 filters in front of 3x3 filters, and no linear layer at all."""

from typing import NamedTuple

from ghostnp.modules import Conv2d, Dropout, Flatten, GlobalAvgPool2d, ReLU, Sequential
from ghostnp.modules.ceil_pool import CeilMaxPool2d
from ghostnp.modules.fire import Fire
from ghostnp.modules.layers import dropped
from ghostnp.modules.rules import staged_table
from ghostnp.ops.checks import integer


class FireRow(NamedTuple):
    """One fire module: filters of its squeeze layer and of each kind in its expand layer."""

    squeeze: int
    expand: int


# F. Iandola et al., "SqueezeNet", 2016, table 1; each line ends in a pool, save the last. The first
# is the stem's.
STAGES = (
    (),
    (FireRow(16, 64), FireRow(16, 64), FireRow(32, 128)),
    (FireRow(32, 128), FireRow(48, 192), FireRow(48, 192), FireRow(64, 256)),
    (FireRow(64, 256),),
)


class SqueezeNet(Sequential):
    """SqueezeNet 1.0, under torchvision's names.

    Its first convolution has no padding, so 224 pixels give 109; the paper's table prints the 111 that 227 pixels give.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    dropout : float, default 0.5
        Probability in front of the last convolution; it takes effect in training with an `rng`.
    stages : tuple of tuple of FireRow, default STAGES
        The table.

    References
    ----------
    .. [1] F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
       2016, table 1. https://arxiv.org/abs/1602.07360
    """

    def __init__(self, *, num_classes=1000, in_channels=3, dropout=0.5, stages=STAGES):
        channels, layers = 96, [Conv2d(in_channels, 96, 7, stride=2), ReLU()]
        for rows in staged_table("stages", stages, FireRow, f"{STAGES[1][0]}"):
            for squeeze, expand in rows:
                layers.append(Fire(channels, squeeze, expand, expand))
                channels = 2 * expand
            layers.append(CeilMaxPool2d(3, stride=2))
        classifier = Conv2d(channels, integer("num_classes", num_classes, 1), 1)
        super().__init__(
            features=Sequential(*layers[:-1]),
            classifier=Sequential(Dropout(dropped("dropout", dropout)), classifier, ReLU(), GlobalAvgPool2d()),
            flatten=Flatten(),
        )
