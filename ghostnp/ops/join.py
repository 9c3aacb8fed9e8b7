"""Joining and parting: where the branches of a network meet, and where they leave each other.

    concat    y = [x₁, x₂, ...] along the channels      dxₖ = the channels of dy that came from xₖ
    split     y₁, y₂, ... = the channels of x           dx  = [dy₁, dy₂, ...]
    add       y = a + b                                 da  = dy,        db = dy
    multiply  y = a · b                                 da  = dy · b,    db = dy · a
    scale     y = x · s[n, c]                           dx  = dy · s,    ds[n, c] = Σ_ij dy · x
    flatten   y = x as one row for each image           dx  = dy in the shape of x

In add and multiply b may hold one number for each map, which all its pixels meet: then db is the sum over those pixels.

Cost: no parameters, no multiply-adds; add, multiply and scale do one operation for each number, the others none.
"""

import math

import numpy as np

from ghostnp.ops.checks import (
    ABSENT,
    check_arrays,
    check_broadcast,
    check_factors,
    check_gradient,
    check_images,
    check_maps,
    check_parts,
    check_sizes,
    sequence,
)
from ghostnp.ops.cost import each, free
from ghostnp.ops.gradients import PairGrads, ScaleGrads


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
    """Cut `dy` (N, keep, H, W) where the parts met: gradients shaped like `xs`, zero where nothing was kept."""
    keep = check_concat(xs, keep, dy)
    dx = np.zeros_like(np.concatenate(xs, axis=1))
    dx[:, :keep] = dy
    return tuple(np.split(dx, np.cumsum([x.shape[1] for x in xs])[:-1], axis=1))


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


def split_cost(x_shape, sizes):
    """Cost from the shape alone: nothing; the output is a list of shapes."""
    check_images("x", x_shape)
    batch, channels, height, width = x_shape
    return free([(batch, size, height, width) for size in check_sizes(sizes, channels)])


def add(a, b):
    """Add two branches.

    Parameters
    ----------
    a : ndarray
        Any shape.
    b : ndarray
        The shape of `a`; or (N, C, 1, 1) to maps `a` of shape (N, C, H, W).

    Returns
    -------
    y : ndarray
        Shape and dtype of `a`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.

    References
    ----------
    .. [1] K. He et al., "Deep residual learning", 2015, equation (1). https://arxiv.org/abs/1512.03385
    """
    check_pair(a, b)
    return a + b


def add_backward(dy, a, b):
    """Give `dy`, shaped like `a`, to both: a `PairGrads`."""
    spread = check_pair(a, b, dy)
    return PairGrads(dy, _over_pixels(dy) if spread else dy)


def add_cost(a_shape, b_shape):
    """Cost from shapes alone: one operation for each number."""
    check_broadcast("a", a_shape, "b", b_shape)
    return free(tuple(a_shape), other=each(a_shape))


def multiply(a, b):
    """Multiply two branches, as a gate does.

    Parameters
    ----------
    a : ndarray
        Any shape.
    b : ndarray
        The shape of `a`; or (N, C, 1, 1) to maps `a` of shape (N, C, H, W).

    Returns
    -------
    y : ndarray
        Shape and dtype of `a`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.
    """
    check_pair(a, b)
    return a * b


def multiply_backward(dy, a, b):
    """Give `dy`, shaped like `a`, to each in the measure of the other: a `PairGrads`."""
    spread = check_pair(a, b, dy)
    return PairGrads(dy * b, _over_pixels(dy * a) if spread else dy * a)


def multiply_cost(a_shape, b_shape):
    """Cost from shapes alone: one operation for each number."""
    check_broadcast("a", a_shape, "b", b_shape)
    return free(tuple(a_shape), other=each(a_shape))


def scale(x, s):
    """Make each map louder or softer as a whole.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).
    s : ndarray
        One factor for each map, of shape (N, C, 1, 1).

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit.

    References
    ----------
    .. [1] J. Hu et al., "Squeeze-and-excitation networks", 2018, equation (4). https://arxiv.org/abs/1709.01507
    """
    check_scale(x, s)
    return x * s


def scale_backward(dy, x, s):
    """Share `dy` (N, C, H, W) between maps and factors: a `ScaleGrads`."""
    check_scale(x, s, dy)
    return ScaleGrads(dy * s, _over_pixels(dy * x))


def scale_cost(x_shape, s_shape):
    """Cost from shapes alone: one product for each number."""
    check_factors(x_shape, s_shape)
    return free(tuple(x_shape), other=each(x_shape))


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


def flatten_cost(x_shape):
    """Cost from the shape alone: nothing."""
    check_images("x", x_shape)
    return free((x_shape[0], math.prod(x_shape[1:])))


def check_concat(xs, keep, dy=ABSENT):
    """Check the arrays of a `concat` and return how many channels are kept: shared with the kernel's twin."""
    xs = sequence("xs", xs)
    check_arrays(**{f"xs[{number}]": x for number, x in enumerate(xs)})
    keep = check_parts([x.shape for x in xs], keep)
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


def check_pair(a, b, dy=ABSENT):
    """Check the arrays of `add` and `multiply`; true if b is spread over pixels: shared with the kernel's twin."""
    check_arrays(a=a, b=b, dy=dy)
    spread = check_broadcast("a", a.shape, "b", b.shape)
    if dy is not ABSENT:
        check_gradient(dy, a.shape, a)
    return spread


def check_scale(x, s, dy=ABSENT):
    """Check the arrays of `scale`: shared with the kernel's twin."""
    check_arrays(x=x, s=s, dy=dy)
    check_factors(x.shape, s.shape)
    if dy is not ABSENT:
        check_gradient(dy, x.shape, x)


def _over_pixels(maps):
    return maps.sum(axis=(2, 3), keepdims=True)
