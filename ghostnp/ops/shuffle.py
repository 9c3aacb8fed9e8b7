"""Channel shuffle: reorder the channels, so that the next grouped convolution mixes the groups.

    y[n, p·g + q, i, j] = x[n, q·(C / g) + p, i, j]         group q of g, position p in the group

If the channels are written as a matrix of g rows, a shuffle transposes the matrix. The shuffle by C / g groups
transposes it back. A shuffle only moves numbers, so its gradient moves them back:

    dx = channel_shuffle(dy, C / g)

Cost: no parameters, no multiply-adds.
"""

from ghostnp.ops.checks import check_divides, check_images, check_maps, check_operands
from ghostnp.ops.cost import free, from_shapes


def channel_shuffle(x, groups):
    """Take the first channel of each group, then the second channel of each group, and so on.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).
    groups : int
        A divisor of C.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If `x` is no such array, or `groups` does not divide C.

    References
    ----------
    .. [1] X. Zhang et al., "ShuffleNet", 2018, section 3.1. https://arxiv.org/abs/1707.01083
    """
    check_maps(x=x)
    batch, channels, height, width = x.shape
    groups = check_divides("groups", groups, "channels", channels)
    return x.reshape(batch, groups, channels // groups, height, width).swapaxes(1, 2).reshape(x.shape)


def channel_shuffle_backward(dy, x, groups):
    """Put the channels of `dy` (N, C, H, W) back into their old order: dx shaped like `x`."""
    check_operands(x=x, dy=dy)
    check_images("x", x.shape)
    channels = x.shape[1]
    return channel_shuffle(dy, channels // check_divides("groups", groups, "channels", channels))


@from_shapes
def channel_shuffle_cost(x_shape, groups):
    """Cost from the shape alone: nothing."""
    check_images("x", x_shape)
    check_divides("groups", groups, "channels", x_shape[1])
    return free(x_shape)
