"""ResNets: four stages of bottlenecks; ResNeXt groups their 3x3 convolutions, Ghost-ResNet makes all of them ghosts."""

from functools import partial
from typing import NamedTuple

from ghostnp.modules import Flatten, GlobalAvgPool2d, Linear, MaxPool2d, Sequential
from ghostnp.modules.bottleneck import Bottleneck, GhostConv2d
from ghostnp.modules.conv_norm import PYTORCH
from ghostnp.modules.rules import table
from ghostnp.ops.checks import integer


class StageRow(NamedTuple):
    """Bottlenecks in a row: channels inside and out, how many, stride of the first."""

    middle: int
    out: int
    blocks: int
    stride: int


# K. He et al., "Deep residual learning", CVPR 2016, table 1, 50 layers.
RESNET50 = (StageRow(64, 256, 3, 1), StageRow(128, 512, 4, 2), StageRow(256, 1024, 6, 2), StageRow(512, 2048, 3, 2))


class ResNet(Sequential):
    """ResNet or ResNeXt of bottlenecks, under torchvision's names.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    groups : int, default 1
        Of the 3x3 convolutions; ResNeXt-50 (32x4d) has 32.
    width_per_group : int, default 64
        Channels of each group in the first stage; ResNeXt-50 (32x4d) has 4. The table is for one group of 64.
    stride_first : bool, default False
        Whether a block strides in its first 1x1 convolution, as in the paper (3.8 billion multiply-adds are printed
        there), or in the 3x3, as in torchvision (4.1 billion).
    conv, norm
        What a bottleneck is made of, as in `Bottleneck`.
    rows : tuple of StageRow, default RESNET50
        The table.

    References
    ----------
    .. [1] K. He et al., "Deep residual learning for image recognition", CVPR 2016, table 1.
       https://arxiv.org/abs/1512.03385
    .. [2] S. Xie et al., "Aggregated residual transformations for deep neural networks", CVPR 2017, table 1.
       https://arxiv.org/abs/1611.05431
    """

    def __init__(
        self,
        *,
        num_classes=1000,
        in_channels=3,
        groups=1,
        width_per_group=64,
        stride_first=False,
        conv=PYTORCH.conv,
        norm=PYTORCH.norm,
        rows=RESNET50,
    ):
        wider = integer("groups", groups, 1) * integer("width_per_group", width_per_group, 1)
        stem, stem_norm = PYTORCH(in_channels, 64, 7, stride=2)
        channels, layers = 64, {}
        for number, row in enumerate(table("rows", rows, StageRow, f"{RESNET50[0]}"), start=1):
            blocks = []
            for stride in (row.stride, *(1,) * (row.blocks - 1)):
                blocks.append(
                    Bottleneck(
                        channels,
                        row.middle * wider // 64,
                        row.out,
                        stride=stride,
                        groups=groups,
                        stride_first=stride_first,
                        conv=conv,
                        norm=norm,
                    )
                )
                channels = row.out
            layers[f"layer{number}"] = Sequential(*blocks)
        super().__init__(
            conv1=stem,
            bn1=stem_norm,
            maxpool=MaxPool2d(3, stride=2, padding=1),
            **layers,
            avgpool=GlobalAvgPool2d(),
            flatten=Flatten(),
            fc=Linear(channels, integer("num_classes", num_classes, 1)),
        )


class GhostResNet(ResNet):
    """ResNet in which each convolution of a bottleneck is a ghost module without batch norm, as in the official code.

    Names are the official ones: ``layer1.0.conv1.{conv1,conv2}``. Of that code's parameters, what never runs is left
    out (in Ghost-ResNet-50 6.1M at ratio 4, 11.9M at ratio 2): an official checkpoint loads once the `weight1`,
    `weight2`, `bn1` and `bn2` of its ghost modules are dropped.

    Parameters
    ----------
    ratio : int, default 4
        As in `GhostModule`: 4 is the default of the official code; the paper has 2 and 4.
    cheap_kernel_size : int, default 3
        As in `GhostModule`.
    **resnet
        As in `ResNet`: `num_classes`, `groups`, `width_per_group`, `stride_first`, `rows`.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, section 4.1 and table 6.
       https://arxiv.org/abs/1911.11907
    """

    def __init__(self, *, ratio=4, cheap_kernel_size=3, **resnet):
        conv = partial(GhostConv2d, ratio=ratio, cheap_kernel_size=cheap_kernel_size)
        super().__init__(conv=conv, norm=None, **resnet)
