"""Elementwise sums and products: where two branches of a network become one.

    add       y = a + b          da = dy             db = dy
    multiply  y = a · b          da = dy · b         db = dy · a

b may hold one number for each map, of shape (N, C, 1, 1), which all pixels of the map share. It is read by each of
them, so db is a sum over those pixels: db[n, c] = Σ_ij dy (· a). Two layers are made of a product: a gate, as in
squeeze-and-excitation, multiplies each map by its factor; dropout multiplies by a mask of zeros and 1 / (1 − p).

Cost: no parameters, no multiply-adds; one operation for each number.
"""

from ghostnp.ops.checks import ABSENT, check_arrays, check_broadcast, check_gradient
from ghostnp.ops.cost import each, free, from_shapes
from ghostnp.ops.gradients import PairGrads


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
    """Compute the gradients of both terms from `dy`, shaped like `a`: a `PairGrads`."""
    spread = check_pair(a, b, dy)
    return PairGrads(dy, _over_pixels(dy) if spread else dy)


@from_shapes
def add_cost(a_shape, b_shape):
    """Cost from shapes alone: one operation for each number."""
    check_broadcast("a", a_shape, "b", b_shape)
    return free(a_shape, other=each(a_shape))


def multiply(a, b):
    """Multiply two branches, or maps by their gates.

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
    """Compute the gradients of both factors from `dy`, shaped like `a`: a `PairGrads`."""
    spread = check_pair(a, b, dy)
    return PairGrads(dy * b, _over_pixels(dy * a) if spread else dy * a)


@from_shapes
def multiply_cost(a_shape, b_shape):
    """Cost from shapes alone: one operation for each number."""
    check_broadcast("a", a_shape, "b", b_shape)
    return free(a_shape, other=each(a_shape))


def check_pair(a, b, dy=ABSENT):
    """Check the arrays of `add` and `multiply`; true if b is spread over pixels: shared with the kernel's twin."""
    check_arrays(a=a, b=b, dy=dy)
    spread = check_broadcast("a", a.shape, "b", b.shape)
    if dy is not ABSENT:
        check_gradient(dy, a.shape, a)
    return spread


def _over_pixels(maps):
    return maps.sum(axis=(2, 3), keepdims=True)
