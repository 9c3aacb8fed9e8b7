"""Exercise 11: The backward pass of max pooling.

`argmax` holds the number u·kw + v of the tap that read the largest pixel of the window. Windows may overlap.

    ghostnp check tutorials/exercises/11_max_pool2d_backward.py
"""

import numpy as np

from ghostnp.ops.geometry import crop, pad, sliding_window, tap


def max_pool2d_backward(dy, x, kernel_size, argmax, *, stride=None, padding=0):
    """Add each number of `dy` (N, C, H_out, W_out) to the largest pixel of its window: dx shaped like `x`."""
    window = sliding_window(x.shape[2:], kernel_size, kernel_size if stride is None else stride, padding)
    raise NotImplementedError
