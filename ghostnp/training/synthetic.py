"""Data sets made for one question each: what a network has to be able to do is known, since the label is made of it.

    far pixels        two bright or dark pixels at opposite ends of one row; the label is whether they are of one kind
    mixed groups      the first and the last channel are each bright or dark; the label is whether they are of one kind
    global statistic  a spot that is bright or dark, on noise that is a little bright or dark as a whole; the label is
                      whether these are of one kind

"Of one kind" (an exclusive or, negated) matters: no sum of what two places say tells it, only their product does. So a
network whose last steps are a sum over all pixels and a linear layer needs a layer that sees both at once. What is not
asked for, the row, the noise, the other channels, is drawn at random.
"""

import numpy as np

from ghostnp.ops.checks import integer
from ghostnp.training.dataset import DataSet, Part

_NOISE = 0.1
_LEANING = 0.25  # how much more often a pixel of the noise is of the kind of the whole than of the other
_CLASSES = ("of two kinds", "of one kind")


def far_pixels(*, count=2000, held_out=500, size=16, seed=0):
    """Whether two pixels that are far apart are alike: long range, as DFC attention has it.

    Parameters
    ----------
    count, held_out : int
        How many images to train on and to test with.
    size : int, default 16
        Height and width; the two pixels are in the first and the last column.
    seed : int, default 0
        Of all that is drawn.

    Returns
    -------
    DataSet
        Of one channel.
    """
    size = integer("size", size, 2)

    def draw(rng, many):
        images = _NOISE * rng.standard_normal((many, 1, size, size), np.float32)
        left, right = _signs(rng, many), _signs(rng, many)
        rows, places = rng.integers(0, size, many), np.arange(many)
        images[places, 0, rows, 0] = left
        images[places, 0, rows, -1] = right
        return images, left == right

    return _made("far-pixels", draw, count, held_out, seed)


def mixed_groups(*, count=2000, held_out=500, size=8, channels=24, seed=0):
    """Whether the first and the last channel are alike: they are in different groups, so these have to be mixed.

    Parameters
    ----------
    count, held_out, size, seed : int
        As in `far_pixels`.
    channels : int, default 24
        How many there are, so that 1, 2, 3, 4, 6, 8, 12 and 24 groups are possible.

    Returns
    -------
    DataSet
    """
    size, channels = integer("size", size, 1), integer("channels", channels, 2)

    def draw(rng, many):
        kinds = _signs(rng, (many, channels))
        images = rng.standard_normal((many, channels, size, size), np.float32) / 2 + kinds[:, :, None, None]
        return images, kinds[:, 0] == kinds[:, -1]

    return _made("mixed-groups", draw, count, held_out, seed)


def global_statistic(*, count=2000, held_out=500, size=16, seed=0):
    """Whether a spot is of the kind of the whole image, which no small window tells: a statistic, as SE has it.

    Parameters
    ----------
    count, held_out, size, seed : int
        As in `far_pixels`.

    Returns
    -------
    DataSet
        Of one channel.
    """
    size = integer("size", size, 4)

    def draw(rng, many):
        spot, whole = _signs(rng, many), _signs(rng, many)
        leaning = (1 + _LEANING * whole[:, None, None, None]) / 2
        noise = rng.random((many, 1, size, size), np.float32) < leaning
        images = np.where(noise, np.float32(0.5), np.float32(-0.5))
        rows, columns = (rng.integers(0, size - 1, many) for _ in range(2))
        for i in (0, 1):
            for j in (0, 1):
                images[np.arange(many), 0, rows + i, columns + j] = 2 * spot
        return images, spot == whole

    return _made("global-statistic", draw, count, held_out, seed)


def _signs(rng, shape):
    return (2 * rng.integers(0, 2, shape) - 1).astype(np.float32)


def _made(name, draw, count, held_out, seed):
    rng = np.random.default_rng(integer("seed", seed, 0))
    drawn = [draw(rng, integer(what, many, 1)) for what, many in (("count", count), ("held_out", held_out))]
    train, test = (Part(images, alike.astype(np.int64)) for images, alike in drawn)
    return DataSet(name, train, test, _CLASSES)
