"""Exercise 10: Send a product's gradient back to both factors.

In squeeze-and-excitation `a` has maps and `b` (N, C, 1, 1) a gate for each, which multiplied all pixels of its map.

    ghostnp check tutorials/exercises/10_multiply_backward.py
"""

import numpy as np


def multiply_backward(dy, a, b):
    """Give `dy`, shaped like `a`, to each in the measure of the other: a `PairGrads`."""
    raise NotImplementedError
