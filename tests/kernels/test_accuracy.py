"""Kernels lose no more digits than PyTorch does: in no result, in no gradient, for no size and no numbers."""

import numpy as np
import pytest

from ghostnp.ops.vocabulary import operators
from tests.kernels.accuracy import HUGE, LARGE, NUMBERS, ORDINARY, SMALL, Case, Numbers, errors

AVERAGE, *_ = (call for call in HUGE if call.operator == "global_avg_pool2d")
DEPTHWISE, *_ = (call for call in HUGE if call.operator == "depthwise_conv2d")
NUMBERS_OF = {
    **dict.fromkeys(SMALL, NUMBERS),
    **dict.fromkeys(LARGE, ORDINARY),
    # Sums over ten million numbers and more take a second each.
    AVERAGE: (Numbers(0.1, 0.0),),
    DEPTHWISE: (Numbers(1.0),),
}


def test_every_operator_is_in_the_table():
    assert {call.operator for call in SMALL} == set(operators())


@pytest.mark.parametrize("call", NUMBERS_OF, ids=str)
def test_no_error_is_twice_that_of_pytorch(call):
    rows = [row for numbers in NUMBERS_OF[call] for row in errors(Case(call, numbers))]
    assert {row.result for row in rows} >= {"y"}
    assert not [str(row) for row in rows if row.ratio > 2]


def test_an_error_is_seen():
    """A namespace whose mean is off by a millionth is told from a right one."""

    class Careless:
        @staticmethod
        def global_avg_pool2d(x):
            return x.mean((2, 3), keepdims=True) * np.float32(1 + 1e-6)

    (call,) = (call for call in SMALL if call.operator == "global_avg_pool2d")
    worst = {row.result: row.ratio for row in errors(Case(call, Numbers(1.0)), Careless)}
    assert worst["y"] > 2
    assert worst["dx"] == 1
