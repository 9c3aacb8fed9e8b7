"""Pooling: each window of a map is summed up in one number, its largest or its mean.

    max:      y[n, c, i, j] = max_uv  x̄[n, c, i·s + u, j·s + v]          argmax = u·kw + v of the (first) largest
    average:  y[n, c, i, j] = Σ_uv x̄[n, c, i·s + u, j·s + v] / count[i, j]

with x̄ the padded input. A maximum never takes a padded pixel. In the backward pass, dy is added to the largest
pixel alone, or in equal parts to all pixels of the window:

    max:      dx̄[n, c, i·s + u, j·s + v] += dy[n, c, i, j]   where argmax[n, c, i, j] = u·kw + v
    average:  dx̄[n, c, i·s + u, j·s + v] += dy[n, c, i, j] / count[i, j]

Cost: no parameters, no multiply-adds; as many operations as pixels in the windows.
"""

from functools import lru_cache

import numpy as np

from ghostnp.ops.checks import ABSENT, check_argmax, check_gradient, check_images, check_maps, check_overlap, flag, pair
from ghostnp.ops.cost import each, free, from_shapes
from ghostnp.ops.geometry import check_padded_room, crop, pad, plain_padding, sliding_window, tap


def max_pool2d(x, kernel_size, *, stride=None, padding=0):
    """Keep the largest pixel of each window.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).
    kernel_size : int or (int, int)
        Rows and columns of a window.
    stride : int or (int, int), optional
        Rows and columns between neighbouring windows; `kernel_size` if it is left out.
    padding : int, (int, int), ((int, int), (int, int)) or "same", default 0
        Pixels around each map, on each side fewer than the kernel has.

    Returns
    -------
    y : ndarray
        Shape (N, C, H_out, W_out), dtype of `x`.
    argmax : ndarray
        Which tap u·kw + v of the window was the largest, as int64 of the shape of `y`. Among equals the first wins, and
        NaN wins over every number.

    Raises
    ------
    TypeError, ValueError
        If `x` or the geometry does not fit.
    """
    window = check_pool(x, kernel_size, stride, padding)
    xp, real = pad(x, window), pad(np.ones((1, 1, *x.shape[2:]), bool), window)
    y = np.full((*x.shape[:2], *window.output), -np.inf, x.dtype)
    argmax = np.full(y.shape, -1)
    for number, (u, v) in enumerate(np.ndindex(window.kernel)):
        pixel = tap(xp, u, v, window)
        better = (argmax < 0) | (pixel > y) | (np.isnan(pixel) & ~np.isnan(y))
        better &= tap(real, u, v, window)
        y[better] = pixel[better]
        argmax[better] = number
    return y, argmax


def max_pool2d_backward(dy, x, kernel_size, argmax, *, stride=None, padding=0):
    """Add each number of `dy` (N, C, H_out, W_out) to the largest pixel of its window: dx shaped like `x`."""
    window = check_pool(x, kernel_size, stride, padding, dy=dy)
    check_argmax(argmax, dy.shape, window.kernel)
    dxp = pad(np.zeros_like(x), window)
    for number, (u, v) in enumerate(np.ndindex(window.kernel)):
        tap(dxp, u, v, window)[...] += np.where(argmax == number, dy, 0)
    return crop(dxp, window)


@from_shapes
def max_pool2d_cost(x_shape, kernel_size, *, stride=None, padding=0):
    """Cost from the shape alone: kh·kw comparisons for each number out; the extra output is argmax."""
    window = pool_window(x_shape, kernel_size, stride, padding)
    output = (*x_shape[:2], *window.output)
    return free(output, output, other=each(output, *window.kernel))


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Take the mean of each window.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).
    kernel_size, stride, padding
        As in `max_pool2d`; what is padded are zeros.
    count_include_pad : bool, default True
        Whether padded pixels count in the mean. PyTorch counts them, TensorFlow does not.

    Returns
    -------
    y : ndarray
        Shape (N, C, H_out, W_out), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If `x` or the geometry does not fit.
    """
    window = check_pool(x, kernel_size, stride, padding)
    count = pixel_count(window, count_include_pad).astype(x.dtype)
    xp = pad(x, window)
    total = np.zeros((*x.shape[:2], *window.output), x.dtype)
    for u, v in np.ndindex(window.kernel):
        total += tap(xp, u, v, window)
    return total / count


def avg_pool2d_backward(dy, x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Distribute each number of `dy` (N, C, H_out, W_out) equally over its window: dx shaped like `x`."""
    window = check_pool(x, kernel_size, stride, padding, dy=dy)
    dxp = pad(np.zeros_like(x), window)
    share = dy / pixel_count(window, count_include_pad).astype(x.dtype)
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] += share
    return crop(dxp, window)


@from_shapes
def avg_pool2d_cost(x_shape, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Cost from the shape alone: kh·kw − 1 additions and a division for each number out."""
    flag("count_include_pad", count_include_pad)
    window = pool_window(x_shape, kernel_size, stride, padding)
    output = (*x_shape[:2], *window.output)
    return free(output, other=each(output, *window.kernel))


def global_avg_pool2d(x):
    """Take the mean of each map.

    Parameters
    ----------
    x : ndarray
        Maps of shape (N, C, H, W).

    Returns
    -------
    y : ndarray
        Shape (N, C, 1, 1), dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If `x` is no such array.

    References
    ----------
    .. [1] M. Lin, Q. Chen, S. Yan, "Network in network", 2013, section 3.2. https://arxiv.org/abs/1312.4400
    """
    check_maps(x=x)
    return x.mean(axis=(2, 3), keepdims=True)


def global_avg_pool2d_backward(dy, x):
    """Distribute each number of `dy` (N, C, 1, 1) equally over the pixels of its map: dx shaped like `x`."""
    check_maps(x=x)
    check_gradient(dy, (*x.shape[:2], 1, 1), x)
    height, width = x.shape[2:]
    return np.zeros_like(x) + dy / (height * width)


@from_shapes
def global_avg_pool2d_cost(x_shape):
    """Cost from the shape alone: H·W − 1 additions and a division for each map."""
    check_images("x", x_shape)
    return free((*x_shape[:2], 1, 1), other=each(x_shape))


def check_pool(x, kernel_size, stride, padding, *, dy=ABSENT):
    """Check the maps and resolve the window (with `dy`: of its backward pass): shared with the kernel's twin."""
    check_maps(x=x)
    kernel_size = pair("kernel_size", kernel_size, 1)
    stride = kernel_size if stride is None else pair("stride", stride, 1)
    window = _remembered_window(x.shape, kernel_size, stride, plain_padding(padding), x.dtype)
    if dy is not ABSENT:
        check_gradient(dy, (*x.shape[:2], *window.output), x)
    return window


# As `geometry` remembers those of convolutions.
@lru_cache(maxsize=1024)
def _remembered_window(x_shape, kernel_size, stride, padding, dtype):
    window = pool_window(x_shape, kernel_size, stride, padding)
    check_padded_room(x_shape, window, dtype)
    return window


def pool_window(x_shape, kernel_size, stride, padding):
    """Resolve a pooling window in which every window has a pixel of the map."""
    check_images("x", x_shape)
    window = sliding_window(x_shape[2:], kernel_size, kernel_size if stride is None else stride, padding)
    check_overlap(window.kernel, window.padding)
    return window


def pixel_count(window, include_pad):
    """How many pixels each window averages over, of shape (1, 1, H_out, W_out)."""
    counted = pad(np.ones((1, 1, *window.input), int), window, value=int(flag("count_include_pad", include_pad)))
    return sum(tap(counted, u, v, window) for u, v in np.ndindex(window.kernel))
