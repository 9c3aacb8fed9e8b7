"""Exercise 10: Send a squeeze-and-excitation gate's gradient back, to the maps and to their factors.

One factor met all pixels of its map.

    ghostnp check tutorials/exercises/10_scale_backward.py
"""

import numpy as np


def scale_backward(dy, x, s):
    """Share `dy` (N, C, H, W) between maps and factors: a `ScaleGrads`."""
    raise NotImplementedError
