"""An integer of NumPy's, of whatever kind, is as good as one of Python's."""

import numpy as np
import pytest

from ghostnp import kernels
from ghostnp.testing.calls import leaves
from tests.ops.examples import examples, forward

KINDS = [np.int8, np.uint8, np.int64, np.uint64]


def of_kind(value, kind):
    if isinstance(value, tuple | list):
        return type(value)(of_kind(part, kind) for part in value)
    return kind(value) if type(value) is int else value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", [call for call in examples() if call.keywords], ids=str)
def test_results_are_the_same_bits(call, kind):
    usual, _ = forward(kernels, call, call.arguments(np.float32))
    keywords = {name: of_kind(value, kind) for name, value in call.keywords.items()}
    found, _ = forward(kernels, call.replace(**keywords), call.arguments(np.float32))
    for one, other in zip(leaves(found), leaves(usual), strict=True):
        np.testing.assert_array_equal(one, other)
