"""Squeeze-and-excitation: a network looks at its maps as a whole and decides how much each channel counts.

    squeeze:       s = mean over pixels of x           (N, C, 1, 1)
    excitation:    g = gate(W₂ · relu(W₁ · s + b₁) + b₂)
    recalibration: y = g · x, channel by channel

The input is used twice, so its gradient is a sum: dx = g · dy directly, and the mean's share through the excitation.
"""

from functools import partial

from ghostnp.modules.base import Module
from ghostnp.modules.combine import chain_backward, chain_forward, gate_backward, gate_forward
from ghostnp.modules.layers import Conv2d, GlobalAvgPool2d, HardSigmoid, ReLU
from ghostnp.ops.checks import integer, positive, shown


def make_divisible(value, divisor):
    """Round `value` to a multiple of `divisor`, but never below 90% of it (as the official MobileNet and GhostNet do).

    >>> make_divisible(72 * 0.25, 4), make_divisible(120 * 0.25, 4)
    (20, 32)
    """
    value, divisor = positive("value", value), integer("divisor", divisor, 1)
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


class SqueezeExcite(Module):
    """Weigh channels by what the whole image shows.

    ``conv_reduce`` and ``conv_expand`` are the names in the official checkpoint.

    Parameters
    ----------
    channels : int
        C.
    hidden : int, optional
        Channels between the two layers; by default a quarter of `channels`, rounded to a multiple of 4, as the official
        GhostNet does (document 000 and the original paper take `channels` // r).
    gate : type of Module, default HardSigmoid
        What turns the second layer's output into factors: `HardSigmoid` (official PyTorch GhostNet), `Sigmoid` (the
        original paper, document 000) or `Clip` (official TensorFlow GhostNet).

    Raises
    ------
    TypeError, ValueError
        If a channel count is not a positive int, or `gate` no type of Module.

    References
    ----------
    .. [1] J. Hu, L. Shen, G. Sun, "Squeeze-and-excitation networks", CVPR 2018, equations (2) to (4).
       https://arxiv.org/abs/1709.01507
    """

    def __init__(self, channels, *, hidden=None, gate=HardSigmoid):
        channels = integer("channels", channels, 1)
        hidden = make_divisible(channels * 0.25, 4) if hidden is None else integer("hidden", hidden, 1)
        if not (isinstance(gate, type) and issubclass(gate, Module)):
            raise TypeError(f"gate={shown(gate)}: the rule is a type of Module, such as HardSigmoid")
        self.squeeze = GlobalAvgPool2d()
        self.conv_reduce = Conv2d(channels, hidden, 1)
        self.act1 = ReLU()
        self.conv_expand = Conv2d(hidden, channels, 1)
        self.gate = gate()

    def forward(self, x, *, training=False, rng=None):
        # The maps are the input as it is: a chain of no layers.
        maps, factors = partial(chain_forward, {}), partial(chain_forward, self.children())
        return gate_forward(maps, factors, x, training=training, rng=rng)

    def backward(self, dy, cache):
        maps, factors = partial(chain_backward, {}), partial(chain_backward, self.children())
        dx, _, grads = gate_backward(maps, factors, dy, cache)
        return dx, grads
