import re

import numpy as np
import pytest

from ghostnp import ops
from ghostnp.course.study import check, claims, show, slopes, source
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.pictures import style


@pytest.mark.parametrize(
    ("right", "given", "accepted"),
    [
        (12, 12, True),
        (12, 12.0, True),
        (12, 13, False),
        (12, "12", False),
        (12, None, False),
        (12, True, False),
        (True, True, True),
        (True, 1, False),
        (np.array([1, 2]), [1, 2], True),
        (np.array([1, 2]), [1, 2, 3], False),
        ("Sigmoid", "  sigmoid ", True),
        ("sigmoid", "clip", False),
        ("sigmoid", 3, False),
    ],
)
def test_answer_accepts_what_is_right(right, given, accepted):
    assert ExerciseAnswer(lambda: right, "look again").accepts(given) is accepted


def test_answer_accepts_what_is_near_enough():
    answer = ExerciseAnswer(lambda: 2.0, "look again", tolerance=0.01)
    assert answer.accepts(2.019)
    assert not answer.accepts(2.021)
    assert not answer.accepts(np.nan)


def test_unknown_exercise_is_refused():
    with pytest.raises(ValueError, match=r"exercise='99.9': the rule is one of"):
        check("99.9", 1)


def test_source_is_that_of_the_function(capsys):
    source(ops.depthwise_conv2d)
    shown = capsys.readouterr().out
    assert shown.startswith("def depthwise_conv2d(x, weight, bias=None, *")
    assert "Parameters" not in shown
    source(ops.depthwise_conv2d, docstring=True)
    assert "Parameters" in capsys.readouterr().out


def test_slopes_prints_both_numbers_and_refuses_a_wrong_gradient(capsys):
    x, dy = np.array([[[[1.0, -2.0]]]]), np.array([[[[3.0, 5.0]]]])
    slopes(ops.relu, {"x": x}, dy, [ops.relu_backward(dy, x)])
    name, slope, gradient = re.fullmatch(r"(\w+)  slope +(\S+)  gradient +(\S+)\n", capsys.readouterr().out).groups()
    assert name == "x"
    assert slope == gradient
    with pytest.raises(AssertionError, match="gradient 0: off by"):
        slopes(ops.relu, {"x": x}, dy, [dy])


def test_a_picture_that_cannot_be_drawn_is_noticed_in_a_script():
    figure, grid = style.sheet(2, 2)
    figure.add_subplot(grid[0]).set_title(r"$\nonsense{$")
    with pytest.raises(ValueError, match="nonsense"):
        show(figure)


def test_claims_are_checked_when_they_are_shown(capsys):
    claims("N02", "C14")
    header, _, first, second = capsys.readouterr().out.splitlines()
    assert header.startswith("| claim | document |")
    assert "51,456" in first
    assert "reproduced" in first
    assert "wrong" in second
