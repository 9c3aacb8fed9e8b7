"""Arrays for calls: numbers in which two right implementations must agree, in every order of memory.

In float32 the numbers are small integers: every sum of their products stays below 2**24, where float32 is exact in any
order of summation, so two implementations must be equal bit for bit. In float64 they are normal numbers.

A regime says what kind of numbers the activations are: the usual ones, or those on which kernels fail.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Format(NamedTuple):
    """A format of floating-point numbers, and the dtype of NumPy in which its numbers are kept here.

    Parameters
    ----------
    name : str
        Such as "bfloat16".
    carrier : type
        float32 or float64; NumPy knows no bfloat16, and the definitions take no float16.
    eps, largest, tiny : float
        The distance from 1 to the next number, the largest number, and the smallest that is no subnormal.
    """

    name: str
    carrier: type
    eps: float
    largest: float
    tiny: float

    def rounded(self, array):
        """The numbers of this format that are nearest to those of `array`, in the carrier."""
        array = np.asarray(array, self.carrier)
        if self.eps == np.finfo(self.carrier).eps:
            return array
        # Of the significand as many digits are left as the format has, so the spacing is that of its exponent.
        _, exponent = np.frexp(np.maximum(np.abs(array), self.tiny))
        spacing = np.ldexp(self.carrier(self.eps), exponent - 1)
        with np.errstate(invalid="ignore", over="ignore"):
            near = np.where(np.isfinite(array), np.round(array / spacing) * spacing, array)
        return np.where(np.abs(near) > self.largest, np.copysign(np.inf, near), near).astype(self.carrier)


def _known(name):
    about = np.finfo(name)
    return Format(name, about.dtype.type, float(about.eps), float(about.max), float(about.tiny))


FORMATS = {
    "float32": _known("float32"),
    "float64": _known("float64"),
    "float16": _known("float16")._replace(carrier=np.float32),
    # Eight digits, and the exponents of float32.
    "bfloat16": Format("bfloat16", np.float32, 2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126),
}


def format_of(dtype):
    """A `Format` by its name, or by the dtype of that name."""
    return FORMATS[dtype if isinstance(dtype, str) else np.dtype(dtype).name]


def _offset(rng, array, form):
    # A million, or so far off that ten bits are left of a spread of one. They are enough for a variance, though not for
    # E[x²] − E[x]².
    return array + min(1e6, 2.0**-10 / form.eps)


def _ties(rng, array, form):
    # Most often the largest ties: a maximum of zero hides who got its gradient where that is multiplied by the maximum.
    return rng.choice([-1.0, 0.0, 1.0, 1.0, -0.0], array.shape)


def _scattered(*what):
    def scatter(rng, array, form):
        flat = array.ravel().copy()
        places = rng.permutation(flat.size)[: max(1, flat.size // 8)]
        flat[places] = rng.choice(what, places.size)
        return flat.reshape(array.shape)

    return scatter


REGIMES: dict[str, Callable] = {
    "usual": lambda rng, array, form: array,
    # Ten thousand; in float16, whose largest number is 65504, as many as may still be added up.
    "large": lambda rng, array, form: array * min(1e4, form.largest**0.5),
    "offset": _offset,
    "ties": _ties,
    "tiny": lambda rng, array, form: array * (form.tiny / 8),
    "nan": _scattered(np.nan),
    "infinite": _scattered(np.inf, -np.inf),
}


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
