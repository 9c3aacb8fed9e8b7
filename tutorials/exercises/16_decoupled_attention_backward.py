"""Exercise 16: The backward pass of decoupled attention.

Go through the two steps in reverse order. The weights of the second step were multiplied by the result of the first
step. Return the gradients of `z`, `weight_h` and `weight_w` as a tuple, in this order.

    ghostnp check tutorials/exercises/16_decoupled_attention_backward.py
"""

import numpy as np


def decoupled_attention_backward(dy, z, weight_h, weight_w):
    """Compute the gradients of `z` and both weights from `dy` (N, C, H, W): a `DecoupledAttentionGrads`."""
    raise NotImplementedError
