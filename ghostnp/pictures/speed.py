"""The report as a picture: a dot for each ratio, with its quartiles, and operators under the roofline."""

import numpy as np

from ghostnp.bench.contenders import CONTENDERS
from ghostnp.bench.timing import ratio
from ghostnp.pictures.style import KINDS, TEXT, plain_axes, sheet

# Okabe and Ito's colours.
_PEERS = {
    "PyTorch": "#D55E00",
    "PyTorch channels_last": "#E69F00",
    "ONNX Runtime": "#0072B2",
    "definitions": "#009E73",
    "im2col": "#56B4E9",
    "einsum": "#CC79A7",
    "Python loops": "#4D4D4D",
}
_OTHERS = "other operators"
_PASSES = {"forward": "o", "backward": "^"}


def picture(report):
    """Draw a report.

    Parameters
    ----------
    report : Report
        With rows of any section.

    Returns
    -------
    matplotlib.figure.Figure
    """
    lines = [(row, ours) for row in report.rows if row.section != "ops" for ours in row.samples if _ours(ours)]
    calls = [row for row in report.rows if row.section == "ops" and "ghostnp" in row.samples]
    panels = [panel for panel, there in ((_ratios, lines or not calls), (_roofline, calls)) if there]
    width, height = 11 * len(panels), max(0.24 * len(lines) + 1.8, 6 if calls else 2)
    # Inches for the names of rows, for titles and for what stands below an axis.
    left, above, below = 3.5 if lines else 0.8, 0.8, 0.7
    edges = {"left": left / width, "right": 1 - 0.3 / width, "top": 1 - above / height, "bottom": below / height}
    figure, grid = sheet(width, height, nrows=1, ncols=len(panels), wspace=0.12, **edges)
    for place, panel in enumerate(panels):
        panel(figure.add_subplot(grid[place]), lines if panel is _ratios else calls, report.machine)
    where = report.surroundings
    figure.suptitle(f"{where['processor']}, {where['cores']} cores, {where['date']}", **TEXT | {"fontsize": 10})
    return figure


def _ours(name):
    return CONTENDERS[name].is_ours


def _ratios(axes, lines, _):
    plain_axes(axes, "ghostnp / peer: left of the line ghostnp is faster, or takes less memory")
    places = np.arange(len(lines))[::-1]
    for peer, colour in _PEERS.items():
        drawn = [
            (place, ratio(row.samples[ours], row.samples[peer]))
            for place, (row, ours) in zip(places, lines, strict=True)
            if peer in row.samples
        ]
        if drawn:
            axes.plot([found.value for _, found in drawn], [place for place, _ in drawn], "o", color=colour, label=peer)
            for place, found in drawn:
                axes.plot(found.quartiles, [place, place], color=colour, linewidth=2, alpha=0.6)
    axes.axvline(1, color="#222222", linewidth=1)
    axes.set(xscale="log", ylim=(-1, len(lines)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_yticks(places, [_name(row, ours) for row, ours in lines])
    axes.tick_params(labelsize=8, which="both", colors="#333333")
    axes.grid(axis="x", alpha=0.3, which="both")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, framealpha=0.9)


def _name(row, ours):
    section = "" if row.section == "networks" else f"{row.section}: "
    size = (
        f"{row.labels['network']}, {row.labels['size']} px, batch {row.labels['batch']}, "
        if "size" in row.labels
        else ""
    )
    return section + size + row.labels.get("pass", row.labels.get("what", "")) + ", compiled" * (ours != "ghostnp")


def _roofline(axes, rows, machine):
    labels = {"x_label": "floating-point operations for each byte moved", "y_label": "GFLOP/s"}
    plain_axes(axes, "operators under the roof of this machine", **labels)
    for kind in (*KINDS, _OTHERS):
        for way, marker in _PASSES.items():
            drawn = [row for row in rows if row.labels["pass"] == way and row.work.flops and _kind(row) == kind]
            places = [row.work.intensity for row in drawn]
            speeds = [row.work.flops / row.samples["ghostnp"].median / 1e9 for row in drawn]
            if drawn:
                colour = KINDS.get(kind, "#888888")
                axes.plot(places, speeds, marker, markersize=5, color=colour, label=f"{kind}, {way}")
    edge = np.geomspace(0.05, 100, 100)
    axes.plot(edge, np.minimum(machine.flops, edge * machine.bandwidth) / 1e9, color="#333333", linewidth=2)
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _kind(row):
    """Which of the kinds that pictures have a colour for."""
    op = row.labels["operator"]
    return next((kind for kind in KINDS if op.startswith(kind.replace(" ", "_"))), _OTHERS)
