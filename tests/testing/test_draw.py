"""The strategies reach what broke real frameworks, by default, and shrink to what can be read."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ghostnp import ops
from ghostnp.ops.vocabulary import operator_named, operators
from ghostnp.testing import MEMORY, REGIMES, Call, calls, shapes, smallest_failure
from ghostnp.testing.arrays import format_of
from ghostnp.testing.calls import operator_names, run
from ghostnp.testing.draw import strata

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


def drawn(strategy, number=500, first=1):
    found = []

    @seed(first)
    @settings(max_examples=number, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(call):
        found.append(call)

    collect()
    return found


def test_convolutions_reach_every_corner_often():
    """Often enough that a hundred examples meet each of them: one in fifty at least."""
    # Hypothesis varies what it drew, and so the calls of one seed are much alike: there are several.
    found = [call for first in range(1, 5) for call in drawn(calls("conv2d"), first=first)]
    counted = Counter(corner for call in found for corner, holds in CORNERS.items() if holds(call))
    rare = {corner: counted[corner] for corner in CORNERS if counted[corner] < len(found) / 50}
    assert not rare, f"of {len(found)}: {rare}"


OWN = [name for name in operators() if operator_named(name).sees == "own"]


@pytest.mark.parametrize("operator", OWN)
def test_filters_that_see_one_channel_have_several_channels_and_several_filters_for_each(operator):
    """Without a long axis too, as the grader of exercises and the search for the smallest case draw them."""
    found = drawn(calls(operator, long=""))
    filters = [call.given["weight" if "weight" in call.given else "depthwise_weight"][0] for call in found]
    assert sum(channels(call) > 1 for call in found) > len(found) / 4
    assert sum(many > channels(call) > 1 for call, many in zip(found, filters, strict=True)) > len(found) / 10
    for fixed in ({"channels": 6}, {"filters": 6}, {"channels": 3, "filters": 6}):
        for call in drawn(calls(operator, **fixed), 50):
            weight = call.given["weight" if "weight" in call.given else "depthwise_weight"]
            assert channels(call) == fixed.get("channels", channels(call))
            assert weight[0] == fixed.get("filters", weight[0])
            run(ops, call, call.arguments(np.float32))


@pytest.mark.parametrize("first", range(3))
def test_every_run_has_calls_in_which_a_wrong_gradient_has_the_right_shape(first):
    """A weight that is transposed, and pixels that tie in one window."""

    def run_of(operator, **given):
        found = []
        smallest_failure(strata(operator, **given, examples=100), found.append, seed=first)
        return found

    square = [call for call in run_of("linear", regimes=["usual"]) if len({1, *call.given["weight"]}) == 2]
    assert sum(weight[0] == weight[1] for weight in (call.given["weight"] for call in square)) >= 10
    tie = [call for call in run_of("max_pool2d", regimes=["usual", "ties"]) if call.regime == "ties"]
    assert all(max(both(call.given["kernel_size"])) > 1 for call in tie)
    numbers = [call.arguments(np.float32)["x"] for call in tie]
    assert sum((x == 1).sum() >= 2 for x in numbers) >= 5


def test_ghosts_and_shuffles_reach_theirs():
    ghosts, shuffles = drawn(calls("ghost_module")), drawn(calls("channel_shuffle"))
    assert sum("keep" in call.keywords for call in ghosts) > len(ghosts) / 20  # a ratio that does not divide
    assert sum(call.given["cheap_weight"][0] > call.given["primary_weight"][0] for call in ghosts) > len(ghosts) / 20
    assert sum(1 < call.given["groups"] < channels(call) for call in shuffles) > len(shuffles) / 5


@pytest.mark.parametrize("operator", operators("convolution", "activation", "norm", "pool", "linear"))
def test_every_run_has_calls_of_every_regime_and_beyond_a_tile(operator):
    found = []
    smallest_failure(strata(operator, tuple(REGIMES), examples=100), found.append)
    counted = Counter(call.regime for call in found)
    assert len(found) == 100
    assert counted["usual"] >= 50
    assert min(counted[regime] for regime in REGIMES) >= 6
    x = [call.given["x"] for call in found]
    assert sum(max(shape[1:]) > 16 for shape in x) >= 4
    assert sum(shape[1] > 16 for shape in x) >= 1
    assert all(call.given["x"][0] for call in found if call.regime != "usual")  # an empty batch has no numbers


def test_numbers_of_each_regime():
    def numbers(regime, dtype="float32", **given):
        call = Call("relu", x=(2, 3, 5, 7), regime=regime, seed=1, **given)
        return call.arguments(dtype, lambda rng, shape, carrier: rng.normal(size=shape).astype(carrier))["x"]

    assert np.abs(numbers("large")).max() > 1e4
    assert np.abs(numbers("large", "float16")).max() < 65504 / 16
    assert numbers("offset", "float64").mean() == pytest.approx(1e6, rel=1e-5)
    assert numbers("offset", "float64").std() == pytest.approx(1, rel=0.2)
    assert set(np.unique(numbers("ties"))) == {-1, 0, 1}
    assert (np.signbit(numbers("ties")) & (numbers("ties") == 0)).any()  # zeros of both signs
    assert 0 < np.abs(numbers("tiny")).min() < np.finfo(np.float32).tiny
    assert 0 < np.isnan(numbers("nan")).mean() < 0.2
    assert {-np.inf, np.inf} <= set(numbers("infinite").ravel())
    assert numbers("nan", memory="Fortran").flags.f_contiguous


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_numbers_of_a_narrow_format_are_those_that_pytorch_rounds_to(name):
    form = format_of(name)
    wide = np.random.default_rng(0).normal(size=2000) * 10.0 ** np.random.default_rng(1).integers(-9, 6, 2000)
    wide = np.append(wide, [0.0, -0.0, np.inf, np.nan, 65519, 65520, 3.4e38]).astype(np.float32)
    narrow = torch.tensor(wide).to(getattr(torch, name)).float().numpy()
    np.testing.assert_array_equal(form.rounded(wide), narrow)


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


@pytest.mark.parametrize("operator", operator_names())
def test_the_smallest_call_is_the_simplest_and_runs(operator):
    call = smallest(calls(operator))
    assert call.memory == "C"
    assert call.seed == 0
    y, _ = run(ops, call, call.arguments(np.float32))
    assert np.size(y) <= 4


@pytest.mark.parametrize("paddings", ["symmetric", "words"])
@pytest.mark.parametrize("operator", [name for name in operators() if "padding" in operator_named(name).keywords])
def test_paddings_that_a_framework_can_express(operator, paddings):
    for call in drawn(calls(operator, paddings=paddings), 100):
        padding = call.keywords.get("padding", 0)
        if paddings == "words":
            assert padding in (0, "same")
        else:
            assert isinstance(padding, int) or all(isinstance(side, int) for side in padding)


def test_another_operator_is_refused():
    with pytest.raises(ValueError, match=r"'conv3d' is not in the vocabulary: the rule is .* such as conv2d"):
        calls("conv3d")
    with pytest.raises(ValueError, match="'conv3d' is not in the vocabulary"):
        Call("conv3d", x=(1, 1, 1, 1))
    with pytest.raises(TypeError, match="relu takes x, and not y"):
        Call("relu", y=(1, 1))


def test_what_is_fixed_is_not_drawn_and_the_rest_fits_it():
    for call in drawn(calls("grouped_conv2d", kernel=3, stride=1, dilation=1, padding=(2, 1), groups=2), 50):
        assert call["weight"][2:] == (3, 3)
        assert call.keywords == {"padding": (2, 1), "groups": 2}
        run(ops, call, call.arguments(np.float32))
    for call in drawn(calls("batch_norm_eval", x=shapes(channels=st.integers(7, 9)), memory="Fortran"), 50):
        assert call["weight"] == call["var"] == (call["x"][1],)
        assert 7 <= call["x"][1] <= 9
        assert call.memory == "Fortran"
    with pytest.raises(TypeError, match="weight cannot be fixed in calls of conv2d: the rule is one of kernel, stride"):
        calls("conv2d", weight=(1, 1, 3, 3))
    with pytest.raises(TypeError, match="groups, kernel cannot be fixed in calls of pointwise_conv2d"):
        calls("pointwise_conv2d", kernel=3, groups=2)


def test_a_call_knows_what_was_left_out():
    call = Call("conv2d", x=(1, 2, 3, 3), weight=(2, 1, 1, 1), groups=2, stride=1)
    assert call.keywords == {"groups": 2}
    assert (call["x"], call["bias"], call["groups"], call["stride"]) == ((1, 2, 3, 3), None, 2, 1)
    assert repr(call) == "Call('conv2d', x=(1, 2, 3, 3), weight=(2, 1, 1, 1), groups=2)"
    with pytest.raises(KeyError):
        call["kernel_size"]
