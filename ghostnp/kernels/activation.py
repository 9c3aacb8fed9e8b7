"""Activations, forward and backward, fast.

Everything here meets each number alone, so memory is read as one long row. ReLU, ReLU6, the clip, the hard sigmoid and
each half of a CReLU are one family, the *ramps*: constant up to `low`, constant from `high` on, straight between.

    y = (min(max(x, low), high) − origin) · slope            dx = dy · slope, but 0 where x was clipped

A bound of NaN is no bound, since every comparison with it is false.
"""

import math
from typing import NamedTuple

import numpy as np

from ghostnp.kernels.jit import SHARES, driver, leaf, prange
from ghostnp.kernels.layout import images, plain, planes
from ghostnp.kernels.leaves import bounds
from ghostnp.ops.activation import crelu_cost
from ghostnp.ops.checks import check_arrays, check_features, check_gradient, check_operands

_BLOCK = 4096  # numbers that stay in the first-level cache between two loops over them


class _Ramp(NamedTuple):
    low: float
    high: float
    origin: float = 0.0
    slope: float = 1.0


_RELU = _Ramp(0.0, math.nan)
_RELU_OF_MINUS_X = _Ramp(math.nan, 0.0, slope=-1.0)
_RELU6 = _Ramp(0.0, 6.0)
_CLIP = _Ramp(0.0, 1.0)
_HARD_SIGMOID = _Ramp(-3.0, 3.0, origin=-3.0, slope=1 / 6)


def relu(x, *, out=None):
    """Twin of `ghostnp.ops.relu`."""
    return _ramp(x, _RELU, out)


def relu_backward(dy, x):
    """Twin of `ghostnp.ops.relu_backward`."""
    return _ramp_backward(dy, x, _RELU)


def relu6(x, *, out=None):
    """Twin of `ghostnp.ops.relu6`."""
    return _ramp(x, _RELU6, out)


def relu6_backward(dy, x):
    """Twin of `ghostnp.ops.relu6_backward`."""
    return _ramp_backward(dy, x, _RELU6)


def clip(x, *, out=None):
    """Twin of `ghostnp.ops.clip`."""
    return _ramp(x, _CLIP, out)


def clip_backward(dy, x):
    """Twin of `ghostnp.ops.clip_backward`."""
    return _ramp_backward(dy, x, _CLIP)


def hard_sigmoid(x, *, out=None):
    """Twin of `ghostnp.ops.hard_sigmoid`."""
    return _ramp(x, _HARD_SIGMOID, out)


def hard_sigmoid_backward(dy, x):
    """Twin of `ghostnp.ops.hard_sigmoid_backward`."""
    return _ramp_backward(dy, x, _HARD_SIGMOID)


def crelu(x, *, out=None):
    """Twin of `ghostnp.ops.crelu`."""
    check_arrays(x=x)
    check_features("x", x.shape)
    return np.concatenate([_ramp(x, _RELU), _ramp(x, _RELU_OF_MINUS_X)], axis=1, out=out)


def crelu_backward(dy, x):
    """Twin of `ghostnp.ops.crelu_backward`."""
    check_arrays(x=x)
    check_gradient(dy, crelu_cost(x.shape).output, x)
    positive, negative = dy[:, : x.shape[1]], dy[:, x.shape[1] :]
    return _ramp_backward(positive, x, _RELU) + _ramp_backward(negative, x, _RELU_OF_MINUS_X)


def sigmoid(x, *, out=None):
    """Twin of `ghostnp.ops.sigmoid`."""
    check_arrays(x=x)
    source = memory(x)
    y = np.empty_like(source) if out is None else memory(out)
    _sigmoid_all(source.reshape(-1), y.reshape(-1))
    return shaped(y)


def sigmoid_backward(dy, x):
    """Twin of `ghostnp.ops.sigmoid_backward`."""
    check_operands(x=x, dy=dy)
    source = memory(x)
    dx = np.empty_like(source)
    _sigmoid_backward_all(memory(dy).reshape(-1), source.reshape(-1), dx.reshape(-1))
    return shaped(dx)


def memory(x):
    """The numbers of `x` as they lie: `planes` of four axes, and of any other number of axes row by row."""
    return planes(x) if x.ndim == 4 else plain(x)


def shaped(buffer):
    """The inverse of `memory`."""
    return images(buffer) if buffer.ndim == 4 else buffer


def _ramp(x, ramp, out=None):
    check_arrays(x=x)
    source = memory(x)
    y = np.empty_like(source) if out is None else memory(out)
    _ramp_all(source.reshape(-1), *ramp, y.reshape(-1))
    return shaped(y)


def _ramp_backward(dy, x, ramp):
    check_operands(x=x, dy=dy)
    source = memory(x)
    dx = np.empty_like(source)
    _ramp_backward_all(memory(dy).reshape(-1), source.reshape(-1), ramp.low, ramp.high, ramp.slope, dx.reshape(-1))
    return shaped(dx)


@leaf
def _ramp_row(x, low, high, origin, slope, y):
    for p in range(y.size):
        v = x[p]
        v = low if v < low else v
        v = high if v > high else v
        y[p] = (v - origin) * slope


@leaf
def _ramp_backward_row(dy, x, low, high, slope, dx):
    zero = dx.dtype.type(0)
    for p in range(dx.size):
        clipped = (x[p] <= low) | (x[p] >= high)
        dx[p] = zero if clipped else dy[p] * slope


@leaf
def _sigmoid_float32(x, y):
    """e^-t = 2^-k · e^r with t = |x|, k the whole number next to t / ln 2 and |r| ≤ ln 2 / 2, where Taylor is short.

    2^-k is written into the exponent bits of a float32. All this is arithmetic that fits vector registers, unlike a
    call of the C library's exp; what Taylor leaves out is below 1e-8.
    """
    f = x.dtype.type
    ln2 = f(math.log(2))
    for p in range(y.size):
        v = x[p]
        t = f(87.3) if abs(v) > f(87.3) else abs(v)
        k = np.floor(t / ln2 + f(0.5))
        r = k * ln2 - t
        taylor = f(1 / 24) + r * (f(1 / 120) + r * (f(1 / 720) + r * f(1 / 5040)))
        taylor = f(1) + r * (f(1) + r * (f(1 / 2) + r * (f(1 / 6) + r * taylor)))
        # NaN has no exponent, but r keeps it.
        exponent = np.int32(k if k < f(127) else f(0))
        small = taylor * np.int32((127 - exponent) << 23).view(np.float32)
        small = f(0) if abs(v) > f(87.3) else small  # e^-87.3 is the smallest float32 of full precision
        y[p] = (small if v < f(0) else f(1)) / (f(1) + small)


@leaf
def _sigmoid_float64(x, y):
    for p in range(y.size):
        small = math.exp(-abs(x[p]))
        y[p] = (small if x[p] < 0 else 1) / (1 + small)


@leaf
def _sigmoid_row(x, y):
    if x.itemsize == 4:
        _sigmoid_float32(x, y)
    else:
        _sigmoid_float64(x, y)


@leaf
def _sigmoid_slope_row(y):
    for p in range(y.size):
        y[p] *= 1 - y[p]


@leaf
def _multiply_row(factor, y):
    for p in range(y.size):
        y[p] *= factor[p]


@driver
def _ramp_all(x, low, high, origin, slope, y):
    f = x.dtype.type
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.size)
        _ramp_row(x[begin:end], f(low), f(high), f(origin), f(slope), y[begin:end])


@driver
def _ramp_backward_all(dy, x, low, high, slope, dx):
    f = x.dtype.type
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.size)
        _ramp_backward_row(dy[begin:end], x[begin:end], f(low), f(high), f(slope), dx[begin:end])


@driver
def _sigmoid_all(x, y):
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.size)
        _sigmoid_row(x[begin:end], y[begin:end])


@driver
def _sigmoid_backward_all(dy, x, dx):
    for share in prange(SHARES):
        begin, end = bounds(np.int64(share), x.size)
        for p in range(begin, end, _BLOCK):
            q = min(end, p + _BLOCK)
            _sigmoid_row(x[p:q], dx[p:q])
            # Two loops: in one the compiler may turn dy·y·(1 - y) into dy·y - dy·y·y, which is NaN for an infinite dy.
            _sigmoid_slope_row(dx[p:q])
            _multiply_row(dy[p:q], dx[p:q])
