"""Batch norm, forward and backward, fast.

In C, H, W, N memory a channel is one row of M = N·H·W numbers. It is read twice: for the moments, block by block, and
for the result. A ReLU costs nothing more, and backward computes its argument anew by the same formula.
"""

import math
from typing import NamedTuple

import numpy as np

from ghostnp.kernels.layout import contiguous, home, images, planes, rows
from ghostnp.kernels.loops import BLOCK, UNLIMITED, clipped, same
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, shares_for
from ghostnp.ops.gradients import NormGrads
from ghostnp.ops.normalization import check_batch_norm


def batch_norm_train(x, weight, bias, *, eps=1e-5):
    """Twin of `ghostnp.ops.batch_norm_train`."""
    return _train(x, weight, bias, eps, UNLIMITED)


def batch_norm_train_backward(dy, x, weight, mean, var, *, eps=1e-5):
    """Twin of `ghostnp.ops.batch_norm_train_backward`."""
    eps = check_batch_norm(x, eps, training=True, dy=dy, weight=weight, mean=mean, var=var)
    return _gradients(dy, x, weight, np.zeros_like(weight), mean, var, eps, training=True, relu=False)


def batch_norm_relu_train(x, weight, bias, *, eps=1e-5):
    """Twin of `ghostnp.ops.batch_norm_relu_train`."""
    return _train(x, weight, bias, eps, (0.0, math.inf))


def batch_norm_relu_train_backward(dy, x, weight, bias, mean, var, *, eps=1e-5):
    """Twin of `ghostnp.ops.batch_norm_relu_train_backward`."""
    eps = check_batch_norm(x, eps, training=True, dy=dy, weight=weight, bias=bias, mean=mean, var=var)
    return _gradients(dy, x, weight, bias, mean, var, eps, training=True, relu=True)


def batch_norm_eval(x, weight, bias, mean, var, *, eps=1e-5, limits=UNLIMITED, out=None):
    """Twin of `ghostnp.ops.batch_norm_eval`."""
    eps = check_batch_norm(x, eps, weight=weight, bias=bias, mean=mean, var=var)
    pixels = planes(x)
    y = home(x.shape, x.dtype, out, over=("x",), x=x, weight=weight, bias=bias, mean=mean, var=var)
    norm = _Norm(contiguous(weight), contiguous(bias), contiguous(mean), contiguous(var), eps, False)
    _normalize(shares_for(y.size), rows(pixels), norm, limits, rows(y))
    return images(y)


def batch_norm_eval_backward(dy, x, weight, mean, var, *, eps=1e-5):
    """Twin of `ghostnp.ops.batch_norm_eval_backward`."""
    eps = check_batch_norm(x, eps, dy=dy, weight=weight, mean=mean, var=var)
    return _gradients(dy, x, weight, np.zeros_like(weight), mean, var, eps, training=False, relu=False)


class _Norm(NamedTuple):
    """What a batch norm does to each channel; in `training` it finds mean and var itself, and forward writes them.

    Backward is told whether a ReLU followed. To forward a ReLU is the `limits` of y, as to a convolution.
    """

    weight: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    var: np.ndarray
    eps: float
    training: bool
    relu: bool = False


def _train(x, weight, bias, eps, limits):
    eps = check_batch_norm(x, eps, training=True, weight=weight, bias=bias)
    pixels = planes(x)
    y, mean, var = (empty(shape, x.dtype) for shape in (pixels.shape, pixels.shape[:1], pixels.shape[:1]))
    norm = _Norm(contiguous(weight), contiguous(bias), mean, var, eps, True)
    _normalize(shares_for(y.size), rows(pixels), norm, limits, rows(y))
    return images(y), mean, var


def _gradients(dy, x, weight, bias, mean, var, eps, training, relu):
    pixels = planes(x)
    norm = _Norm(contiguous(weight), contiguous(bias), contiguous(mean), contiguous(var), eps, training, relu)
    dx, dweight, dbias = (empty(shape, x.dtype) for shape in (pixels.shape, pixels.shape[:1], pixels.shape[:1]))
    grads = NormGrads(rows(dx), dweight, dbias)
    _normalize_backward(shares_for(dx.size), rows(planes(dy)), rows(pixels), norm, grads)
    return NormGrads(images(dx), dweight, dbias)


@leaf
def _sum_in_float64(block):
    total = 0.0
    for p in range(block.size):
        total += block[p]
    return total


@leaf
def _sum_squares(block, middle):
    total = block.dtype.type(0)
    for p in range(block.size):
        total += (block[p] - middle) * (block[p] - middle)
    return total


@leaf
def _mean_and_variance(row):
    """Each block's squares are taken around its own mean, so that it is read from memory once.

    Float32 holds a large mean with few digits, so squares are taken around the number next to it. Around the mean they
    are smaller by n·d², with d the distance of the two. Two sets of p and of n numbers whose means are d apart have
    p·n / (p + n) · d² more than their squares together.
    """
    total = squares = 0.0
    for p in range(0, row.size, BLOCK):
        block = row[p : p + BLOCK]
        n, block_total = block.size, _sum_in_float64(block)
        mean = block_total / n
        middle = block.dtype.type(mean)
        squares += _sum_squares(block, middle) - (mean - middle) * (mean - middle) * n
        if p > 0:
            distance = mean - total / p
            squares += distance * distance * (p * n / (p + n))
        total += block_total
    return total / row.size, (0.0 if squares < 0 else squares) / row.size  # NaN stays NaN


@leaf
def _normalized(v, mean, slope, bias, limits):
    return clipped((v - mean) * slope + bias, limits)


@leaf
def _normalize_row(x, mean, slope, bias, limits, y):
    if same(x, y):
        for p in range(y.size):
            y[p] = _normalized(y[p], mean, slope, bias, limits)
    else:
        for p in range(y.size):
            y[p] = _normalized(x[p], mean, slope, bias, limits)


@leaf
def _block_moments(dy, x, mean, slope, bias, relu):
    total = moment = zero = x.dtype.type(0)
    for p in range(x.size):
        centred = x[p] - mean
        d = zero if relu and centred * slope + bias <= zero else dy[p]
        total += d
        moment += d * centred
    return total, moment


@leaf
def _moments(dy, x, mean, slope, bias, relu):
    """Σ dy and Σ dy·(x − mean), over what the ReLU let pass."""
    total = moment = 0.0
    for p in range(0, x.size, BLOCK):
        t, m = _block_moments(dy[p : p + BLOCK], x[p : p + BLOCK], mean, slope, bias, relu)
        total += t
        moment += m
    return total, moment


@leaf
def _scale_row(dy, slope, dx):
    for p in range(dx.size):
        dx[p] = slope * dy[p]


@leaf
def _input_gradient(dy, x, mean, slope, bias, relu, offset, tilt, dx):
    zero = dx.dtype.type(0)
    for p in range(dx.size):
        centred = x[p] - mean
        d = zero if relu and centred * slope + bias <= zero else dy[p]
        dx[p] = slope * (d - offset - tilt * centred)


@leaf
def _normalize_channels(begin, end, x, norm, limits, y):
    f = x.dtype.type
    for c in range(begin, end):
        if norm.training:
            exact_mean, exact_variance = _mean_and_variance(x[c])
            norm.mean[c], norm.var[c] = f(exact_mean), f(exact_variance)
        slope = f(norm.weight[c] / np.sqrt(norm.var[c] + norm.eps))
        _normalize_row(x[c], norm.mean[c], slope, norm.bias[c], limits, y[c])


@leaf
def _normalize_channels_backward(begin, end, dy, x, norm, grads):
    f = x.dtype.type
    for c in range(begin, end):
        mean, bias, relu = norm.mean[c], norm.bias[c], norm.relu
        inverse = 1 / np.sqrt(norm.var[c] + norm.eps)
        slope = f(norm.weight[c] * inverse)
        total, moment = _moments(dy[c], x[c], mean, slope, bias, relu)
        grads.weight[c] = moment * inverse
        grads.bias[c] = total
        if norm.training:
            offset = f(total / x.shape[1])
            tilt = f(inverse * inverse * moment / x.shape[1])
            _input_gradient(dy[c], x[c], mean, slope, bias, relu, offset, tilt, grads.x[c])
        else:
            _scale_row(dy[c], slope, grads.x[c])


@driver
def _normalize(share, shares, x, norm, limits, y):
    """Normalise each row of x (C, M); y stays within the limits."""
    begin, end = bounds(share, shares, len(x))
    _normalize_channels(begin, end, x, norm, limits, y)


@driver
def _normalize_backward(share, shares, dy, x, norm, grads):
    begin, end = bounds(share, shares, len(x))
    _normalize_channels_backward(begin, end, dy, x, norm, grads)
