"""The old names, until all drivers are converted."""

import numba
from numba import prange

from ghostnp.kernels.runtime import SHARES, leaf

__all__ = ["SHARES", "driver", "leaf", "prange"]


def driver(function):
    """Compile an old driver, which runs on the calling thread."""
    return numba.njit(fastmath={"reassoc", "contract", "nsz", "arcp"}, error_model="numpy", cache=True)(function)
