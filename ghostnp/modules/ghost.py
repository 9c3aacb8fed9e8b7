"""Ghost modules: a few maps cost a convolution, the others are cheap shadows of them.

    intrinsic  Y' = primary(X)      a 1x1 convolution to C_out / s channels
    ghosts     Y'' = cheap(Y')      s − 1 depthwise 3x3 filters over each intrinsic map
    output     [Y', Y'']            side by side, cut to C_out channels

Nothing is split: the primary convolution sees every input channel, and the cheap operation sees the primary's output.
The intrinsic maps are used twice, so their gradients add.
"""

import math
from typing import Any, NamedTuple

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.modules.layers import BatchNorm2d, Conv2d, ReLU
from ghostnp.modules.sequential import Sequential, chain_backward, chain_forward
from ghostnp.ops.checks import flag, integer


class GhostCache(NamedTuple):
    """What the two steps remember, and the maps that were concatenated."""

    primary: Any
    cheap: Any
    maps: Any


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

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, equations (2) and (3).
       https://arxiv.org/abs/1911.11907
    """

    def __init__(self, in_channels, out_channels, *, kernel_size=1, ratio=2, cheap_kernel_size=3, stride=1, relu=True):
        self.out_channels = integer("out_channels", out_channels, 1)
        ghosts = integer("ratio", ratio, 1) - 1
        kernel_size = integer("kernel_size", kernel_size, 1)
        cheap_kernel_size = odd("cheap_kernel_size", cheap_kernel_size)
        relu = flag("relu", relu)
        intrinsic = math.ceil(out_channels / ratio)
        self.primary_conv = _conv_norm(in_channels, intrinsic, kernel_size, stride=stride, relu=relu)
        if ghosts:
            self.cheap_operation = _conv_norm(
                intrinsic, intrinsic * ghosts, cheap_kernel_size, groups=intrinsic, relu=relu
            )

    def forward(self, x, *, training=False, rng=None):
        intrinsic, primary = self.primary_conv.forward(x, training=training, rng=rng)
        if not hasattr(self, "cheap_operation"):
            return intrinsic, GhostCache(primary, None, None)
        ghosts, cheap = self.cheap_operation.forward(intrinsic, training=training, rng=rng)
        maps = (intrinsic, ghosts)
        return backend().concat(maps, keep=self.out_channels), GhostCache(primary, cheap, maps)

    def backward(self, dy, cache):
        if cache.cheap is None:
            dx, primary = self.primary_conv.backward(dy, cache.primary)
            return dx, under("primary_conv", primary)
        # Surplus ghosts were cut off and reached no output: concat's backward gives them zero gradient.
        dintrinsic, dghosts = backend().concat_backward(dy, cache.maps, keep=self.out_channels)
        dfrom_cheap, cheap = self.cheap_operation.backward(dghosts, cache.cheap)
        # The intrinsic maps were used twice: their gradients add.
        dx, primary = self.primary_conv.backward(backend().add(dintrinsic, dfrom_cheap), cache.primary)
        return dx, under("primary_conv", primary) | under("cheap_operation", cheap)


class BottleneckCache(NamedTuple):
    """What the main path and the shortcut remember."""

    main: dict
    shortcut: Any


class GhostBottleneck(Module):
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
    ghost1 : Module, optional
        The widening module; by default a `GhostModule`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal.

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
    ):
        hidden_channels = integer("hidden_channels", hidden_channels, 1)
        kernel_size, stride = odd("kernel_size", kernel_size), integer("stride", stride, 1)
        _check_module("squeeze_excite", squeeze_excite, "SqueezeExcite(8)")
        _check_module("ghost1", ghost1, "GhostModule(4, 8)")
        self.ghost1 = GhostModule(in_channels, hidden_channels) if ghost1 is None else ghost1
        if stride > 1:
            self.conv_dw, self.bn_dw = _depthwise_norm(hidden_channels, kernel_size, stride)
        if squeeze_excite is not None:
            self.se = squeeze_excite
        self.ghost2 = GhostModule(hidden_channels, out_channels, relu=False)
        self.shortcut = (
            Sequential()
            if in_channels == out_channels and stride == 1
            else Sequential(
                *_depthwise_norm(in_channels, kernel_size, stride),
                *_conv_norm(in_channels, out_channels, 1, relu=False),
            )
        )

    def forward(self, x, *, training=False, rng=None):
        y, main = chain_forward(self._main(), x, training=training, rng=rng)
        carried, shortcut = self.shortcut.forward(x, training=training, rng=rng)
        return backend().add(y, carried), BottleneckCache(main, shortcut)

    def backward(self, dy, cache):
        # A sum hands its gradient to both terms; the input fed both, so there the gradients add again.
        dx_main, main = chain_backward(self._main(), dy, cache.main)
        dx_shortcut, shortcut = self.shortcut.backward(dy, cache.shortcut)
        return backend().add(dx_main, dx_shortcut), main | under("shortcut", shortcut)

    def _main(self):
        return {name: child for name, child in self.children().items() if name != "shortcut"}


def odd(name, kernel_size):
    """`kernel_size` as an odd int: half of it as padding on each side then keeps the size of the maps."""
    k = integer(name, kernel_size, 1)
    if k % 2 == 0:
        raise ValueError(f"{name}={k}: an even kernel has no centre pixel; the rule is an odd int, such as {k + 1}")
    return k


def _check_module(name, given, example):
    if given is not None and not isinstance(given, Module):
        raise TypeError(f"{name} is of type {type(given).__name__}: the rule is a Module or None, such as {example}")


def _conv_norm(in_channels, out_channels, kernel_size, *, stride=1, groups=1, relu):
    convolution = Conv2d(
        in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2, groups=groups, bias=False
    )
    return Sequential(convolution, BatchNorm2d(out_channels), *((ReLU(),) if relu else ()))


def _depthwise_norm(channels, kernel_size, stride):
    return _conv_norm(channels, channels, kernel_size, stride=stride, groups=channels, relu=False)
