"""GhostNet and GhostNetV2: a table of bottlenecks between a stem and a classifier.

Each row of the table is one `GhostBottleneck`; each line of rows is one stage, ``blocks.I``. GhostNetV2 is the same
table with its attention columns filled in; where published codes differ, they differ in a `Dialect`.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ghostnp.modules import (
    Conv2d,
    ConvNorm,
    DFCAttention,
    Dropout,
    Flatten,
    GhostBottleneck,
    GhostModule,
    GhostModuleV2,
    GlobalAvgPool2d,
    HardSigmoid,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    SqueezeExcite,
    make_divisible,
)
from ghostnp.modules.conv_norm import KERAS, PYTORCH
from ghostnp.modules.layers import dropped
from ghostnp.modules.rules import check_width, of_kind, staged_table
from ghostnp.ops.checks import integer


class BottleneckRow(NamedTuple):
    """One bottleneck.

    Parameters
    ----------
    kernel : int
        Of the depthwise convolution of a block that strides, and of its shortcut's.
    expansion, out : int
        Channels inside, and out.
    squeeze : float
        To what share of them squeeze-and-excitation goes down; 0: there is none.
    stride : int
        Of the block.
    widened, narrowed : callable, optional
        What makes the attention of the widening and of the narrowing ghost module from two channel counts, such as
        `DFCAttention`; None: there is none.
    """

    kernel: int
    expansion: int
    out: int
    squeeze: float
    stride: int
    widened: Callable[[int, int], Module] | None = None
    narrowed: Callable[[int, int], Module] | None = None


# K. Han et al., "GhostNet", CVPR 2020, table 1, in the stages of the official code.
STAGES = (
    (BottleneckRow(3, 16, 16, 0, 1),),
    (BottleneckRow(3, 48, 24, 0, 2),),
    (BottleneckRow(3, 72, 24, 0, 1),),
    (BottleneckRow(5, 72, 40, 0.25, 2),),
    (BottleneckRow(5, 120, 40, 0.25, 1),),
    (BottleneckRow(3, 240, 80, 0, 2),),
    (
        BottleneckRow(3, 200, 80, 0, 1),
        BottleneckRow(3, 184, 80, 0, 1),
        BottleneckRow(3, 184, 80, 0, 1),
        BottleneckRow(3, 480, 112, 0.25, 1),
        BottleneckRow(3, 672, 112, 0.25, 1),
    ),
    (BottleneckRow(5, 672, 160, 0.25, 2),),
    (
        BottleneckRow(5, 960, 160, 0, 1),
        BottleneckRow(5, 960, 160, 0.25, 1),
        BottleneckRow(5, 960, 160, 0, 1),
        BottleneckRow(5, 960, 160, 0.25, 1),
    ),
)
STEM, LAST, HEAD = 16, 960, 1280
BOTTLENECKS = sum(map(len, STAGES))


def with_attention(widened, narrowed=(None,) * BOTTLENECKS, *, stages=STAGES):
    """The table with its attention columns filled in.

    Parameters
    ----------
    widened, narrowed : sequence
        For each bottleneck, what makes the attention of its first and of its second ghost module, or None.
    stages : tuple of tuple of BottleneckRow
        The table.

    Returns
    -------
    tuple of tuple of BottleneckRow
    """
    rows = sum(map(len, stages))
    for name, column in (("widened", widened), ("narrowed", narrowed)):
        if len(column) != rows:
            raise ValueError(f"{name} has {len(column)} entries: the rule is one for each of the {rows} bottlenecks")
    first, second = iter(widened), iter(narrowed)
    return tuple(tuple(row._replace(widened=next(first), narrowed=next(second)) for row in stage) for stage in stages)


# Y. Tang et al., "GhostNetV2", NeurIPS 2022, in the official code: none in the first two bottlenecks, then all alike.
STAGES_V2 = with_attention((None,) * 2 + (DFCAttention,) * (BOTTLENECKS - 2))
# Document 003's words (its code is the official one): in all bottlenecks, maximum pooling and bilinear enlargement.
STAGES_DOCUMENT_003 = with_attention((partial(DFCAttention, pool=MaxPool2d, upsample="bilinear"),) * BOTTLENECKS)


class Dialect(NamedTuple):
    """Where the codes that were published for GhostNet differ.

    Parameters
    ----------
    conv_norm : ConvNorm, default PYTORCH
        How convolutions and their batch norms are built.
    ghosts_first, relu_after_stride, projection
        As in `GhostModule` and `GhostBottleneck`.
    gate : type of Module, default HardSigmoid
        Of squeeze-and-excitation.
    squeeze_divisor : int, default 4
        Hidden channels of squeeze-and-excitation are rounded to a multiple of it; 1 keeps a quarter what it is.
    head_norm : bool, default False
        Whether the 1280 channels are normalised, or have a bias instead.
    probabilities : bool, default False
        Whether a softmax follows the classifier.
    """

    conv_norm: ConvNorm = PYTORCH
    ghosts_first: bool = False
    relu_after_stride: bool = False
    projection: bool = True
    gate: type[Module] = HardSigmoid
    squeeze_divisor: int = 4
    head_norm: bool = False
    probabilities: bool = False


OFFICIAL = Dialect()
DOCUMENT_000 = Dialect(
    conv_norm=KERAS,
    ghosts_first=True,
    relu_after_stride=True,
    projection=False,
    gate=Sigmoid,
    squeeze_divisor=1,
    head_norm=True,
    probabilities=True,
)


class GhostNet(Sequential):
    """GhostNet as the official PyTorch code builds it, under its names.

    Parameters
    ----------
    num_classes : int, default 1000
        Length of the output.
    in_channels : int, default 3
        Of the images: 1 for grey ones.
    width : float, default 1.0
        Scales every channel count but the head's 1280; results are rounded to a multiple of 4.
    dropout : float, default 0.2
        Probability in front of the classifier; it takes effect in training with an `rng`.
    stages : tuple of tuple of BottleneckRow, default STAGES
        The table: `STAGES_V2` makes a GhostNetV2.
    dialect : Dialect, default OFFICIAL
        Whose code: `OFFICIAL` (PyTorch), `DOCUMENT_000` (Keras), or one of your own.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, table 1.
       https://arxiv.org/abs/1911.11907
    .. [2] Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022, section 3.
       https://arxiv.org/abs/2211.12905
    """

    def __init__(self, *, num_classes=1000, in_channels=3, width=1.0, dropout=0.2, stages=STAGES, dialect=OFFICIAL):
        num_classes, width = integer("num_classes", num_classes, 1), check_width(width)
        conv_norm = of_kind("dialect", dialect, Dialect, "OFFICIAL").conv_norm

        def scaled(channels):
            return make_divisible(channels * width, 4)

        channels, blocks = scaled(STEM), []
        for rows in staged_table("stages", stages, BottleneckRow, f"{STAGES[0][0]}"):
            stage = []
            for row in rows:
                stage.append(_bottleneck(channels, scaled(row.expansion), scaled(row.out), row, dialect))
                channels = scaled(row.out)
            blocks.append(Sequential(*stage))
        last = scaled(LAST)
        conv, norm = conv_norm(channels, last, 1)
        blocks.append(Sequential(Sequential(conv=conv, bn1=norm)))
        stem, stem_norm = conv_norm(in_channels, scaled(STEM), 3, stride=2)
        head = {"conv_head": Conv2d(last, HEAD, 1), "act2": ReLU()}
        if dialect.head_norm:
            head = dict(zip(("conv_head", "bn2"), conv_norm(last, HEAD, 1), strict=True))
        super().__init__(
            conv_stem=stem,
            bn1=stem_norm,
            blocks=Sequential(*blocks),
            global_pool=GlobalAvgPool2d(),
            **head,
            flatten=Flatten(),
            dropout=Dropout(dropped("dropout", dropout)),
            classifier=Linear(HEAD, num_classes),
            **({"softmax": Softmax()} if dialect.probabilities else {}),
        )


def _bottleneck(channels, hidden, out, row, dialect):
    style = {"ghosts_first": dialect.ghosts_first, "conv_norm": dialect.conv_norm}
    squeeze = None
    if row.squeeze:
        squeezed = make_divisible(hidden * row.squeeze, dialect.squeeze_divisor)
        squeeze = SqueezeExcite(hidden, hidden=squeezed, gate=dialect.gate)
    return GhostBottleneck(
        channels,
        hidden,
        out,
        kernel_size=row.kernel,
        stride=row.stride,
        squeeze_excite=squeeze,
        ghost1=_ghost(row.widened, channels, hidden, **style),
        ghost2=_ghost(row.narrowed, hidden, out, relu=False, **style),
        relu_after_stride=dialect.relu_after_stride,
        projection=dialect.projection,
        conv_norm=dialect.conv_norm,
    )


def _ghost(attention, in_channels, out_channels, **style):
    if attention is None:
        return GhostModule(in_channels, out_channels, **style)
    return GhostModuleV2(in_channels, out_channels, attention=attention, **style)
