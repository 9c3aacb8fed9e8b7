"""Who reads whom: the connections between input and output channels, and where a shuffle takes each channel."""

import numpy as np
from matplotlib.patches import Rectangle

from ghostnp import ops
from ghostnp.ops.checks import check_divides, check_groups
from ghostnp.pictures.style import GROUPS, KINDS, TEXT, sheet


def connectivity(channels=6, groups=3):
    """Which input channels each output channel reads, for the four kinds of convolution, and the size of a window.

    Parameters
    ----------
    channels : int, default 6
        In and out.
    groups : int, default 3
        Of the grouped one.

    Returns
    -------
    matplotlib.figure.Figure
    """
    check_groups(groups, channels, channels)
    kinds = [("standard", 1, 3), ("grouped", groups, 3), ("depthwise", channels, 3), ("pointwise", 1, 1)]
    figure, grid = sheet(11, 3.5, nrows=1, ncols=4, top=0.8, bottom=0.12, wspace=0.25, left=0.05)
    for place, (kind, parts, kernel) in enumerate(kinds):
        axes = figure.add_subplot(grid[place])
        cost = ops.conv2d_cost((1, channels, 8, 8), (channels, channels // parts, kernel, kernel), groups=parts,
                               padding=kernel // 2)  # fmt: skip
        _matrix(axes, channels, parts, kernel, KINDS[kind])
        label = f"{kind}, {parts} groups" if kind == "grouped" else kind
        axes.set_title(f"{label}\n{cost.params} weights", **TEXT, pad=6)
        axes.set_xlabel("input channel", **TEXT | {"fontsize": 10})
        if place == 0:
            axes.set_ylabel("output channel", **TEXT | {"fontsize": 10})
    return figure


def _matrix(axes, channels, groups, kernel, colour):
    """A square for each pair of channels; where the output reads the input, the kernel's taps are drawn in it."""
    size = channels // groups
    for o, i in np.ndindex(channels, channels):
        axes.add_patch(Rectangle((i, o), 1, 1, facecolor="white", edgecolor="#DDDDDD", linewidth=0.8))
        if o // size != i // size:
            continue
        for u, v in np.ndindex(kernel, kernel):
            step = 0.84 / 3
            corner = (i + 0.08 + (v + (3 - kernel) / 2) * step, o + 0.08 + (u + (3 - kernel) / 2) * step)
            axes.add_patch(Rectangle(corner, 0.8 * step, 0.8 * step, facecolor=colour, edgecolor="none"))
    axes.set(xlim=(-0.05, channels + 0.05), ylim=(channels + 0.05, -0.05), aspect="equal")
    ticks = np.arange(channels) + 0.5
    axes.set_xticks(ticks, range(1, channels + 1), fontsize=9)
    axes.set_yticks(ticks, range(1, channels + 1), fontsize=9)
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)


def shuffle_wiring(channels, groups):
    """Where a channel shuffle takes each channel.

    Parameters
    ----------
    channels : int
        C; up to 24 or so is legible.
    groups : int
        g, which divides C.

    Returns
    -------
    matplotlib.figure.Figure
    """
    check_divides("groups", groups, "channels", channels)
    source = (
        ops.channel_shuffle(np.arange(channels, dtype=float).reshape(1, channels, 1, 1), groups).ravel().astype(int)
    )
    figure, grid = sheet(max(6.0, 0.62 * channels), 3.0, nrows=1, ncols=1, left=0.02, right=0.98, top=0.97, bottom=0.03)
    axes = figure.add_subplot(grid[0])
    size = channels // groups
    for place, channel in enumerate(source):
        colour = GROUPS[channel // size % len(GROUPS)]
        axes.plot([channel, place], [0.86, 0.14], color=colour, linewidth=2.2, solid_capstyle="round")
        for x, y, number in ((channel, 1, channel), (place, 0, channel)):
            axes.add_patch(
                Rectangle((x - 0.4, y - 0.13), 0.8, 0.26, facecolor=colour, edgecolor="white", linewidth=1.5)
            )
            axes.text(x, y, f"{number // size + 1}.{number % size + 1}", ha="center", va="center", fontsize=11,
                      color="white", weight="bold")  # fmt: skip
    for g in range(groups):
        middle = (g + 0.5) * size - 0.5
        axes.text(middle, 1.22, f"group {g + 1}", ha="center", va="bottom", **TEXT)
        axes.text(middle, -0.22, f"next group {g + 1}", ha="center", va="top", **TEXT)
        for level in (1.18, -0.18):
            axes.plot([g * size - 0.4, (g + 1) * size - 0.6], [level, level], color="#999999", linewidth=1.2)
    axes.set(xlim=(-0.7, channels - 0.3), ylim=(-0.42, 1.42))
    axes.set_axis_off()
    return figure
