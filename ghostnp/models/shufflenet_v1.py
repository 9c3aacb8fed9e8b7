"""ShuffleNet (version 1): units of grouped 1x1 convolutions with a shuffle between, in three stages.

More groups make a convolution cheaper, so the same budget buys more channels: hence a table of widths for each g.
"""

from ghostnp.modules import (
    Flatten,
    GlobalAvgPool2d,
    Linear,
    MaxPool2d,
    Sequential,
    ShuffleUnit,
    Softmax,
)
from ghostnp.modules.rules import of_kind
from ghostnp.modules.shuffle_unit import MEGVII, ShuffleStyle
from ghostnp.ops.checks import check_divides, flag, integer, sequence, shown

# X. Zhang et al., "ShuffleNet", CVPR 2018, table 1: channels of the stem and of the three stages at 1.0x, for each g;
# and the wider and narrower ones of the official code, which rounds.
WIDTHS = {
    (1, 1.0): (24, 144, 288, 576),
    (2, 1.0): (24, 200, 400, 800),
    (3, 0.5): (12, 120, 240, 480),
    (3, 1.0): (24, 240, 480, 960),
    (3, 1.5): (24, 360, 720, 1440),
    (3, 2.0): (48, 480, 960, 1920),
    (4, 1.0): (24, 272, 544, 1088),
    (8, 0.5): (16, 192, 384, 768),
    (8, 1.0): (24, 384, 768, 1536),
    (8, 1.5): (24, 576, 1152, 2304),
    (8, 2.0): (48, 768, 1536, 3072),
}
REPEATS = (4, 8, 4)


class ShuffleNetV1(Sequential):
    """ShuffleNet as Megvii's code builds it, under its names.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    groups : int, default 3
        g, of the 1x1 convolutions.
    widths : tuple of int, default (24, 240, 480, 960)
        Channels of the stem and of the three stages; see `WIDTHS`.
    style : ShuffleStyle, default MEGVII
        Where paper, official code and document 001 differ within a unit.
    group_first : bool, default False
        Whether the very first 1x1 convolution is grouped too, as in document 001. The paper leaves it whole, because
        the stem has few channels.
    probabilities : bool, default False
        Whether a softmax follows the classifier, and the classifier has a bias: document 001.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal, or `groups` does not divide a width: the error says which.

    References
    ----------
    .. [1] X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR
       2018, table 1. https://arxiv.org/abs/1707.01083
    """

    def __init__(
        self,
        *,
        num_classes=1000,
        in_channels=3,
        groups=3,
        widths=WIDTHS[3, 1.0],
        style=MEGVII,
        group_first=False,
        probabilities=False,
    ):
        groups, num_classes = integer("groups", groups, 1), integer("num_classes", num_classes, 1)
        of_kind("style", style, ShuffleStyle, "MEGVII")
        if len(sequence("widths", widths)) != 1 + len(REPEATS):
            raise ValueError(
                f"widths={shown(widths)}: the rule is those of the stem and of three stages, such as {WIDTHS[3, 1.0]}"
            )
        channels, *stages = (integer(f"widths[{number}]", width, 4) for number, width in enumerate(widths))
        stem, units = channels, []
        for stage, (width, repeats) in enumerate(zip(stages, REPEATS, strict=True)):
            check_divides("groups", groups, f"widths[{stage + 1}] // 4", width // 4)
            for repeat in range(repeats):
                first = stage == repeat == 0
                units.append(
                    ShuffleUnit(
                        channels,
                        width,
                        groups=groups,
                        first_groups=1 if first and not flag("group_first", group_first) else groups,
                        stride=2 if repeat == 0 else 1,
                        style=style,
                    )
                )
                channels = width
        pool_padding = "same" if style.conv_norm.same else 1
        super().__init__(
            first_conv=style.conv_norm(in_channels, stem, 3, stride=2),
            maxpool=MaxPool2d(3, stride=2, padding=pool_padding),
            features=Sequential(*units),
            globalpool=GlobalAvgPool2d(),
            flatten=Flatten(),
            classifier=Sequential(Linear(channels, num_classes, bias=flag("probabilities", probabilities))),
            **({"softmax": Softmax()} if probabilities else {}),
        )
