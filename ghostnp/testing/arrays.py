"""Cases: a geometry, a memory layout and a seed, and nothing drawn that could be made from them.

So a failing case shrinks to the smallest shapes that still fail, and its repr is a line that can be pasted to see it
again:

>>> case = ConvCase("depthwise_conv2d", x=(1, 1, 2, 2), weight=(2, 1, 1, 1), seed=7)
>>> case
ConvCase('depthwise_conv2d', x=(1, 1, 2, 2), weight=(2, 1, 1, 1), seed=7)
>>> x, weight, bias = case.arrays(np.float32)
>>> x.shape, weight.shape, bias
((1, 1, 2, 2), (2, 1, 1, 1), None)

In float32 the values are small integers: every sum of their products stays below 2**24, where float32 is exact in any
order of summation, so two implementations must be equal bit for bit. In float64 they are normal numbers.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CONVOLUTIONS = ("standard_conv2d", "pointwise_conv2d", "grouped_conv2d", "depthwise_conv2d", "conv2d")


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


@dataclass(frozen=True, repr=False, kw_only=True)
class _Case:
    """What cases share; each adds its shapes and keywords.

    Parameters
    ----------
    memory : str, default "C"
        How arrays are laid out: one of `MEMORY`.
    seed : int, default 0
        Of their values.
    """

    memory: str = "C"
    seed: int = 0

    def array(self, shape, dtype, stream=0):
        """An array of this case; another `stream` gives other numbers, the same one the same."""
        return in_memory(values(np.random.default_rng([self.seed, stream]), shape, dtype), self.memory)

    def gradient(self, y):
        """An incoming gradient dy for the result `y`."""
        return self.array(y.shape, y.dtype, stream=1)

    def __repr__(self):
        shown = [
            repr(value) if field.name == "operator" else f"{field.name}={value!r}"
            for field in sorted(dataclasses.fields(self), key=lambda field: field.name in ("memory", "seed"))
            if (value := getattr(self, field.name)) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _repr_pretty_(self, printer, cycle):
        # Hypothesis would print every field of a dataclass, a line each.
        printer.text(repr(self))


@dataclass(frozen=True, repr=False)
class MapCase(_Case):
    """Maps for an operator without weights.

    Parameters
    ----------
    x : tuple of int
        Shape (N, C, H, W), or any other that the operator takes.
    memory : str, default "C"
        How arrays are laid out: one of `MEMORY`.
    seed : int, default 0
        Of their values.
    """

    x: tuple[int, ...]

    def input(self, dtype):
        """The array x."""
        return self.array(self.x, dtype)


@dataclass(frozen=True, repr=False)
class PoolCase(MapCase):
    """Maps and a pooling window.

    Parameters
    ----------
    x, memory, seed
        As in `MapCase`.
    kernel_size : int or (int, int)
        Of the window.
    stride : int or (int, int), optional
        By default the kernel size.
    padding : int, (int, int), ((int, int), (int, int)) or "same", default 0
        As the operators take it.
    """

    kernel_size: int | tuple = 1
    stride: int | tuple | None = None
    padding: int | tuple | str = 0

    @property
    def geometry(self):
        """The keywords of the call."""
        return {"stride": self.stride, "padding": self.padding}


@dataclass(frozen=True, repr=False)
class ConvCase(_Case):
    """A call of a convolution.

    Parameters
    ----------
    operator : str
        One of `CONVOLUTIONS`.
    x, weight : tuple of int
        Shapes (N, C_in, H, W) and (C_out, C_in/groups, kh, kw).
    bias : bool, default False
        Whether there is one.
    stride, padding, dilation, groups
        As the operators take them.
    memory, seed
        As in `MapCase`.
    """

    operator: str
    _: dataclasses.KW_ONLY
    x: tuple[int, int, int, int]
    weight: tuple[int, int, int, int]
    bias: bool = False
    stride: int | tuple[int, int] = 1
    padding: int | tuple | str = 0
    dilation: int | tuple[int, int] = 1
    groups: int = 1

    @property
    def geometry(self):
        """The keywords of the call: those that its operator takes."""
        geometry = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        if self.operator in ("grouped_conv2d", "conv2d"):
            geometry["groups"] = self.groups
        return geometry

    @property
    def call(self):
        """The same as a `Call`, without the keywords that have their usual value; its numbers are others."""
        from ghostnp.testing.calls import Call

        usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        geometry = {name: value for name, value in self.geometry.items() if value != usual[name]}
        bias = (self.weight[0],) if self.bias else None
        arrays = {"x": self.x, "weight": self.weight, "bias": bias}
        return Call(self.operator, memory=self.memory, seed=self.seed, **arrays, **geometry)

    def arrays(self, dtype):
        """The arrays x, weight and bias (or None)."""
        bias = self.array((self.weight[0],), dtype, 4) if self.bias else None
        return self.array(self.x, dtype, 2), self.array(self.weight, dtype, 3), bias

    def forward(self, backend, x, weight, bias=None):
        """Call the operator of `backend` with this geometry."""
        return getattr(backend, self.operator)(x, weight, bias, **self.geometry)

    def backward(self, backend, dy, x, weight):
        """Call the operator's backward pass."""
        return getattr(backend, self.operator + "_backward")(dy, x, weight, **self.geometry)

    def cost(self, backend):
        """Call the operator's cost."""
        return getattr(backend, self.operator + "_cost")(self.x, self.weight, bias=self.bias, **self.geometry)
