"""Arrays of so many numbers that kernels share them out among threads, which they do not for a small map."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ghostnp import kernels, ops
from ghostnp.kernels.runtime import FEW
from tests.ops.calls import calls, run
from tests.ops.test_layout import floats_in, poisoned

BATCH = 400
# Convolutions cut their work otherwise; the others are re-exported definitions.
SHARED_OUT = re.compile(r"batch_norm|relu|sigmoid|clip|add|multiply|scale|concat|split|pool|resize|shuffle")
each_call = pytest.mark.parametrize(
    "call", [call for call in calls(BATCH) if SHARED_OUT.search(call.operator)], ids=str
)


def agree(call, arguments, memory):
    with np.errstate(all="ignore"):
        expected, results = (run(namespace, call, arguments, memory) for namespace in (ops, kernels))
    for name, array in results.items():
        # Sums of tens of thousands of numbers, taken in another order.
        assert_allclose(array, expected[name], rtol=1e-4, atol=1e-4 * BATCH, err_msg=name)


@each_call
@pytest.mark.parametrize("memory", ["C", "batch innermost", "reversed"])
def test_many_numbers_are_dealt_with_as_the_definition_says(call, memory):
    arguments = call.arrays(np.float32, memory)
    assert floats_in(arguments)[0].size >= FEW
    agree(call, arguments, memory)


@each_call
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_come_through_many(call, value):
    arguments = call.arrays(np.float32)
    poisoned(floats_in(arguments)[0], value, corner=False)
    agree(call, arguments, "C")
