"""ShuffleNet units: the 1x1 convolutions of a bottleneck are expensive, so they are grouped, and shuffled between.

    (a) groups = 1:            1x1 → 3x3 depthwise → 1x1,                        y = relu(x + main(x))
    (b) groups = g:            1x1 in g groups → shuffle → depthwise → 1x1 in g,  y = relu(x + main(x))
    (c) groups = g, stride 2:  the same, halving the maps,                       y = relu([pool(x), main(x)])

A grouped 1x1 convolution cuts the groups off from each other; the shuffle gives every group of the second one a share
of every group of the first. In (c) the shortcut is pooled and concatenated with the main path, so channels are
added at no cost.
"""

from functools import partial
from typing import Any, NamedTuple

from ghostnp.modules.base import Module, under
from ghostnp.modules.combine import (
    Sequential,
    chain_backward,
    chain_forward,
    fork_backward,
    fork_forward,
    sum_backward,
    sum_forward,
)
from ghostnp.modules.conv_norm import KERAS, PYTORCH, ConvNorm, numbered
from ghostnp.modules.layers import AvgPool2d, ChannelShuffle, ReLU
from ghostnp.modules.rules import of_kind
from ghostnp.ops.checks import check_divides, integer


class ShuffleStyle(NamedTuple):
    """Where the paper and the published codes of the unit differ.

    Parameters
    ----------
    shuffled : bool, default True
        Whether channels are shuffled at all; without is the paper's ablation.
    after_depthwise : bool, default False
        Whether the shuffle follows the depthwise convolution instead of preceding it.
    inverse : bool, default False
        Whether the permutation is the inverse of the paper's. A depthwise convolution commutes with a shuffle. So
        either way the same functions can be learnt, by other weights, if both permutations take as many channels from
        each group to each other group.
    main_first : bool, default False
        Whether unit (c) puts the main path before the pooled shortcut.
    relu_pooled : bool, default True
        Whether the last ReLU of unit (c) goes over the pooled shortcut too. Behind another ReLU that changes nothing.
    pool_same : bool, default False
        Whether the pool pads by TensorFlow's rule and leaves padding out of the mean, or divides by 9 everywhere.
    conv_norm : ConvNorm, default PYTORCH
        How convolutions and their batch norms are built.
    """

    shuffled: bool = True
    after_depthwise: bool = False
    inverse: bool = False
    main_first: bool = False
    relu_pooled: bool = True
    pool_same: bool = False
    conv_norm: ConvNorm = PYTORCH


PAPER = ShuffleStyle()
MEGVII = ShuffleStyle(after_depthwise=True, inverse=True, relu_pooled=False)
DOCUMENT_001 = ShuffleStyle(main_first=True, pool_same=True, conv_norm=KERAS)


class ShuffleCache(NamedTuple):
    """What the sum or the fork remembers, and the ReLU behind it, if there is one."""

    paths: Any
    relu: Any


class ShuffleUnit(Module):
    """Unit (a), (b) or (c).

    ``branch_main_1`` and ``branch_main_2`` are the names in the official checkpoint.

    Parameters
    ----------
    in_channels, out_channels : int
        Equal where `stride` is 1. With a stride, the main path makes out_channels - in_channels maps, the shortcut the
        rest.
    groups : int
        g, of the two 1x1 convolutions; 1 makes unit (a).
    first_groups : int, optional
        Groups of the first 1x1 convolution: the paper's network has 1 there in its first unit, where there are few
        channels, and document 001 has g.
    stride : int, default 1
        1 adds the input, more makes unit (c).
    bottleneck_channels : int, optional
        Width of the depthwise convolution; a quarter of `out_channels` by default.
    style : ShuffleStyle, default PAPER
        `PAPER`, `MEGVII` (the official checkpoint), `DOCUMENT_001`, or one of your own.

    Raises
    ------
    TypeError, ValueError
        If channels, groups and stride do not fit together.

    References
    ----------
    .. [1] X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR
       2018, section 3.2 and figure 2. https://arxiv.org/abs/1707.01083
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        *,
        groups,
        first_groups=None,
        stride=1,
        bottleneck_channels=None,
        style=PAPER,
    ):
        in_channels = integer("in_channels", in_channels, 1)
        out_channels = integer("out_channels", out_channels, 1)
        stride = integer("stride", stride, 1)
        if stride == 1 and in_channels != out_channels:
            raise ValueError(
                f"in_channels={in_channels} and out_channels={out_channels}: a unit of stride 1 adds its input, so the "
                f"rule is as many channels out as in, such as {in_channels}; or give stride=2"
            )
        if stride != 1 and out_channels <= in_channels:
            raise ValueError(
                f"out_channels={out_channels}: a unit of stride {stride} puts its main path beside the "
                f"{in_channels} input channels, so the rule is more than that, such as {2 * in_channels}"
            )
        middle = out_channels // 4 if bottleneck_channels is None else bottleneck_channels
        check_divides("groups", groups, "bottleneck_channels", integer("bottleneck_channels", middle, 1))
        main = out_channels if stride == 1 else out_channels - in_channels
        check_divides("groups", groups, "out_channels" if stride == 1 else "out_channels - in_channels", main)
        first, first_groups = ("groups", groups) if first_groups is None else ("first_groups", first_groups)
        check_divides(first, first_groups, "in_channels", in_channels)
        check_divides(first, first_groups, "bottleneck_channels", middle)
        self.style, conv_norm = of_kind("style", style, ShuffleStyle, "PAPER"), style.conv_norm
        pointwise = conv_norm(in_channels, middle, 1, groups=first_groups)
        depthwise = conv_norm(middle, middle, 3, stride=stride, groups=middle, activation=None)
        self.branch_main_1 = Sequential(**numbered(*pointwise, *depthwise))
        self.branch_main_2 = conv_norm(middle, main, 1, groups=groups, activation=None)
        if groups > 1 and style.shuffled:
            self.shuffle = ChannelShuffle(middle // groups if style.inverse else groups)
        if stride != 1:
            padding = "same" if style.pool_same else 1
            self.pool = AvgPool2d(3, stride=stride, padding=padding, count_include_pad=not style.pool_same)
        self.relu = ReLU()

    def forward(self, x, *, training=False, rng=None):
        main = partial(chain_forward, self._main())
        if hasattr(self, "pool"):
            y, paths = fork_forward(self._in_order(main, self.pool.forward), x, training=training, rng=rng)
        else:
            y, paths = sum_forward(main, partial(chain_forward, {}), x, training=training, rng=rng)
        y, relu = (y, None) if self._ends_in_relu() else self.relu.forward(y)
        return y, ShuffleCache(paths, relu)

    def backward(self, dy, cache):
        dy = dy if self._ends_in_relu() else self.relu.backward(dy, cache.relu)[0]
        main = partial(chain_backward, self._main())
        if hasattr(self, "pool"):
            return fork_backward(self._in_order(main, self.pool.backward), dy, cache.paths)
        dx, grads, _ = sum_backward(main, partial(chain_backward, {}), dy, cache.paths)
        return dx, grads

    def _ends_in_relu(self):
        """Whether the last ReLU is the end of the main path, and does not go over the pooled shortcut."""
        return hasattr(self, "pool") and not self.style.relu_pooled

    def _in_order(self, main, pool):
        """The paths of unit (c), in the order in which their maps are concatenated."""
        paths = {"": main, "pool": pool}
        return paths if self.style.main_first else dict(reversed(paths.items()))

    def _main(self):
        steps = list(under("branch_main_1", self.branch_main_1.children()).items())
        # The shuffle follows the first 1x1 convolution with its norm, or the depthwise one with its norm.
        place = 4 if self.style.after_depthwise else 2
        shuffle = [("shuffle", self.shuffle)] if hasattr(self, "shuffle") else []
        relu = {"relu": self.relu} if self._ends_in_relu() else {}
        first = dict(steps[:place] + shuffle + steps[place:])
        return first | under("branch_main_2", self.branch_main_2.children()) | relu
