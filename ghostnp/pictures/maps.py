"""Maps side by side, costs as bars, and speed under its roof."""

import numpy as np

from ghostnp.ops.checks import check_images
from ghostnp.pictures.style import GHOST, INTRINSIC, KINDS, OUTPUT, TEXT, plain_axes, sheet, show


def feature_maps(maps, *, columns=8, limit=32, pairs=()):
    """Maps of one image in a grid, each on its own scale of grey.

    Parameters
    ----------
    maps : ndarray, shape (N, C, H, W)
        Of the first image.
    columns : int, default 8
        Maps in a row.
    limit : int, default 32
        How many are drawn.
    pairs : sequence of (int, int), default ()
        Maps that resemble each other: the first gets a blue frame (intrinsic), the second an orange one (ghost).

    Returns
    -------
    matplotlib.figure.Figure
    """
    check_images("maps", maps.shape)
    count = min(limit, maps.shape[1])
    rows = -(-count // columns)
    figure, grid = sheet(
        1.25 * columns, 1.42 * rows, nrows=rows, ncols=columns, top=1 - 0.26 / (1.42 * rows), bottom=0.02, hspace=0.3
    )
    frames = {first: INTRINSIC for first, _ in pairs} | {second: GHOST for _, second in pairs}
    for channel in range(count):
        axes = figure.add_subplot(grid[channel // columns, channel % columns])
        show(axes, maps[0, channel], str(channel), frames.get(channel), size=9, interpolation="nearest")
    return figure


def cost_bars(costs, *, title=""):
    """Parameters and multiply-adds as bars, side by side.

    Parameters
    ----------
    costs : dict
        {label: (params, macs)} or {label: (params, macs, kind)}; a kind of convolution gives the bar its colour.
    title : str, default ""
        Above the left chart.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, grid = sheet(10, 0.9 + 0.42 * len(costs), nrows=1, ncols=2, left=0.21, right=0.95, wspace=0.14, bottom=0.06,
                         top=1 - 0.5 / (0.9 + 0.42 * len(costs)))  # fmt: skip
    for place, what in enumerate(("parameters", "multiply-adds")):
        axes = plain_axes(figure.add_subplot(grid[place]), f"{title}: {what}" if title and not place else what)
        values = [int(entry[place]) for entry in costs.values()]
        colours = [KINDS[entry[2]] if len(entry) > 2 else OUTPUT for entry in costs.values()]
        axes.barh(range(len(values)), values, color=colours, height=0.68)
        for row, value in enumerate(values):
            axes.text(value + max(values) * 0.015, row, f"{value:,}", va="center", **TEXT | {"fontsize": 10})
        axes.set_yticks(range(len(values)), costs if place == 0 else [""] * len(values), fontsize=10.5)
        axes.set(xlim=(0, max(values) * 1.28), ylim=(len(values) - 0.4, -0.6), xticks=[])
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    return figure


def roofline(points, *, peak, bandwidth):
    """How fast each operator ran, under the roof that arithmetic and memory put over it.

    Parameters
    ----------
    points : dict
        {label: (intensity, speed)} or with a kind of convolution as a third entry: multiply-adds for each byte moved,
        and multiply-adds a second.
    peak : float
        Multiply-adds a second that the arithmetic units reach.
    bandwidth : float
        Bytes a second that memory delivers.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, grid = sheet(9, 4.8, nrows=1, ncols=1, left=0.1, right=0.97, bottom=0.13, top=0.93)
    axes = plain_axes(figure.add_subplot(grid[0]), "", x_label="multiply-adds for each byte moved",
                      y_label="billion multiply-adds a second")  # fmt: skip
    places = np.array([entry[0] for entry in points.values()])
    edge = np.geomspace(min(places.min(), peak / bandwidth) / 2, max(places.max(), peak / bandwidth) * 2, 200)
    axes.plot(edge, np.minimum(peak, edge * bandwidth) / 1e9, color="#333333", linewidth=2)
    for label, (intensity, speed, *kind) in points.items():
        colour = KINDS[kind[0]] if kind else OUTPUT
        axes.plot(intensity, speed / 1e9, "o", color=colour, markersize=8)
        axes.annotate(
            label, (intensity, speed / 1e9), textcoords="offset points", xytext=(8, -4), **TEXT | {"fontsize": 9.5}
        )
    middle = peak / bandwidth
    axes.annotate("memory is the limit", (middle / 2.2, peak / 2.2e9), rotation=0, ha="right", va="bottom", **TEXT)
    axes.annotate("arithmetic is the limit", (middle * 1.15, peak * 1.04 / 1e9), ha="left", va="bottom", **TEXT)
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    return figure
