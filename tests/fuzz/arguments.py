"""What anybody may hand to a function: whatever looks like an array, a number, a shape or a word, and is none."""

import tempfile
from collections import OrderedDict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np


class Sub(np.ndarray):
    """An array of a type of its own."""


class Like:
    """Something that NumPy would make an array of."""

    def __array__(self, dtype=None, copy=None):
        """Numbers."""
        return np.ones((1, 2, 3, 3), dtype or np.float32)


class Broken:
    """Something that cannot even be shown."""

    def __repr__(self):
        """Fail."""
        raise RuntimeError("this cannot be shown")


_RECORD = np.dtype([("a", "f4"), ("b", "i4")])


def _mapped(array):
    if array.size == 0:
        return array
    with tempfile.TemporaryFile() as unnamed:  # the memory stays mapped, and no second map cuts it off
        file = np.memmap(unnamed, array.dtype, "w+", shape=array.shape or (1,))
    file[...] = array
    return file if array.shape else file[0]


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def _strided(array):
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array


def _unaligned(array):
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    other = memory.view(array.dtype).reshape(array.shape) if array.size else array.copy()
    other[...] = array
    return other


# The same numbers in other memory: nothing may change.
HARMLESS = {
    "read-only": _read_only,
    "memory-mapped": _mapped,
    "Fortran": np.asfortranarray,
    "strided": _strided,
    "reversed": lambda array: array[::-1].copy()[::-1] if array.ndim else array,
    "unaligned": _unaligned,
    "in the middle": lambda array: (
        np.concatenate([array, array, array])[len(array) : 2 * len(array)] if array.ndim else array
    ),
}


def _with(value):
    def change(array):
        array = array.copy()
        if array.dtype.kind == "f" and array.size:
            array.reshape(-1)[:: max(1, array.size // 3)] = value(np.finfo(array.dtype)) if callable(value) else value
        return array

    return change


# Other numbers, which may overflow or be none.
NUMBERS = {
    "NaN": _with(np.nan),
    "inf": _with(np.inf),
    "-inf": _with(-np.inf),
    "huge": _with(lambda info: info.max),
    "subnormal": _with(lambda info: info.smallest_subnormal),
    "-0": _with(-0.0),
    "negative": lambda array: -np.abs(array) if array.dtype.kind == "f" else array,
    "zeros": np.zeros_like,
}


def _as(dtype):
    return lambda array: np.zeros(array.shape, dtype) if np.dtype(dtype).kind in "VMmSUO" else array.astype(dtype)


# Other types of numbers, and of everything else.
KINDS = {
    **{
        name: _as(name)
        for name in ("bool", "int8", "uint8", "int32", "int64", "uint64", "float16", "float32", "float64", "longdouble",
                     "complex64", "complex128", "object", ">f4", ">f8", ">i8", "S3", "U3", "M8[s]", "m8[s]")
    },
    "record": lambda array: np.zeros(array.shape, _RECORD),
    "recarray": lambda array: np.zeros(array.shape, _RECORD).view(np.recarray),
    "masked": np.ma.masked_array,
    "subclass": lambda array: np.asarray(array).view(Sub),
    "list": lambda array: array.tolist(),
    "tuple": lambda array: tuple(array.tolist()) if array.ndim else array.item(),
    "number": lambda array: 1.0,
    "scalar": lambda array: array.dtype.type(1),
    "bytes": lambda array: array.tobytes()[:64],
    "buffer": lambda array: memoryview(array.copy()) if array.dtype.kind in "fiu" else b"",
    "text": lambda array: "array",
    "None": lambda array: None,
    "like": lambda array: Like(),
    "broken": lambda array: Broken(),
    "namespace": lambda array: SimpleNamespace(shape=array.shape, dtype=array.dtype),
    "type": lambda array: np.ndarray,
}  # fmt: skip


def _axis(array, axis, change):
    return change(array, axis % array.ndim) if array.ndim else array


# Other shapes.
SHAPES = {
    "0-d": lambda array: array.reshape(-1)[:1].sum().reshape(()) if array.dtype.kind in "fiu" else array,
    "flat": lambda array: array.reshape(-1),
    "one more axis": lambda array: array[None],
    "one more axis at the end": lambda array: array[..., None],
    "forty axes": lambda array: array.reshape(array.shape + (1,) * (40 - array.ndim)),
    "first of it": lambda array: array[0] if array.ndim and len(array) else array,
    "turned": lambda array: array.T,
    **{f"axis {n} empty": lambda array, n=n: _axis(array, n, lambda a, k: a.take([], k)) for n in range(4)},
    **{f"axis {n} shorter": lambda array, n=n: _axis(array, n, lambda a, k: a[(slice(None),) * k + (slice(1, None),)])
       for n in range(4)},
    **{f"axis {n} twice": lambda array, n=n: _axis(array, n, lambda a, k: np.concatenate([a, a], k)) for n in range(4)},
    **{f"axis {n} of one": lambda array, n=n: _axis(array, n, lambda a, k: a[(slice(None),) * k + (slice(0, 1),)])
       for n in range(4)},
    "broadcast": lambda array: np.broadcast_to(array[:1], array.shape) if array.ndim else array,
    "looks huge": lambda array: np.broadcast_to(array.dtype.type(1), (2**20, 2**20, 2**10, 1)),
    "looks empty and huge": lambda array: np.zeros((0, 2**20, 2**20), array.dtype),
}  # fmt: skip

ARRAYS = HARMLESS | NUMBERS | KINDS | SHAPES

_INTS = [0, -1, 1, 2, 3, 7, 64, 2**26, 2**31 - 1, 2**31, 2**32 + 1, 2**62, 2**63, 2**64, -(2**63), 10**5000]
_FLOATS = [0.0, -0.0, 0.5, 1.0, 2.5, 1e-320, 1e-45, 1e38, 1e300, np.inf, -np.inf, np.nan]
VALUES = [
    *_INTS,
    *_FLOATS,
    *[(a, b) for a in (0, 1, 2, 3) for b in (0, 1, 2)],
    (1,), (), (1, 2, 3), (1, 2, 3, 4), (2**31 - 1, 2**31 - 1), (2**26, 2**26), (-1, 1), (1.0, 1), (1, None), ("1", 1),
    ((0, 1), (1, 0)), ((0,), (1,)), ((0, 1), 1), ((1, 2), (3, 4), (5, 6)), [1, 2], [[0, 1], [2, 0]], [], [1], (True, 1),
    ((2**31, 0), (0, 0)), (2**40, 3, 4, 5), (1, 2**31 - 1, 1, 1), (2, 3, 2**31 - 1, 2**31 - 1), (1, 3, 8, 8),
    True, False, None, "", "1", "same", "valid", "SAME", "zeros", "\0", "x" * 10_000, "\ud800", b"", b"same",
    np.bool_(True), np.int8(2), np.uint8(1), np.int64(2), np.uint64(3), np.uint64(2**63), np.float32(1),
    np.float16(0.5), np.longdouble("1e4000"), np.float64("nan"), np.array(2), np.array([1, 1]),
    np.array([]), np.array("1"),
    np.ma.masked, np.ma.array(2), np.datetime64("2020-01-01"), np.array([None]),
    1j, complex("nan"), Fraction(1, 2), Fraction(2), Decimal(2), Decimal("nan"), object(), Broken(), Like(), {}, {1: 2},
    OrderedDict(a=1), set(), {1, 2}, range(2), iter([1]), lambda x: x, int, np.ndarray, np.float32, NotImplemented, ...,
    SimpleNamespace(), slice(2), Path("nowhere"), memoryview(b"12"), bytearray(b"12"), ValueError("x"),
]  # fmt: skip
