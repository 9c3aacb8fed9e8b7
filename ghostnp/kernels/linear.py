"""The linear map y = w @ x + b and its gradients: for the fully connected layer, and for a convolution's columns.

`product` and `product_backward` are batched, one product for each group of channels: w (G, M, K), x (G, K, P) and
y (G, M, P). What is fast depends on how many pixels (or samples) P there are:

          few                  many
    y     w · rows of xᵀ       gemm(w, x)           few: up to half a vector
    dx    gemm(dyᵀ, w)ᵀ        gemm(wᵀ, dy)         few: less than a vector has
    dw    gemm(dy, xᵀ)         gemm_nt(dy, x)       few: up to FEW_PIXELS

The left column needs copies of x and dx turned over, which are small then, and never one of the weights. A product of
one or two rows, or with them, would leave most of gemm's block of rows idle: rows are then added up one by one.
"""

import math

import numpy as np

from ghostnp.kernels.layout import contiguous, home
from ghostnp.kernels.loops import UNLIMITED, accumulate, add_scaled, clip_row, fill
from ghostnp.kernels.matmul import CHUNK, DEPTH, add_dots, gemm, gemm_nt, matrix, row_sums
from ghostnp.kernels.runtime import bounds, driver, empty, leaf, shares_for, zeros
from ghostnp.kernels.runtime.registers import VECTOR
from ghostnp.kernels.taps import add_taps
from ghostnp.ops.gradients import ConvGrads
from ghostnp.ops.linear import check_linear

# Up to so many pixels a row of them is too short for scalar products.
FEW_PIXELS = 256
# Up to so many pixels both gradients are products with, or of, fewer rows than gemm has use for.
_HARDLY_ANY = 2
_PIECE = 256  # columns that are summed at once where rows are added up
_BAND = 4  # rows of w whose products with x are summed at once


def linear(x, weight, bias=None, *, out=None, limits=UNLIMITED):
    """Twin of `ghostnp.ops.linear`; `out` and `limits` as in `convolution`."""
    check_linear(x, weight, bias)
    y = home((len(x), len(weight)), x.dtype, out, axes=(1, 0), x=x, weight=weight, bias=bias)
    product(contiguous(weight)[None], bias, x.T[None], y[None], limits=limits)
    return y.T if out is None else out


def linear_backward(dy, x, weight, *, no_dx=False):
    """Twin of `ghostnp.ops.linear_backward`."""
    check_linear(x, weight, dy=dy)
    gradient = contiguous(dy.T)
    dx, dweight = product_backward(gradient[None], x.T[None], contiguous(weight)[None], no_dx)
    return ConvGrads(None if no_dx else dx[0].T, dweight[0], bias_gradient(gradient))


def product(w, bias, x, y, limits=UNLIMITED, onto=False):
    """y = w @ x + bias, for bias (G·M,) or None, within the limits; where it goes `onto` y, that is added first."""
    bias = as_rows(bias, y)
    # A vector of so few pixels is so empty that scalar products along w take less time.
    if x.shape[2] <= VECTOR // x.itemsize // 2:
        _multiply_few(shares_for(w.size * x.shape[2]), w, bias, _turned(x), y, limits, onto)
    else:
        gemm(w, False, bias, matrix(x), y, limits=limits, onto=onto)


def product_backward(dy, x, w, no_dx=False):
    """The gradients dx = wᵀ @ dy, or None where there is to be `no_dx`, and dw = dy @ xᵀ."""
    groups, in_channels, pixels = x.shape
    few, hardly_any = _fill_no_vector(x), 0 < pixels <= _HARDLY_ANY
    turned = empty((groups, pixels, in_channels), x.dtype) if (few or hardly_any) and not no_dx else None
    if hardly_any:
        dw = empty(w.shape, x.dtype)
        if turned is not None:
            _add_rows(shares_for(w.size * pixels), _turned(dy), w, turned)
        _combine_rows(shares_for(w.size * pixels), contiguous(dy), _turned(x), dw)
        return None if turned is None else _turned(turned), dw
    if no_dx:
        dx = None
    elif turned is not None:
        gemm(dy, True, as_rows(None, turned), matrix(w), turned)
        dx = _turned(turned)
    else:
        dx = empty(x.shape, x.dtype)
        gemm(w, True, as_rows(None, dx), matrix(dy), dx)
    if pixels <= FEW_PIXELS:
        dw = empty(w.shape, x.dtype)
        gemm(dy, False, as_rows(None, dw), matrix(_turned(x)), dw)
    else:
        dw = zeros(w.shape, x.dtype)
        gemm_nt(dy, 0, matrix(x), dw)
    return dx, dw


def _fill_no_vector(x):
    """Whether all pixels of x (G, K, P) are fewer than there are in a vector."""
    return x.shape[2] < VECTOR // x.itemsize


def as_rows(bias, y):
    """`bias` (G·M,), or zeros for None, as (G, M)."""
    return (np.zeros(math.prod(y.shape[:2]), y.dtype) if bias is None else contiguous(bias)).reshape(y.shape[:2])


def bias_gradient(dy):
    """The sum of each row of dy (M, P)."""
    dbias = empty((len(dy),), dy.dtype)
    row_sums(dy, dbias)
    return dbias


def _turned(x):
    """x (G, K, P) as (G, P, K), by a driver where that takes a copy."""
    turned = x.swapaxes(1, 2)
    if turned.flags.c_contiguous:
        return contiguous(turned)
    target = empty(turned.shape, x.dtype)
    _turn_over(shares_for(target.size), contiguous(x), target)
    return target


@leaf
def _turn_rows(begin, end, x, target):
    for job in range(begin, end):
        g, p = job // x.shape[2], job % x.shape[2]
        for k in range(x.shape[1]):
            target[g, p, k] = x[g, k, p]


@driver
def _turn_over(share, shares, x, target):
    """target (G, P, K) = x (G, K, P): rows of the target are shared out."""
    begin, end = bounds(share, shares, len(x) * x.shape[2])
    _turn_rows(begin, end, x, target)


@leaf
def _shift(row, number):
    for p in range(row.size):
        row[p] += number


@leaf
def _add_pieces(begin, end, a, x, begins, piece, y):
    """A job is a piece of the columns."""
    columns = y.shape[2]
    pieces = (columns + _PIECE - 1) // _PIECE
    for job in range(begin, end):
        g, first = job // pieces, job % pieces * _PIECE
        n = min(_PIECE, columns - first)
        source, some = x[g].reshape(x.shape[1] * columns), piece[:n]
        for j in range(begins.size):
            begins[j] = j * columns + first
        for i in range(y.shape[1]):
            target = y[g, i, first : first + n]
            fill(target, y.dtype.type(0))
            for j in range(0, begins.size, DEPTH):
                fill(some, y.dtype.type(0))
                add_taps(some, source, begins[j : j + DEPTH], a[g, i, j : j + DEPTH])
                accumulate(some, target)


@driver
def _add_rows(share, shares, a, x, y):
    """y (G, I, P) = a (G, I, J) @ x (G, J, P), for few I: rows of x are added up."""
    begin, end = bounds(share, shares, len(y) * ((y.shape[2] + _PIECE - 1) // _PIECE))
    if begin < end:
        _add_pieces(begin, end, a, x, np.empty(x.shape[1], np.int64), np.empty(_PIECE, y.dtype), y)


@leaf
def _scale(x, factor, y):
    for p in range(y.size):
        y[p] = factor * x[p]


@leaf
def _combine_few(begin, end, a, x, y):
    for job in range(begin, end):
        g, i = job // y.shape[1], job % y.shape[1]
        _scale(x[g, 0], a[g, i, 0], y[g, i])
        for j in range(1, x.shape[1]):
            add_scaled(x[g, j], a[g, i, j], y[g, i])


@driver
def _combine_rows(share, shares, a, x, y):
    """y (G, I, P) = a (G, I, J) @ x (G, J, P), for few J, but one at least: rows of y are shared out."""
    begin, end = bounds(share, shares, len(y) * y.shape[1])
    _combine_few(begin, end, a, x, y)


@leaf
def _multiply_bands(begin, end, w, bias, x, where, y, limits, onto):
    bands, depth = (y.shape[1] + _BAND - 1) // _BAND, w.shape[2]
    for job in range(begin, end):
        g, top = job // bands, job % bands * _BAND
        bottom, pixels = min(top + _BAND, y.shape[1]), x[g].reshape(x.shape[1] * depth)
        for m in range(top, bottom):
            if onto:
                _shift(y[g, m], bias[g, m])
            else:
                fill(y[g, m], bias[g, m])
        for p in range(0, depth, CHUNK):
            add_dots(w[g], p, min(CHUNK, depth - p), pixels[p:], where, y[g], top, bottom)
        for m in range(top, bottom):
            clip_row(y[g, m], limits)


@driver
def _multiply_few(share, shares, w, bias, x, y, limits, onto):
    """y (G, M, P) = w (G, M, K) @ xᵀ + bias, for x (G, P, K), within the limits: rows of w are shared out."""
    begin, end = bounds(share, shares, len(w) * ((y.shape[1] + _BAND - 1) // _BAND))
    _multiply_bands(begin, end, w, bias, x, np.arange(x.shape[1]) * x.shape[2], y, limits, onto)
