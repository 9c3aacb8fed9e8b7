"""Activations, forward and backward, fast.

Everything here is elementwise, so memory is read as one long row. ReLU, ReLU6, the clip, the hard sigmoid and
each half of a CReLU are one family, the *ramps*: constant up to `low`, constant from `high` on, straight between.

    y = (min(max(x, low), high) − origin) · slope            dx = dy · slope, but 0 where x was clipped

A bound of NaN is no bound, since every comparison with it is false.
"""

import math

import numpy as np

from ghostnp.kernels.elementwise import add
from ghostnp.kernels.layout import array_of, buffer_of, home
from ghostnp.kernels.loops import same
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, pieces_for, shares_for
from ghostnp.ops.activation import crelu_cost
from ghostnp.ops.checks import check_arrays, check_features, check_gradient, check_operands

# Ramps as low, high, origin, slope. Plain tuples: of a named one Numba asks the names of its fields in each call, which
# takes a fifth of a call on a small map.
_RELU = (0.0, math.nan, 0.0, 1.0)
_RELU_OF_MINUS_X = (math.nan, 0.0, 0.0, -1.0)
_RELU6 = (0.0, 6.0, 0.0, 1.0)
_CLIP = (0.0, 1.0, 0.0, 1.0)
_HARD_SIGMOID = (-3.0, 3.0, -3.0, 1 / 6)


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
    channels = x.shape[1]
    y = array_of(home((len(x), 2 * channels, *x.shape[2:]), x.dtype, out, x=x))
    if x.ndim != 4:
        return np.concatenate([_ramp(x, _RELU), _ramp(x, _RELU_OF_MINUS_X)], axis=1, out=y)
    _ramp(x, _RELU, y[:, :channels])
    _ramp(x, _RELU_OF_MINUS_X, y[:, channels:])
    return y


def crelu_backward(dy, x):
    """Twin of `ghostnp.ops.crelu_backward`."""
    check_arrays(x=x)
    check_gradient(dy, crelu_cost(x.shape).output, x)
    positive, negative = dy[:, : x.shape[1]], dy[:, x.shape[1] :]
    return add(_ramp_backward(positive, x, _RELU), _ramp_backward(negative, x, _RELU_OF_MINUS_X))


def sigmoid(x, *, out=None):
    """Twin of `ghostnp.ops.sigmoid`."""
    check_arrays(x=x)
    source = buffer_of(x)
    y = empty(source.shape, x.dtype) if out is None else home(x.shape, x.dtype, out, over=("x",), x=x)
    _sigmoid_numbers(shares_for(y.size), source.reshape(-1), y.reshape(-1))
    return array_of(y)


def sigmoid_backward(dy, x):
    """Twin of `ghostnp.ops.sigmoid_backward`."""
    check_operands(x=x, dy=dy)
    source = buffer_of(x)
    dx = empty(source.shape, x.dtype)
    _sigmoid_numbers_backward(shares_for(dx.size), buffer_of(dy).reshape(-1), source.reshape(-1), dx.reshape(-1))
    return array_of(dx)


def _ramp(x, ramp, out=None):
    check_arrays(x=x)
    source = buffer_of(x)
    y = empty(source.shape, x.dtype) if out is None else home(x.shape, x.dtype, out, over=("x",), x=x)
    _ramp_numbers(pieces_for(y.size), source.reshape(-1), ramp, y.reshape(-1))
    return array_of(y)


def _ramp_backward(dy, x, ramp):
    check_operands(x=x, dy=dy)
    source = buffer_of(x)
    dx = empty(source.shape, x.dtype)
    _ramp_numbers_backward(pieces_for(dx.size), buffer_of(dy).reshape(-1), source.reshape(-1), ramp, dx.reshape(-1))
    return array_of(dx)


@leaf
def _on_ramp(v, low, high, origin, slope):
    v = low if v < low else v
    v = high if v > high else v
    return (v - origin) * slope


@leaf
def _ramp_row(x, low, high, origin, slope, y):
    if same(x, y):
        for p in range(y.size):
            y[p] = _on_ramp(y[p], low, high, origin, slope)
    else:
        for p in range(y.size):
            y[p] = _on_ramp(x[p], low, high, origin, slope)


@leaf
def _ramp_backward_row(dy, x, low, high, slope, dx):
    zero = dx.dtype.type(0)
    if same(dy, dx):
        for p in range(dx.size):
            clipped = (x[p] <= low) | (x[p] >= high)
            dx[p] = zero if clipped else dx[p] * slope
    else:
        for p in range(dx.size):
            clipped = (x[p] <= low) | (x[p] >= high)
            dx[p] = zero if clipped else dy[p] * slope


@leaf
def _exp_float32(v):
    """e^-v = 2^-k · e^r, with k the whole number next to v / ln 2 and |r| ≤ ln 2 / 2, where Taylor is short.

    2^-k is written into the exponent bits of a float32. All this is arithmetic that fits vector registers, unlike a
    call of the C library's exp; what Taylor leaves out is below 1e-8.
    """
    f = np.float32
    most, ln2 = f(87.3), f(math.log(2))  # beyond e^±87.3 float32 loses precision
    t = most if v > most else v
    t = -most if t < -most else t
    k = np.floor(t / ln2 + f(0.5))
    r = k * ln2 - t
    taylor = f(1 / 24) + r * (f(1 / 120) + r * (f(1 / 720) + r * f(1 / 5040)))
    taylor = f(1) + r * (f(1) + r * (f(1 / 2) + r * (f(1 / 6) + r * taylor)))
    # NaN has no exponent, but r keeps it.
    exponent = np.int32(k if abs(k) < f(127) else f(0))
    e = taylor * np.int32((127 - exponent) << 23).view(np.float32)
    e = f(0) if v > most else e
    return f(np.inf) if v < -most else e


@leaf
def _exp_float64(v):
    return np.inf if v < -709 else math.exp(-v)


@leaf
def _logistic_float32(v):
    return np.float32(1) / (np.float32(1) + _exp_float32(v))


@leaf
def _sigmoid_float32(x, y):
    if same(x, y):
        for p in range(y.size):
            y[p] = _logistic_float32(y[p])
    else:
        for p in range(y.size):
            y[p] = _logistic_float32(x[p])


@leaf
def _sigmoid_float64(x, y):
    for p in range(y.size):
        y[p] = 1 / (1 + _exp_float64(x[p]))


@leaf
def _sigmoid_row(x, y):
    if y.itemsize == 4:
        _sigmoid_float32(x, y)
    else:
        _sigmoid_float64(x, y)


# dσ/dx = e / (1 + e)² is the same for e = e^-x and for e = e^x, and the smaller of them cannot overflow.


@leaf
def _sigmoid_backward_float32(dy, x, dx):
    one = np.float32(1)
    if same(dy, dx):
        for p in range(dx.size):
            e = _exp_float32(abs(x[p]))
            dx[p] = dx[p] * (e / ((one + e) * (one + e)))
    else:
        for p in range(dx.size):
            e = _exp_float32(abs(x[p]))
            dx[p] = dy[p] * (e / ((one + e) * (one + e)))


@leaf
def _sigmoid_backward_float64(dy, x, dx):
    for p in range(dx.size):
        e = _exp_float64(abs(x[p]))
        dx[p] = dy[p] * (e / ((1 + e) * (1 + e)))


@leaf
def _sigmoid_backward_row(dy, x, dx):
    if dx.itemsize == 4:
        _sigmoid_backward_float32(dy, x, dx)
    else:
        _sigmoid_backward_float64(dy, x, dx)


@driver
def _ramp_numbers(share, shares, x, ramp, y):
    begin, end = bounds(share, shares, x.size)
    (low, high, origin, slope), f = ramp, x.dtype.type
    _ramp_row(x[begin:end], f(low), f(high), f(origin), f(slope), y[begin:end])


@driver
def _ramp_numbers_backward(share, shares, dy, x, ramp, dx):
    begin, end = bounds(share, shares, x.size)
    (low, high, _, slope), f = ramp, x.dtype.type
    _ramp_backward_row(dy[begin:end], x[begin:end], f(low), f(high), f(slope), dx[begin:end])


@driver
def _sigmoid_numbers(share, shares, x, y):
    begin, end = bounds(share, shares, x.size)
    _sigmoid_row(x[begin:end], y[begin:end])


@driver
def _sigmoid_numbers_backward(share, shares, dy, x, dx):
    begin, end = bounds(share, shares, x.size)
    _sigmoid_backward_row(dy[begin:end], x[begin:end], dx[begin:end])
