"""Exercise 16: Send the gradient back through both steps of DFC attention.

The steps in reverse; the second step's weights met what the first had made.

    ghostnp check tutorials/exercises/16_decoupled_attention_backward.py
"""

import numpy as np


def decoupled_attention_backward(dy, z, weight_h, weight_w):
    """Share `dy` (N, C, H, W) out to all three arguments: a `DecoupledAttentionGrads`."""
    raise NotImplementedError
