"""Activations: functions of one number each. Without them a network of any depth would be one linear map.

    relu(x)         = max(x, 0)                      dx = dy where x > 0
    relu6(x)        = min(max(x, 0), 6)              dx = dy where 0 < x < 6
    clip(x)         = min(max(x, 0), 1)              dx = dy where 0 < x < 1
    hard_sigmoid(x) = relu6(x + 3) / 6               dx = dy / 6 where −3 < x < 3
    sigmoid(x)      = 1 / (1 + e⁻ˣ)                  dx = dy · y · (1 − y)
    crelu(x)        = [relu(x), relu(−x)]            dx = dy₁ where x > 0, −dy₂ where x < 0

and dx = 0 where x was clipped (NaN never is). Softmax stands in this chapter too, though it is not elementwise: it
combines all channels of a pixel.

    softmax(x)[c]   = eˣ[c] / Σ_k eˣ[k]              dx[c] = y[c] · (dy[c] − Σ_k dy[k] · y[k])

Cost: no parameters, no multiply-adds; one operation for each number that comes out, softmax three.
"""

import numpy as np

from ghostnp.ops.checks import check_arrays, check_features, check_gradient, check_operands
from ghostnp.ops.cost import each, free, from_shapes


def relu(x):
    """Keep what is positive; the rest becomes zero.

    Parameters
    ----------
    x : ndarray
        Any shape.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`. NaN stays NaN.

    Raises
    ------
    TypeError
        If `x` is no array of float32 or float64.

    References
    ----------
    .. [1] V. Nair, G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Examples
    --------
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    check_arrays(x=x)
    return np.maximum(x, 0)


def relu_backward(dy, x):
    """Let `dy` pass where `x` is positive: dx shaped like `x`."""
    check_operands(x=x, dy=dy)
    return np.where(x <= 0, 0, dy)


@from_shapes
def relu_cost(x_shape):
    """Cost from the shape alone: one operation for each number."""
    return free(x_shape, other=each(x_shape))


def relu6(x):
    """Clip to 0 ... 6, a range that a few bits can hold.

    Parameters
    ----------
    x : ndarray
        Any shape.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`. NaN stays NaN.

    Raises
    ------
    TypeError
        If `x` is no array of float32 or float64.

    References
    ----------
    .. [1] M. Sandler et al., "MobileNetV2", 2018, section 3. https://arxiv.org/abs/1801.04381
    """
    check_arrays(x=x)
    return np.clip(x, 0, 6)


def relu6_backward(dy, x):
    """Let `dy` pass where `x` lies between 0 and 6: dx shaped like `x`."""
    check_operands(x=x, dy=dy)
    return np.where((x <= 0) | (x >= 6), 0, dy)


@from_shapes
def relu6_cost(x_shape):
    """Cost from the shape alone: one operation for each number."""
    return free(x_shape, other=each(x_shape))


def clip(x):
    """Clip to 0 ... 1: the gate of the official TensorFlow GhostNet.

    Parameters
    ----------
    x : ndarray
        Any shape.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`. NaN stays NaN.

    Raises
    ------
    TypeError
        If `x` is no array of float32 or float64.
    """
    check_arrays(x=x)
    return np.clip(x, 0, 1)


def clip_backward(dy, x):
    """Let `dy` pass where `x` lies between 0 and 1: dx shaped like `x`."""
    check_operands(x=x, dy=dy)
    return np.where((x <= 0) | (x >= 1), 0, dy)


@from_shapes
def clip_cost(x_shape):
    """Cost from the shape alone: one operation for each number."""
    return free(x_shape, other=each(x_shape))


def hard_sigmoid(x):
    """Gate with three straight pieces: 0 up to -3, 1 from 3 on, a ramp between.

    Parameters
    ----------
    x : ndarray
        Any shape.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`. NaN stays NaN.

    Raises
    ------
    TypeError
        If `x` is no array of float32 or float64.

    References
    ----------
    .. [1] A. Howard et al., "Searching for MobileNetV3", 2019, section 5.2. https://arxiv.org/abs/1905.02244
    """
    check_arrays(x=x)
    return np.clip(x + 3, 0, 6) / 6


def hard_sigmoid_backward(dy, x):
    """Let a sixth of `dy` pass where `x` lies between -3 and 3: dx shaped like `x`."""
    check_operands(x=x, dy=dy)
    return np.where(np.abs(x) >= 3, 0, dy / 6)


@from_shapes
def hard_sigmoid_cost(x_shape):
    """Cost from the shape alone: one operation for each number."""
    return free(x_shape, other=each(x_shape))


def sigmoid(x):
    """Squash any number into 0 ... 1.

    Parameters
    ----------
    x : ndarray
        Any shape.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`. NaN stays NaN, and no argument overflows.

    Raises
    ------
    TypeError
        If `x` is no array of float32 or float64.
    """
    check_arrays(x=x)
    # For x < 0 both sides of the fraction are multiplied by e^x, so that the exponent is never positive.
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1) / (1 + small)


def sigmoid_backward(dy, x):
    """Let `dy` pass by the slope y·(1 - y): dx shaped like `x`."""
    check_operands(x=x, dy=dy)
    y = sigmoid(x)
    return dy * y * (1 - y)


@from_shapes
def sigmoid_cost(x_shape):
    """Cost from the shape alone: one operation for each number."""
    return free(x_shape, other=each(x_shape))


def crelu(x):
    """Keep both halves: the positive part and the negative part, side by side in twice as many channels.

    Parameters
    ----------
    x : ndarray
        Shape (N, C, ...).

    Returns
    -------
    y : ndarray
        Shape (N, 2·C, ...), dtype of `x`: relu(x) and then relu(-x).

    Raises
    ------
    TypeError, ValueError
        If `x` is no such array.

    References
    ----------
    .. [1] W. Shang et al., "Understanding and improving convolutional neural networks via concatenated rectified linear
       units", 2016, definition 2.1. https://arxiv.org/abs/1603.05201
    """
    check_arrays(x=x)
    check_features("x", x.shape)
    return np.concatenate([relu(x), relu(-x)], axis=1)


def crelu_backward(dy, x):
    """Combine both halves of `dy` (N, 2·C, ...) into one gradient: dx shaped like `x`."""
    check_arrays(x=x)
    check_gradient(dy, crelu_cost(x.shape).output, x)
    channels = x.shape[1]
    return relu_backward(dy[:, :channels], x) - relu_backward(dy[:, channels:], -x)


@from_shapes
def crelu_cost(x_shape):
    """Cost from the shape alone: one operation for each number out, and twice the channels come out."""
    check_features("x", x_shape)
    output = (x_shape[0], 2 * x_shape[1], *x_shape[2:])
    return free(output, other=each(output))


def softmax(x):
    """Turn scores into probabilities: positive, and of sum 1 over the channels.

    Parameters
    ----------
    x : ndarray
        Shape (N, C, ...).

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If `x` is no such array.
    """
    check_arrays(x=x)
    check_features("x", x.shape)
    # A common factor cancels, so the largest exponent may be made 0: nothing overflows.
    exponentials = np.exp(x - x.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def softmax_backward(dy, x):
    """Compute y·(dy - Σ dy·y), with the sum over the channels: dx shaped like `x`."""
    check_operands(x=x, dy=dy)
    y = softmax(x)
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))


@from_shapes
def softmax_cost(x_shape):
    """Cost from the shape alone: exponential, sum and division for each number."""
    check_features("x", x_shape)
    return free(x_shape, other=each(x_shape, 3))
