"""Elementwise sums and products: where two branches of a network become one.

    add       y = a + b          da = dy             db = dy
    multiply  y = a · b          da = dy · b         db = dy · a
    scale     y = x · s[n, c]    dx = dy · s         ds[n, c] = Σ_ij dy · x

In add and multiply b may hold one number for each map, of shape (N, C, 1, 1), which all pixels of the map share: then
db is the sum over those pixels.

Cost: no parameters, no multiply-adds; one operation for each number.
"""

from ghostnp.ops.checks import ABSENT, check_arrays, check_broadcast, check_factors, check_gradient
from ghostnp.ops.cost import each, free
from ghostnp.ops.gradients import PairGrads, ScaleGrads


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
