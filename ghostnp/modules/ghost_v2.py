"""GhostNetV2: a ghost module whose maps are weighed, pixel by pixel, by an attention that sees rows and columns.

    Z = pool(X)                     half the height and width: a quarter of the work
    A = F_W ⊛ (F_H ⊛ (W · Z))       one pointwise and two depthwise convolutions, 1xK and Kx1
    y = ghost(X) ⊙ up(σ(A))         σ first, on the small map; nearest-neighbour enlargement commutes with it

The two long kernels are equations (4) and (5) of the paper with weights shared along the axis they slide over. A pixel
reaches its row in one step and, through it, its whole neighbourhood in the next.
"""

from typing import Any, NamedTuple

from ghostnp.backend import backend
from ghostnp.modules.base import under
from ghostnp.modules.ghost import GhostBottleneck, GhostModule, odd
from ghostnp.modules.layers import BatchNorm2d, Conv2d
from ghostnp.modules.sequential import Sequential
from ghostnp.ops.checks import integer


class DFCCache(NamedTuple):
    """What each step of the attention needs on the way back."""

    x: Any
    chain: dict
    scores: Any
    gates: Any


class DFCAttention(Sequential):
    """Decoupled fully connected attention: a factor between 0 and 1 for each channel of each pixel.

    Layers "0" to "5" are the names in the official checkpoint (there below ``short_conv``).

    Parameters
    ----------
    in_channels, out_channels : int
        Of the input maps, and of the maps that the factors are for.
    kernel_size : int, default 5
        K, of the horizontal and the vertical convolution; odd.

    Raises
    ------
    TypeError, ValueError
        If a count is not a positive int, or `kernel_size` is even.

    References
    ----------
    .. [1] Y. Tang et al., "GhostNetV2: enhance cheap operation with long-range attention", NeurIPS 2022, section 3,
       equations (4) and (5). https://arxiv.org/abs/2211.12905
    """

    def __init__(self, in_channels, out_channels, *, kernel_size=5):
        k = odd("kernel_size", kernel_size)
        deep = {"groups": out_channels, "bias": False}
        super().__init__(
            Conv2d(in_channels, out_channels, 1, bias=False),
            BatchNorm2d(out_channels),
            Conv2d(out_channels, out_channels, (1, k), padding=(0, k // 2), **deep),
            BatchNorm2d(out_channels),
            Conv2d(out_channels, out_channels, (k, 1), padding=(k // 2, 0), **deep),
            BatchNorm2d(out_channels),
        )

    def forward(self, x, *, training=False, rng=None):
        size = x.shape[2:]
        if min(size) < 2:
            raise ValueError(
                f"x has shape {tuple(x.shape)}: attention halves the maps, so the rule is 2x2 pixels or more, "
                f"such as {(*x.shape[:2], 2, 2)}"
            )
        pooled = backend().avg_pool2d(x, 2)
        scores, chain = super().forward(pooled, training=training, rng=rng)
        gates = backend().sigmoid(scores)
        return backend().resize_nearest(gates, size), DFCCache(x, chain, scores, gates)

    def backward(self, dy, cache):
        dgates = backend().resize_nearest_backward(dy, cache.gates, cache.x.shape[2:])
        dscores = backend().sigmoid_backward(dgates, cache.scores)
        dpooled, grads = super().backward(dscores, cache.chain)
        return backend().avg_pool2d_backward(dpooled, cache.x, 2), grads


class GhostV2Cache(NamedTuple):
    """The two factors of the product, and what each remembers."""

    ghost: Any
    attention: Any
    maps: Any
    factors: Any


class GhostModuleV2(GhostModule):
    """A ghost module, multiplied by DFC attention over the same input.

    ``short_conv`` is the attention's name in the official checkpoint.

    Parameters
    ----------
    in_channels, out_channels : int
        C_in and C_out.
    attention_kernel_size : int, default 5
        K of the attention.
    ratio, cheap_kernel_size, relu
        As in `GhostModule`. The primary convolution is 1x1 without stride: attention is for maps of the input's size.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal.
    """

    def __init__(self, in_channels, out_channels, *, attention_kernel_size=5, ratio=2, cheap_kernel_size=3, relu=True):
        super().__init__(in_channels, out_channels, ratio=ratio, cheap_kernel_size=cheap_kernel_size, relu=relu)
        k = odd("attention_kernel_size", attention_kernel_size)
        self.short_conv = DFCAttention(in_channels, out_channels, kernel_size=k)

    def forward(self, x, *, training=False, rng=None):
        maps, ghost = super().forward(x, training=training, rng=rng)
        factors, attention = self.short_conv.forward(x, training=training, rng=rng)
        return backend().multiply(maps, factors), GhostV2Cache(ghost, attention, maps, factors)

    def backward(self, dy, cache):
        dmaps, dfactors = backend().multiply_backward(dy, cache.maps, cache.factors)
        dx_ghost, grads = super().backward(dmaps, cache.ghost)
        dx_attention, attention = self.short_conv.backward(dfactors, cache.attention)
        return backend().add(dx_ghost, dx_attention), grads | under("short_conv", attention)


class GhostBottleneckV2(GhostBottleneck):
    """A ghost bottleneck whose widening module has DFC attention.

    Parameters
    ----------
    in_channels, hidden_channels, out_channels : int
        Before, between and after the two ghost modules.
    attention_kernel_size : int, default 5
        K of the attention.
    **bottleneck
        As in `GhostBottleneck`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal.
    """

    def __init__(self, in_channels, hidden_channels, out_channels, *, attention_kernel_size=5, **bottleneck):
        hidden_channels = integer("hidden_channels", hidden_channels, 1)
        ghost1 = GhostModuleV2(in_channels, hidden_channels, attention_kernel_size=attention_kernel_size)
        super().__init__(in_channels, hidden_channels, out_channels, ghost1=ghost1, **bottleneck)
