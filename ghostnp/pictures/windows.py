"""Windows over numbers: how one output pixel of a convolution is made, and how far DFC attention sees."""

import numpy as np
from matplotlib.patches import Rectangle

from ghostnp import ops
from ghostnp.ops.geometry import sliding_window as resolve
from ghostnp.pictures.style import GRADIENT, INPUT, OUTPUT, TEXT, arrow, sheet

_INK, _PAD = "#111111", "#BBBBBB"


def sliding_window(x, weight, *, stride=1, padding=0, dilation=1, at=(0, 0)):
    """One output pixel of a convolution of one channel, with the numbers in it.

    Parameters
    ----------
    x : array_like, shape (H, W)
        Small: up to 8 by 8 or so is legible.
    weight : array_like, shape (kh, kw)
        The kernel.
    stride, padding, dilation
        As in `ghostnp.ops.standard_conv2d`.
    at : (int, int), default (0, 0)
        Row and column of the output pixel that is worked out.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x, weight = np.atleast_2d(np.asarray(x, float)), np.atleast_2d(np.asarray(weight, float))
    window = resolve(x.shape, weight.shape, stride, padding, dilation)
    y = ops.standard_conv2d(x[None, None], weight[None, None], stride=stride, padding=padding, dilation=dilation)[0, 0]
    if not all(0 <= place < size for place, size in zip(at, y.shape, strict=True)):
        raise ValueError(f"at={at!r}: the rule is a pixel of the output, which is {y.shape[0]}x{y.shape[1]}, "
                         f"such as (0, 0)")  # fmt: skip
    xp = np.pad(x, window.padding)
    widths = [xp.shape[1], weight.shape[1], y.shape[1]]
    figure, grid = sheet(
        1.6 + 0.5 * sum(widths), 0.95 + 0.5 * max(xp.shape[0], y.shape[0]),
        nrows=1, ncols=3, width_ratios=widths, wspace=0.25, bottom=0.16, top=0.88,
    )  # fmt: skip
    panels = [figure.add_subplot(grid[i]) for i in range(3)]
    corner = [place * step for place, step in zip(at, window.stride, strict=True)]
    seen = [[c + k * d for k in range(size)] for c, size, d in zip(corner, weight.shape, window.dilation, strict=True)]
    outside = _padding(xp.shape, window.padding)
    _numbers(panels[0], xp, "x, with its padding" if outside.any() else "x", pale=outside)
    _numbers(panels[1], weight, "kernel")
    _numbers(panels[2], y, "y")
    for h in seen[0]:
        for w in seen[1]:
            panels[0].add_patch(Rectangle((w - 0.5, h - 0.5), 1, 1, facecolor=INPUT, alpha=0.45, edgecolor="none"))
    _frame(panels[0], seen[0][0], seen[1][0], seen[0][-1] - seen[0][0] + 1, seen[1][-1] - seen[1][0] + 1, INPUT)
    _frame(panels[2], at[0], at[1], 1, 1, OUTPUT)
    arrow(figure, panels[0], panels[1], OUTPUT, tail=(1.02, 0.5), head=(-0.06, 0.5))
    arrow(figure, panels[1], panels[2], OUTPUT, tail=(1.06, 0.5), head=(-0.02, 0.5))
    products = [f"{_plain(xp[h, w])}·{_bracket(k)}" for (h, w), k in zip(_places(seen), weight.flat, strict=True)]
    sum_up = f"y[{at[0]}, {at[1]}]  =  {' + '.join(products)}  =  {_plain(y[at])}"
    figure.text(
        0.5, 0.07, sum_up, ha="center", **TEXT | {"fontsize": min(11, 1100 / len(sum_up) * figure.get_figwidth() / 10)}
    )
    return figure


def dfc_reach(height, width, kernel_size, at):
    """What one factor of DFC attention has read: along its row in the first step, then along its column.

    Parameters
    ----------
    height, width : int
        Of the maps that the two long convolutions see.
    kernel_size : int
        K, of the 1xK and the Kx1 convolution; odd.
    at : (int, int)
        Row and column of the factor.

    Returns
    -------
    matplotlib.figure.Figure
    """
    half = kernel_size // 2
    row, column = np.ones((1, 1, 1, kernel_size)), np.ones((1, 1, kernel_size, 1))
    z = np.zeros((1, 1, height, width))
    dy = z.copy()
    dy[0, 0, at[0], at[1]] = 1
    # Whatever the gradient of one factor reaches, the factor has read.
    second = ops.depthwise_conv2d_backward(dy, z, column, padding=(half, 0)).x
    both = ops.depthwise_conv2d_backward(second, z, row, padding=(0, half)).x
    steps = [
        (dy, f"one factor, row {at[0]}, column {at[1]}"),
        (second, f"the {kernel_size}x1 step read\n{_count(second)} places of its column"),
        (both, f"each of which had read a row:\n{_count(both)} places in all"),
        (np.ones_like(z), f"fully connected, K = 2·size − 1:\nall {height * width}"),
    ]
    figure, grid = sheet(11, 3.4, nrows=1, ncols=4, top=0.8, bottom=0.04, wspace=0.12)
    for place, (values, title) in enumerate(steps):
        axes = figure.add_subplot(grid[place])
        _cells(axes, values[0, 0] != 0, title)
        _frame(axes, at[0], at[1], 1, 1, OUTPUT)
    return figure


def _count(values):
    return int((values != 0).sum())


def _cells(axes, chosen, title):
    height, width = chosen.shape
    for h, w in np.ndindex(chosen.shape):
        colour = GRADIENT if chosen[h, w] else "white"
        axes.add_patch(Rectangle((w - 0.5, h - 0.5), 1, 1, facecolor=colour, alpha=0.75, edgecolor=_PAD, linewidth=0.7))
    _blank(axes, height, width)
    axes.set_title(title, **TEXT, pad=6)


def _numbers(axes, values, title, pale=None):
    """A small matrix as squares with numbers in them; those that are `pale` are padding."""
    for (h, w), value in np.ndenumerate(values):
        faint = pale is not None and pale[h, w]
        axes.add_patch(Rectangle((w - 0.5, h - 0.5), 1, 1, facecolor="#F4F4F4" if faint else "white", edgecolor=_PAD,
                                 linewidth=0.8))  # fmt: skip
        axes.text(w, h, _plain(value), ha="center", va="center", fontsize=11, color="#999999" if faint else _INK)
    _blank(axes, *values.shape)
    axes.set_title(title, **TEXT, pad=6)


def _blank(axes, height, width):
    axes.set(xlim=(-0.56, width - 0.44), ylim=(height - 0.44, -0.56), aspect="equal")
    axes.set_axis_off()


def _frame(axes, row, column, height, width, colour):
    corner = (column - 0.5, row - 0.5)
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=2.5, zorder=3))


def _padding(shape, padding):
    outside = np.ones(shape, bool)
    (top, bottom), (left, right) = padding
    outside[top : shape[0] - bottom, left : shape[1] - right] = False
    return outside


def _places(seen):
    return [(h, w) for h in seen[0] for w in seen[1]]


def _plain(value):
    return f"{value:.3g}".replace("-", "−")


def _bracket(value):
    return f"({_plain(value)})" if value < 0 else _plain(value)
