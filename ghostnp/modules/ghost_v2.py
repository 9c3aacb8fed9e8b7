"""GhostNetV2: a ghost module whose maps are multiplied, pixel by pixel, by an attention that sees rows and columns.

    Z = pool(X)                     half the height and width: a quarter of the work
    A = F_W ⊛ (F_H ⊛ (W · Z))       one pointwise and two depthwise convolutions, 1xK and Kx1
    y = ghost(X) ⊙ up(σ(A))         σ first, on the small map; nearest-neighbour enlargement commutes with it

The two long kernels are equations (4) and (5) of the paper with weights shared along the axis they slide over. A pixel
reaches its row in one step and, through it, its whole neighbourhood in the next.
"""

from typing import Any, NamedTuple

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.modules.combine import chain_backward, chain_forward, gate_backward, gate_forward
from ghostnp.modules.conv_norm import PYTORCH
from ghostnp.modules.ghost import GhostModule, odd
from ghostnp.modules.layers import AvgPool2d, BatchNorm2d, Conv2d, Sigmoid
from ghostnp.modules.rules import builder
from ghostnp.ops.checks import flag, shown

UPSAMPLINGS = ("nearest", "bilinear")


class DFCCache(NamedTuple):
    """What each step of the attention needs on the way back."""

    x: Any
    chain: dict
    small: Any
    gate: Any


class DFCAttention(Module):
    """Decoupled fully connected attention: a factor between 0 and 1 for each channel of each pixel.

    Layers "0" to "5" are the names in the official checkpoint (there below ``short_conv``).

    Parameters
    ----------
    in_channels, out_channels : int
        Of the input maps, and of the maps that the factors are for.
    kernel_size : int, default 5
        K, of the horizontal and the vertical convolution; odd. The official code has 5 in every layer.
    pool : type of Module, default AvgPool2d
        What halves the maps: `AvgPool2d`, as in the official code, or `MaxPool2d`, document 003's default in words.
    upsample : {"nearest", "bilinear"}
        What brings them back to size: nearest in the official code, bilinear in document 003's words.
    gate_last : bool, default False
        Whether the sigmoid comes after the enlargement. With nearest neighbours that makes no difference; with bilinear
        interpolation it does, although both stay between 0 and 1.

    References
    ----------
    .. [1] Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022, section 3,
       equations (4) and (5). https://arxiv.org/abs/2211.12905
    """

    def __init__(
        self, in_channels, out_channels, *, kernel_size=5, pool=AvgPool2d, upsample="nearest", gate_last=False
    ):
        k = odd("kernel_size", kernel_size)
        if not isinstance(upsample, str) or upsample not in UPSAMPLINGS:
            raise ValueError(f"upsample={shown(upsample)}: the rule is one of {', '.join(map(repr, UPSAMPLINGS))}")
        self.upsample, self.gate_last = upsample, flag("gate_last", gate_last)
        deep = {"groups": out_channels, "bias": False}
        layers = (
            Conv2d(in_channels, out_channels, 1, bias=False),
            BatchNorm2d(out_channels),
            Conv2d(out_channels, out_channels, (1, k), padding=(0, k // 2), **deep),
            BatchNorm2d(out_channels),
            Conv2d(out_channels, out_channels, (k, 1), padding=(k // 2, 0), **deep),
            BatchNorm2d(out_channels),
        )
        self.pool = builder("pool", pool, "AvgPool2d")(2)
        self.attach({str(number): layer for number, layer in enumerate(layers)})
        self.gate = Sigmoid()

    def forward(self, x, *, training=False, rng=None):
        size = x.shape[2:]
        if min(size) < 2:
            raise ValueError(
                f"x has shape {tuple(x.shape)}: attention halves the maps, so the rule is 2x2 pixels or more, "
                f"such as {(*x.shape[:2], 2, 2)}"
            )
        small, chain = chain_forward(self._on_small_maps(), x, training=training, rng=rng)
        y, gate = getattr(backend(), f"resize_{self.upsample}")(small, size), None
        if self.gate_last:
            y, gate = self.gate.forward(y)
        return y, DFCCache(x, chain, small, gate)

    def backward(self, dy, cache):
        if self.gate_last:
            dy, _ = self.gate.backward(dy, cache.gate)
        dsmall = getattr(backend(), f"resize_{self.upsample}_backward")(dy, cache.small, cache.x.shape[2:])
        return chain_backward(self._on_small_maps(), dsmall, cache.chain)

    def _on_small_maps(self):
        return {name: child for name, child in self.children().items() if name != "gate" or not self.gate_last}

    def describe(self):
        return f"upsample={self.upsample!r}, gate_last={self.gate_last}"


class GhostModuleV2(GhostModule):
    """A ghost module, multiplied by DFC attention over the same input.

    ``short_conv`` is the attention's name in the official checkpoint.

    Parameters
    ----------
    in_channels, out_channels : int
        C_in and C_out.
    attention : callable, default DFCAttention
        Makes the attention from the two channel counts; ``partial(DFCAttention, kernel_size=7)`` makes another one.
    ratio, cheap_kernel_size, relu, ghosts_first, conv_norm
        As in `GhostModule`. The primary convolution is 1x1 without stride: attention is for maps of the input's size.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        *,
        attention=DFCAttention,
        ratio=2,
        cheap_kernel_size=3,
        relu=True,
        ghosts_first=False,
        conv_norm=PYTORCH,
    ):
        super().__init__(
            in_channels,
            out_channels,
            ratio=ratio,
            cheap_kernel_size=cheap_kernel_size,
            relu=relu,
            ghosts_first=ghosts_first,
            conv_norm=conv_norm,
        )
        self.short_conv = builder("attention", attention, "DFCAttention")(in_channels, out_channels)

    def forward(self, x, *, training=False, rng=None):
        return gate_forward(super().forward, self.short_conv.forward, x, training=training, rng=rng)

    def backward(self, dy, cache):
        dx, ghost, attention = gate_backward(super().backward, self.short_conv.backward, dy, cache)
        return dx, ghost | under("short_conv", attention)
