"""The leaves that several kernels share: the plainest loops over a row, and how the work is cut."""

from ghostnp.kernels.jit import SHARES, leaf


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
def accumulate(source, target):
    """target += source."""
    for p in range(target.size):
        target[p] += source[p]


@leaf
def sum_row(row):
    """Σ row, in the row's own precision."""
    total = row.dtype.type(0)
    for p in range(row.size):
        total += row[p]
    return total
