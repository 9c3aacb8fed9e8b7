"""ShuffleNetV2 units: no grouped convolutions and no sums; half of the channels pass by untouched.

    (c) stride 1:  e, o = even and odd channels of x     y = [e, main(o)]
    (d) stride 2:                                        y = [proj(x), main(x)]

    main = 1x1 → 3x3 depthwise → 1x1                     proj = 3x3 depthwise → 1x1

Dealing out even and odd channels is the channel shuffle: it brings both halves of the unit before to both halves of
this one. In (c) nothing is added, so backwards nothing is either: each half of x gets the gradient of its own path. In
(d) both paths read all of x, and their gradients add.
"""

from typing import Any, NamedTuple

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.modules.combine import Sequential, fork_backward, fork_forward
from ghostnp.modules.conv_norm import PYTORCH, numbered
from ghostnp.ops.checks import integer


class HalvesCache(NamedTuple):
    """What unit (c) read and cut in halves, what it concatenated, and what the main branch remembers."""

    x: Any
    shuffled: Any
    parts: tuple
    main: Any


class ShuffleUnitV2(Module):
    """Unit (c) or (d) of the paper's figure 3, as the official code by its authors (Megvii) builds it.

    ``branch_main`` and ``branch_proj`` are the names in the official checkpoint.

    Parameters
    ----------
    in_channels, out_channels : int
        Equal and even where `stride` is 1.
    stride : int, default 1
        1 makes unit (c), more makes unit (d).
    projected_channels : int, optional
        How many of unit (d)'s output channels come from ``branch_proj``: `in_channels` by default, as in the official
        code; torchvision takes half of `out_channels`. The main branch makes the others.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal, or channels and stride do not fit together.

    Notes
    -----
    torchvision shuffles at a unit's end and cuts the channels into first and second half at the next one's start. That
    is the same unit with its channels in another order, so its weights do not fit here unpermuted.

    References
    ----------
    .. [1] N. Ma, X. Zhang, H.-T. Zheng, J. Sun, "ShuffleNet V2: practical guidelines for efficient CNN architecture
       design", ECCV 2018, section 3.2 and figure 3. https://arxiv.org/abs/1807.11164
    """

    def __init__(self, in_channels, out_channels, *, stride=1, projected_channels=None):
        in_channels = integer("in_channels", in_channels, 1)
        out_channels = integer("out_channels", out_channels, 2)
        stride = integer("stride", stride, 1)
        if stride == 1:
            entering, carried = _halves(in_channels, out_channels, projected_channels), in_channels // 2
        else:
            entering, carried = in_channels, _projected(in_channels, out_channels, projected_channels)
        middle = out_channels // 2
        self.branch_main = Sequential(
            **numbered(
                *PYTORCH(entering, middle, 1),
                *PYTORCH(middle, middle, 3, stride=stride, groups=middle, activation=None),
                *PYTORCH(middle, out_channels - carried, 1),
            )
        )
        if stride > 1:
            self.branch_proj = Sequential(
                *PYTORCH(in_channels, in_channels, 3, stride=stride, groups=in_channels, activation=None),
                *PYTORCH(in_channels, carried, 1),
            )

    def forward(self, x, *, training=False, rng=None):
        if hasattr(self, "branch_proj"):
            paths = {"branch_proj": self.branch_proj.forward, "branch_main": self.branch_main.forward}
            return fork_forward(paths, x, training=training, rng=rng)
        # C / 2 groups of two: the first of each come first, 0, 2, 4, ..., and then the second, 1, 3, 5, ...
        half = x.shape[1] // 2
        shuffled = backend().channel_shuffle(x, half)
        carried, entering = backend().split(shuffled, (half, half))
        y, main = self.branch_main.forward(entering, training=training, rng=rng)
        parts = (carried, y)
        return backend().concat(parts), HalvesCache(x, shuffled, parts, main)

    def backward(self, dy, cache):
        if hasattr(self, "branch_proj"):
            paths = {"branch_proj": self.branch_proj.backward, "branch_main": self.branch_main.backward}
            dx, grads = fork_backward(paths, dy, cache)
            return dx, {name: grads[name] for name in self.parameters()}  # the order of construction is the other one
        dcarried, dmain = backend().concat_backward(dy, cache.parts)
        dentering, main = self.branch_main.backward(dmain, cache.main)
        half = cache.x.shape[1] // 2
        dshuffled = backend().split_backward((dcarried, dentering), cache.shuffled, (half, half))
        return backend().channel_shuffle_backward(dshuffled, cache.x, half), under("branch_main", main)


def _halves(in_channels, out_channels, projected_channels):
    if in_channels != out_channels or in_channels % 2:
        even = max(2, in_channels + in_channels % 2)
        raise ValueError(
            f"in_channels={in_channels} and out_channels={out_channels}: a unit of stride 1 carries every second "
            f"channel past, so the rule is one even number for both, such as {even}; or give stride=2"
        )
    if projected_channels is not None:
        raise ValueError(
            f"projected_channels={projected_channels}: a unit of stride 1 projects nothing, and the rule is None"
        )
    return in_channels // 2


def _projected(in_channels, out_channels, projected_channels):
    name, carried = "in_channels", in_channels
    if projected_channels is not None:
        name, carried = "projected_channels", integer("projected_channels", projected_channels, 1)
    if carried >= out_channels:
        raise ValueError(
            f"out_channels={out_channels}: the shortcut of a striding unit makes {name}={carried} of them and the main "
            f"branch the others, so the rule is more than that, such as {2 * carried}"
        )
    return carried
