"""Inverted residuals: a block is wide inside and narrow outside, and the narrow maps are what is added.

    h = relu6(1x1 · x)        widened t times, where depthwise filters are cheap
    h = relu6(3x3 depthwise · h)
    y = 1x1 · h               narrow again, and linear: a ReLU would lose what few maps can carry
    y = x + y                 where size and channels allow

Two kinds of attention fit in, in the places where their authors put them:

    squeeze_excite  h ← h ⊙ g(mean of h)   after the depthwise convolution: whole channels
    gate            h ← h ⊙ g(x)           before it: every pixel, by an attention that reads the block's input

The second is how GhostNetV2 uses DFC attention: reading the narrow x and not the wide h is what keeps it cheap.
"""

from ghostnp.modules.combine import Gated, Residual, Sequential
from ghostnp.modules.conv_norm import PYTORCH
from ghostnp.modules.layers import ReLU6
from ghostnp.modules.rules import optional_builder
from ghostnp.ops.checks import integer


def inverted_residual(in_channels, out_channels, *, stride=1, expansion=6, squeeze_excite=None, gate=None):
    """Build an inverted residual block under torchvision's names, ``conv.{0,1,2,3}``.

    Parameters
    ----------
    in_channels, out_channels : int
        The narrow ends; where they are equal and `stride` is 1, the input is added.
    stride : int, default 1
        Of the depthwise convolution.
    expansion : int, default 6
        t: the block is `expansion` * `in_channels` wide inside. 1 leaves the first 1x1 convolution out, and both kinds
        of attention with it: they are there for widened maps.
    squeeze_excite : callable, optional
        Given the inner channels, makes the module behind the depthwise convolution, such as `SqueezeExcite`. It comes
        last in ``conv.1``, as ``conv.1.se``, so that a plain block's names stay as they are.
    gate : callable, optional
        Given the block's input channels and the inner ones, makes the module whose output the widened maps are
        multiplied with, such as `DFCAttention`. It comes last in ``conv.0``, as ``conv.0.gate``.

    Returns
    -------
    Module

    References
    ----------
    .. [1] M. Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", CVPR 2018, section 3, table 1.
       https://arxiv.org/abs/1801.04381
    """
    hidden = integer("in_channels", in_channels, 1) * integer("expansion", expansion, 1)
    stride = integer("stride", stride, 1)
    squeeze_excite = optional_builder("squeeze_excite", squeeze_excite, "SqueezeExcite")
    gate = optional_builder("gate", gate, "DFCAttention")
    depthwise = PYTORCH(hidden, hidden, 3, stride=stride, groups=hidden, activation=ReLU6)
    layers = [depthwise]
    if expansion > 1:
        widen = PYTORCH(in_channels, hidden, 1, activation=ReLU6)
        if gate is not None:
            widen = Gated(*widen, gate=gate(in_channels, hidden))
        if squeeze_excite is not None:
            depthwise = Sequential(*depthwise, se=squeeze_excite(hidden))
        layers = [widen, depthwise]
    block = Residual if stride == 1 and in_channels == out_channels else Sequential
    return block(conv=Sequential(*layers, *PYTORCH(hidden, out_channels, 1, activation=None)))
