"""Exercise 10: The backward pass of an elementwise product.

In squeeze-and-excitation, `a` contains maps, and `b` of shape (N, C, 1, 1) contains one gate for each map. All pixels
of a map were multiplied by its gate. Return the gradients of `a` and `b` as a tuple, in this order.

    ghostnp check tutorials/exercises/10_multiply_backward.py
"""

import numpy as np


def multiply_backward(dy, a, b):
    """Compute the gradients of both factors from `dy`, shaped like `a`: a `PairGrads`."""
    raise NotImplementedError
