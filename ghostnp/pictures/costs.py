"""The picture of a count: parameters and multiply-adds, part by part and kind by kind."""

import numpy as np

from ghostnp.pictures.blocks import network_costs
from ghostnp.pictures.style import KINDS

# More bars than this cannot be told apart.
_MOST_BARS = 30


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
        kind = shares.setdefault(_kind(row.op), np.zeros((2, len(bars))))
        kind[:, bars.index(part)] += row.params, row.macs
    shares = {kind: shares[kind] for kind in KINDS if kind in shares}
    figure = network_costs(bars, shares)
    figure.set_size_inches(12, 7)
    # Room for the names of parts below each chart, and for the kinds beside it.
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


def _kind(op):
    if op.startswith("batch_norm"):
        return "batch norm"
    kind = "standard" if op == "conv2d" else op.removesuffix("_conv2d")
    return kind if kind in KINDS else "linear"  # attention: a matrix for each channel
