"""Numbers that two programs can draw alike: weights, images and directions, each from its name and shape alone.

An oracle in another environment fills its network by this rule and stores what came out of it; the test fills ours by
the same rule. So no weight is ever stored, and no order of parameters matters. Names are those of the official
checkpoints and shapes are PyTorch's; axes of length 1 at the end change nothing.
"""

import zlib

import numpy as np

SEED = 1911  # of all; the draws of each name are independent


def generator(name):
    """The source of everything that is drawn under `name`."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


def parameter(name, shape, gain):
    """A parameter or buffer.

    Running variances and the weights of a norm: uniform from 0.5 to 1.5. Other weights: normal, of variance
    gain / fan-in. Biases and running means: normal, of deviation 0.05. The counter of batches: 0.

    Nobody has measured the running statistics of such a network, so its `gain` is to be chosen: too small, and in
    inference all images look alike; too large, and one class gets everything.
    """
    rng = generator(name)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        return rng.uniform(0.5, 1.5, shape)
    if name.endswith("weight"):
        return rng.standard_normal(shape) * np.sqrt(gain / np.prod(shape[1:]))
    return 0.05 * rng.standard_normal(shape)


def images(name, shape):
    """A batch (N, C, H, W) of normal numbers, around another mean in each map: images as different as photos are."""
    rng = generator(name)
    return rng.standard_normal((*shape[:2], 1, 1)) + rng.standard_normal(shape)


def summary(name, array):
    """Two numbers for an array: its length, and its inner product with a random direction.

    A wrong entry, or two exchanged ones, change the second (with probability 1).
    """
    direction = generator(f"direction of {name}").standard_normal(array.shape)
    return np.array([np.linalg.norm(array), np.vdot(direction, array)])
