"""What layers and networks cost: parameters and multiply-adds as bars, and where a ghost module begins to pay."""

import numpy as np
from matplotlib.ticker import FuncFormatter

from ghostnp.pictures.style import KINDS, OTHER, OUTPUT, TEXT, colour_of, kind_of, plain_axes, sheet

_SHORT = FuncFormatter(lambda value, _: f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k" if value else "0")
# More bars than this cannot be told apart.
_MOST_BARS = 30


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


def network_costs(blocks, shares):
    """Parameters and multiply-adds block by block, stacked by kind: `shares` is {kind: (params, macs)}, lists each."""
    figure, grid = sheet(10, 5.6, nrows=2, ncols=1, left=0.09, right=0.98, bottom=0.13, top=0.93, hspace=0.42)
    for row, title in enumerate(("parameters", "multiply-adds")):
        axes = plain_axes(figure.add_subplot(grid[row]), title)
        bottom = np.zeros(len(blocks))
        for kind, values in shares.items():
            axes.bar(blocks, values[row], bottom=bottom, color=colour_of(kind), width=0.75, label=kind)
            bottom += values[row]
        axes.yaxis.set_major_formatter(_SHORT)
        axes.tick_params(axis="x", length=0, rotation=45, labelsize=9)
        axes.margins(x=0.01)
    figure.axes[0].legend(frameon=False, fontsize=11, ncols=len(shares), loc="upper center")
    return figure


def cost_picture(count):
    """Bars of parameters and multiply-adds for each part of the network, in the colours of the kinds of operators.

    Parameters
    ----------
    count : Count
        With one row for each operator. Parameters that were handed to no operator are left out.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = [row for row in count.rows if (row.params or row.macs) and row.activations]
    names = [_names(rows, depth) for depth in (4, 3, 2, 1, 0)]
    parts = next((chosen for chosen in names if len(set(chosen)) <= _MOST_BARS), names[-1])
    bars = list(dict.fromkeys(parts))
    shares: dict[str, np.ndarray] = {}
    for part, row in zip(parts, rows, strict=True):
        kind = shares.setdefault(kind_of(row.op), np.zeros((2, len(bars))))
        kind[:, bars.index(part)] += row.params, row.macs
    shares = {kind: shares[kind] for kind in (*KINDS, OTHER) if kind in shares}
    figure = network_costs(bars, shares)
    figure.set_size_inches(12, 7)
    # Room for the names of parts below each chart, and for the kinds on its right.
    figure.axes[0].get_gridspec().update(left=0.07, right=0.81, top=0.95, bottom=0.15, hspace=0.62)
    whole = np.maximum(sum(values.sum(axis=1) for values in shares.values()), 1)
    for axes, title, place in zip(figure.axes, ("parameters", "multiply-adds"), (0, 1), strict=True):
        axes.set_title(f"{count.name}: {title}, {int(whole[place]):,}", loc="left")
        labels = [f"{kind} {values[place].sum() / whole[place]:.1%}" for kind, values in shares.items()]
        axes.legend(axes.containers, labels, frameon=False, fontsize=10, loc="upper left", bbox_to_anchor=(1, 1))
        axes.margins(x=0.01, y=0.05)
        axes.set_position(axes.get_subplotspec().get_position(figure))
    return figure


def _names(rows, depth):
    return [".".join(row.path.split(".")[:depth]) or row.op for row in rows]
