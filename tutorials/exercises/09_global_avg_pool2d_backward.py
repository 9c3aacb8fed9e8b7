"""Exercise 9: The backward pass of global average pooling.

In the mean, all pixels of a map have the same weight.

    ghostnp check tutorials/exercises/09_global_avg_pool2d_backward.py
"""

import numpy as np


def global_avg_pool2d_backward(dy, x):
    """Distribute each number of `dy` (N, C, 1, 1) equally over the pixels of its map: dx shaped like `x`."""
    raise NotImplementedError
