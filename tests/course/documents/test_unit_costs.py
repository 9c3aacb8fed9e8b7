"""Document 001's formulas for units, against the units themselves and against PyTorch's count of its own."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ghostnp.course.documents.unit_costs import (
    counted,
    document_resnet_line,
    document_resnext_line,
    document_shufflenet_line,
    resnet_unit,
    resnext_unit,
    shufflenet_unit,
)

pytestmark = pytest.mark.small
SIZES = {"h": st.integers(1, 12), "w": st.integers(1, 12)}
SMALL = st.integers(1, 6)


def by_pytorch(h, w, *convolutions):
    """Multiply-adds of convolutions (in, out, kernel, groups) in a row: half of PyTorch's operations."""
    network = nn.Sequential(*(nn.Conv2d(i, o, k, padding=k // 2, groups=g, bias=False) for i, o, k, g in convolutions))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, convolutions[0][0], h, w))
    return counter.get_total_flops() / 2


@given(**SIZES, c=SMALL, m=SMALL)
def test_resnet(h, w, c, m):
    theirs = by_pytorch(h, w, (c, m, 1, 1), (m, m, 3, 1), (m, c, 1, 1))
    assert resnet_unit(h, w, c, m) == counted(resnet_unit, h, w, c, m) == document_resnet_line(h, w, c, m) == theirs


@given(**SIZES, c=SMALL, own=SMALL, g=SMALL)
def test_resnext(h, w, c, own, g):
    theirs = by_pytorch(h, w, (c, g * own, 1, 1), (g * own, g * own, 3, g), (g * own, c, 1, 1))
    assert resnext_unit(h, w, c, own, g) == counted(resnext_unit, h, w, c, own, g) == theirs
    assert document_resnext_line(h, w, c, own, g) == theirs
    assert (document_resnext_line(h, w, c, g * own, g) == theirs) == (g == 1)


@given(**SIZES, share=SMALL, own=SMALL, g=SMALL)
def test_shufflenet(h, w, share, own, g):
    c, m = g * share, g * own
    theirs = by_pytorch(h, w, (c, m, 1, g), (m, m, 3, m), (m, c, 1, g))
    assert shufflenet_unit(h, w, c, m, g) == counted(shufflenet_unit, h, w, c, m, g) == theirs


@given(**SIZES, share=SMALL, own=SMALL, g=SMALL)
def test_shufflenet_s_line_is_wrong_in_both_readings_and_can_be_repaired(h, w, share, own, g):
    c, m = g * share, g * own
    line = document_shufflenet_line(h, w, c, m, g)
    assert line.repaired == line.paper == shufflenet_unit(h, w, c, m, g)
    # By how much it is wrong: the depthwise term lacks a factor g, or both others have one too many.
    assert line.paper - line.per_group == 9 * h * w * (g - 1) * own
    assert line.total - line.paper == 2 * h * w * (g - 1) * share * m
    assert (line.per_group, line.total) == tuple(h * w * (2 * c * read + 9 * read) for read in (own, m))


def test_the_examples_of_the_papers():
    assert resnet_unit(56, 56, 256, 64) == 218_365_952
    assert resnext_unit(56, 56, 256, 4, 32) == 219_971_584
    assert document_shufflenet_line(28, 28, 240, 60, 3) == (7_667_520, 23_002_560, 7_949_760, 7_949_760)


def test_formulas_have_the_numbers_in_and_give_their_value():
    line = document_shufflenet_line(5, 7, 8, 6, 2)
    units = (resnet_unit, (8, 3)), (resnext_unit, (8, 3, 2)), (shufflenet_unit, (8, 6, 2))
    formulas = [unit(5, 7, *widths) for unit, widths in units]
    for worked in (*formulas, *line, *(counted(unit, 5, 7, *widths) for unit, widths in units)):
        assert worked.formula != str(int(worked))
        assert eval(worked.formula.replace("·", "*")) == worked


@pytest.mark.parametrize(
    ("function", "arguments", "error", "words"),
    [
        (resnet_unit, (0, 56, 256, 64), ValueError, "h=0: the rule is an int of 1 or more"),
        (resnet_unit, (56, 56.0, 256, 64), TypeError, "w=56.0"),
        (resnext_unit, (56, 56, 256, -4, 32), ValueError, "m_per_group=-4"),
        (resnext_unit, (56, 56, 256, 4, True), TypeError, "g=True"),
        (shufflenet_unit, (28, 28, 240, 60, 7), ValueError, "g=7 does not divide c=240; legal: 1, 2, 3, 4"),
        (shufflenet_unit, (28, 28, 240, 50, 3), ValueError, "g=3 does not divide m=50; legal: 1, 2, 5"),
        (document_resnet_line, (28, 28, "240", 60), TypeError, "c='240'"),
        (document_resnext_line, (28, 28, 240, 60, 0), ValueError, "g=0"),
        (document_shufflenet_line, (28, 28, 240, 60, 7), ValueError, "g=7 does not divide c=240"),
        (counted, (shufflenet_unit, 28, 28, 240, 60, 7), ValueError, "g=7 does not divide c=240"),
        (counted, ("resnet", 28, 28, 240, 60), ValueError, "one of the functions resnet_unit, resnext_unit"),
        (counted, ([], 28, 28, 240, 60), ValueError, "one of the functions resnet_unit"),
        (counted, (resnet_unit, 28, 28, 240), TypeError, "'m'"),
    ],
)
def test_bad_argument_is_named(function, arguments, error, words):
    with pytest.raises(error, match=words):
        function(*arguments)
