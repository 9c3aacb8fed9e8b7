"""Maps on their way through a block: squeeze-and-excitation, a ghost module, DFC attention."""

import numpy as np

from ghostnp.pictures.style import (
    GATE,
    GHOST,
    HEAT,
    INPUT,
    INTRINSIC,
    TEXT,
    arrow,
    plain_axes,
    sheet,
    show,
    show_signed,
)


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
