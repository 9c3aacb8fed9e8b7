"""Batch norm: every channel is brought to mean 0 and variance 1, then to a mean and a scale that are learnt.

    y[n, c, i, j] = w[c] · x̂[n, c, i, j] + b[c]        with   x̂ = (x − mean[c]) / σ[c]   and   σ = √(var + eps)

In training mean and (biased) variance are those of the M = N·H·W numbers of the channel, so each x moves them as well:

    db[c] = Σ_nij dy                    dw[c] = Σ_nij dy · x̂
    dx    = w[c] / σ[c] · (dy − db[c] / M − x̂ · dw[c] / M)

dx has sum 0, since a shift of the input changes nothing, and but for eps Σ dx · x̂ = 0, since a stretch does not either.
In evaluation mean and variance are constants, the map is affine in x, and the last two terms vanish.

Cost: 2·C parameters, and two operations for each number in evaluation, where they can be folded into the
convolution before; six in training. They do not count as multiply-adds.
"""

import numpy as np

from ghostnp.ops.checks import ABSENT, check_arrays, check_channels, check_operands, check_statistics, positive
from ghostnp.ops.composition import composition
from ghostnp.ops.cost import NOTHING, Cost, Worked, each, from_shapes
from ghostnp.ops.gradients import NormGrads


def batch_norm_train(x, weight, bias, *, eps=1e-5):
    """Normalise each channel by its mean and variance in this batch, then scale and shift it.

    Parameters
    ----------
    x : ndarray
        Shape (N, C, H, W) with at least two values for each channel.
    weight, bias : ndarray
        Scale and shift of each channel, of shape (C,).
    eps : float, default 1e-5
        Added to the variance, so that a constant channel is not divided by zero.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`.
    mean, var : ndarray
        Mean and biased variance of each channel, of shape (C,).

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, N·H·W < 2, or `eps` is not above zero.

    References
    ----------
    .. [1] S. Ioffe, C. Szegedy, "Batch normalization", 2015, algorithm 1. https://arxiv.org/abs/1502.03167
    """
    eps = check_batch_norm(x, eps, training=True, weight=weight, bias=bias)
    # Summed in float64: in float32 a mean near 1e6 is off by tenths, and the variance around it by their square.
    mean, var = (moment(axis=(0, 2, 3), dtype=np.float64).astype(x.dtype) for moment in (x.mean, x.var))
    return _affine(_normalized(x, mean, var, eps), weight, bias), mean, var


def batch_norm_train_backward(dy, x, weight, mean, var, *, eps=1e-5):
    """Compute the gradients of `x`, `weight` and bias from `dy`, shaped like `x`: a `NormGrads`."""
    eps = check_batch_norm(x, eps, training=True, dy=dy, weight=weight, mean=mean, var=var)
    normalized = _normalized(x, mean, var, eps)
    dweight, dbias = (dy * normalized).sum(axis=(0, 2, 3)), dy.sum(axis=(0, 2, 3))
    count = x.size // x.shape[1]
    through_mean = (dbias / count)[:, None, None]
    through_var = normalized * (dweight / count)[:, None, None]
    return NormGrads(_slope(weight, var, eps) * (dy - through_mean - through_var), dweight, dbias)


@from_shapes
def batch_norm_train_cost(x_shape, weight_shape, bias_shape, *, eps=1e-5):
    """Cost from shapes alone: 2·C parameters; the extra outputs are mean and var (C,)."""
    check_channels(x_shape, weight=weight_shape, bias=bias_shape)
    check_statistics(x_shape)
    positive("eps", eps)
    channels = x_shape[1]
    return Cost(Worked(f"2·{channels}"), NOTHING, x_shape, ((channels,), (channels,)), each(x_shape, 6))


@composition
def batch_norm_relu_train(words, x, weight, bias, *, eps=1e-5):
    """Normalise as `batch_norm_train` does and keep what is positive, in one pass over memory.

    Parameters
    ----------
    x, weight, bias : ndarray
        As in `batch_norm_train`.
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`.
    mean, var : ndarray
        Mean and biased variance of each channel of `x`, of shape (C,).

    Raises
    ------
    TypeError, ValueError
        As in `batch_norm_train`.
    """
    y, mean, var = words.batch_norm_train(x, weight, bias, eps=eps)
    return words.relu(y), mean, var


@composition
def batch_norm_relu_train_backward(words, dy, x, weight, bias, mean, var, *, eps=1e-5):
    """Compute the gradients of `x`, `weight` and bias from `dy`, shaped like `x`: a `NormGrads`.

    The input of the ReLU is computed again.
    """
    check_batch_norm(x, eps, training=True, dy=dy, weight=weight, bias=bias, mean=mean, var=var)
    before_relu = words.batch_norm_eval(x, weight, bias, mean, var, eps=eps)
    return words.batch_norm_train_backward(words.relu_backward(dy, before_relu), x, weight, mean, var, eps=eps)


@from_shapes
def batch_norm_relu_train_cost(x_shape, weight_shape, bias_shape, *, eps=1e-5):
    """Cost from shapes alone: that of `batch_norm_train`, and one more operation for each number."""
    return batch_norm_train_cost(x_shape, weight_shape, bias_shape, eps=eps)._replace(other=each(x_shape, 7))


def batch_norm_eval(x, weight, bias, mean, var, *, eps=1e-5):
    """Normalise each channel by its running statistics, then scale and shift it.

    Parameters
    ----------
    x : ndarray
        Shape (N, C, H, W); the batch may be empty.
    weight, bias : ndarray
        Scale and shift of each channel, of shape (C,).
    mean, var : ndarray
        Running mean and variance of each channel, of shape (C,).
    eps : float, default 1e-5
        Added to the variance.

    Returns
    -------
    y : ndarray
        Shape and dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        If dtypes or shapes do not fit, or `eps` is not above zero.

    References
    ----------
    .. [1] S. Ioffe, C. Szegedy, "Batch normalization", 2015, algorithm 2. https://arxiv.org/abs/1502.03167
    """
    eps = check_batch_norm(x, eps, weight=weight, bias=bias, mean=mean, var=var)
    return _affine(_normalized(x, mean, var, eps), weight, bias)


def batch_norm_eval_backward(dy, x, weight, mean, var, *, eps=1e-5):
    """Compute the gradients of `x`, `weight` and bias from `dy`, for constant mean and var: a `NormGrads`."""
    eps = check_batch_norm(x, eps, dy=dy, weight=weight, mean=mean, var=var)
    dweight = (dy * _normalized(x, mean, var, eps)).sum(axis=(0, 2, 3))
    return NormGrads(_slope(weight, var, eps) * dy, dweight, dy.sum(axis=(0, 2, 3)))


@from_shapes
def batch_norm_eval_cost(x_shape, weight_shape, bias_shape, mean_shape, var_shape, *, eps=1e-5):
    """Cost from shapes alone: 2·C parameters; the statistics are not trained and do not count."""
    check_channels(x_shape, weight=weight_shape, bias=bias_shape, mean=mean_shape, var=var_shape)
    positive("eps", eps)
    return Cost(Worked(f"2·{x_shape[1]}"), NOTHING, x_shape, other=each(x_shape, 2))


def check_batch_norm(x, eps, *, training=False, dy=ABSENT, **vectors):
    """Check the arrays of a batch norm, and return `eps` as a float: shared with the kernel's twin."""
    check_arrays(x=x, **vectors)
    check_channels(x.shape, **{name: vector.shape for name, vector in vectors.items()})
    if training:
        check_statistics(x.shape)
    if dy is not ABSENT:
        check_operands(x=x, dy=dy)
    return positive("eps", eps)


def _normalized(x, mean, var, eps):
    return (x - mean[:, None, None]) / np.sqrt(var + eps)[:, None, None]


def _affine(normalized, weight, bias):
    return weight[:, None, None] * normalized + bias[:, None, None]


def _slope(weight, var, eps):
    return (weight / np.sqrt(var + eps))[:, None, None]
