"""What all pictures share: colours that mean the same everywhere, and how maps, numbers and arrows are drawn.

Figures are made as objects, without pyplot, so nothing here needs a screen or is shared between threads. Maps are drawn
in grey, each on its own scale from its low values (dark) to its high ones; signed numbers, weights and gradients, run
from purple (negative) to orange (positive). A frame's colour says what a map is, and means the same in every picture.
"""

from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from ghostnp.files import replace
from ghostnp.ops.vocabulary import operator_named

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart; groups are numbered as well.
INPUT, OUTPUT = "#56B4E9", "#4D4D4D"
INTRINSIC, GHOST = "#0072B2", "#E69F00"
GATE, GRADIENT = "#009E73", "#D55E00"
GROUPS = ("#882255", "#999933", "#88CCEE")
# Intrinsic maps come from pointwise convolutions and ghosts from depthwise ones, so these share their colours.
KINDS = {
    "standard": OUTPUT,
    "grouped": GROUPS[0],
    "pointwise": INTRINSIC,
    "depthwise": GHOST,
    "separable": GATE,
    "linear": "#999933",
    "batch norm": "#BBBBBB",
}
OTHER = "other operators"
SIGNED, HEAT = "PuOr_r", "inferno"
DPI = 110
TEXT = {"fontsize": 11, "color": "#222222"}


def kind_of(operator):
    """Which of the `KINDS` an operator is, by its name, or `OTHER`; an attention is a matrix for each channel."""
    row = operator_named(operator)
    if row.family == "norm":
        return "batch norm"
    if row.family == "convolution":
        kind = row.name.removesuffix("_conv2d")
        return kind if kind in KINDS else "standard"
    return "linear" if row.multiplies else OTHER


def colour_of(kind):
    """The colour of a kind of operator."""
    return KINDS.get(kind, "#888888")


def sheet(width, height, **grid):
    """An empty Figure, sizes in inches, and its grid; keywords as in `Figure.add_gridspec`."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    edges = {"left": 0.02, "right": 0.98, "bottom": 0.04, "top": 0.92, "hspace": 0.25, "wspace": 0.08}
    return figure, figure.add_gridspec(**(edges | grid))


def save(figure, path, **options):
    """Write a Figure as a file of the kind that its suffix says, whole or not at all; options as in `savefig`."""
    drawn = BytesIO()
    figure.savefig(drawn, format=path.suffix.lower().removeprefix(".") or "png", **options)
    replace(path, drawn.getvalue())


def show(axes, image, title="", frame=None, *, cmap="gray", limits=None, size=11, **imshow):
    """Draw one map, or one photo (H, W, 3), without ticks and inside a coloured frame."""
    low, high = limits or (np.percentile(image, [1, 99]) if image.ndim == 2 else (0, 1))
    axes.imshow(image, cmap=cmap, vmin=low, vmax=high if high > low else low + 1, **imshow)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, **TEXT | {"fontsize": size}, pad=6)
    for spine in axes.spines.values():
        spine.set(visible=frame is not None, color=frame, linewidth=3)
    return axes


def show_signed(axes, values, title="", frame=None, *, reach=None, size=11):
    """Draw signed numbers, white at zero; `reach` is what full colour stands for."""
    reach = reach or np.nanmax(np.abs(values)) or 1.0
    return show(axes, values, title, frame, cmap=SIGNED, limits=(-reach, reach), size=size, interpolation="nearest")


def write_numbers(axes, values, reach, first=(0, 0)):
    """Print each number of a small matrix, but zeros, into its square; `first` is the row and column it begins at."""
    for (row, column), value in np.ndenumerate(values):
        if abs(value) > 1e-6:
            ink = "white" if abs(value) > 0.6 * reach else "#111111"
            number = f"{value:.2f}".replace("-", "−")
            axes.text(first[1] + column, first[0] + row, number, ha="center", va="center", fontsize=9, color=ink)


def arrow(figure, start, end, colour, *, tail=(0.5, 0.0), head=(0.5, 1.0), width=1.5, style="-|>"):
    """Join two axes by an arrow, from `tail` to `head`, places as shares of each axes."""
    figure.add_artist(
        ConnectionPatch(tail, head, "axes fraction", "axes fraction", axesA=start, axesB=end, arrowstyle=style,
                        color=colour, linewidth=width, shrinkA=4, shrinkB=4, mutation_scale=12)
    )  # fmt: skip


def plain_axes(axes, title, *, x_label="", y_label=""):
    """Give a chart its title and labels, and take the box around it away."""
    axes.set_title(title, **TEXT | {"fontsize": 12}, loc="left", pad=8)
    axes.set_xlabel(x_label, **TEXT)
    axes.set_ylabel(y_label, **TEXT)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=10, colors="#333333")
    return axes
