"""The leaves that several kernels share: the plainest loops over a row, and how the work is cut."""

from ghostnp.kernels.jit import SHARES, leaf

# Work on fewer numbers is done before a second thread has woken up: it stays on the calling thread.
FEW = 1 << 16


@leaf
def bounds(share, count):
    """Which of `count` jobs belong to this share: first and last + 1."""
    return share * count // SHARES, (share + 1) * count // SHARES


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
def multiply_by(factor, target):
    """target *= factor."""
    for p in range(target.size):
        target[p] *= factor[p]


@leaf
def dot(a, b):
    """Σ a·b, in the rows' own precision."""
    total = a.dtype.type(0)
    for p in range(a.size):
        total += a[p] * b[p]
    return total


@leaf
def sum_row(row):
    """Σ row, in the row's own precision."""
    total = row.dtype.type(0)
    for p in range(row.size):
        total += row[p]
    return total
