"""Concatenating, splitting and flattening: maps are put side by side, taken apart, or written as one row.

    concat    y = [x₁, x₂, ...] along the channels      dxₖ = the channels of dy that came from xₖ
    split     y₁, y₂, ... = the channels of x           dx  = [dy₁, dy₂, ...]
    flatten   y = x as one row for each image           dx  = dy in the shape of x

Nothing is computed, so what splits a gradient is what concatenates forward, and the other way round.

Cost: nothing; numbers are only moved.
"""

import math
from functools import lru_cache

import numpy as np

from ghostnp.ops.checks import (
    ABSENT,
    check_arrays,
    check_gradient,
    check_images,
    check_maps,
    check_parts,
    check_sizes,
    integer,
    sequence,
)
from ghostnp.ops.cost import free, from_shapes


def concat(xs, *, keep=None):
    """Stack maps along their channels.

    Parameters
    ----------
    xs : sequence of ndarray
        Maps of shapes (N, C_k, H, W).
    keep : int, optional
        How many channels to keep, from the first on; all if it is left out.

    Returns
    -------
    y : ndarray
        Shape (N, keep or Σ C_k, H, W), dtype of `xs`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or there are fewer channels than `keep`.
    """
    keep = check_concat(xs, keep)
    return np.concatenate(xs, axis=1)[:, :keep]


def concat_backward(dy, xs, *, keep=None):
    """Split `dy` (N, keep, H, W) into gradients shaped like `xs`, with zeros for the channels that were cut off."""
    keep = check_concat(xs, keep, dy)
    dx = np.zeros_like(np.concatenate(xs, axis=1))
    dx[:, :keep] = dy
    return tuple(np.split(dx, np.cumsum([x.shape[1] for x in xs])[:-1], axis=1))


@from_shapes
def concat_cost(xs_shapes, *, keep=None):
    """Cost from shapes alone: nothing."""
    keep = check_parts(xs_shapes, keep)
    batch, _, height, width = xs_shapes[0]
    return free((batch, keep, height, width))


def split(x, sizes):
    """Cut maps along their channels.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).
    sizes : sequence of int
        Channels of each part; they add up to C.

    Returns
    -------
    list of ndarray
        Shapes (N, sizes[k], H, W): views of `x`.

    Raises
    ------
    TypeError, ValueError
        If `x` is no such array, or `sizes` do not add up.
    """
    check_maps(x=x)
    sizes = check_sizes(sizes, x.shape[1])
    return np.split(x, np.cumsum(sizes)[:-1], axis=1)


def split_backward(dy, x, sizes):
    """Stack the gradients `dy` of the parts, shapes (N, sizes[k], H, W): dx shaped like `x`."""
    check_split_gradients(dy, x, sizes)
    return np.concatenate(dy, axis=1)


@from_shapes
def split_cost(x_shape, sizes):
    """Cost from the shape alone: nothing; the output is a list of shapes."""
    check_images("x", x_shape)
    batch, channels, height, width = x_shape
    return free([(batch, size, height, width) for size in check_sizes(sizes, channels)])


def flatten(x):
    """Write the maps of each image one after the other, as one row.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).

    Returns
    -------
    y : ndarray
        Shape (N, C·H·W), dtype of `x`; a view where memory allows.

    Raises
    ------
    TypeError, ValueError
        If `x` is no such array.
    """
    check_maps(x=x)
    return x.reshape(flatten_cost(x.shape).output)


def flatten_backward(dy, x):
    """Give `dy` (N, C·H·W) the shape of `x`."""
    check_maps(x=x)
    check_gradient(dy, flatten_cost(x.shape).output, x)
    return dy.reshape(x.shape)


@from_shapes
def flatten_cost(x_shape):
    """Cost from the shape alone: nothing."""
    check_images("x", x_shape)
    return free((x_shape[0], math.prod(x_shape[1:])))


# A network asks about the same few at every step, and an answer takes as long as to copy them.
_remembered_parts = lru_cache(maxsize=1024)(check_parts)


def check_concat(xs, keep, dy=ABSENT):
    """Check the arrays of a `concat` and return how many channels are kept: shared with the kernel's twin."""
    xs = sequence("xs", xs)
    check_arrays(**{f"xs[{number}]": x for number, x in enumerate(xs)})
    keep = _remembered_parts(tuple([x.shape for x in xs]), None if keep is None else integer("keep", keep, 1))
    if dy is not ABSENT:
        batch, _, height, width = xs[0].shape
        check_gradient(dy, (batch, keep, height, width), xs[0])
    return keep


def check_split_gradients(dy, x, sizes):
    """Check the gradients of the parts of a `split`: shared with the kernel's twin."""
    check_maps(x=x)
    dy, sizes = sequence("dy", dy), check_sizes(sizes, x.shape[1])
    if len(dy) != len(sizes):
        raise ValueError(f"dy has {len(dy)} parts: there is one gradient for each of sizes={sizes}, {len(sizes)} parts")
    for part, size in zip(dy, sizes, strict=True):
        check_gradient(part, (len(x), size, *x.shape[2:]), x)
