"""Arrays of so many numbers that kernels share them out among threads, which they do not for a small map."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ghostnp import kernels, ops
from ghostnp.kernels.runtime import FEW
from tests.ops.examples import examples, run
from tests.ops.test_layout import floats_in, poisoned

BATCH = 400


def shared_out(call):
    """Whether it has a kernel, and no convolution's, which cuts its work otherwise."""
    definition = getattr(ops, call.operator)
    return getattr(kernels, call.operator) is not definition and not call.row.multiplies


def many(call):
    """The call itself; with logits of so many classes that they are many numbers."""
    return call.replace(logits=(BATCH, 200)) if call.row.family == "loss" else call


each_call = pytest.mark.parametrize("call", [many(call) for call in examples(BATCH) if shared_out(call)], ids=str)


def agree(call, arguments):
    with np.errstate(all="ignore"):
        expected, results = (run(namespace, call, arguments) for namespace in (ops, kernels))
    for name, array in results.items():
        # Sums of tens of thousands of numbers, taken in another order.
        assert_allclose(array, expected[name], rtol=1e-4, atol=1e-4 * BATCH, err_msg=name)


@each_call
@pytest.mark.parametrize("memory", ["C", "batch innermost", "reversed"])
def test_many_numbers_are_dealt_with_as_the_definition_says(call, memory):
    call = call.replace(memory=memory)
    arguments = call.arguments(np.float32)
    assert floats_in(arguments)[0].size >= FEW
    agree(call, arguments)


@each_call
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_come_through_many(call, value):
    arguments = call.arguments(np.float32)
    poisoned(floats_in(arguments)[0], value, corner=False)
    agree(call, arguments)
