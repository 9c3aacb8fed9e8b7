"""A convolution and the batch norm behind it: what all these networks are made of, and where frameworks disagree.

The papers draw one box. What is in it (a bias that the norm takes away again, where "same" pads, how fast running
statistics move) differs from code to code, so a network is given the recipe rather than the constants.
"""

from typing import NamedTuple

from ghostnp.modules.combine import Sequential
from ghostnp.modules.layers import BatchNorm2d, Conv2d, ReLU
from ghostnp.ops.checks import pair


class ConvNorm(NamedTuple):
    """A recipe for a convolution followed by a batch norm.

    Parameters
    ----------
    bias : bool, default False
        Whether the convolution has one. The batch norm subtracts it again: in training its gradient is exactly zero.
    same : bool, default False
        Whether padding is TensorFlow's "same" (at stride 2 and even sizes: only at the bottom and the right) or half
        the kernel on every side.
    eps, momentum, unbiased
        As in `BatchNorm2d`.
    """

    bias: bool = False
    same: bool = False
    eps: float = 1e-5
    momentum: float = 0.1
    unbiased: bool = True

    def norm(self, channels, *, relu=False):
        """A batch norm by this recipe, with or without a ReLU behind it."""
        return BatchNorm2d(channels, eps=self.eps, momentum=self.momentum, unbiased=self.unbiased, relu=relu)

    def conv(self, in_channels, out_channels, kernel_size, *, stride=1, groups=1):
        """A convolution by this recipe: at stride 1 and with an odd kernel it keeps the size of the maps."""
        rows, columns = pair("kernel_size", kernel_size, 1)
        half = rows // 2 if rows == columns else (rows // 2, columns // 2)
        padding = "same" if self.same else half
        return Conv2d(
            in_channels, out_channels, kernel_size, stride=stride, padding=padding, groups=groups, bias=self.bias
        )

    def __call__(self, in_channels, out_channels, kernel_size, *, stride=1, groups=1, activation=ReLU):
        """Both, and an activation (a type of Module, or None): `ReLU` becomes part of the norm, others are a layer."""
        conv = self.conv(in_channels, out_channels, kernel_size, stride=stride, groups=groups)
        norm = self.norm(out_channels, relu=activation is ReLU)
        return Sequential(conv, norm, *(() if activation in (None, ReLU) else (activation(),)))


def numbered(*layers):
    """`layers` by the names that PyTorch's Sequential gives them, where the ReLU of a norm is a layer, with a number.

    >>> from ghostnp.modules.conv_norm import PYTORCH, numbered
    >>> list(numbered(*PYTORCH(4, 8, 1), *PYTORCH(8, 4, 1, activation=None)))
    ['0', '1', '3', '4']
    """
    names, number = {}, 0
    for layer in layers:
        names[str(number)] = layer
        number += 2 if isinstance(layer, BatchNorm2d) and layer.relu else 1
    return names


PYTORCH = ConvNorm()
# Measured with Keras 3: momentum .99 there is .01 here, and the moving variance gathers the biased variance.
KERAS = ConvNorm(bias=True, same=True, eps=1e-3, momentum=0.01, unbiased=False)
