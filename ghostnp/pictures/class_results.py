"""What a class has answered: which mistakes were made, by name, and how each question went."""

import textwrap

import numpy as np

from ghostnp.ops.checks import shown
from ghostnp.pictures.letters import use_fonts
from ghostnp.pictures.style import GRADIENT, INTRINSIC, TEXT, plain_axes, sheet

# In this order from the left; what is not right and has no name is grey.
OUTCOMES = {
    "right": INTRINSIC,
    "a known mistake": GRADIENT,
    "another answer": "#999999",
    "no answer": "#DDDDDD",
    "not readable": "#F2E3B3",
}
_ROW, _LINE = 0.32, 0.17
_LETTERS = 42


def class_mistakes(questions, mistakes, students, *, title="", limit=12):
    """Mistakes by name, those of most students first, and under them a bar for each question.

    Parameters
    ----------
    questions : dict of str to sequence of int
        By question, how many replies were right, a known mistake, another answer, missing, and not readable.
    mistakes : dict of str to (int, str)
        By name, how many students made the mistake, and in which questions.
    students : int
        How many there are.
    title : str, default ""
        Above all.
    limit : int, default 12
        How many mistakes are drawn.

    Returns
    -------
    matplotlib.figure.Figure
    """
    for name, counts in questions.items():
        if len(counts) != len(OUTCOMES):
            raise ValueError(
                f"questions[{name!r}]={shown(counts)}: the rule is a number for each of {', '.join(OUTCOMES)}"
            )
    drawn = dict(sorted(mistakes.items(), key=lambda item: -item[1][0])[:limit])
    names = [textwrap.fill(name, _LETTERS) for name in drawn]
    # A name that takes several lines has a place as high as these.
    heights = [_ROW + _LINE * name.count("\n") for name in names] or [_ROW]
    above, below = sum(heights), _ROW * max(1, len(questions))
    edge = {"top": 0.8, "between": 0.75, "bottom": 0.95}
    whole = above + below + sum(edge.values())
    figure, grid = sheet(
        10, whole, nrows=2, ncols=1, height_ratios=[above, below], left=0.4, right=0.97, top=1 - edge["top"] / whole,
        bottom=edge["bottom"] / whole, hspace=2 * edge["between"] / (above + below),
    )  # fmt: skip
    heading = "what is misunderstood" if drawn else "no known mistake was made"
    axes = plain_axes(figure.add_subplot(grid[0]), heading)
    places = np.cumsum(heights) - np.array(heights) / 2
    counts = [count for count, _ in drawn.values()]
    axes.barh(places[: len(drawn)], counts, color=GRADIENT, height=0.2)
    for place, (count, where) in zip(places, drawn.values(), strict=False):
        several = "s" * (count != 1)
        axes.text(count + 0.01 * students, place, f"{count} student{several} ({where})", va="center",
                  **TEXT | {"fontsize": 10})  # fmt: skip
    axes.set(xlim=(0, max(1, students) * 1.6), ylim=(above, 0), xticks=[])
    axes.set_yticks(places[: len(drawn)], names, fontsize=10.5)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)

    axes = plain_axes(figure.add_subplot(grid[1]), "each question", x_label="students")
    left = np.zeros(len(questions))
    for number, (outcome, colour) in enumerate(OUTCOMES.items()):
        values = np.array([counts[number] for counts in questions.values()], float)
        axes.barh(range(len(questions)), values, left=left, color=colour, height=0.68, label=outcome)
        left += values
    for row, counts in enumerate(questions.values()):
        if readable := sum(counts[:-1]):
            axes.text(left[row] + 0.01 * students, row, f"{counts[0] / readable:.0%} right", va="center",
                      **TEXT | {"fontsize": 10})  # fmt: skip
    axes.set(xlim=(0, max(1, students) * 1.25), ylim=(len(questions) - 0.4, -0.6))
    axes.set_xticks(np.unique(np.linspace(0, students, 5).astype(int)))
    axes.set_yticks(range(len(questions)), [textwrap.shorten(name, _LETTERS) for name in questions], fontsize=10.5)
    axes.tick_params(axis="y", length=0)
    figure.legend(
        *axes.get_legend_handles_labels(), frameon=False, fontsize=10, ncols=len(OUTCOMES), loc="lower left",
        bbox_to_anchor=(0.3, 0.05 / whole), handlelength=1, columnspacing=1.2,
    )  # fmt: skip
    figure.suptitle(title, x=0.02, y=1 - 0.12 / whole, va="top", ha="left", fontsize=14, color="#222222")
    use_fonts(figure)
    return figure
