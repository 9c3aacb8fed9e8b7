"""Arrays for calls: numbers in which two right implementations must agree, in every order of memory.

In float32 the numbers are small integers: every sum of their products stays below 2**24, where float32 is exact in any
order of summation, so two implementations must be equal bit for bit. In float64 they are normal numbers.
"""

from collections.abc import Callable

import numpy as np


def _unaligned(array):
    array = np.ascontiguousarray(array)
    buffer = np.zeros(array.nbytes + 1, np.uint8)[1:]
    view = buffer.view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def _every_other(array):
    spread = np.zeros([2 * size for size in array.shape], array.dtype)
    view = spread[(slice(None, None, 2),) * array.ndim]
    view[...] = array
    return view


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


_LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "batch innermost": lambda array: np.moveaxis(np.moveaxis(array, 0, -1).copy(), -1, 0),
    "reversed": lambda array: np.flip(np.flip(array).copy()),
    "every other": _every_other,
    "read-only": _read_only,
    "unaligned": _unaligned,
}
MEMORY = tuple(_LAYOUTS)


def in_memory(array, memory):
    """The same numbers, laid out otherwise.

    Parameters
    ----------
    array : ndarray
        Any array with one axis or more.
    memory : str
        One of `MEMORY`: "C", "Fortran", "batch innermost" (the first axis runs fastest, the others as in C), "reversed"
        (every stride is negative), "every other" (with gaps), "read-only" or "unaligned".

    Returns
    -------
    ndarray
        Equal to `array`.
    """
    return _LAYOUTS[memory](array)


def values(rng, shape, dtype):
    """Numbers to compute with: normal in float64; in float32 integers from -3 to 3 without 0, so that sums are exact.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where they come from.
    shape : tuple of int
        Of the result.
    dtype : dtype
        float32 or float64.

    Returns
    -------
    ndarray
        Of that shape and dtype.
    """
    if dtype == np.float64:
        return rng.normal(size=shape)
    return (rng.integers(1, 4, shape) * rng.choice([-1, 1], shape)).astype(dtype)
