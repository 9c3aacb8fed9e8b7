"""Each picture can be drawn, none of its words is cut off or lies on another, and what it says is true."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from ghostnp import pictures
from ghostnp.training.ablations.results import RowSummary

RNG = np.random.default_rng(0)
SOBEL = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
COSTS = {"standard": (9216, 28_901_376, "standard"), "separable": (1312, 4_114_432, "separable"), "mine": (5, 7)}
POINTS = {"pointwise": (10.0, 8e10, "pointwise"), "depthwise": (0.9, 1.2e10, "depthwise"), "mine": (3.0, 3e10)}
STEPS = [
    ("#0 input\n1x3x4x4", RNG.standard_normal((1, 3, 4, 4)), False),
    (
        "#12 depthwise_conv2d_backward.weight\nblocks.8.3.ghost1.primary_conv.0\n1x20x9x9",
        RNG.random((1, 20, 9, 9)),
        True,
    ),
    ("#13 linear\nclassifier\n1x10\n110 parameters, 100 MACs", RNG.standard_normal((1, 10)), False),
]
QUESTIONS = {
    f"{n} conventions: two totals of a tool, reconciled": (30 - 3 * n, n, n, n // 2, n - n // 2) for n in range(1, 11)
}
MADE = {f"forgot /groups or mistake number {n} of a long name, which takes two lines": (30 - n, "question 3")
        for n in range(9)} | {"counted from one": (1, "questions 1, 2, 3, 5, 6, 8")}  # fmt: skip
ROWS = [RowSummary(name, 900 * n, 90_000 * n, 5.0 * n, (0.9, 0.9 + 0.01 * n), None, None, None)
        for n, name in enumerate(("standard", "a ghost module with a long name", "shuffle"), 1)]  # fmt: skip
PICTURES = {
    "accuracy_dots": lambda: pictures.accuracy_dots({"digits": ROWS}),
    "accuracy_dots, two": lambda: pictures.accuracy_dots({"digits": ROWS, "far-pixels": ROWS[:2]}),
    "accuracy_dots, costs": lambda: pictures.accuracy_dots({"digits": ROWS}, ("macs", "params", "microseconds")),
    "accuracy_dots, all": lambda: pictures.accuracy_dots({"digits": ROWS, "far-pixels": ROWS}, ("macs", "params")),
    "sliding_window": lambda: pictures.sliding_window(RNG.integers(0, 5, (5, 5)), SOBEL, padding=1, at=(1, 2)),
    "sliding_window, large": lambda: pictures.sliding_window(RNG.integers(-9, 9, (8, 8)), np.ones((5, 5)), stride=2),
    "sliding_window, dilated": lambda: pictures.sliding_window(np.eye(6), np.ones((2, 2)), dilation=3, at=(2, 0)),
    "connectivity": pictures.connectivity,
    "connectivity, 8 in 2": lambda: pictures.connectivity(8, 2),
    "shuffle_wiring": lambda: pictures.shuffle_wiring(12, 3),
    "shuffle_wiring, pairs": lambda: pictures.shuffle_wiring(8, 4),
    "ghost_flow": lambda: pictures.ghost_flow(960, 160),
    "ghost_flow, surplus": lambda: pictures.ghost_flow(16, 10, ratio=3),
    "shufflenet_units": pictures.shufflenet_units,
    "ghost_bottlenecks": pictures.ghost_bottlenecks,
    "dfc_reach": lambda: pictures.dfc_reach(14, 14, 5, (4, 6)),
    "feature_maps": lambda: pictures.feature_maps(RNG.standard_normal((1, 20, 8, 8)), pairs=[(0, 9)]),
    "feature_maps, one row": lambda: pictures.feature_maps(RNG.standard_normal((1, 3, 4, 4))),
    "intermediates": lambda: pictures.intermediates(STEPS),
    "cost_bars": lambda: pictures.cost_bars(COSTS, title="32 to 32"),
    "roofline": lambda: pictures.roofline(POINTS, peak=1.5e11, bandwidth=3e10),
    "class_mistakes": lambda: pictures.class_mistakes(QUESTIONS, MADE, 30, title="30 students, mean 6.2 of 10 points"),
    "class_mistakes, none": lambda: pictures.class_mistakes({"1 crelu: channels": (3, 0, 0, 0, 0)}, {}, 3),
    "answer_bars": lambda: pictures.answer_bars(RNG.random((9, 9, 3)), [("tabby cat", 0.6), ("tiger cat", 0.3)]),
}
each_picture = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)


def words(figure):
    """Each text that is to be seen and the box around it in pixels; drawn first, since places are settled then."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    boxes = [(text, text.get_window_extent(renderer)) for text in texts]
    undrawn = set(undrawn_ticks(figure, dict(boxes)))
    return [(text.get_text(), box) for text, box in boxes if text not in undrawn]


def undrawn_ticks(figure, boxes):
    """Labels that matplotlib keeps and does not draw: those of hidden axes, and those beyond an axis' ends."""
    for axes in figure.axes:
        for label in axes.get_xticklabels(which="both"):
            if label in boxes and not (axes.axison and axes.bbox.padded(1).containsx(np.mean(boxes[label].intervalx))):
                yield label
        for label in axes.get_yticklabels(which="both"):
            if label in boxes and not (axes.axison and axes.bbox.padded(1).containsy(np.mean(boxes[label].intervaly))):
                yield label


@each_picture
def test_no_word_is_cut_off(draw):
    figure = draw()
    found = words(figure)
    assert found
    assert [word for word, box in found if not figure.bbox.padded(0.5).containsx(box.x0)] == []
    assert [word for word, box in found if not figure.bbox.padded(0.5).containsx(box.x1)] == []
    assert [word for word, box in found if not figure.bbox.padded(0.5).containsy(box.y0)] == []
    assert [word for word, box in found if not figure.bbox.padded(0.5).containsy(box.y1)] == []


@each_picture
def test_no_word_lies_on_another(draw):
    for (one, box), (other, beside) in combinations(words(draw()), 2):
        across = min(box.x1, beside.x1) - max(box.x0, beside.x0)
        down = min(box.y1, beside.y1) - max(box.y0, beside.y0)
        assert across <= 1 or down <= 1, f"{one!r} lies on {other!r}"


def said(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def test_every_picture_is_tried():
    assert {name.split(",")[0] for name in PICTURES} == set(pictures.__all__)


def test_sliding_window_works_out_its_sum():
    x = np.arange(9).reshape(3, 3)
    assert "y[0, 1]  =  1·1 + 2·(−1) + 4·0 + 5·2  =  9" in said(
        pictures.sliding_window(x, [[1, -1], [0, 2]], at=(0, 1))
    )


def test_sliding_window_refuses_a_pixel_that_is_not_there():
    with pytest.raises(ValueError, match=r"at=\(0, 2\): the rule is a pixel of the output, which is 2x2"):
        pictures.sliding_window(np.eye(3), np.eye(2), at=(0, 2))


def test_connectivity_counts_the_squares_that_it_draws():
    figure = pictures.connectivity(6, 3)
    weights = [int(title.split("\n")[1].split()[0]) for title in (axes.get_title() for axes in figure.axes)]
    assert weights == [6 * 6 * 9, 6 * 2 * 9, 6 * 9, 6 * 6]
    assert [len(axes.patches) - 36 for axes in figure.axes] == weights


def test_shuffle_takes_one_of_each_group_in_turn():
    (axes,) = pictures.shuffle_wiring(6, 2).axes
    ends = {int(line.get_xdata()[0]): int(line.get_xdata()[1]) for line in axes.lines if line.get_ydata()[0] == 0.86}
    assert ends == {0: 0, 3: 1, 1: 2, 4: 3, 2: 4, 5: 5}


def test_ghost_flow_counts():
    assert {"x: 16 maps", "4 intrinsic", "8 ghosts", "64 weights", "72 weights"} <= set(
        said(pictures.ghost_flow(16, 10, ratio=3))
    )


def test_dfc_reaches_a_square_of_the_kernel_and_less_at_the_edge():
    assert any("25 places" in text for text in said(pictures.dfc_reach(12, 12, 5, (6, 6))))
    assert any("9 places" in text for text in said(pictures.dfc_reach(12, 12, 5, (0, 0))))
