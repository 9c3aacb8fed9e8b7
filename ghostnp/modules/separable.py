"""Depthwise-separable convolution as two layers: space first, channels second."""

from ghostnp.modules.combine import Sequential
from ghostnp.modules.layers import Conv2d
from ghostnp.ops.checks import integer


class SeparableConv2d(Sequential):
    """A depthwise convolution, then a pointwise one.

    Parameters
    ----------
    in_channels, out_channels : int
        C_in and C_out.
    kernel_size : int or (int, int)
        Of the depthwise convolution.
    stride, padding, dilation
        Of the depthwise convolution, as in `ghostnp.ops.depthwise_conv2d`.
    multiplier : int, default 1
        m, depthwise filters for each input channel.
    bias : bool, default True
        Whether each output channel adds a number of its own.
    """

    def __init__(
        self, in_channels, out_channels, kernel_size, *, stride=1, padding=0, dilation=1, multiplier=1, bias=True
    ):
        middle = integer("in_channels", in_channels, 1) * integer("multiplier", multiplier, 1)
        super().__init__(
            depthwise=Conv2d(
                in_channels,
                middle,
                kernel_size,
                stride=stride,
                padding=padding,
                dilation=dilation,
                groups=in_channels,
                bias=False,
            ),
            pointwise=Conv2d(middle, out_channels, 1, bias=bias),
        )
