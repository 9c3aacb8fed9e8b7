"""The rules that operators share, and the errors that say which rule was broken.

Every message names the argument, what came, the rule, and a value that would do.
"""

import math
import os
from difflib import get_close_matches
from numbers import Integral, Real
from reprlib import Repr

import numpy as np

# What `isinstance` may take for an integer or a real number: the types that nearly always come are asked for first, as
# asking an abstract class takes longer than many an operator on a small map.
_INTEGRAL, _REAL = (int, Integral), (float, Real)

# Larger numbers than any map has pixels are slips, and would overflow in compiled code.
_MOST = 2**31

# An array is one of these and no subclass, which means other things by + and *; a memmap is an array, in a file.
_PLAIN = (np.ndarray, np.memmap)
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))

# Of how many bytes an array may be at most: what the machine has, where it says so, or else what it can count.
_ROOM = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 2**62

# How many legal values an error lists.
_LISTED = 24

# Stands for an array that was not given. It is not None, because a None from the user is a mistake to be reported.
ABSENT = object()


class _Shown(Repr):
    """Values in errors: what is long is cut, and no number is too large to be shown."""

    maxstring = maxother = 60

    def repr_int(self, value, level):
        """An int that Python itself may refuse to write."""
        sign = "a negative" if value < 0 else "an"
        return repr(value) if value.bit_length() < 128 else f"<{sign} int of {value.bit_length()} bits>"

    def repr_ndarray(self, array, level):
        """An array by its dtype and shape, not by all its numbers."""
        return f"an array of {array.dtype} {array.shape}"


shown = _Shown().repr


def check_arrays(**arrays):
    """Require NumPy arrays of one dtype, float32 or float64; `ABSENT` ones are left out."""
    first = None
    for name, array in arrays.items():
        if array is ABSENT:
            continue
        if type(array) not in _PLAIN:
            raise TypeError(
                f"{name} is of type {type(array).__name__}: the rule is a NumPy array of float32 or float64, "
                f"such as np.asarray({name}, np.float32)"
            )
        if array.dtype not in _FLOATS:
            raise TypeError(
                f"{name} has dtype {array.dtype}: the rule is float32 or float64, such as {name}.astype(np.float32)"
            )
        if array.nbytes > _ROOM:  # it only looks so large, and is the same numbers again and again
            check_room(name, "its numbers, were they written out,", array.shape, array.dtype)
        if first is None:
            first = name
        elif array.dtype != arrays[first].dtype:
            # The first array is the data. It is easier to cast than a model's weights, so the advice is about it; but
            # a gradient follows the data.
            cast, dtype = (name, arrays[first].dtype) if name.startswith("dy") else (first, array.dtype)
            raise TypeError(
                f"{first} has dtype {arrays[first].dtype} and {name} has {array.dtype}: the rule is one dtype, "
                f"such as {cast}.astype(np.{dtype})"
            )


def check_indices(name, array, kinds, rule):
    """Require a NumPy array of integers, of these kinds of dtype."""
    is_plain = type(array) in _PLAIN
    if not is_plain or array.dtype.kind not in kinds:
        came = f"has dtype {array.dtype}" if is_plain else f"is of type {type(array).__name__}"
        raise TypeError(f"{name} {came}: the rule is {rule}")


def check_room(name, why, shape, dtype):
    """Require that an array of this shape may fit into the machine's memory; `name` is the argument that decides."""
    size = math.prod(max(1, length) for length in shape) * dtype.itemsize  # NumPy counts so too, an empty batch as one
    if size > _ROOM:
        raise MemoryError(
            f"{name}: {why} {'x'.join(map(str, shape))}, would take {_bytes(size)}, and the machine has "
            f"{_bytes(_ROOM)}: the rule is what fits, such as a smaller {name.partition('=')[0]}"
        )


def _bytes(number):
    """A number of bytes as people write it."""
    power = min((number.bit_length() - 1) // 10, 8)
    return f"{number / 1024**power:.1f} {('bytes', *(f'{letter}iB' for letter in 'KMGTPEZY'))[power]}"


def nearest(value, names):
    """The three of `names` that come closest to `value`, which is none of them, as an error lists them."""
    return ", ".join(get_close_matches(str(value)[:60] if isinstance(value, str) else "", names, 3, 0))


def shape_of(name, value):
    """`value` as a shape: a tuple of ints of 0 or more."""
    if not isinstance(value, tuple | list):
        raise TypeError(f"{name}={shown(value)}: the rule is a shape, a tuple of ints, such as (2, 3, 4, 5)")
    return tuple(integer(f"{name}[{axis}]", size, 0) for axis, size in enumerate(value))


def check_axes(name, shape, axes, *, empty=()):
    """Require as many axes as letters in `axes`, none of length zero save those listed in `empty`."""
    letters = axes.split()
    layout = f"({', '.join(letters)}{',' if len(letters) == 1 else ''})"
    example = tuple(2 + i for i in range(len(letters)))
    if len(shape) != len(letters):
        one = f"; one image alone is {name}[None]" if letters == ["N", "C", "H", "W"] and len(shape) == 3 else ""
        raise ValueError(f"{name} has shape {shape}: the rule is {len(letters)} axes {layout}, such as {example}{one}")
    for letter, size in zip(letters, shape, strict=True):
        if size == 0 and letter not in empty:
            raise ValueError(f"{name} has shape {shape}: its axis {letter} must be 1 or longer, such as {example}")


def check_shape(name, shape, expected, why):
    """Require exactly the shape `expected`; `why` says where it comes from."""
    if shape != expected and tuple(shape) != tuple(expected):
        raise ValueError(f"{name} has shape {tuple(shape)}: {why}, and the shape that fits is {tuple(expected)}")


def check_images(name, shape):
    """Require (N, C, H, W) with at least one channel and one pixel; a batch may be empty."""
    if len(shape) != 4 or 0 in shape[1:]:
        check_axes(name, shape, "N C H W", empty=("N",))


def check_gradient(dy, shape, x):
    """Require the incoming gradient to look like the forward pass's output."""
    check_arrays(x=x, dy=dy)
    check_shape("dy", dy.shape, shape, "the gradient has the shape of the output it belongs to")


def check_operands(**arrays):
    """Require arrays of one dtype and one shape."""
    check_arrays(**arrays)
    (first, reference), *others = arrays.items()
    for name, array in others:
        check_shape(name, array.shape, reference.shape, f"{name} and {first} are combined element by element")


def integer(name, value, least):
    """`value` as an int that is at least `least`."""
    if type(value) is int and least <= value < _MOST:  # what nearly always comes takes no more time than this
        return value
    if isinstance(value, bool) or not isinstance(value, _INTEGRAL):
        raise TypeError(f"{name}={shown(value)}: the rule is an int of {least} or more, such as {max(least, 1)}")
    if value < least:
        raise ValueError(f"{name}={shown(int(value))}: the rule is an int of {least} or more, such as {max(least, 1)}")
    number = int(value)
    if number >= _MOST:
        raise ValueError(f"{name}={shown(number)}: the rule is an int below 2**31, such as {max(least, 1)}")
    return number


def pair(name, value, least):
    """`value` as a pair of ints (rows, columns); a lone int stands for both."""
    if isinstance(value, _INTEGRAL):
        return (integer(name, value, least),) * 2
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(
            f"{name}={shown(value)}: the rule is an int or a pair of ints, such as {max(least, 1)} or (2, 1)"
        )
    return tuple(integer(f"{name}[{axis}]", size, least) for axis, size in enumerate(value))


def divisors(number):
    """The divisors of `number`, ascending."""
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return small + [number // d for d in reversed(small) if d * d != number]


def _listed(values, near):
    """Ints as an error lists them: those nearest to `near`, and 1, where they are too many."""
    kept = sorted({1, *sorted(values, key=lambda value: abs(value - near))[:_LISTED]} & set(values))
    return ", ".join(map(str, kept)) + f" and {len(values) - len(kept)} others" * (len(kept) < len(values))


def check_divides(name, value, of, number):
    """Require `value` to divide `number`; the error lists every legal value."""
    value = integer(name, value, 1)
    if number % value:
        legal = _listed(divisors(number), value)
        raise ValueError(f"{name}={value} does not divide {of}={number}; legal: {legal}")
    return value


def check_groups(groups, in_channels, out_channels):
    """Require `groups` to divide both channel counts; the error lists every value that does."""
    groups = integer("groups", groups, 1)
    for name, number in (("in_channels", in_channels), ("out_channels", out_channels)):
        if number % groups:
            legal = [d for d in divisors(in_channels) if out_channels % d == 0]
            raise ValueError(f"groups={groups} does not divide {name}={number}; legal: {_listed(legal, groups)}")
    return groups


def check_maps(**arrays):
    """Require arrays of one dtype, each of shape (N, C, H, W)."""
    check_arrays(**arrays)
    for name, array in arrays.items():
        check_images(name, array.shape)


def check_features(name, shape):
    """Require at least the axes (N, C), with one channel or more; a batch may be empty."""
    if len(shape) < 2 or shape[1] == 0:
        raise ValueError(
            f"{name} has shape {tuple(shape)}: the rule is (N, C, ...) with C of 1 or more, such as (2, 3)"
        )


def check_channels(x_shape, **vectors):
    """Require shapes (C,): one number for each channel of x."""
    check_images("x", x_shape)
    channels, (first, *_) = (x_shape[1],), vectors.values()
    if len(first) == 1 and first != channels and all(shape == first for shape in vectors.values()):
        check_input_channels(x_shape, next(iter(vectors)), first, *first)
    for name, shape in vectors.items():
        check_shape(name, shape, channels, "there is one number for each channel of x")


def check_input_channels(x_shape, name, shape, channels):
    """Require that x has as many channels as the weights (or whatever `name` is) are made for.

    A layer's weights are what they are, so it is x that the error begins with.
    """
    if x_shape[1] != channels:
        fitting = (x_shape[0], channels, *x_shape[2:])
        raise ValueError(
            f"x has shape {tuple(x_shape)}, and {name} of shape {tuple(shape)} is for {channels} channels: the rule is "
            f"that both have as many, such as x of shape {fitting}"
        )


def check_statistics(x_shape):
    """Require at least two values for each channel: one alone has no variance."""
    batch, channels, height, width = x_shape
    if batch * height * width < 2:
        raise ValueError(
            f"x has shape {tuple(x_shape)}, so each channel has N·H·W = {batch * height * width} values: the rule in "
            f"training is 2 or more, such as {(2, channels, height, width)}; batch_norm_eval takes any batch"
        )


def check_broadcast(a_name, a_shape, b_name, b_shape):
    """Require one shape, or b (N, C, 1, 1) against a (N, C, H, W); true if b has to be spread over pixels."""
    a_shape, b_shape = tuple(a_shape), tuple(b_shape)
    if a_shape == b_shape:
        return False
    if len(a_shape) == 4 and b_shape == (*a_shape[:2], 1, 1):
        check_images(a_name, a_shape)
        return True
    per_map = f" or {(*a_shape[:2], 1, 1)}, one number for each map," if len(a_shape) == 4 else ""
    raise ValueError(
        f"{b_name} has shape {b_shape} and {a_name} has {a_shape}: the rule is one shape{per_map} such as {a_shape}"
    )


def sequence(name, values):
    """`values` as a tuple of one or more."""
    if not isinstance(values, tuple | list):
        raise TypeError(f"{name} is of type {type(values).__name__}: the rule is a list or tuple, such as [a, b]")
    if not values:
        raise ValueError(f"{name} is empty: the rule is one or more, such as [a, b]")
    return tuple(values)


def check_parts(shapes, keep=None):
    """Require maps that differ in their channels alone; `keep` resolved to how many channels are kept of all."""
    shapes = [tuple(shape) for shape in sequence("xs", shapes)]
    for number, shape in enumerate(shapes):
        check_images(f"xs[{number}]", shape)
    batch, _, height, width = shapes[0]
    for number, shape in enumerate(shapes):
        check_shape(f"xs[{number}]", shape, (batch, shape[1], height, width), "parts differ in their channels alone")
    channels = sum(shape[1] for shape in shapes)
    if keep is None:
        return channels
    keep = integer("keep", keep, 1)
    if keep > channels:
        raise ValueError(f"keep={keep}: xs have {channels} channels together, and the rule is 1 to {channels}, or None")
    return keep


def check_sizes(sizes, channels):
    """`sizes` as a tuple of ints of 1 or more that add up to `channels`."""
    sizes = tuple(integer(f"sizes[{number}]", size, 1) for number, size in enumerate(sequence("sizes", sizes)))
    if sum(sizes) != channels:
        rest = channels - sum(sizes[:-1])
        legal = (*sizes[:-1], rest) if rest > 0 else (channels,)
        raise ValueError(f"sizes={sizes} add up to {sum(sizes)}: x has {channels} channels, such as {legal}")
    return sizes


def number(name, value, rule, error=TypeError):
    """`value` as a float; `rule` says which ones would do, and `error` is raised for what is no number."""
    if isinstance(value, bool) or not isinstance(value, _REAL):
        raise error(f"{name}={shown(value)}: {rule}")
    try:
        return float(value)
    except OverflowError:  # an int may be larger than every float
        raise ValueError(f"{name}={shown(value)}: {rule}") from None


def positive(name, value):
    """`value` as a float above zero."""
    rule = "the rule is a real number above 0, such as 1e-5"
    if not 0 < (found := number(name, value, rule)) < math.inf:
        raise ValueError(f"{name}={value}: {rule}")
    return found


def not_negative(name, value):
    """`value` as a finite float of 0 or more."""
    rule = "the rule is a finite number of 0 or more, such as 0.1"
    if not 0 <= (found := number(name, value, rule, ValueError)) < math.inf:
        raise ValueError(f"{name}={value}: {rule}")
    return found


def flag(name, value):
    """`value`, which has to be True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}={shown(value)}: the rule is a bool, such as True")
    return value


def fraction(name, value):
    """`value` as a float from 0 to 1."""
    rule = "the rule is a number from 0 to 1, such as 0.1"
    if not 0 <= (found := number(name, value, rule, ValueError)) <= 1:
        raise ValueError(f"{name}={value}: {rule}")
    return found


def float_dtype(name, value):
    """`value`, a type of numbers or its name, as the dtype float32 or float64."""
    if isinstance(value, type | str | np.dtype):  # NumPy would take more, such as None for float64
        try:
            dtype = np.dtype(value)
        except (TypeError, ValueError, SyntaxError):  # NumPy's answers to what is no dtype
            pass
        else:
            if dtype in _FLOATS:
                return dtype
    raise TypeError(f"{name}={shown(value)}: the rule is float32 or float64, such as numpy.float32")


def check_overlap(kernel, padding):
    """Require padding smaller than the kernel on each side, so that every window has a pixel of the map."""
    for axis, (size, sides) in enumerate(zip(kernel, padding, strict=True)):
        if max(sides) >= size:
            raise ValueError(
                f"padding={padding} has {max(sides)} pixels on a side where kernel_size={kernel} has {size}: the rule "
                f"of pooling is a padding smaller than the kernel, such as padding[{axis}] = {(size // 2, size // 2)}"
            )


def check_argmax(argmax, shape, kernel):
    """Require the int64 array that max_pool2d returned: tap numbers u·kw + v, one for each output pixel."""
    taps = kernel[0] * kernel[1]
    rule = "an int64 array of tap numbers, such as max_pool2d returns"
    check_indices("argmax", argmax, "i", rule)
    if argmax.dtype != np.int64:
        raise TypeError(f"argmax has dtype {argmax.dtype}: the rule is {rule}")
    check_shape("argmax", argmax.shape, shape, "there is one tap for each output pixel")
    if argmax.size and argmax.view(np.uint64).max() >= taps:  # one look at all: as such, what is negative is too large
        raise ValueError(
            f"argmax holds {argmax.min()} to {argmax.max()}: kernel_size={kernel} has taps 0 to {taps - 1}, such as 0"
        )
