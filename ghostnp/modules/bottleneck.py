"""ResNet's bottleneck: 1x1 narrows, 3x3 filters where it is narrow, 1x1 widens, and the input is added.

    y = relu(conv₃ · relu(conv₂ · relu(conv₁ · x)) + shortcut(x))         each convolution with its batch norm

Multiply-adds at h x w pixels, c channels outside, m inside and g groups in the 3x3 convolution: hw(2cm + 9m²/g).
ResNeXt is g > 1; GhostNet's authors make each of the convolutions a ghost module.
"""

from functools import partial

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.modules.combine import Residual, Sequential, chain_backward, chain_forward, fork_backward, fork_forward
from ghostnp.modules.conv_norm import PYTORCH
from ghostnp.modules.ghost import odd, shares
from ghostnp.modules.layers import Conv2d, ReLU
from ghostnp.modules.rules import builder, optional_builder
from ghostnp.ops.checks import flag, integer


class Bottleneck(Residual):
    """The bottleneck of ResNet and ResNeXt.

    ``conv1 bn1 conv2 bn2 conv3 bn3 downsample.{0,1}`` are torchvision's names.

    Parameters
    ----------
    in_channels, middle, out_channels : int
        Before, between and after the two 1x1 convolutions. The shortcut is a 1x1 convolution where the block strides or
        changes the number of channels.
    stride : int, default 1
        Of the block.
    groups : int, default 1
        Of the 3x3 convolution.
    stride_first : bool, default False
        Whether the first 1x1 convolution strides, as in the paper, or the 3x3, as in torchvision and in the official
        Ghost-ResNet.
    conv : callable
        Makes a convolution from ``(in_channels, out_channels, kernel_size, stride=, groups=)``.
    norm : callable or None
        Makes the batch norm behind each of them from ``(channels, relu=)``: whether a ReLU follows. None leaves all of
        them out; the ReLUs are then layers of their own.

    References
    ----------
    .. [1] K. He et al., "Deep residual learning for image recognition", CVPR 2016, figure 5 (right).
       https://arxiv.org/abs/1512.03385
    .. [2] S. Xie et al., "Aggregated residual transformations for deep neural networks", CVPR 2017, figure 3 (c).
       https://arxiv.org/abs/1611.05431
    """

    shortcut_name = "downsample"

    def __init__(
        self,
        in_channels,
        middle,
        out_channels,
        *,
        stride=1,
        groups=1,
        stride_first=False,
        conv=PYTORCH.conv,
        norm=PYTORCH.norm,
    ):
        stride = integer("stride", stride, 1)
        builder("conv", conv, "GhostConv2d")
        optional_builder("norm", norm, "BatchNorm2d")
        first, second = (stride, 1) if flag("stride_first", stride_first) else (1, stride)

        def convolution(number, before, after, kernel_size, *, relu=False, **keywords):
            layers = {f"conv{number}": conv(before, after, kernel_size, **keywords)}
            if norm is not None:
                layers[f"bn{number}"] = norm(after, relu=relu)
            elif relu:
                layers[f"relu{number}"] = ReLU()
            return layers

        layers = {
            **convolution(1, in_channels, middle, 1, stride=first, relu=True),
            **convolution(2, middle, middle, 3, stride=second, groups=groups, relu=True),
            **convolution(3, middle, out_channels, 1),
        }
        if stride != 1 or in_channels != out_channels:
            layers["downsample"] = Sequential(*convolution("", in_channels, out_channels, 1, stride=stride).values())
        super().__init__(**layers)

    def forward(self, x, *, training=False, rng=None):
        added, cache = super().forward(x, training=training, rng=rng)
        return backend().relu(added), (added, cache)

    def backward(self, dy, cache):
        added, cache = cache
        return super().backward(backend().relu_backward(dy, added), cache)


class GhostConv2d(Module):
    """A ghost module in the place of a convolution: no batch norm, no ReLU, but biases. It is a chain and a fork.

    ``conv1`` (primary) and ``conv2`` (cheap) are the names in the official Ghost-ResNet. That code also gives each of
    these modules ``weight1 weight2 bn1 bn2``, which it never runs; only what runs is here.

    Parameters
    ----------
    in_channels, out_channels : int
        C_in and C_out.
    kernel_size : int
        Of the primary convolution, which pads half of it.
    stride, groups : int, default 1
        Of the primary convolution.
    ratio, cheap_kernel_size
        As in `GhostModule`.

    References
    ----------
    .. [1] K. Han et al., "GhostNet: more features from cheap operations", CVPR 2020, section 4.1 and table 6.
       https://arxiv.org/abs/1911.11907
    """

    def __init__(self, in_channels, out_channels, kernel_size, *, stride=1, groups=1, ratio=2, cheap_kernel_size=3):
        intrinsic, ghosts = shares(out_channels, ratio)
        self.out_channels = out_channels
        half = odd("kernel_size", kernel_size) // 2
        self.conv1 = Conv2d(in_channels, intrinsic, kernel_size, stride=stride, padding=half, groups=groups)
        half = odd("cheap_kernel_size", cheap_kernel_size) // 2
        self.ratio = ratio
        if ratio > 1:
            self.conv2 = Conv2d(intrinsic, ghosts, cheap_kernel_size, padding=half, groups=intrinsic)

    def forward(self, x, *, training=False, rng=None):
        intrinsic, primary = self.conv1.forward(x, training=training, rng=rng)
        if self.ratio == 1:
            return intrinsic, (primary, None)
        # The intrinsic maps as they are, which is a chain of no layers, and the ghosts that are made from them.
        paths = {"": partial(chain_forward, {}), "conv2": self.conv2.forward}
        y, fork = fork_forward(paths, intrinsic, keep=self.out_channels, training=training, rng=rng)
        return y, (primary, fork)

    def backward(self, dy, cache):
        primary, fork = cache
        if self.ratio == 1:
            dx, grads = self.conv1.backward(dy, primary)
            return dx, under("conv1", grads)
        paths = {"": partial(chain_backward, {}), "conv2": self.conv2.backward}
        dintrinsic, cheap_grads = fork_backward(paths, dy, fork, keep=self.out_channels)
        dx, grads = self.conv1.backward(dintrinsic, primary)
        return dx, under("conv1", grads) | cheap_grads
