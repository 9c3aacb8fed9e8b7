"""Cases to hold an operator against, and laws that it must obey.

A *case* is a geometry and a seed: shapes, keywords, memory layout, and nothing drawn that could be made from them. So a
failing case shrinks to the smallest shapes that still fail, and its repr is a line that can be pasted to see it again:

>>> case = ConvCase("depthwise_conv2d", x=(1, 1, 2, 2), weight=(2, 1, 1, 1), seed=7)
>>> case
ConvCase('depthwise_conv2d', x=(1, 1, 2, 2), weight=(2, 1, 1, 1), seed=7)
>>> x, weight, bias = case.arrays(np.float32)
>>> x.shape, weight.shape, bias
((1, 1, 2, 2), (2, 1, 1, 1), None)

In float32 the values are small integers: every sum of their products stays below 2**24, where float32 is exact in any
order of summation, so two implementations must be equal bit for bit. In float64 they are normal numbers.

A *law* is something that must hold whatever the case, with no second implementation to compare with.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

__all__ = [
    "CONVOLUTIONS",
    "MEMORY",
    "ConvCase",
    "MapCase",
    "PoolCase",
    "assert_adjoint",
    "assert_gradient",
    "assert_linear",
    "conv_cases",
    "in_memory",
    "inner",
    "map_cases",
    "pool_cases",
    "values",
]

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


def _int_or_pair(least, most):
    return st.integers(least, most) | st.tuples(st.integers(least, most), st.integers(least, most))


def _both(value):
    return (value, value) if isinstance(value, int) else value


_SIDES = st.tuples(st.integers(0, 4), st.integers(0, 4))
_PADDINGS = _int_or_pair(0, 4) | st.tuples(_SIDES, _SIDES) | st.just("same")
_BATCHES = st.sampled_from([1, 2, 0, 3])
_SEEDS = st.integers(0, 2**16)


def _sizes(draw, reach, around):
    """Height and width that leave room for one window, and up to four pixels more."""
    return tuple(max(1, r - a) + draw(st.integers(0, 4)) for r, a in zip(reach, around, strict=True))


def _around(padding, reach):
    """How many pixels of a window may lie on padding, along each axis."""
    if padding == "same":
        return reach
    return [sum(sides) if isinstance(sides, tuple) else 2 * sides for sides in _both(padding)]


@st.composite
def conv_cases(draw, operator="conv2d"):
    """Geometries of a convolution, with the corners that broke real frameworks.

    Padding larger than the kernel, asymmetric and "same", strides and dilations that differ between the axes, kernels
    and maps that are not square, single pixels, empty batches, 1 < groups < channels, one input channel, several
    filters for a channel, arrays in every order of memory.

    Parameters
    ----------
    operator : str, default "conv2d"
        One of `CONVOLUTIONS`.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[ConvCase]
    """
    groups = 1 if operator in ("standard_conv2d", "pointwise_conv2d") else draw(st.integers(1, 4))
    members_in = 1 if operator == "depthwise_conv2d" else draw(st.integers(1, 3))
    members_out = draw(st.integers(1, 3))
    kernel = (1, 1) if operator == "pointwise_conv2d" else draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    stride, dilation, padding = draw(_int_or_pair(1, 3)), draw(_int_or_pair(1, 3)), draw(_PADDINGS)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, _both(dilation), strict=True)]
    return ConvCase(
        operator,
        x=(draw(_BATCHES), groups * members_in, *_sizes(draw, reach, _around(padding, reach))),
        weight=(groups * members_out, members_in, *kernel),
        bias=draw(st.booleans()),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        memory=draw(st.sampled_from(MEMORY)),
        seed=draw(_SEEDS),
    )


@st.composite
def pool_cases(draw):
    """Geometries of a pooling window, with the same corners; every window meets the map, as the operators require.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[PoolCase]
    """
    kernel_size = draw(_int_or_pair(1, 4))
    rows, columns = (st.integers(0, size - 1) for size in _both(kernel_size))
    paddings = st.tuples(rows, columns) | st.tuples(st.tuples(rows, rows), st.tuples(columns, columns))
    padding = draw(st.just(0) | paddings | st.just("same"))
    reach = _both(kernel_size)
    return PoolCase(
        x=(draw(_BATCHES), draw(st.integers(1, 4)), *_sizes(draw, reach, _around(padding, reach))),
        kernel_size=kernel_size,
        stride=draw(st.none() | _int_or_pair(1, 3)),
        padding=padding,
        memory=draw(st.sampled_from(MEMORY)),
        seed=draw(_SEEDS),
    )


def map_cases(batches=_BATCHES, channels=None, sizes=None):
    """Maps of few channels and pixels.

    Parameters
    ----------
    batches, channels, sizes : hypothesis.strategies.SearchStrategy[int], optional
        What N, C and both H and W are drawn from; by default 0 to 3, 1 to 6 and 1 to 6.

    Returns
    -------
    hypothesis.strategies.SearchStrategy[MapCase]
    """
    channels = st.integers(1, 6) if channels is None else channels
    sizes = st.integers(1, 6) if sizes is None else sizes
    shapes = st.tuples(batches, channels, sizes, sizes)
    return st.builds(MapCase, shapes, memory=st.sampled_from(MEMORY), seed=_SEEDS)


def inner(a, b):
    """The inner product of two arrays, exact for those of `values` in float32.

    Parameters
    ----------
    a, b : ndarray
        Of one shape.

    Returns
    -------
    float
    """
    assert a.shape == b.shape, f"shapes {a.shape} and {b.shape} differ"
    return float(np.sum(a.astype(np.float64) * b))


def assert_adjoint(y, dy, *pairs, tolerance=0.0):
    """A backward pass hands out what came in: ⟨dy, f(x)⟩ = ⟨dx, x⟩ for f linear in x.

    For a product of several arguments it holds for each of them, since f is linear in each.

    Parameters
    ----------
    y, dy : ndarray
        A result and an incoming gradient.
    *pairs : (ndarray, ndarray)
        Each gradient that came back, and the argument that it belongs to.
    tolerance : float, default 0
        Allowed difference, in units of |dy|·|y|: integers need none.
    """
    came = inner(dy, y)
    allowed = tolerance * float(np.linalg.norm(dy)) * float(np.linalg.norm(y))
    for index, (gradient, argument) in enumerate(pairs):
        went = inner(gradient, argument)
        assert abs(went - came) <= allowed, f"gradient {index} hands out {went}, and {came} came in"


def assert_linear(f, a, b):
    """Superposition: f(2a - 3b) = 2 f(a) - 3 f(b), exactly for integers.

    Parameters
    ----------
    f : callable
        From one array to one array.
    a, b : ndarray
        Arguments of one shape.
    """
    np.testing.assert_array_equal(f(2 * a - 3 * b), 2 * f(a) - 3 * f(b))


def assert_gradient(f, arguments, dy, gradients, *, seed=0, step=1e-5, tolerance=1e-7):
    """A gradient is the slope: it matches ⟨dy, f⟩ when an argument goes a step forward and a step back.

    The two steps differ from the slope by about step² (the third derivative) plus 1e-16/step (rounding), 1e-10 each for
    numbers of about 1; away from kinks only.

    Parameters
    ----------
    f : callable
        From `arguments`, arrays of float64, to one array.
    arguments : sequence of ndarray
        Where the slope is measured.
    dy : ndarray
        Incoming gradient.
    gradients : sequence of ndarray
        One for each argument: what is to be checked. None of them may be zero all over.
    seed : int, default 0
        Of the direction in which each argument is moved.
    step : float, default 1e-5
        How far.
    tolerance : float, default 1e-7
        Allowed difference for a gradient and a direction of length 1.
    """
    rng = np.random.default_rng(seed)
    for index, (argument, gradient) in enumerate(zip(arguments, gradients, strict=True)):
        assert gradient.shape == argument.shape, f"gradient {index} has shape {gradient.shape}, not {argument.shape}"
        assert gradient.any(), f"gradient {index} is zero: nothing is checked"
        direction = rng.normal(size=argument.shape)
        ahead, behind = (
            inner(dy, f(*arguments[:index], argument + side * direction, *arguments[index + 1 :]))
            for side in (step, -step)
        )
        slope, scale = (ahead - behind) / (2 * step), np.linalg.norm(gradient) * np.linalg.norm(direction)
        difference = abs(slope - inner(gradient, direction))
        assert difference <= tolerance * scale, f"gradient {index}: off by {difference:.3g} at a scale of {scale:.3g}"
