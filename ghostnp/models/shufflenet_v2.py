"""ShuffleNetV2: three stages of units, each of which begins with a striding one.

A row of the table is one width of the network: channels of the stem, of the stages, and of the last convolution.
"""

from typing import NamedTuple

from ghostnp.modules import Dropout, Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Sequential
from ghostnp.modules.conv_norm import PYTORCH
from ghostnp.modules.layers import dropped
from ghostnp.modules.rules import of_kind
from ghostnp.modules.shuffle_unit_v2 import ShuffleUnitV2
from ghostnp.ops.checks import flag, integer, sequence, shown


class Widths(NamedTuple):
    """Channels of the stem, of each stage, and of the convolution before the pool."""

    stem: int
    stages: tuple[int, ...]
    last: int


# N. Ma et al., "ShuffleNet V2", ECCV 2018, table 5.
WIDTHS = {
    "0.5x": Widths(24, (48, 96, 192), 1024),
    "1.0x": Widths(24, (116, 232, 464), 1024),
    "1.5x": Widths(24, (176, 352, 704), 1024),
    "2.0x": Widths(24, (244, 488, 976), 2048),
}
REPEATS = (4, 8, 4)


class ShuffleNetV2(Sequential):
    """ShuffleNetV2 as the official code by its authors (Megvii) builds it, under its names.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    widths : Widths, default WIDTHS["1.0x"]
        A row of the table.
    dropout : float, default 0.0
        Probability in front of the classifier; the official code has 0.2 in 2.0x alone.
    even_projection : bool, default False
        Whether the two branches of a striding unit make half of its channels each, as in torchvision (58 + 58 in the
        first stage of 1.0x), or the projection as many as came in, as in the official code (24 + 92).
    bias : bool, default False
        Whether the classifier has one, as in torchvision.

    References
    ----------
    .. [1] N. Ma, X. Zhang, H.-T. Zheng, J. Sun, "ShuffleNet V2: practical guidelines for efficient CNN architecture
       design", ECCV 2018, table 5. https://arxiv.org/abs/1807.11164
    """

    def __init__(
        self,
        *,
        num_classes=1000,
        in_channels=3,
        widths=WIDTHS["1.0x"],
        dropout=0.0,
        even_projection=False,
        bias=False,
    ):
        of_kind("widths", widths, Widths, f"{WIDTHS['1.0x']}")
        if len(sequence("widths.stages", widths.stages)) != len(REPEATS):
            raise ValueError(
                f"widths.stages={shown(widths.stages)}: the rule is {len(REPEATS)} ints, such as "
                f"{WIDTHS['1.0x'].stages}"
            )
        even_projection = flag("even_projection", even_projection)
        channels, units = widths.stem, []
        for out, repeats in zip(widths.stages, REPEATS, strict=True):
            projected = out // 2 if even_projection else channels
            units.append(ShuffleUnitV2(channels, out, stride=2, projected_channels=projected))
            units += [ShuffleUnitV2(out, out) for _ in range(repeats - 1)]
            channels = out
        super().__init__(
            first_conv=PYTORCH(in_channels, widths.stem, 3, stride=2),
            maxpool=MaxPool2d(3, stride=2, padding=1),
            features=Sequential(*units),
            conv_last=PYTORCH(channels, widths.last, 1),
            globalpool=GlobalAvgPool2d(),
            flatten=Flatten(),
            dropout=Dropout(dropped("dropout", dropout)),
            classifier=Sequential(Linear(widths.last, integer("num_classes", num_classes, 1), bias=bias)),
        )
