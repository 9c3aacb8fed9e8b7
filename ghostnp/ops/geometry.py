"""Where a sliding window goes: padding, output sizes, and the pixels that each tap of a kernel reads.

Along one axis, with kernel size k, stride s, dilation d and padding (before, after), output pixel i at tap u reads

    padded pixel  i·s + u·d        of        before + input + after        padded pixels,

so the last window that still fits gives

    output = ⌊(before + input + after − (k − 1)·d − 1) / s⌋ + 1.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ghostnp.ops.checks import (
    ABSENT,
    check_arrays,
    check_axes,
    check_gradient,
    check_groups,
    check_images,
    check_input_channels,
    check_room,
    check_shape,
    integer,
    pair,
    shown,
)

# Stands for as many groups as there are input channels: no value that a caller could write.
EACH_CHANNEL = object()


class Window(NamedTuple):
    """A sliding window over the rows and columns of a map; every field is a (rows, columns) pair.

    Parameters
    ----------
    kernel, stride, dilation : (int, int)
        In pixels.
    padding : ((int, int), (int, int))
        ((top, bottom), (left, right)) pixels around the input.
    input, output : (int, int)
        Height and width before and after.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]
    input: tuple[int, int]
    output: tuple[int, int]


def sliding_window(size, kernel, stride, padding, dilation=1):
    """Resolve what a caller may write into a `Window`, or say what is wrong with it.

    Parameters
    ----------
    size : (int, int)
        Height and width of the input.
    kernel, stride, dilation : int or (int, int)
        An int stands for both axes.
    padding : int, (int, int), ((int, int), (int, int)) or "same"
        ``p``, ``(rows, columns)``, ``((top, bottom), (left, right))``, or TensorFlow's rule: output = ⌈input / stride⌉,
        and where the padding it takes is odd, the extra pixel goes to the bottom and to the right.

    Returns
    -------
    Window

    Raises
    ------
    TypeError, ValueError
        If an argument is no such value, or the output would be smaller than 1x1.
    """
    kernel = pair("kernel_size", kernel, 1)
    stride = pair("stride", stride, 1)
    dilation = pair("dilation", dilation, 1)
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    padding = plain_padding(padding)
    if isinstance(padding, str):
        padding = _same(padding, size, reach, stride)
    output = tuple(
        (before + length + after - r) // s + 1
        for length, (before, after), r, s in zip(size, padding, reach, stride, strict=True)
    )
    if min(output) < 1:
        needed = tuple(max(0, r - sum(p)) for r, p in zip(reach, padding, strict=True))
        dilated = f" with dilation={dilation}" if dilation != (1, 1) else ""
        raise ValueError(
            f"the output would be {output[0]}x{output[1]}: kernel_size={kernel}{dilated} covers "
            f"{reach[0]}x{reach[1]} pixels, the input has {size[0]}x{size[1]} and padding={padding}; with this padding "
            f"an input of {needed[0]}x{needed[1]} or larger would do, and padding='same' always does"
        )
    return Window(kernel, stride, dilation, padding, tuple(size), output)


def _same(word, size, reach, stride):
    if word != "same":
        raise ValueError(
            f"padding={shown(word)}: the rule is an int, a pair, ((top, bottom), (left, right)) or 'same', such as 0, "
            "which other libraries call 'valid'"
        )
    total = (max(0, (-(-n // s) - 1) * s + r - n) for n, r, s in zip(size, reach, stride, strict=True))
    return tuple((t // 2, t - t // 2) for t in total)


def plain_padding(padding):
    """`padding` as ((top, bottom), (left, right)), unless it is a word."""
    if isinstance(padding, str):
        return padding
    if isinstance(padding, tuple | list) and [isinstance(sides, tuple | list) for sides in padding] == [True, True]:
        return tuple(pair(f"padding[{axis}]", sides, 0) for axis, sides in enumerate(padding))
    rows, columns = pair("padding", padding, 0)
    return ((rows, rows), (columns, columns))


def check_padded_room(x_shape, window, dtype):
    """Require that the padded maps fit into the machine's memory."""
    around = (length + sum(sides) for length, sides in zip(window.input, window.padding, strict=True))
    check_room(f"padding={window.padding}", "the padded maps,", (*x_shape[:2], *around), dtype)


def pad(x, window, value=0):
    """Surround each map of `x` (N, C, H, W) with the window's padding."""
    return np.pad(x, ((0, 0), (0, 0), *window.padding), constant_values=value)


def crop(xp, window):
    """Undo `pad`: the view of `xp` without its border."""
    (top, _), (left, _) = window.padding
    height, width = window.input
    return xp[:, :, top : top + height, left : left + width]


def tap(xp, u, v, window):
    """View the pixels of a padded `xp` that tap (u, v) of the kernel reads: one for every output pixel.

    Forward reads this view and backward adds into it, which is why the two passes look alike.
    """
    rows, columns = (
        slice(t * d, t * d + (o - 1) * s + 1, s)
        for t, d, o, s in zip((u, v), window.dilation, window.output, window.stride, strict=True)
    )
    return xp[:, :, rows, columns]


def conv2d_window(x_shape, weight_shape, bias_shape=None, *, groups=1, stride=1, padding=0, dilation=1):
    """Check the shapes of a convolution and resolve its window.

    Parameters
    ----------
    x_shape : tuple of int
        (N, C_in, H, W).
    weight_shape : tuple of int
        (C_out, C_in / groups, kh, kw).
    bias_shape : tuple of int, optional
        (C_out,).
    groups : int or EACH_CHANNEL
        `EACH_CHANNEL` makes every input channel a group of its own, as in a depthwise convolution.
    stride, padding, dilation
        As in `sliding_window`.

    Returns
    -------
    Window

    Raises
    ------
    TypeError, ValueError
        If a shape, the groups or the window do not fit.
    """
    check_images("x", x_shape)
    check_axes("weight", weight_shape, "C_out C_in/groups kh kw")
    in_channels, out_channels = x_shape[1], weight_shape[0]
    if groups is EACH_CHANNEL:
        check_depthwise_weight("weight", weight_shape, in_channels)
    else:
        groups = integer("groups", groups, 1)
        if out_channels % groups == 0:  # such a weight there is, so that it is x which does not fit it
            name = "weight" if groups == 1 else f"groups={groups} with weight"
            check_input_channels(x_shape, name, weight_shape, groups * weight_shape[1])
        check_groups(groups, in_channels, out_channels)
    if bias_shape is not None:
        check_shape("bias", bias_shape, (out_channels,), "there is one bias for each output channel")
    return sliding_window(x_shape[2:], weight_shape[2:], stride, padding, dilation)


def check_depthwise_weight(name, shape, in_channels):
    """Require filters of shape (m·C_in, 1, kh, kw)."""
    if shape[0] % in_channels:
        raise ValueError(
            f"{name} has shape {shape}: out_channels={shape[0]} must be a multiple of in_channels={in_channels} in a "
            f"depthwise convolution, such as {in_channels} or {2 * in_channels}"
        )
    check_shape(name, shape, (shape[0], 1, *shape[2:]), "a filter sees one channel")


# A network asks about the same few layers at every step, and an answer takes as long as a small convolution.
@lru_cache(maxsize=1024)
def _remembered_window(x_shape, weight_shape, bias_shape, dtype, groups, stride, padding, dilation):
    geometry = {"groups": groups, "stride": stride, "padding": padding, "dilation": dilation}
    window = conv2d_window(x_shape, weight_shape, bias_shape, **geometry)
    check_padded_room(x_shape, window, dtype)
    return window


def check_conv2d(x, weight, bias=None, *, dy=ABSENT, groups=1, stride=1, padding=0, dilation=1):
    """Check the arrays of a convolution (with `dy`: of its backward pass) and resolve its window.

    Parameters
    ----------
    x, weight, bias, dy : ndarray
        As the operator got them; `bias` and `dy` may be absent.
    groups, stride, padding, dilation
        As in `conv2d_window`.

    Returns
    -------
    Window

    Raises
    ------
    TypeError, ValueError
        If dtypes, shapes, groups or the window do not fit.
    """
    check_arrays(x=x, weight=weight, bias=ABSENT if bias is None else bias)
    window = _remembered_window(
        x.shape,
        weight.shape,
        None if bias is None else bias.shape,
        x.dtype,
        # As plain integers, for True, 1.0 and 1 would be remembered as one and the same.
        groups if groups is EACH_CHANNEL or type(groups) is int else integer("groups", groups, 1),
        stride if type(stride) is int else pair("stride", stride, 1),
        padding if type(padding) is int else plain_padding(padding),
        dilation if type(dilation) is int else pair("dilation", dilation, 1),
    )
    if dy is not ABSENT:
        check_gradient(dy, (len(x), len(weight), *window.output), x)
    return window
