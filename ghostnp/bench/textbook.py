"""Convolutions as teaching code has them: im2col, einsum over windows, loops; and ghostnp's own definitions.

All of it is NumPy, or less. Only the definitions have every operator; only they and im2col have a backward pass.
"""

import math

import numpy as np

from ghostnp import ops
from ghostnp.bench.contenders import Prepared
from ghostnp.bench.ours import prepare_call
from ghostnp.ops.geometry import crop, pad, sliding_window, tap
from ghostnp.ops.vocabulary import operator_named

# Python loops do as many multiply-adds, or one row of the result, and the time of the whole follows from their share.
_LOOPED = 20_000


def prepare(task, variant, threads):
    """Get one call ready; NumPy's threads were set when its process began."""
    if variant == "definitions":
        return prepare_call(task, ops, lambda value: value)
    if operator_named(task.op).family != "convolution" or (task.backward and variant != "im2col"):
        raise NotImplementedError(f"{variant} has no such {'backward pass' if task.backward else 'operator'}")
    arrays, options = task.arrays(), dict(task.options)
    x, weight = arrays["x"], arrays["weight"]
    geometry = {name: options[name] for name in ("stride", "padding", "dilation")}
    window = sliding_window(x.shape[2:], weight.shape[2:], **geometry)
    if variant == "Python loops":
        rows = max(1, min(window.output[0], _LOOPED // (window.output[1] * weight[0].size)))
        share = rows / (len(x) * len(weight) * window.output[0])
        channels = x[0, : weight.shape[1]]
        return Prepared(
            lambda: loops(channels.tolist(), weight[0].tolist(), window, rows),
            lambda y: {"y": np.array([[y]], np.float32)},
            share,
        )
    convolve = {"im2col": im2col, "einsum": einsum}[variant]
    if not task.backward:
        return Prepared(lambda: convolve(x, weight, window), lambda y: {"y": y})
    dy = task.gradient((len(x), len(weight), *window.output))
    return Prepared(
        lambda: im2col_backward(dy, x, weight, window), lambda grads: dict(zip(("x", "weight"), grads, strict=True))
    )


def im2col(x, weight, window):
    """Write what each output pixel sees into a column; all convolutions are then matrix products, one for a group."""
    groups = x.shape[1] // weight.shape[1]
    y = weight.reshape(groups, len(weight) // groups, -1) @ _columns(x, groups, window)
    return y.reshape(len(weight), len(x), *window.output).transpose(1, 0, 2, 3)


def im2col_backward(dy, x, weight, window):
    """The two products' gradients; columns are added back where they were read."""
    groups = x.shape[1] // weight.shape[1]
    filters = weight.reshape(groups, len(weight) // groups, -1)
    dy = dy.transpose(1, 0, 2, 3).reshape(groups, len(weight) // groups, -1)
    dweight = dy @ _columns(x, groups, window).transpose(0, 2, 1)
    dcolumns = (filters.transpose(0, 2, 1) @ dy).reshape(x.shape[1], *window.kernel, len(x), *window.output)
    dxp = pad(np.zeros_like(x), window)
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] += dcolumns[:, u, v].transpose(1, 0, 2, 3)
    return crop(dxp, window), dweight.reshape(weight.shape)


def einsum(x, weight, window):
    """The formula, over a view in which each output pixel has its window."""
    groups = x.shape[1] // weight.shape[1]
    windows = _windows(x, window)
    windows = windows.reshape(len(x), groups, -1, *windows.shape[2:])
    filters = weight.reshape(groups, -1, *weight.shape[1:])
    y = np.einsum("ngchwuv,gocuv->ngohw", windows, filters, optimize=True)
    return y.reshape(len(x), len(weight), *window.output)


def loops(channels, weight, window, rows):
    """One output map as nested lists, its first rows."""
    (top, _), (left, _) = window.padding
    height, width = window.input
    y: list[list[float]] = []
    for i in range(rows):
        y.append([])
        for j in range(window.output[1]):
            total = 0.0
            for c, filtered in enumerate(channels):
                for u in range(window.kernel[0]):
                    for v in range(window.kernel[1]):
                        row = i * window.stride[0] + u * window.dilation[0] - top
                        column = j * window.stride[1] + v * window.dilation[1] - left
                        if 0 <= row < height and 0 <= column < width:
                            total += weight[c][u][v] * filtered[row][column]
            y[-1].append(total)
    return y


def _windows(x, window):
    """A view (N, C, H_out, W_out, kh, kw) of padded `x`."""
    xp = pad(x, window)
    n, c, row, column = xp.strides
    strides = (row * window.stride[0], column * window.stride[1], row * window.dilation[0], column * window.dilation[1])
    shape = (*x.shape[:2], *window.output, *window.kernel)
    return np.lib.stride_tricks.as_strided(xp, shape, (n, c, *strides), writeable=False)


def _columns(x, groups, window):
    taps = x.shape[1] // groups * math.prod(window.kernel)
    return _windows(x, window).transpose(1, 4, 5, 0, 2, 3).reshape(groups, taps, -1)
