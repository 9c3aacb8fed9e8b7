"""Exercise 14: The backward pass of batch norm in training.

The mean and the variance of a channel depend on every number of `x` in this channel. So every x̂ depends on
all of them. Return the gradients of `x`, `weight` and bias as a tuple, in this order.

    ghostnp check tutorials/exercises/14_batch_norm_train_backward.py
"""

import numpy as np


def batch_norm_train_backward(dy, x, weight, mean, var, *, eps=1e-5):
    """Compute the gradients of `x`, `weight` and bias from `dy`, shaped like `x`: a `NormGrads`."""
    raise NotImplementedError
