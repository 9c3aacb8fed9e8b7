"""Maps on their way through a convolution of each kind, and through a channel shuffle."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ghostnp.pictures.style import (
    GHOST,
    GRADIENT,
    GROUPS,
    INPUT,
    INTRINSIC,
    OUTPUT,
    TEXT,
    arrow,
    plain_axes,
    sheet,
    show,
    show_signed,
    write_numbers,
)


def filters_and_maps(names, weight, y):
    """Each filter (C_out, 3, 3, 3), its three kernels side by side, above the map that it makes."""
    rows = -(-len(names) // 3)
    heights = [1, 3.2, 0.3] * rows
    figure, grid = sheet(
        10, 4.75 * rows, nrows=3 * rows, ncols=3, height_ratios=heights, top=0.96, bottom=0, hspace=0.16
    )
    reach = np.abs(weight).max()
    gap = np.full((3, 1), np.nan)
    for o, name in enumerate(names):
        row, column = 3 * (o // 3), o % 3
        strip = np.hstack([part for kernel in weight[o] for part in (kernel, gap)][:-1])
        kernels = show_signed(figure.add_subplot(grid[row, column]), strip, f"{o + 1}. {name}", reach=reach)
        kernels.set_xticks([1, 5, 9], ["red", "green", "blue"], fontsize=9, color="#555555")
        kernels.tick_params(length=0, pad=2)
        show(figure.add_subplot(grid[row + 1, column]), y[0, o], frame=OUTPUT)
    return figure


def one_pixel_backward(dy, dx, x, dweight):
    """The gradient of one output pixel: the squares of `dy`, `dx` and `x` around it, and `dweight` (3, 3)."""
    figure, grid = sheet(10, 2.95, nrows=1, ncols=4, top=0.86, wspace=0.1)
    middle = len(x) // 2
    first = (middle - 1, middle - 1)
    window = (slice(middle - 1, middle + 2),) * 2
    panels = [
        (dy, "dy: one pixel of map 1", OUTPUT, dy[window], first),
        (dx, "dx: the filter lands here", GRADIENT, dx[window], first),
        (x, "x: what the window saw", INPUT, x[window], first),
        (dweight, "dw: that window again", GRADIENT, dweight, (0, 0)),
    ]
    for place, (values, title, frame, numbers, at) in enumerate(panels):
        axes = show_signed(figure.add_subplot(grid[place]), values, title, frame)
        write_numbers(axes, numbers, np.abs(values).max(), at)
        if place < 3:
            corner = (middle - 1.5, middle - 1.5)
            axes.add_patch(Rectangle(corner, 3, 3, fill=False, edgecolor="#111111", linewidth=1.5))
    return figure


def grouped_maps(x, y, groups):
    """Each group's input maps, and the output maps made from them alone; who reads whom, as a matrix."""
    ins, outs = x.shape[1] // groups, y.shape[1] // groups
    widths = [1] * ins + [0.25] + [1] * outs + [0.2, 1.5]
    figure, grid = sheet(12, 1.65 * groups + 0.3, nrows=groups, ncols=len(widths), width_ratios=widths, hspace=0.18)
    for g, colour in zip(range(groups), GROUPS, strict=True):
        first = [show(figure.add_subplot(grid[g, i]), x[0, g * ins + i], frame=colour) for i in range(ins)]
        then = [show(figure.add_subplot(grid[g, ins + 1 + o]), y[0, g * outs + o], frame=colour) for o in range(outs)]
        arrow(figure, first[-1], then[0], colour, tail=(1, 0.5), head=(0, 0.5), width=2)
        first[0].set_title(f"group {g + 1} reads", **TEXT, loc="left", pad=4)
        then[0].set_title("... and makes", **TEXT, loc="left", pad=4)
    _wiring(figure.add_subplot(grid[:, -1]), groups, ins, outs)
    return figure


def _wiring(axes, groups, ins, outs):
    for g, colour in zip(range(groups), GROUPS, strict=True):
        for i, o in np.ndindex(ins, outs):
            axes.add_patch(Rectangle((g * ins + i, g * outs + o), 1, 1, color=colour, linewidth=0))
    axes.set(xlim=(0, groups * ins), ylim=(groups * outs, 0), xticks=range(groups * ins + 1), aspect="equal")
    axes.set(yticks=range(groups * outs + 1), xticklabels=[], yticklabels=[])
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.tick_params(length=0)
    axes.set_title("who reads whom", **TEXT, pad=4)
    axes.set_xlabel("input channel", **TEXT)
    axes.set_ylabel("output channel", **TEXT)


def shuffled(before, after, groups):
    """All channels in a row before and after the shuffle, and a line along which each one moves."""
    channels = before.shape[1]
    size = channels // groups
    figure, grid = sheet(12, 4.1, nrows=2, ncols=channels, hspace=0.75, top=0.93, bottom=0.14, wspace=0.1)
    upper, lower = [], []
    for c in range(channels):
        colour, label = GROUPS[c // size], f"{c // size + 1}.{c % size + 1}"
        upper.append(show(figure.add_subplot(grid[0, c]), before[0, c], label, colour))
        # The definition once more, y[p·g + q] = x[q·(C/g) + p]: here column c shows what the shuffle put there.
        p, q = divmod(c, groups)
        axes = show(figure.add_subplot(grid[1, c]), after[0, c], frame=GROUPS[q])
        axes.set_xlabel(f"{q + 1}.{p + 1}", **TEXT)
        lower.append(axes)
    for g in range(groups):
        left, right = lower[g * size].get_position().x0, lower[(g + 1) * size - 1].get_position().x1
        figure.add_artist(Line2D([left, right], [0.085, 0.085], color=OUTPUT, linewidth=1.5))
        figure.text((left + right) / 2, 0.02, f"read by the next layer's group {g + 1}", ha="center", **TEXT)
    for c in range(channels):
        q, p = divmod(c, size)
        arrow(figure, upper[c], lower[p * groups + q], GROUPS[q], width=2)
    return figure


def each_channel_alone(names, x, weight, y):
    """A depthwise convolution, one column a channel: its map, its only kernel, what comes out."""
    figure, grid = sheet(9, 7.2, nrows=3, ncols=len(names), height_ratios=[3, 1.1, 3], hspace=0.28, top=0.95)
    for c, (name, channel) in enumerate(zip(names, ("red", "green", "blue"), strict=True)):
        above = show(figure.add_subplot(grid[0, c]), x[0, c], channel, INPUT)
        kernel = show_signed(figure.add_subplot(grid[1, c]), weight[c, 0], reach=np.abs(weight).max())
        kernel.set_ylabel(name.replace(" to", "\nto"), **TEXT, rotation=0, ha="right", va="center", labelpad=8)
        below = show(figure.add_subplot(grid[2, c]), y[0, c], frame=GHOST)
        arrow(figure, above, kernel, OUTPUT)
        arrow(figure, kernel, below, OUTPUT)
    return figure


def colour_mixes(names, weight, y):
    """A pointwise convolution: the weights with which red, green and blue are mixed, above the mixture."""
    figure, grid = sheet(10, 4.0, nrows=2, ncols=len(names), height_ratios=[1, 2.2], hspace=0.22, left=0.05)
    reach = 1.15 * np.abs(weight).max()
    for o, name in enumerate(names):
        bars = figure.add_subplot(grid[0, o])
        bars.bar(["R", "G", "B"], weight[o, :, 0, 0], color=INPUT, width=0.6)
        bars.axhline(0, color="#333333", linewidth=0.8)
        plain_axes(bars, name)
        bars.set(ylim=(-reach, reach), yticks=[-1, 0, 1] if o == 0 else [])
        bars.spines[["bottom", "left"]].set_visible(False)
        bars.tick_params(length=0)
        show(figure.add_subplot(grid[1, o]), y[0, o], frame=INTRINSIC)
    return figure
