"""Resizing: a map is drawn with another number of pixels, one axis after the other.

    nearest:   y[i] = x[⌊i·in / out⌋]
    bilinear:  y[i] = (1 − t)·x[k] + t·x[k + 1]        where k + t is the place of pixel i in the source

Pixels are little squares, and their centres lie at whole numbers plus a half, so the place is (i + ½)·in / out − ½ (not
before pixel 0). With `align_corners` they are points, and the first and last fall on the first and last: then it is
i·(in − 1) / (out − 1). In the backward pass, dy is added to the source pixels with the weights of the forward pass:

    nearest:   dx[⌊i·in / out⌋] += dy[i]
    bilinear:  dx[k] += (1 − t)·dy[i],   dx[k + 1] += t·dy[i]

Cost: no parameters, no multiply-adds; a bilinear blend is two products and a sum for each number it makes.
"""

from functools import lru_cache

import numpy as np

from ghostnp.ops.checks import check_gradient, check_images, check_maps, check_room, flag, pair
from ghostnp.ops.cost import Worked, each, free, from_shapes


def resize_nearest(x, size):
    """Give each new pixel the value of the source pixel in which its upper left corner lies.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).
    size : int or (int, int)
        The new height and width.

    Returns
    -------
    y : ndarray
        Shape (N, C, *size), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If `x` or `size` does not fit.
    """
    rows, columns = nearest_sources(x, size)
    return x[:, :, rows[:, None], columns]


def resize_nearest_backward(dy, x, size):
    """Sum `dy` (N, C, *size) over all output pixels that copied the same input pixel: dx shaped like `x`."""
    rows, columns = nearest_sources(x, size)
    check_gradient(dy, (*x.shape[:2], len(rows), len(columns)), x)
    dx = np.zeros_like(x)
    np.add.at(dx, (slice(None), slice(None), rows[:, None], columns), dy)
    return dx


@from_shapes
def resize_nearest_cost(x_shape, size):
    """Cost from the shape alone: nothing."""
    check_images("x", x_shape)
    return free((*x_shape[:2], *pair("size", size, 1)))


def resize_bilinear(x, size, *, align_corners=False):
    """Blend the two neighbours along each axis, the nearer one with the larger weight.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).
    size : int or (int, int)
        The new height and width.
    align_corners : bool, default False
        Whether the corner pixels of both maps fall on each other; if not, the maps' outer edges do.

    Returns
    -------
    y : ndarray
        Shape (N, C, *size), dtype of `x`; as torch.nn.functional.interpolate, without its antialiasing.

    Raises
    ------
    TypeError, ValueError
        If `x`, `size` or `align_corners` does not fit.
    """
    rows, columns = bilinear_sources(x, size, align_corners)
    return _blend(_blend(x, columns).swapaxes(2, 3), rows).swapaxes(2, 3)


def resize_bilinear_backward(dy, x, size, *, align_corners=False):
    """Add `dy` (N, C, *size) to the input pixels that were blended, with the same weights: dx shaped like `x`."""
    rows, columns = bilinear_sources(x, size, align_corners)
    check_gradient(dy, (*x.shape[:2], len(rows[0]), len(columns[0])), x)
    height, width = x.shape[2:]
    return _unblend(_unblend(dy.swapaxes(2, 3), rows, height).swapaxes(2, 3), columns, width)


@from_shapes
def resize_bilinear_cost(x_shape, size, *, align_corners=False):
    """Cost from the shape alone: two products and a sum for each number, first of the rows, then of all."""
    check_images("x", x_shape)
    flag("align_corners", align_corners)
    rows, columns = pair("size", size, 1)
    widened, output = (*x_shape[:3], columns), (*x_shape[:2], rows, columns)
    return free(output, other=Worked(f"{each(widened, 3).formula} + {each(output, 3).formula}"))


def nearest_sources(x, size):
    """For rows and for columns, which source pixel each new pixel copies: shared with the kernel's twin."""
    size = _check_size(x, size)
    return tuple(np.arange(new) * old // new for old, new in zip(x.shape[2:], size, strict=True))


def bilinear_sources(x, size, align_corners):
    """For rows and for columns (k, k + 1 or the last, 1 - t, t) of each new pixel: shared with the kernel's twin."""
    size = _check_size(x, size)
    flag("align_corners", align_corners)
    return tuple(_neighbours(old, new, align_corners, x.dtype) for old, new in zip(x.shape[2:], size, strict=True))


def _check_size(x, size):
    check_maps(x=x)
    size = pair("size", size, 1)
    check_room(f"size={size}", "the new maps,", (*x.shape[:2], *size), x.dtype)
    return size


@lru_cache
def _neighbours(old, new, align_corners, dtype):
    i = np.arange(new)
    if align_corners:
        place = i * ((old - 1) / max(new - 1, 1))
    else:
        place = np.maximum((i + 0.5) * (old / new) - 0.5, 0)
    lower = np.minimum(place.astype(int), old - 1)
    t = (place - lower).astype(dtype)
    return lower, np.minimum(lower + 1, old - 1), 1 - t, t


def _blend(x, sources):
    lower, upper, near, far = sources
    return near * x[..., lower] + far * x[..., upper]


def _unblend(dy, sources, length):
    lower, upper, near, far = sources
    dx = np.zeros((*dy.shape[:-1], length), dy.dtype)
    np.add.at(dx, (..., lower), near * dy)
    np.add.at(dx, (..., upper), far * dy)
    return dx
