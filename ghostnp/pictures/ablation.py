"""Accuracies of networks that are compared: every seed a dot, the mean a line, and maybe against what they cost."""

from ghostnp.pictures.style import GATE, GHOST, GRADIENT, GROUPS, INPUT, INTRINSIC, OUTPUT, plain_axes, sheet

_LABELS = {"macs": "MACs of an image", "params": "parameters", "microseconds": "µs for an image"}
_COLOURS = (INTRINSIC, GHOST, GROUPS[0], GATE, INPUT, OUTPUT, GROUPS[1], GRADIENT)
_MARKERS = "osD"  # rows of one colour differ in these


def accuracy_dots(tasks, costs=()):
    """Rows of dots for each data set, and below, for each cost, accuracy against it.

    Parameters
    ----------
    tasks : dict of str to list
        For each data set its rows: anything with ``name``, ``accuracies``, ``mean``, ``deviation`` and the costs.
    costs : sequence of str, default ()
        Of "macs", "params" and "microseconds".

    Returns
    -------
    matplotlib.figure.Figure
    """
    tasks = {data: rows for data, rows in tasks.items() if rows}
    names = list(dict.fromkeys(row.name for rows in tasks.values() for row in rows))
    looks = {
        name: (_COLOURS[place % len(_COLOURS)], _MARKERS[place // len(_COLOURS) % 3])
        for place, name in enumerate(names)
    }
    tall, below = 0.9 + 0.27 * len(names), 2.9 * len(tasks) if costs else 0
    width, edge = 10, min(0.04 + 0.0075 * max(map(len, names), default=0), 0.36)
    figure, grid = sheet(
        width, tall + below, nrows=2 if costs else 1, ncols=1, left=edge, right=0.98,
        hspace=2.2 / (tall + below),
        bottom=0.62 / (tall + below), top=1 - 0.38 / (tall + below),
        **({"height_ratios": [tall, below]} if costs else {}),
    )  # fmt: skip
    upper = grid[0].subgridspec(1, max(len(tasks), 1), wspace=0.1)
    for column, (data, rows) in enumerate(tasks.items()):
        axes = plain_axes(figure.add_subplot(upper[column]), data, x_label="accuracy (%)")
        for row in rows:
            place = names.index(row.name)
            _spread(axes, row, place, *looks[row.name])
        axes.set(ylim=(len(names) - 0.4, -0.6))
        axes.set_yticks(range(len(names)), names if column == 0 else [""] * len(names), fontsize=10)
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.8)
        axes.set_axisbelow(True)
    if costs:
        lower = grid[1].subgridspec(max(len(tasks), 1), len(costs), wspace=0.22, hspace=0.75)
        for line, (data, rows) in enumerate(tasks.items()):
            for column, cost in enumerate(costs):
                title, label = ("", "") if column else ("" if len(tasks) == 1 else data, "accuracy (%)")
                axes = plain_axes(figure.add_subplot(lower[line, column]), title, x_label=_LABELS[cost], y_label=label)
                for row in rows:
                    axes.errorbar(
                        getattr(row, cost),
                        100 * row.mean,
                        None if row.deviation is None else 100 * row.deviation,
                        fmt=looks[row.name][1],
                        color=looks[row.name][0],
                    )
                axes.margins(0.12)
                axes.ticklabel_format(axis="x", style="plain")
                axes.locator_params(axis="x", nbins=4)
    return figure


def _spread(axes, row, place, colour, marker):
    """A row: dots for seeds, a thick line at the mean, a thin one as long as a standard deviation to each side.

    A single seed has no standard deviation, and no thin line.
    """
    dots = {"color": colour, "alpha": 0.45, "markersize": 6, "markeredgewidth": 0}
    axes.plot([100 * value for value in row.accuracies], [place] * len(row.accuracies), marker, **dots)
    if row.deviation is not None:
        low, high = 100 * (row.mean - row.deviation), min(100 * (row.mean + row.deviation), 100)
        axes.plot([low, high], [place, place], color=colour, linewidth=1.5)
    axes.plot([100 * row.mean] * 2, [place - 0.3, place + 0.3], color=colour, linewidth=3)
