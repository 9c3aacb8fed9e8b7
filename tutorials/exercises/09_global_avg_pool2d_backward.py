"""Exercise 9: Share the gradient of a mean out.

Every pixel of a map counted as much as every other.

    ghostnp check tutorials/exercises/09_global_avg_pool2d_backward.py
"""

import numpy as np


def global_avg_pool2d_backward(dy, x):
    """Share each of `dy` (N, C, 1, 1) out among all pixels of its map: dx shaped like `x`."""
    raise NotImplementedError
