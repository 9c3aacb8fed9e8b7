"""Maps and photos side by side: of one layer, of a whole network, and what a network answered."""

import numpy as np

from ghostnp.ops.checks import check_images
from ghostnp.pictures.style import GHOST, GRADIENT, HEAT, INPUT, INTRINSIC, OUTPUT, TEXT, plain_axes, sheet, show


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


def input_channels(photo, x):
    """The photo, and the three maps that a network gets: `photo` (H, W, 3), `x` (1, 3, H, W)."""
    figure, grid = sheet(10, 2.9, nrows=1, ncols=4)
    show(figure.add_subplot(grid[0]), photo, "the photo")
    for channel, name in enumerate(("red", "green", "blue")):
        low, high = x[0, channel].min(), x[0, channel].max()
        title = f"{name}: {low:.1f} ... {high:.1f}".replace("-", "−")
        show(figure.add_subplot(grid[channel + 1]), x[0, channel], title, INPUT, limits=(x.min(), x.max()))
    return figure


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


def network_gradient(photo, saliency, blocks, norms):
    """How strongly the loss depends on each pixel, next to the photo; the gradient's norm in each block."""
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


def answer_bars(photo, answers, title=""):
    """Draw what the network saw, and a bar for each of its answers.

    Parameters
    ----------
    photo : ndarray, shape (H, W, 3)
        What the network saw.
    answers : list of (str, float)
        As `ghostnp.classify.classify` gives them.
    title : str, default ""
        Above the bars.

    Returns
    -------
    matplotlib.figure.Figure
    """
    height = max(3.2, 0.4 * len(answers) + 0.6)
    figure, grid = sheet(10, height, nrows=1, ncols=2, width_ratios=[1, 1.7], wspace=0.65, top=1 - 0.35 / height)
    show(figure.add_subplot(grid[0]), photo, "what the network saw")
    axes = plain_axes(figure.add_subplot(grid[1]), title)
    # By place and not by name, and from the bottom up, as matplotlib counts.
    places = range(len(answers))[::-1]
    bars = axes.barh(places, [probability for _, probability in answers], height=0.62, color=INTRINSIC)
    axes.bar_label(bars, [f"{probability:.1%}" for _, probability in answers], padding=5, fontsize=10, color="#222222")
    axes.set(yticks=places, yticklabels=[name for name, _ in answers], xlim=(0, 1.15), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    return figure
