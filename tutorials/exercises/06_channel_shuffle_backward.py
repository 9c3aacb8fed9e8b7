"""Exercise 6: Put the channels back into their old order.

A shuffle only moves numbers. Which shuffle undoes it? You may call `ghostnp.ops.channel_shuffle`.

    ghostnp check tutorials/exercises/06_channel_shuffle_backward.py
"""

import numpy as np


def channel_shuffle_backward(dy, x, groups):
    """Put the channels of `dy` (N, C, H, W) back into their old order: dx shaped like `x`."""
    raise NotImplementedError
