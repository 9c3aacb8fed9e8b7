import re

import numpy as np
import pytest

from ghostnp import ops
from ghostnp.course.study import claims, show, slopes, source
from ghostnp.pictures import style


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
        show(figure, "nothing")


def test_claims_are_checked_when_they_are_shown(capsys):
    claims("N02", "C14")
    header, _, first, second = capsys.readouterr().out.splitlines()
    assert header.startswith("| claim | document |")
    assert "51,456" in first
    assert "reproduced" in first
    assert "wrong" in second
