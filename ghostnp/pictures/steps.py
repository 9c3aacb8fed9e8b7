"""What goes through a network, step by step, as maps."""

import numpy as np

from ghostnp.pictures.style import GRADIENT, INPUT, OUTPUT, TEXT, sheet, show_signed

_LEGIBLE = 6  # rows and columns up to which the numbers themselves are written


def intermediates(steps, *, maps=8):
    """Each step a row: what it is, and the maps of the first image (vectors as one row of squares).

    Parameters
    ----------
    steps : sequence of (str, ndarray, bool)
        What to write; maps (N, C, H, W) or vectors (N, C); and whether they are gradients.
    maps : int, default 8
        How many of a step are drawn, at most.

    Returns
    -------
    matplotlib.figure.Figure
    """
    maps = min(maps, max(array.shape[1] if array.ndim == 4 else 4 for _, array, _ in steps))
    height = 1.25 * len(steps)
    figure, grid = sheet(3.4 + 1.2 * maps, height, nrows=len(steps), ncols=maps + 1, width_ratios=[3] + [1] * maps,
                         top=1 - 0.05 / height, bottom=0.05 / height, left=0.01, right=0.99, hspace=0.12)  # fmt: skip
    for row, (label, array, gradient) in enumerate(steps):
        words = figure.add_subplot(grid[row, 0])
        words.set_axis_off()
        words.text(0, 0.5, label, va="center", **TEXT | {"fontsize": 11}, transform=words.transAxes)
        frame = GRADIENT if gradient else OUTPUT if row else INPUT
        if array.ndim == 2:
            show_signed(figure.add_subplot(grid[row, 1:]), array[:1], frame=frame).set_aspect("auto")
            continue
        reach = np.abs(array[0]).max() or 1.0
        for place, channel in enumerate(array[0][:maps]):
            axes = show_signed(figure.add_subplot(grid[row, 1 + place]), channel, frame=frame, reach=reach)
            if max(channel.shape) <= _LEGIBLE:
                _write(axes, channel, reach)
    return figure


def _write(axes, values, reach):
    size = 9 - max(values.shape) / 1.6
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if abs(value) > 0.6 * reach else "#111111"
        digits = f"{value:.0f}" if 100 <= abs(value) < 10_000 else f"{value:.2g}"
        axes.text(column, row, digits.replace("-", "−"), ha="center", va="center", fontsize=size, color=ink)
