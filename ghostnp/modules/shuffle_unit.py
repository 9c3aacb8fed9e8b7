"""ShuffleNet units: 1x1 convolutions are the dear part of a bottleneck, so they are grouped, and a shuffle reconnects.

    (a) groups = 1:            1x1 → 3x3 depthwise → 1x1,                        y = relu(x + main(x))
    (b) groups = g:            1x1 in g groups → shuffle → depthwise → 1x1 in g,  y = relu(x + main(x))
    (c) groups = g, stride 2:  the same, halving the maps,                       y = relu([pool(x), main(x)])

A grouped 1x1 convolution cuts the groups off from each other; the shuffle gives every group of the second one a share
of every group of the first. In (c) the shortcut is pooled and put beside the main path, so the depth grows at no cost.
"""

from typing import Any, NamedTuple

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.modules.layers import AvgPool2d, BatchNorm2d, ChannelShuffle, Conv2d, ReLU
from ghostnp.modules.sequential import Sequential, chain_backward, chain_forward
from ghostnp.ops.checks import check_divides, integer


class ShuffleCache(NamedTuple):
    """What the main path remembers, what came together, and the sum (or concatenation) before the ReLU."""

    main: dict
    carried: Any
    y: Any
    joined: Any
    pool: Any


class ShuffleUnit(Module):
    """Unit (a), (b) or (c), as the paper draws it.

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

    Raises
    ------
    TypeError, ValueError
        If channels, groups and stride do not fit together.

    References
    ----------
    .. [1] X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile devices", CVPR
       2018, section 3.2 and figure 2. https://arxiv.org/abs/1707.01083
    """

    def __init__(self, in_channels, out_channels, *, groups, first_groups=None, stride=1, bottleneck_channels=None):
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
        self.branch_main_1 = Sequential(
            Conv2d(in_channels, middle, 1, groups=first_groups, bias=False),
            BatchNorm2d(middle),
            ReLU(),
            Conv2d(middle, middle, 3, stride=stride, padding=1, groups=middle, bias=False),
            BatchNorm2d(middle),
        )
        self.branch_main_2 = Sequential(Conv2d(middle, main, 1, groups=groups, bias=False), BatchNorm2d(main))
        if groups > 1:
            self.shuffle = ChannelShuffle(groups)
        if stride != 1:
            self.pool = AvgPool2d(3, stride=stride, padding=1)

    def forward(self, x, *, training=False, rng=None):
        y, main = chain_forward(self._main(), x, training=training, rng=rng)
        if hasattr(self, "pool"):
            carried, pool = self.pool.forward(x, training=training, rng=rng)
            joined = backend().concat((carried, y))
        else:
            carried, pool = x, None
            joined = backend().add(carried, y)
        return backend().relu(joined), ShuffleCache(main, carried, y, joined, pool)

    def backward(self, dy, cache):
        djoined = backend().relu_backward(dy, cache.joined)
        if hasattr(self, "pool"):
            dcarried, dmain = backend().concat_backward(djoined, (cache.carried, cache.y))
            dcarried, _ = self.pool.backward(dcarried, cache.pool)
        else:
            dcarried, dmain = backend().add_backward(djoined, cache.carried, cache.y)
        dx, grads = chain_backward(self._main(), dmain, cache.main)
        return backend().add(dcarried, dx), grads

    def _main(self):
        # The shuffle sits between the first 1x1 convolution (with its norm and ReLU) and the depthwise one.
        steps = list(under("branch_main_1", self.branch_main_1.children()).items())
        shuffle = [("shuffle", self.shuffle)] if hasattr(self, "shuffle") else []
        return dict(steps[:3] + shuffle + steps[3:]) | under("branch_main_2", self.branch_main_2.children())
