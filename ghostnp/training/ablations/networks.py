"""The networks that ablations compare: all of one frame, a stem, some blocks and a linear classifier.

Each function gives what an `AblationRow` wants: something that builds a network for a data set.
"""

from functools import partial

from ghostnp.modules import (
    BatchNorm2d,
    Conv2d,
    CReLU,
    DFCAttention,
    Flatten,
    GhostBottleneck,
    GhostModule,
    GhostModuleV2,
    GlobalAvgPool2d,
    Linear,
    Sequential,
    ShuffleUnit,
    SqueezeExcite,
)
from ghostnp.modules.conv_norm import PYTORCH
from ghostnp.modules.shuffle_unit import PAPER


def _headed(channels, data, **layers):
    return Sequential(
        **layers, global_pool=GlobalAvgPool2d(), flatten=Flatten(), classifier=Linear(channels, len(data.classes))
    )


def shuffle_net(groups, *, shuffled, width=24, units=3):
    """Shuffle units of stride 1. Images of `width` channels have no stem, which would mix their groups."""
    style = PAPER._replace(shuffled=shuffled)

    def build(data):
        channels = data.shape[0]
        stem = {} if channels == width else {"stem": PYTORCH(channels, width, 3)}
        made = [ShuffleUnit(width, width, groups=groups, bottleneck_channels=width, style=style) for _ in range(units)]
        return _headed(width, data, **stem, blocks=Sequential(*made))

    return build


# Widths of a tiny GhostNet for small images: hidden channels, channels out, stride.
_BOTTLENECKS = ((32, 16, 1), (48, 24, 2), (72, 24, 1))


def ghost_net(*, ghost1=GhostModule, ghost2=GhostModule, squeeze_excite=None):
    """A stem and three ghost bottlenecks.

    Parameters
    ----------
    ghost1, ghost2 : callable or sequence of three
        Makes the widening and the narrowing module from two channel counts; the latter is told ``relu=False``.
    squeeze_excite : callable, optional
        Makes the attention between the two from a channel count, in every bottleneck.
    """
    first, second = (made if isinstance(made, tuple) else (made,) * 3 for made in (ghost1, ghost2))

    def build(data):
        channels, blocks = 16, []
        for place, (hidden, out, stride) in enumerate(_BOTTLENECKS):
            blocks.append(
                GhostBottleneck(
                    channels,
                    hidden,
                    out,
                    stride=stride,
                    ghost1=first[place](channels, hidden),
                    ghost2=second[place](hidden, out, relu=False),
                    squeeze_excite=None if squeeze_excite is None else squeeze_excite(hidden),
                )
            )
            channels = out
        return _headed(
            channels,
            data,
            conv_stem=Conv2d(data.shape[0], 16, 3, padding=1, bias=False),
            bn1=BatchNorm2d(16, relu=True),
            blocks=Sequential(*blocks),
        )

    return build


def crelu_net(first_layers, *, filters=None, narrow=0, width=16):
    """Four 3x3 convolutions of `width` maps, 2x2 strides after two; CReLU after the first ones, ReLU after the others.

    Parameters
    ----------
    first_layers : int
        After how many layers there is a CReLU.
    filters : int, optional
        Of a layer with CReLU, which gives twice as many maps: half of `width` by default, so that maps are as many as
        elsewhere.
    narrow : int, default 0
        In how many of the first layers there are only half as many filters, with a ReLU.
    """
    filters = width // 2 if filters is None else filters

    def build(data):
        channels, layers = data.shape[0], {}
        for place in range(4):
            stride = 2 if place == 2 else 1
            both = place < first_layers
            made, activation = (filters, CReLU) if both else (width // 2 if place < narrow else width, None)
            conv = Conv2d(channels, made, 3, padding=1, stride=stride, bias=False)
            steps = [conv, BatchNorm2d(made, relu=not both), *([activation()] if activation else [])]
            layers[f"layer{place}"] = Sequential(*steps)
            channels = 2 * made if both else made
        return _headed(channels, data, **layers)

    return build


def attentive(**keywords):
    """A ghost module with DFC attention of these keywords."""
    return partial(GhostModuleV2, attention=partial(DFCAttention, **keywords))


def excited(**keywords):
    """Squeeze-and-excitation of these keywords."""
    return lambda channels: SqueezeExcite(channels, **keywords)


def unit_net(unit, width):
    """A 3x3 stem and three units of `width` maps, the second with a stride of 2.

    Parameters
    ----------
    unit : {"standard", "separable", "ghost", "ghost bottleneck", "shuffle"}
    width : int
    """

    def build(data):
        blocks = [_UNITS[unit](width, stride) for stride in (1, 2, 1)]
        return _headed(width, data, stem=PYTORCH(data.shape[0], width, 3), blocks=Sequential(*blocks))

    return build


def _separable(width, stride):
    return Sequential(
        *PYTORCH(width, width, 3, stride=stride, groups=width, activation=None), *PYTORCH(width, width, 1)
    )


def _shuffle(width, stride):
    """A unit that keeps the width: at a stride of 2 half of its maps are pooled ones of a 1x1 convolution."""
    unit = {"groups": 2, "bottleneck_channels": width // 2}
    if stride == 1:
        return ShuffleUnit(width, width, **unit)
    narrow = width // 2
    return Sequential(*PYTORCH(width, narrow, 1), ShuffleUnit(narrow, width, stride=stride, **unit))


_UNITS = {
    "standard": lambda width, stride: PYTORCH(width, width, 3, stride=stride),
    "separable": _separable,
    "ghost": lambda width, stride: GhostModule(width, width, kernel_size=3, stride=stride),
    "ghost bottleneck": lambda width, stride: GhostBottleneck(width, 2 * width, width, stride=stride),
    "shuffle": _shuffle,
}
