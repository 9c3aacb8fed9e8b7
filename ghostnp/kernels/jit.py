"""The old names, until all drivers are converted."""

import numba
from numba import prange

from ghostnp.kernels.runtime import SHARES, leaf
from ghostnp.kernels.runtime.jit import _pipeline

__all__ = ["SHARES", "driver", "leaf", "prange"]


def driver(function):
    """Compile an old driver, which runs on the calling thread."""
    fastmath = {"reassoc", "contract", "nsz", "arcp"}
    return numba.njit(fastmath=fastmath, error_model="numpy", pipeline_class=_pipeline())(function)
