"""Images changed at random before they are learnt from, so that none is seen twice in the same way.

flip     x[..., j] ← x[..., W − 1 − j]                for one image in two
shift    x[..., i, j] ← x[..., i + a, j + b]          a and b from −n to n, and 0 outside of the image
crop     a part of share from c to 1 of height and width, resized (bilinear) to the whole
"""

import numpy as np

from ghostnp.ops import resize_bilinear
from ghostnp.ops.checks import check_maps, flag, fraction, integer, shown


def augmented(images, rng, *, flip=False, shift=0, crop=1.0):
    """A batch changed at random, image by image; an array of its own if anything is to be changed.

    Parameters
    ----------
    images : ndarray, shape (N, C, H, W)
        It is left as it is.
    rng : numpy.random.Generator
        Where it draws from.
    flip : bool, default False
        Whether one image in two is seen in a mirror.
    shift : int, default 0
        By how many pixels at most.
    crop : float, default 1.0
        How much of height and width is left at least.

    Returns
    -------
    ndarray
    """
    check_maps(images=images)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng={shown(rng)}: the rule is a generator, such as numpy.random.default_rng(0)")
    crop, shift = fraction("crop", crop), integer("shift", shift, 0)
    count, _, height, width = images.shape
    if flag("flip", flip):
        mirrored = rng.random(count) < 0.5
        images = np.where(mirrored[:, None, None, None], images[..., ::-1], images)
    if shift:
        padded = np.pad(images, ((0, 0), (0, 0), (shift, shift), (shift, shift)))
        places = rng.integers(0, 2 * shift + 1, (count, 2))
        images = np.stack([x[:, i : i + height, j : j + width] for x, (i, j) in zip(padded, places, strict=True)])
    if crop < 1:
        shares, corners = rng.uniform(crop, 1, count), rng.random((count, 2))
        images = np.stack([_cropped(*each) for each in zip(images, shares, corners, strict=True)])
    return images


def _cropped(x, share, place):
    sizes = [max(round(share * length), 1) for length in x.shape[1:]]
    i, j = (int(where * (length - size + 1)) for where, length, size in zip(place, x.shape[1:], sizes, strict=True))
    return resize_bilinear(x[None, :, i : i + sizes[0], j : j + sizes[1]], x.shape[1:])[0]
