"""How kernels lay out memory, and the only place that knows.

A kernel's arrays look like (N, C, H, W) and lie in memory as C, H, W, N: the batch is innermost. A channel slice, a
concatenation or a group is then one contiguous block, a pointwise convolution is one matrix product, and a shift by one
pixel is a shift by N numbers. NumPy keeps that order through its elementwise functions, so nobody else mentions it.
"""

import math

import numpy as np

from ghostnp.kernels.loops import copy
from ghostnp.kernels.runtime import FEW, SHARES, bounds, driver, empty, leaf, pieces_for, shares_for

# How many numbers are turned over at a time: as many as the first-level cache holds with room to spare.
_BLOCK = 4096


def contiguous(array):
    """`array` as compiled code wants it: C-contiguous, aligned and writable; a copy only if it is not.

    One memory layout in means one compiled specialisation for each dtype.
    """
    if type(array) is np.ndarray and array.flags.carray:
        return array
    array = np.asarray(array, order="C")
    return array if array.flags.behaved else array.copy()


def planes(x):
    """The (C, H, W, N) buffer under `x` (N, C, H, W); a copy only if `x` lies otherwise."""
    buffer = x.transpose(1, 2, 3, 0)
    if type(buffer) is np.ndarray and buffer.flags.carray:  # what nearly always comes takes no more time than this
        return buffer
    if buffer.flags.carray or not _wants_turning(x):
        return contiguous(buffer)
    buffer = empty(buffer.shape, x.dtype)
    copy_images(x, images(buffer))
    return buffer


def copy_images(x, home):
    """home[...] = x, for a `home` (N, ...) that lies in memory as a kernel's arrays do."""
    if _wants_turning(x):
        _turn(SHARES, rows(np.asarray(x)), np.moveaxis(home, 0, -1).reshape(-1))
    elif x.size >= FEW and x.dtype.kind == "f" and x.dtype == home.dtype and np.moveaxis(x, 0, -1).flags.carray:
        x = np.asarray(x)
        copy_blocks((np.moveaxis(x, 0, -1), np.moveaxis(home, 0, -1)))
    else:
        home[...] = x


def copy_blocks(*moves):
    """home[...] = block for each of the moves (block, home), all of them buffers."""
    flat = [(block.reshape(-1), home.reshape(-1)) for block, home in moves]
    if len(flat) % 2:  # a launch copies two blocks, since most maps that are put side by side are two
        flat.append(tuple(row[:0] for row in flat[0]))
    for (block, home), (other, its_home) in zip(flat[::2], flat[1::2], strict=True):
        numbers = block.size + other.size
        _copy_two(pieces_for(numbers // 4), block, home, other, its_home)  # to copy is less than to compute


def in_numpys_order(x):
    """`x` as NumPy lays out an array, where it lies so or as a kernel's arrays do; a driver copies it."""
    if x.flags.c_contiguous:
        return x
    target = empty(x.shape, x.dtype)
    _turn(shares_for(x.size), np.moveaxis(x, 0, -1).reshape(-1, len(x)), target.reshape(-1))
    return target


def images(buffer):
    """The (N, C, H, W) view of a (C, H, W, N) `buffer`: the inverse of `planes`."""
    return buffer.transpose(3, 0, 1, 2)


def home(shape, dtype, out=None, *, over=(), axes=None, **read):
    """The buffer for a result (N, ...): new, or the memory of `out`, an array that is laid out as a kernel's are.

    Nothing is written before `out` is known to fit, since beyond its end there is other memory.

    Parameters
    ----------
    shape, dtype
        Of the result.
    out : ndarray, optional
        The engine's, in which the result is to be.
    over : tuple of str
        Which operands may lie in the very same memory: each of their numbers is read before the one in its place is
        written.
    axes : tuple of int, optional
        In which order the axes lie in memory; by default as of `buffer_of`.
    **read : ndarray or None
        The operands by name, with which `out` may not share memory.
    """
    if out is None and axes is None:  # for most of the calls, and many of them are short
        return empty((*shape[1:], shape[0]) if len(shape) == 4 else shape, dtype)
    axes = axes or ((1, 2, 3, 0) if len(shape) == 4 else tuple(range(len(shape))))
    if out is None:
        return empty(tuple(shape[axis] for axis in axes), dtype)
    example = f"np.empty({tuple(shape[axis] for axis in axes)}, np.{dtype})"
    example += "" if axes == tuple(range(len(shape))) else f".transpose{tuple(map(axes.index, range(len(axes))))}"
    if type(out) is not np.ndarray or out.dtype != dtype:
        came = f"has dtype {out.dtype}" if type(out) is np.ndarray else f"is of type {type(out).__name__}"
        raise TypeError(f"out {came}: the rule is an array of {dtype}, such as {example}")
    if out.shape != tuple(shape):
        raise ValueError(f"out has shape {out.shape}: the rule is that of the result, {tuple(shape)}, as {example} has")
    buffer = out.transpose(axes)
    if not buffer.flags.carray:
        raise ValueError(
            f"out lies in memory with strides {out.strides}{'' if out.flags.writeable else ', read-only'}: the rule is "
            f"a writable array in the order of a kernel's own, such as {example}"
        )
    apart = {name: array for name, array in read.items() if name not in over or not _is_same(out, array)}
    check_apart(out, example, **apart)
    return buffer


def check_apart(out, example="np.empty_like(out)", **read):
    """Require that `out` shares no memory with the operands, by name; those that are None are not there."""
    for name, array in read.items():
        if array is not None and np.may_share_memory(out, array):
            raise ValueError(f"out shares memory with {name}: the rule is memory of its own, such as {example}")


def _is_same(out, array):
    return array is not None and out.ctypes.data == array.ctypes.data and out.strides == array.strides


def compact(window):
    """`window` without strides to a second pixel that there is not, and dilations to a second tap: these cost room."""
    stride = tuple(1 if output == 1 else s for output, s in zip(window.output, window.stride, strict=True))
    dilation = tuple(1 if kernel == 1 else d for kernel, d in zip(window.kernel, window.dilation, strict=True))
    return window._replace(stride=stride, dilation=dilation)


def buffer_of(x):
    """The numbers of `x` as they lie in memory: `planes` of four axes, and of any other number of axes row by row."""
    return planes(x) if x.ndim == 4 else contiguous(x)


def array_of(buffer):
    """The inverse of `buffer_of`."""
    return images(buffer) if buffer.ndim == 4 else buffer


def rows(buffer):
    """`buffer` as a matrix: one row for each entry of its first axis."""
    return buffer.reshape(len(buffer), math.prod(buffer.shape[1:]))


def lines(buffer):
    """A (C, H, W, N) `buffer` as (C, H, W·N): each row of pixels is one row of numbers."""
    channels, height, width, batch = buffer.shape
    return buffer.reshape(channels, height, width * batch)


def laid_out(buffer, shape):
    """A flat `buffer` as an array of any shape (N, ...), as kernels lay it out: the batch innermost."""
    return np.moveaxis(buffer.reshape(*shape[1:], *shape[:1]), -1, 0) if shape else buffer.reshape(())


def _wants_turning(x):
    """Whether `x` (N, ...) is a large array in NumPy's own order, the batch outermost: NumPy turns it over slowly."""
    return x.size >= FEW and x.size > len(x) > 1 and x.flags.c_contiguous and x.flags.behaved and x.dtype.kind == "f"


@driver
def _copy_two(share, shares, x, y, other, its_copy):
    """Copy x to y, and the other: a share of both, so that each thread reads what it is likely to have made."""
    begin, end = bounds(share, shares, x.size)
    copy(x[begin:end], y[begin:end])
    begin, end = bounds(share, shares, other.size)
    copy(other[begin:end], its_copy[begin:end])


@leaf
def _turn_blocks(begin, end, step, x, y):
    """What `_turn` does to blocks `begin` to `end` - 1 of so many columns of x."""
    batch = np.uintp(len(x))
    for first in range(begin * step, min(end * step, x.shape[1]), step):
        for n in range(len(x)):
            row, target, at = x[n, first : first + step], y[first * len(x) + n :], np.uintp(0)
            for p in range(row.size):
                target[at] = row[p]
                at += batch


@driver
def _turn(share, shares, x, y):
    """y = xᵀ, for x (N, P) and y (P·N)."""
    step = max(16, _BLOCK // len(x))
    begin, end = bounds(share, shares, (x.shape[1] + step - 1) // step)
    _turn_blocks(begin, end, step, x, y)
