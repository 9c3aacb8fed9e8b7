"""How kernels lay out memory, and the only place that knows.

A kernel's arrays look like (N, C, H, W) and lie in memory as C, H, W, N: the batch is innermost. A channel slice, a
concatenation or a group is then one contiguous block, a pointwise convolution is one matrix product, and a shift by one
pixel is a shift by N numbers. NumPy keeps that order through its elementwise functions, so nobody else mentions it.
"""

import math

import numpy as np


def plain(array):
    """`array` as compiled code wants it: C-contiguous, aligned and writable; a copy only if it is not.

    One memory layout in means one compiled specialisation for each dtype.
    """
    array = np.asarray(array, order="C")
    return array if array.flags.behaved else array.copy()


def planes(x):
    """The (C, H, W, N) buffer under `x` (N, C, H, W); a copy only if `x` lies otherwise."""
    return plain(x.transpose(1, 2, 3, 0))


def images(buffer):
    """The (N, C, H, W) view of a (C, H, W, N) `buffer`: the inverse of `planes`."""
    return buffer.transpose(3, 0, 1, 2)


def compact(window):
    """`window` without strides to a second pixel that there is not, and dilations to a second tap: these cost room."""
    stride = tuple(1 if output == 1 else s for output, s in zip(window.output, window.stride, strict=True))
    dilation = tuple(1 if kernel == 1 else d for kernel, d in zip(window.kernel, window.dilation, strict=True))
    return window._replace(stride=stride, dilation=dilation)


def rows(buffer):
    """`buffer` as a matrix: one row for each entry of its first axis."""
    return buffer.reshape(len(buffer), math.prod(buffer.shape[1:]))


def laid_out(buffer, shape):
    """A flat `buffer` as an array of any shape (N, ...), as kernels lay it out: the batch innermost."""
    return np.moveaxis(buffer.reshape(*shape[1:], *shape[:1]), -1, 0) if shape else buffer.reshape(())
