"""The strategies reach what broke real frameworks, by default, and shrink to what can be read."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings

from ghostnp import ops
from ghostnp.testing import MEMORY, Call, calls, ghost_calls, shuffle_calls, smallest_failure
from ghostnp.testing.calls import OPERATORS, run

pytestmark = pytest.mark.small


def both(value):
    return value if isinstance(value, tuple) else (value, value)


def sides(padding):
    return (0,) if padding == "same" else tuple(np.ravel(padding).tolist())


def reach(call):
    return [
        (k - 1) * d + 1 for k, d in zip(call.given["weight"][2:], both(call.keywords.get("dilation", 1)), strict=True)
    ]


def channels(call):
    return call.given["x"][1]


CORNERS = {
    "padding larger than the kernel": lambda c: max(sides(c.keywords.get("padding", 0))) > max(c.given["weight"][2:]),
    "asymmetric padding": lambda c: (
        isinstance(c.keywords.get("padding"), tuple)
        and any(isinstance(side, tuple) and side[0] != side[1] for side in c.keywords["padding"])
    ),
    "'same' with a stride": lambda c: c.keywords.get("padding") == "same" and "stride" in c.keywords,
    "1 < groups < channels": lambda c: 1 < c.keywords.get("groups", 1) < channels(c),
    "one channel, several filters, one group": lambda c: channels(c) == 1 < c.given["weight"][0],
    "a channel multiplier": lambda c: (
        channels(c) == c.keywords.get("groups", 1) > 1 and c.given["weight"][0] > channels(c)
    ),
    "dilation": lambda c: max(reach(c)) > max(c.given["weight"][2:]),
    "strides that differ": lambda c: len(set(both(c.keywords.get("stride", 1)))) == 2,
    "kernels that are not square": lambda c: len(set(c.given["weight"][2:])) == 2,
    "an empty batch": lambda c: c.given["x"][0] == 0,
    "a map of one pixel": lambda c: c.given["x"][2:] == (1, 1),
    "no bias": lambda c: "bias" not in c.given,
    **{f"memory: {memory}": lambda c, memory=memory: c.memory == memory for memory in MEMORY},
}


def drawn(strategy, number=500):
    found = []

    @seed(1)
    @settings(max_examples=number, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(call):
        found.append(call)

    collect()
    return found


def test_convolutions_reach_every_corner_often():
    """Often enough that a hundred examples meet each of them: one in fifty at least."""
    found = drawn(calls("conv2d"))
    counted = Counter(corner for call in found for corner, holds in CORNERS.items() if holds(call))
    rare = {corner: counted[corner] for corner in CORNERS if counted[corner] < len(found) / 50}
    assert not rare, f"of {len(found)}: {rare}"


def test_ghosts_and_shuffles_reach_theirs():
    ghosts, shuffles = drawn(ghost_calls()), drawn(shuffle_calls())
    assert sum("keep" in call.keywords for call in ghosts) > len(ghosts) / 20  # a ratio that does not divide
    assert sum(call.given["cheap_weight"][0] > call.given["primary_weight"][0] for call in ghosts) > len(ghosts) / 20
    assert sum(1 < call.given["groups"] < channels(call) for call in shuffles) > len(shuffles) / 5


def smallest(strategy, holds=lambda call: True):
    """The smallest case of that kind, as a failing test would show it."""

    def check(call):
        assert not holds(call)

    found, _ = smallest_failure(strategy, check, examples=1000)
    return found


@pytest.mark.parametrize("corner", CORNERS)
def test_a_corner_shrinks_to_a_readable_case(corner):
    """What is not part of the corner shrinks away: few pixels, small kernels, nothing else out of the usual."""
    call = smallest(calls("conv2d"), CORNERS[corner])
    assert eval(repr(call), {"Call": Call}) == call
    assert len(repr(call)) <= 120, call
    assert np.prod(call.given["x"]) <= 8, call
    assert np.prod(call.given["weight"]) <= 8, call
    assert call.seed == 0


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_smallest_call_is_the_simplest_and_runs(operator):
    call = smallest(calls(operator))
    assert call.memory == "C"
    assert call.seed == 0
    y, _ = run(ops, call, call.arguments(np.float32))
    assert np.size(y) <= 4


@pytest.mark.parametrize("paddings", ["symmetric", "words"])
@pytest.mark.parametrize("operator", ["conv2d", "depthwise_conv2d", "max_pool2d", "avg_pool2d"])
def test_paddings_that_a_framework_can_express(operator, paddings):
    for call in drawn(calls(operator, paddings=paddings), 100):
        padding = call.keywords.get("padding", 0)
        if paddings == "words":
            assert padding in (0, "same")
        else:
            assert isinstance(padding, int) or all(isinstance(side, int) for side in padding)


def test_another_operator_is_refused():
    with pytest.raises(ValueError, match="operator='conv3d' is none of the vocabulary"):
        calls("conv3d")
    with pytest.raises(ValueError, match="'conv3d' is not in the vocabulary"):
        Call("conv3d", x=(1, 1, 1, 1))
    with pytest.raises(TypeError, match="relu takes x, and not y"):
        Call("relu", y=(1, 1))
