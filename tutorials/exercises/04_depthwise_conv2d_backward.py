"""Exercise 4: Compute the gradients of a depthwise convolution.

The forward pass reads the pixels `tap(xp, u, v, window)`. The backward pass adds to the same view of an array of zeros.
`crop` undoes `pad`. Return the gradients of `x`, `weight` and bias as a tuple, in this order.

    ghostnp check tutorials/exercises/04_depthwise_conv2d_backward.py
"""

import numpy as np

from ghostnp.ops.geometry import EACH_CHANNEL, conv2d_window, crop, pad, tap


def depthwise_conv2d_backward(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """Compute the gradients of `x`, `weight` and bias from `dy` (N, m·C_in, H_out, W_out): a `ConvGrads`."""
    window = conv2d_window(
        x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation
    )
    raise NotImplementedError
