"""More pictures of the tour: those of blocks and of the whole network, with the palette of `pictures`."""

import numpy as np
from matplotlib.ticker import FuncFormatter

from ghostnp.pictures.style import (
    GATE,
    GHOST,
    GRADIENT,
    HEAT,
    INPUT,
    INTRINSIC,
    KINDS,
    OUTPUT,
    TEXT,
    arrow,
    plain_axes,
    sheet,
    show,
    show_signed,
)

_SHORT = FuncFormatter(lambda value, _: f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value else "0")


def costs(kinds):
    """Bars of parameters and multiply-adds, from {label: (kind, params, macs)}."""
    figure, grid = sheet(10, 0.5 * len(kinds) + 1.1, nrows=1, ncols=2, left=0.24, wspace=0.3, top=0.86, bottom=0.06)
    labels = list(kinds)[::-1]
    for place, (title, column) in enumerate((("parameters", 1), ("multiply-adds", 2))):
        axes = plain_axes(figure.add_subplot(grid[place]), title)
        values = [kinds[label][column] for label in labels]
        bars = axes.barh(labels if place == 0 else range(len(labels)), values, height=0.62)
        for bar, label in zip(bars, labels, strict=True):
            bar.set_color(KINDS[kinds[label][0]])
        axes.bar_label(bars, [f"{value:,}" for value in values], padding=5, fontsize=10, color="#222222")
        axes.set(xlim=(0, 1.35 * max(values)), xticks=[])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(length=0, labelleft=place == 0)
    return figure


def gates_and_maps(x, gates, y):
    """Squeeze-and-excitation: a bar for each gate, and the two maps kept most and least, before and after."""
    values = gates[0, :, 0, 0]
    order = np.argsort(values)
    figure, grid = sheet(10, 4.6, nrows=2, ncols=5, width_ratios=[2.1, 0.12, 1, 1, 1], left=0.06, bottom=0.12)
    axes = plain_axes(figure.add_subplot(grid[:, 0]), "the gates", x_label="factor", y_label="channel")
    axes.barh(range(1, len(values) + 1), values, color=GATE, height=0.7)
    axes.set(xlim=(0, 1), xticks=[0, 0.5, 1], ylim=(len(values) + 0.6, 0.4), yticks=range(1, len(values) + 1))
    for row, (what, channel) in enumerate((("kept most", order[-1]), ("kept least", order[0]))):
        limits = (0, np.percentile(x[0, channel], 99))
        before = show(figure.add_subplot(grid[row, 2]), x[0, channel], f"channel {channel + 1}", INPUT, limits=limits)
        after = show(figure.add_subplot(grid[row, 4]), y[0, channel], what, GATE, limits=limits)
        middle = figure.add_subplot(grid[row, 3])
        middle.set_axis_off()
        middle.text(0.5, 0.56, f"× {values[channel]:.2f}", ha="center", va="bottom", fontsize=18, color=GATE)
        arrow(figure, before, after, GATE, tail=(1, 0.5), head=(0, 0.5), width=2)
    return figure


def ghosts(names, intrinsic, kernels, ghost_maps):
    """Each intrinsic map, the cheap kernel over it, and its ghost below."""
    columns = 4
    rows = len(names) // columns
    figure, grid = sheet(
        10,
        6.4 * rows,
        nrows=4 * rows,
        ncols=columns,
        height_ratios=[3, 0.9, 3, 0.3] * rows,
        top=0.97,
        bottom=0,
        hspace=0.16,
    )
    for c, (mix, cheap) in enumerate(names):
        row, column = 4 * (c // columns), c % columns
        above = show(figure.add_subplot(grid[row, column]), intrinsic[0, c], mix, INTRINSIC)
        kernel = show_signed(figure.add_subplot(grid[row + 1, column]), kernels[c, 0], reach=np.abs(kernels).max())
        below = show(figure.add_subplot(grid[row + 2, column]), ghost_maps[0, c], frame=GHOST)
        below.set_xlabel(cheap, **TEXT)
        arrow(figure, above, kernel, GHOST)
        arrow(figure, kernel, below, GHOST)
    return figure


def break_even(channels, weights, marked, meet):
    """Weights against input channels, from {label: (kind, values)}; one example is marked, and where the lines meet."""
    figure, grid = sheet(9, 3.6, nrows=1, ncols=1, left=0.09, right=0.84, bottom=0.17, top=0.96)
    axes = plain_axes(figure.add_subplot(grid[0]), "", x_label="input channels", y_label="weights for 64 maps")
    at = list(channels).index(marked)
    highest = max(values[at] for _, values in weights.values())
    for label, (kind, values) in weights.items():
        axes.plot(channels, values, color=KINDS[kind], linewidth=2.5)
        axes.text(channels[-1] + 0.5, values[-1], label, color=KINDS[kind], va="center", fontsize=11)
        axes.plot(marked, values[at], "o", color=KINDS[kind], markersize=7)
        place = {"xytext": (0, 9), "ha": "center"} if values[at] == highest else {"xytext": (9, -9), "ha": "left"}
        axes.annotate(f"{values[at]:,}", (marked, values[at]), textcoords="offset points", **place, **TEXT)
    axes.set(xlim=(0, channels[-1]), ylim=(0, None), xticks=[marked, meet, 16, 24, channels[-1]])
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.axvline(meet, color="#999999", linewidth=1, linestyle=":")
    return figure


def attention(photo, factors, reach):
    """The factors (1, C, h, w) of two channels as heat over the photo, and what one factor has read."""
    widths = [1, 1, 1, 0.05, 0.13, 1]
    figure, grid = sheet(10, 2.75, nrows=1, ncols=6, width_ratios=widths, top=0.87, bottom=0.05)
    show(figure.add_subplot(grid[0]), photo, "the photo")
    for place, channel in enumerate(_unlike(factors)):
        axes = figure.add_subplot(grid[1 + place])
        _over(axes, photo, factors[0, channel], f"attention, channel {channel + 1}")
    figure.colorbar(axes.images[-1], cax=figure.add_subplot(grid[3]), ticks=[0, 0.5, 1]).ax.tick_params(labelsize=9)
    _over(figure.add_subplot(grid[5]), photo, reach, "read by one factor", limits=(0, reach.max()))
    return figure


def _unlike(factors):
    """The channel that varies most, and the one least like it."""
    deviations = factors[0] - factors[0].mean(axis=(1, 2), keepdims=True)
    strongest = int((deviations**2).sum(axis=(1, 2)).argmax())
    return strongest, int((deviations * deviations[strongest]).sum(axis=(1, 2)).argmin())


def _over(axes, photo, heat, title, limits=(0, 1)):
    extent = (0, photo.shape[1], photo.shape[0], 0)
    show(axes, photo.mean(axis=2), title, limits=(0, 1), extent=extent)
    axes.imshow(heat, cmap=HEAT, alpha=0.62, vmin=limits[0], vmax=limits[1], extent=extent, interpolation="nearest")


def network_maps(stages):
    """Five maps of each stage, from [(label, maps)], all drawn to the same size."""
    figure, grid = sheet(
        10,
        1.75 * len(stages),
        nrows=len(stages),
        ncols=6,
        width_ratios=[0.7] + [1] * 5,
        top=0.99,
        bottom=0.01,
        hspace=0.08,
    )
    for row, (label, maps) in enumerate(stages):
        words = figure.add_subplot(grid[row, 0])
        words.set_axis_off()
        words.text(0, 0.5, label, va="center", **TEXT, transform=words.transAxes)
        for column, channel in enumerate(np.linspace(0, maps.shape[1] - 1, 5).astype(int)):
            axes = figure.add_subplot(grid[row, 1 + column])
            show(axes, maps[0, channel], frame=OUTPUT, interpolation="nearest")
    return figure


def network_costs(blocks, shares):
    """Parameters and multiply-adds block by block, stacked by kind: `shares` is {kind: (params, macs)}, lists each."""
    figure, grid = sheet(10, 5.6, nrows=2, ncols=1, left=0.09, right=0.98, bottom=0.13, top=0.93, hspace=0.42)
    for row, title in enumerate(("parameters", "multiply-adds")):
        axes = plain_axes(figure.add_subplot(grid[row]), title)
        bottom = np.zeros(len(blocks))
        for kind, values in shares.items():
            axes.bar(blocks, values[row], bottom=bottom, color=KINDS[kind], width=0.75, label=kind)
            bottom += values[row]
        axes.yaxis.set_major_formatter(_SHORT)
        axes.tick_params(axis="x", length=0, rotation=45, labelsize=9)
        axes.margins(x=0.01)
    figure.axes[0].legend(frameon=False, fontsize=11, ncols=len(shares), loc="upper center")
    return figure


def network_gradient(photo, saliency, blocks, norms):
    """How strongly the loss depends on each pixel, beside the photo; the gradient's norm in each block."""
    figure, grid = sheet(9, 7.2, nrows=2, ncols=2, height_ratios=[2, 1], left=0.07, top=0.95, bottom=0.1, wspace=0.05)
    show(figure.add_subplot(grid[0, 0]), photo, "the photo")
    title = "|dx|: how much the loss feels each pixel"
    show(
        figure.add_subplot(grid[0, 1]), saliency, title, GRADIENT, cmap=HEAT, limits=(0, np.percentile(saliency, 99.5))
    )
    axes = plain_axes(figure.add_subplot(grid[1, :]), "norm of the gradient, block by block")
    axes.bar(blocks, norms, color=GRADIENT, width=0.75)
    axes.tick_params(axis="x", length=0, rotation=45, labelsize=9)
    axes.margins(x=0.01)
    return figure
