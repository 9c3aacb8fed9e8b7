"""What every data set is: a name, images to train on, images to test with, and what the classes are called."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ghostnp.ops import resize_bilinear
from ghostnp.ops.checks import check_images, check_indices, check_shape, integer, shown


class Part(NamedTuple):
    """Images and what they show.

    Parameters
    ----------
    images : ndarray, shape (N, C, H, W), float32
        From 0 to 1 where they were read from files.
    labels : ndarray, shape (N,), int64
        From 0 to one less than there are classes.
    """

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class DataSet:
    """Images to train on and images to test with.

    Parameters
    ----------
    name : str
        As in `ghostnp.training.load_data`.
    train, test : Part
        What is learnt from, and what is held out.
    classes : tuple of str
        What label 0, 1, ... means.
    """

    name: str
    train: Part
    test: Part
    classes: tuple[str, ...]

    def __post_init__(self):
        for which, part in (("train", self.train), ("test", self.test)):
            check_part(which, part)
            if part.images.shape[1:] != self.shape:
                raise ValueError(
                    f"{which} has images of {part.images.shape[1:]} and train of {self.shape}: the rule is one shape"
                )
            if part.labels.max(initial=0) >= len(self.classes):
                raise ValueError(
                    f"{which} has the label {part.labels.max()}: the rule is 0 to {len(self.classes) - 1}, since there "
                    f"are {len(self.classes)} classes"
                )

    @property
    def shape(self):
        """(C, H, W) of one image."""
        return self.train.images.shape[1:]

    def __str__(self):
        shape = "x".join(map(str, self.shape))
        return (
            f"{self.name}: {len(self.train.labels):,} images of {shape} to train on, {len(self.test.labels):,} to test "
            f"with, {len(self.classes)} classes"
        )


def check_part(name, part):
    """Require images (N, C, H, W) and as many labels of 0 or more, at least one."""
    images, labels = part
    if not isinstance(images, np.ndarray) or images.dtype not in (np.float32, np.float64):
        raise TypeError(f"images of {name}={shown(images)}: the rule is an array of float32 (N, C, H, W)")
    check_images(f"images of {name}", images.shape)
    check_indices(f"labels of {name}", labels, "iu", "a NumPy array of ints, such as np.array([0, 2])")
    check_shape(f"labels of {name}", labels.shape, (len(images),), "there is one label for each image")
    if not len(labels):
        raise ValueError(f"{name} has no images: the rule is one or more")
    if labels.min() < 0:
        raise ValueError(f"labels of {name} has {labels.min()}: the rule is 0 or more, such as 0")


def dealt(part, held_out, seed):
    """A part dealt out at random: what is to be trained on, and `held_out` images to test with.

    Parameters
    ----------
    part : Part
        All images.
    held_out : int
        How many are held out.
    seed : int or None
        Of the dealing; None keeps the order, and holds out the last ones.

    Returns
    -------
    train, test : Part

    Raises
    ------
    ValueError
        If nothing would be left to train on or to test with.
    """
    count = len(part.images)
    if isinstance(held_out, bool) or not isinstance(held_out, int | np.integer) or not 0 < held_out < count:
        raise ValueError(
            f"held_out={shown(held_out)}: the rule is a number from 1 to {count - 1}, such as {max(count // 5, 1)}"
        )
    order = np.arange(count) if seed is None else np.random.default_rng(integer("seed", seed, 0)).permutation(count)
    return tuple(Part(*(array[order[half]] for array in part)) for half in np.s_[:-held_out, -held_out:])


def resized(data, size):
    """The same data set with images of `size` x `size` pixels, by `ghostnp.ops.resize_bilinear`.

    Parameters
    ----------
    data : DataSet
        It is left as it is.
    size : int
        Height and width.

    Returns
    -------
    DataSet
    """
    size = integer("size", size, 1)
    train, test = (Part(resize_bilinear(part.images, (size, size)), part.labels) for part in (data.train, data.test))
    return DataSet(data.name, train, test, data.classes)
