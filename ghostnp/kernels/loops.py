"""The loops over a row that several kernels share, each a leaf.

A sum of many numbers in float32 loses digits, the more the longer it gets. So sums are blocked: a `BLOCK` is summed in
the row's own precision, in vector registers, which leaves each lane a few additions; from block to block the sum is
float64. This is as accurate as float64 all along, and takes no longer than float32 all along.
"""

import math

from ghostnp.kernels.runtime import leaf

BLOCK = 256  # numbers that are summed in their own precision
# The least and the greatest number that a kernel lets out; (0, ∞) is a ReLU, and (0, 6) a ReLU6.
UNLIMITED = (-math.inf, math.inf)


@leaf
def fill(row, value):
    """row = value, which has to be of the row's dtype."""
    for p in range(row.size):
        row[p] = value


@leaf
def copy(source, target):
    """target = source."""
    for p in range(target.size):
        target[p] = source[p]


@leaf
def same(x, y):
    """Whether two rows of one length are one and the same memory.

    A loop is vectorised if what it writes is certainly not what it reads, or certainly the same: a leaf that may have
    to overwrite its argument has a loop for either.
    """
    return x.ctypes.data == y.ctypes.data


@leaf
def accumulate(source, target):
    """target += source."""
    for p in range(target.size):
        target[p] += source[p]


@leaf
def add_scaled(source, factor, target):
    """target += factor · source."""
    for p in range(target.size):
        target[p] += factor * source[p]


@leaf
def multiply_by(factor, target):
    """target *= factor."""
    for p in range(target.size):
        target[p] *= factor[p]


@leaf
def dot(a, b):
    """Σ a·b in float64, block by block."""
    total = 0.0
    for p in range(0, a.size, BLOCK):
        total += _dot_block(a[p : p + BLOCK], b[p : p + BLOCK])
    return total


@leaf
def sum_row(row):
    """Σ row in float64, block by block."""
    total = 0.0
    for p in range(0, row.size, BLOCK):
        total += _sum_block(row[p : p + BLOCK])
    return total


@leaf
def _sum_block(row):
    """Σ row in the row's own precision, for a block."""
    total = row.dtype.type(0)
    for p in range(row.size):
        total += row[p]
    return total


@leaf
def _dot_block(a, b):
    total = a.dtype.type(0)
    for p in range(a.size):
        total += a[p] * b[p]
    return total


@leaf
def clipped(number, limits):
    """The number, or the limit that it is beyond; a comparison with NaN is false, so NaN stays."""
    low, high = type(number)(limits[0]), type(number)(limits[1])
    number = low if number < low else number
    return high if number > high else number


@leaf
def clip_row(row, limits):
    """The row within its limits, in place; where there are none, it is not even read."""
    if limits[0] > -math.inf or limits[1] < math.inf:
        for p in range(row.size):
            row[p] = clipped(row[p], limits)
