"""How fast something ran: under the roof of the machine, and against its peers."""

import numpy as np

from ghostnp.pictures.style import KINDS, OTHER, OUTPUT, TEXT, colour_of, kind_of, plain_axes, sheet

# Okabe and Ito's colours.
_PEER_COLOURS = ("#D55E00", "#E69F00", "#0072B2", "#009E73", "#56B4E9", "#CC79A7", "#4D4D4D")
_PASSES = {"forward": "o", "backward": "^"}


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
    _roof(axes, peak, bandwidth, (min(places.min(), peak / bandwidth) / 2, max(places.max(), peak / bandwidth) * 2))
    for label, (intensity, speed, *kind) in points.items():
        colour = KINDS[kind[0]] if kind else OUTPUT
        axes.plot(intensity, speed / 1e9, "o", color=colour, markersize=8)
        axes.annotate(
            label, (intensity, speed / 1e9), textcoords="offset points", xytext=(8, -4), **TEXT | {"fontsize": 9.5}
        )
    middle = peak / bandwidth
    axes.annotate("memory is the limit", (middle / 2.2, peak / 2.2e9), rotation=0, ha="right", va="bottom", **TEXT)
    axes.annotate("arithmetic is the limit", (middle * 1.15, peak * 1.04 / 1e9), ha="left", va="bottom", **TEXT)
    return figure


def measured_speeds(ratios, operators, *, peers, peak=None, bandwidth=None, title=""):
    """What a bench measured: a dot for each ratio, with its quartiles, and operators under the roof of the machine.

    Parameters
    ----------
    ratios : sequence of (str, dict)
        A line each: what was measured, and by peer the ratio of our time to the peer's and its two quartiles,
        ``{"PyTorch": (0.5, (0.4, 0.6))}``.
    operators : sequence of (str, str, float, float)
        Name, pass ("forward" or "backward"), floating-point operations for each byte moved, and those in a second.
    peers : sequence of str
        All peers that there could be: a peer's colour is that of its place.
    peak, bandwidth : float, optional
        Floating-point operations and bytes in a second that the machine is able to; needed for operators.
    title : str, default ""
        Above all of it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = bool(ratios or not operators) + bool(operators)
    width, height = 11 * count, max(0.24 * len(ratios) + 1.8, 6 if operators else 2)
    # Inches for the names of lines, for titles and for what stands below an axis.
    left, above, below = 4.6 if ratios else 0.8, 0.8, 0.7
    edges = {"left": left / width, "right": 1 - 0.3 / width, "top": 1 - above / height, "bottom": below / height}
    figure, grid = sheet(width, height, nrows=1, ncols=count, wspace=0.12, **edges)
    if ratios or not operators:
        _draw_ratios(figure.add_subplot(grid[0]), ratios, dict(zip(peers, _PEER_COLOURS, strict=False)))
    if operators:
        _draw_operators(figure.add_subplot(grid[-1]), operators, peak, bandwidth)
    figure.suptitle(title, **TEXT | {"fontsize": 10})
    return figure


def _draw_ratios(axes, ratios, colours):
    plain_axes(axes, "ghostnp / peer: left of the line ghostnp is faster, or takes less memory")
    places = np.arange(len(ratios))[::-1]
    for peer, colour in colours.items():
        drawn = [(place, found[peer]) for place, (_, found) in zip(places, ratios, strict=True) if peer in found]
        if drawn:
            axes.plot([ratio for _, (ratio, _) in drawn], [place for place, _ in drawn], "o", color=colour, label=peer)
            for place, (_, quartiles) in drawn:
                axes.plot(quartiles, [place, place], color=colour, linewidth=2, alpha=0.6)
    axes.axvline(1, color="#222222", linewidth=1)
    axes.set(xscale="log", ylim=(-1, len(ratios)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_yticks(places, [label for label, _ in ratios])
    axes.tick_params(labelsize=8, which="both", colors="#333333")
    axes.grid(axis="x", alpha=0.3, which="both")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, framealpha=0.9)


def _draw_operators(axes, operators, peak, bandwidth):
    labels = {"x_label": "floating-point operations for each byte moved", "y_label": "GFLOP/s"}
    plain_axes(axes, "operators under the roof of this machine", **labels)
    for kind in (*KINDS, OTHER):
        for way, marker in _PASSES.items():
            drawn = [row for row in operators if row[1] == way and kind_of(row[0]) == kind]
            if drawn:
                _, _, places, speeds = zip(*drawn, strict=True)
                axes.plot(places, np.array(speeds) / 1e9, marker, markersize=5, color=colour_of(kind),
                          label=f"{kind}, {way}")  # fmt: skip
    _roof(axes, peak, bandwidth, (0.05, 100))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _roof(axes, peak, bandwidth, ends):
    """What memory allows up to where arithmetic is the limit, on logarithmic axes; operations in billions a second."""
    edge = np.geomspace(ends[0], ends[1], 200)
    axes.plot(edge, np.minimum(peak, edge * bandwidth) / 1e9, color="#333333", linewidth=2)
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
