"""The report as a picture: a dot for each ratio, with its quartiles, and operators under the roofline."""

import numpy as np
from matplotlib.figure import Figure

from ghostnp.tools.bench.contenders import CONTENDERS
from ghostnp.tools.bench.timing import ratio

_COLOURS = {
    "PyTorch": "#d55e00",
    "PyTorch channels_last": "#e69f00",
    "ONNX Runtime": "#0072b2",
    "definitions": "#009e73",
    "im2col": "#56b4e9",
    "einsum": "#cc79a7",
    "Python loops": "#777777",
}
_KINDS = {
    "standard_conv2d": "#d55e00",
    "pointwise_conv2d": "#0072b2",
    "grouped_conv2d": "#e69f00",
    "depthwise_conv2d": "#009e73",
}
_OTHERS = "#999999"


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
    compared = [row for row in report.rows if row.section != "ops"]
    calls = [row for row in report.rows if row.section == "ops" and "ghostnp" in row.samples]
    lines = [(row, ours) for row in compared for ours in row.samples if CONTENDERS[ours].is_ours]
    height = max(0.24 * len(lines) + 1.6, 6 if calls else 2)
    figure = Figure(figsize=(9 * bool(lines) + 9 * bool(calls) or 9, height), layout="constrained")
    panels = list(figure.subplots(1, max(bool(lines) + bool(calls), 1), squeeze=False)[0])
    if lines:
        _ratios(panels.pop(0), lines)
    if calls:
        _roofline(panels.pop(0), calls, report.machine)
    where = report.surroundings
    figure.suptitle(f"{where['processor']}, {where['cores']} cores, {where['date']}", fontsize=10)
    return figure


def _ratios(axes, lines):
    places = np.arange(len(lines))[::-1]
    for peer, colour in _COLOURS.items():
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
    axes.set_xscale("log")
    axes.set_xlabel("ghostnp / peer: left of the line ghostnp is faster, or takes less memory")
    axes.set_yticks(places, [_name(row, ours) for row, ours in lines], fontsize=8)
    axes.set_ylim(-1, len(lines))
    axes.grid(axis="x", alpha=0.3, which="both")
    axes.legend(fontsize=8)


def _name(row, ours):
    compiled = ", compiled" if ours == "ghostnp compiled" else ""
    return f"{row.section}: {' '.join(row.labels.values())}{compiled}"


def _roofline(axes, rows, machine):
    for kind, colour in {**_KINDS, "others": _OTHERS}.items():
        of_kind = [row for row in rows if _KINDS.get(row.labels["operator"], _OTHERS) == colour]
        for marker, which in (("o", "forward"), ("^", "backward")):
            drawn = [row for row in of_kind if row.labels["pass"] == which]
            speeds = [row.work.flops / row.samples["ghostnp"].median / 1e9 for row in drawn]
            label = f"{kind} {which}"
            if drawn:
                axes.plot([row.work.intensity for row in drawn], speeds, marker, ms=4, color=colour, label=label)
    left, right = axes.get_xlim()
    intensity = np.geomspace(max(left, 0.05), max(right, 100), 100)
    roof = np.minimum(machine.flops, intensity * machine.bandwidth) / 1e9
    axes.plot(intensity, roof, color="#222222", linewidth=1.5)
    axes.set(xscale="log", yscale="log", xlabel="FLOPs for each byte", ylabel="GFLOP/s")
    axes.set_title("operators under the roofline of this machine", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
