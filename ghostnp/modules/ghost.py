"""Ghost modules: a few maps are made by a full convolution, and cheap filters make the others from them.

    intrinsic  Y' = primary(X)      a 1x1 convolution to C_out / s channels
    ghosts     Y'' = cheap(Y')      s − 1 depthwise 3x3 filters over each intrinsic map
    output     [Y', Y'']            side by side, cut to C_out channels

Nothing is split: the primary convolution sees every input channel, and the cheap operation sees the primary's output.
The intrinsic maps are used twice, so their gradients add. That is a chain and a fork, but this is the module that the
package is about, so it is written out.
"""

import math
from typing import Any, NamedTuple

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.modules.combine import Residual, Sequential
from ghostnp.modules.conv_norm import PYTORCH, ConvNorm
from ghostnp.modules.layers import ReLU
from ghostnp.modules.rules import of_kind
from ghostnp.ops.checks import check_divides, flag, integer


class GhostCache(NamedTuple):
    """What the two steps remember, and the maps that were concatenated."""

    primary: Any
    cheap: Any
    maps: tuple


class GhostModule(Module):
    """Make `out_channels` maps, of which only one in `ratio` costs a full convolution.

    ``primary_conv`` and ``cheap_operation`` are the names in the official checkpoint.

    Parameters
    ----------
    in_channels, out_channels : int
        C_in and C_out.
    kernel_size : int, default 1
        Of the primary convolution.
    ratio : int, default 2
        s: one map in s is intrinsic. 1 gives the primary convolution alone. Where s does not divide C_out, surplus
        ghosts are made and cut off.
    cheap_kernel_size : int, default 3
        d, of the depthwise filters; odd.
    stride : int, default 1
        Of the primary convolution.
    relu : bool, default True
        Whether both steps end in a ReLU.
    ghosts_first : bool, default False
        Whether the ghosts come before the intrinsic maps, as in document 000: the same functions with their channels in
        another order, so weights do not carry over from one to the other. What is cut off are the last maps, so `ratio`
        then has to divide `out_channels`.
    conv_norm : ConvNorm, default PYTORCH
        How the convolutions and their batch norms are built.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, equations (2) and (3).
       https://arxiv.org/abs/1911.11907
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        *,
        kernel_size=1,
        ratio=2,
        cheap_kernel_size=3,
        stride=1,
        relu=True,
        ghosts_first=False,
        conv_norm=PYTORCH,
    ):
        of_kind("conv_norm", conv_norm, ConvNorm, "PYTORCH")
        activation = ReLU if flag("relu", relu) else None
        self.ghosts_first = flag("ghosts_first", ghosts_first)
        self.out_channels = integer("out_channels", out_channels, 1)
        intrinsic, ghosts = shares(out_channels, ratio)
        if ghosts_first:
            check_divides("ratio", ratio, "out_channels", out_channels)
        k, d = integer("kernel_size", kernel_size, 1), odd("cheap_kernel_size", cheap_kernel_size)
        self.primary_conv = conv_norm(in_channels, intrinsic, k, stride=stride, activation=activation)
        self.ratio = ratio
        if ratio > 1:
            self.cheap_operation = conv_norm(intrinsic, ghosts, d, groups=intrinsic, activation=activation)

    def forward(self, x, *, training=False, rng=None):
        intrinsic, primary = self.primary_conv.forward(x, training=training, rng=rng)
        if self.ratio == 1:
            return intrinsic, GhostCache(primary, None, ())
        ghosts, cheap = self.cheap_operation.forward(intrinsic, training=training, rng=rng)
        maps = (ghosts, intrinsic) if self.ghosts_first else (intrinsic, ghosts)
        return backend().concat(maps, keep=self.out_channels), GhostCache(primary, cheap, maps)

    def backward(self, dy, cache):
        if self.ratio == 1:
            dx, primary = self.primary_conv.backward(dy, cache.primary)
            return dx, under("primary_conv", primary)
        # Surplus ghosts were cut off and reached no output: concat's backward gives them zero gradient.
        dmaps = backend().concat_backward(dy, cache.maps, keep=self.out_channels)
        dintrinsic, dghosts = reversed(dmaps) if self.ghosts_first else dmaps
        dfrom_cheap, cheap = self.cheap_operation.backward(dghosts, cache.cheap)
        # The intrinsic maps were used twice: their gradients add.
        dx, primary = self.primary_conv.backward(backend().add(dintrinsic, dfrom_cheap), cache.primary)
        return dx, under("primary_conv", primary) | under("cheap_operation", cheap)


class GhostBottleneck(Residual):
    """Widen by one ghost module, narrow by another, and add what came in.

    ``ghost1 conv_dw bn_dw se ghost2 shortcut`` are the names in the official checkpoint.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels : int
        Before, between and after the two ghost modules.
    kernel_size : int, default 3
        Of the depthwise convolution of a block that strides, and of its shortcut's; odd.
    stride : int, default 1
        With a stride above 1, a depthwise convolution between the ghost modules shrinks the maps.
    squeeze_excite : Module, optional
        Sits between the ghost modules.
    ghost1, ghost2 : Module, optional
        The widening and the narrowing module; by default a `GhostModule` each, the second without ReLU.
    relu_after_stride : bool, default False
        Whether a ReLU follows the depthwise convolution that strides, as in document 000.
    projection : bool, default True
        Whether a block that changes the maps' shape has a shortcut, by a convolution; in document 000 it has none.
    conv_norm : ConvNorm, default PYTORCH
        How convolutions and their batch norms are built.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, section 3.2 and figure 3.
       https://arxiv.org/abs/1911.11907
    """

    def __init__(
        self,
        in_channels,
        hidden_channels,
        out_channels,
        *,
        kernel_size=3,
        stride=1,
        squeeze_excite=None,
        ghost1=None,
        ghost2=None,
        relu_after_stride=False,
        projection=True,
        conv_norm=PYTORCH,
    ):
        hidden_channels = integer("hidden_channels", hidden_channels, 1)
        kernel_size, stride = odd("kernel_size", kernel_size), integer("stride", stride, 1)
        _check_module("squeeze_excite", squeeze_excite, "SqueezeExcite(8)")
        _check_module("ghost1", ghost1, "GhostModule(4, 8)")
        _check_module("ghost2", ghost2, "GhostModule(8, 4)")

        def depthwise(channels, activation):
            return conv_norm(channels, channels, kernel_size, stride=stride, groups=channels, activation=activation)

        if ghost1 is None:
            ghost1 = GhostModule(in_channels, hidden_channels, conv_norm=conv_norm)
        if ghost2 is None:
            ghost2 = GhostModule(hidden_channels, out_channels, relu=False, conv_norm=conv_norm)
        layers = {"ghost1": ghost1}
        if stride > 1:
            activation = ReLU if flag("relu_after_stride", relu_after_stride) else None
            layers["conv_dw"], layers["bn_dw"] = depthwise(hidden_channels, activation)
        if squeeze_excite is not None:
            layers["se"] = squeeze_excite
        layers["ghost2"] = ghost2
        same_shape = in_channels == out_channels and stride == 1
        if not same_shape and flag("projection", projection):
            pointwise = conv_norm(in_channels, out_channels, 1, activation=None)
            layers["shortcut"] = Sequential(*depthwise(in_channels, None), *pointwise)
        super().__init__(added=same_shape or projection, **layers)


def shares(out_channels, ratio):
    """How many maps are intrinsic, and how many ghosts are made of them: rounded up, so that they suffice."""
    intrinsic = math.ceil(integer("out_channels", out_channels, 1) / integer("ratio", ratio, 1))
    return intrinsic, intrinsic * (ratio - 1)


def odd(name, kernel_size):
    """`kernel_size` as an odd int: half of it as padding on each side then keeps the size of the maps."""
    k = integer(name, kernel_size, 1)
    if k % 2 == 0:
        raise ValueError(f"{name}={k}: an even kernel has no centre pixel; the rule is an odd int, such as {k + 1}")
    return k


def _check_module(name, given, example):
    if given is not None and not isinstance(given, Module):
        raise TypeError(f"{name} is of type {type(given).__name__}: the rule is a Module or None, such as {example}")
