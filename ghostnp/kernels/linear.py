"""The linear map y = w @ x + b and its gradients: for the fully connected layer, and for a convolution's columns.

`product` and `product_backward` are batched, one product for each group of channels: w (G, M, K), x (G, K, P) and
y (G, M, P). What is fast depends on how many pixels (or samples) P there are:

          few                  many
    y     gemm_nt(w, xᵀ)       gemm(w, x)           few: less than a vector has
    dx    gemm(dyᵀ, w)ᵀ        gemm(wᵀ, dy)         few: less than a vector has
    dw    gemm(dy, xᵀ)         gemm_nt(dy, x)       few: up to FEW_PIXELS

The left column needs copies of x and dx turned over, which are small then, and never one of the weights.
"""

import math

import numpy as np

from ghostnp.kernels.layout import contiguous
from ghostnp.kernels.matmul import gemm, gemm_nt, matrix, row_sums
from ghostnp.kernels.runtime.registers import VECTOR
from ghostnp.ops.gradients import ConvGrads
from ghostnp.ops.linear import check_linear

# Up to so many pixels a row of them is too short for scalar products.
FEW_PIXELS = 256


def linear(x, weight, bias=None, *, out=None, relu=False):
    """Twin of `ghostnp.ops.linear`; `out` and `relu` as in `convolution`."""
    check_linear(x, weight, bias)
    if out is None:
        out = np.empty((len(weight), len(x)), x.dtype).T
    product(contiguous(weight)[None], bias, x.T[None], out.T[None], relu=relu)
    return out


def linear_backward(dy, x, weight):
    """Twin of `ghostnp.ops.linear_backward`."""
    check_linear(x, weight, dy=dy)
    gradient = contiguous(dy.T)
    dx, dweight = product_backward(gradient[None], x.T[None], contiguous(weight)[None])
    return ConvGrads(dx[0].T, dweight[0], bias_gradient(gradient))


def product(w, bias, x, y, relu=False):
    """y = w @ x + bias, for bias (G·M,) or None; rectified, where `relu`."""
    bias = as_rows(bias, y)
    if _fill_no_vector(x):
        y[...] = bias[:, :, None]
        gemm_nt(w, 0, matrix(_transposed(x)), y)
        if relu:
            np.maximum(y, 0, out=y)
    else:
        gemm(w, False, bias, matrix(x), y, relu=relu)


def product_backward(dy, x, w):
    """The gradients dx = wᵀ @ dy and dw = dy @ xᵀ."""
    groups, in_channels, pixels = x.shape
    if _fill_no_vector(x):
        turned = np.empty((groups, pixels, in_channels), x.dtype)
        gemm(dy, True, as_rows(None, turned), matrix(w), turned)
        dx = _transposed(turned)
    else:
        dx = np.empty(x.shape, x.dtype)
        gemm(w, True, as_rows(None, dx), matrix(dy), dx)
    if pixels <= FEW_PIXELS:
        dw = np.empty(w.shape, x.dtype)
        gemm(dy, False, as_rows(None, dw), matrix(_transposed(x)), dw)
    else:
        dw = np.zeros(w.shape, x.dtype)
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
    dbias = np.empty(len(dy), dy.dtype)
    row_sums(dy, dbias)
    return dbias


def _transposed(x):
    return contiguous(x.swapaxes(1, 2))
