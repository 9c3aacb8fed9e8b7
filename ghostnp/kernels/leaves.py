"""The old names, until all drivers are converted."""

from ghostnp.kernels.loops import accumulate, copy, dot, fill, multiply_by, same, sum_row  # noqa: F401
from ghostnp.kernels.runtime import FEW, SHARES, leaf  # noqa: F401


@leaf
def bounds(share, count):
    """Which of `count` jobs belong to this share: first and last + 1."""
    return share * count // SHARES, (share + 1) * count // SHARES
