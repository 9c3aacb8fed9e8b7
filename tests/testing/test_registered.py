"""An operator of one's own, once it is registered, is drawn, held to its laws, and compared, like any other."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch.nn.functional as F

import ghostnp
from ghostnp import ops
from ghostnp.ops.cost import each, free
from ghostnp.ops.registration import unregister
from ghostnp.testing import Call, assert_laws, assert_matches, calls, laws_of, smallest_failure
from tests.swish import hard_swish, hard_swish_backward, hard_swish_cost

pytestmark = pytest.mark.small


def leaky(x, weight, *, slope=0.1):
    """PReLU with a slope that is added to that of each channel."""
    return np.where(x > 0, x, x * (slope + weight[:, None, None]).astype(x.dtype))


def leaky_backward(dy, x, weight, *, slope=0.1):
    dx = np.where(x > 0, dy, dy * (slope + weight[:, None, None]).astype(x.dtype))
    return dx, (dy * np.minimum(x, 0)).sum(axis=(0, 2, 3))


@pytest.fixture
def registered():
    """Register operators for the length of a test."""
    names = []

    def enter(*functions, **facts):
        names.append(ghostnp.register(*functions, **facts).name)

    yield enter
    for name in names:
        unregister(name)


@pytest.fixture
def swish(registered):
    registered(hard_swish, hard_swish_backward, hard_swish_cost, like="relu6")


def found(namespace, operator, examples=200):
    with pytest.raises(AssertionError) as caught:
        assert_laws(namespace, operator, examples=examples)
    return str(caught.value)


@pytest.mark.usefixtures("swish")
def test_it_is_drawn():
    call, _ = smallest_failure(calls("hard_swish"), lambda call: 1 / 0)
    assert call == Call("hard_swish", x=(1, 1, 1, 1))
    assert call.cost().other == 4


@pytest.mark.usefixtures("swish")
def test_it_keeps_its_laws():
    bound = {law.name for law in laws_of("hard_swish")}
    assert bound == {
        "leaves arguments alone",
        "counts itself",
        "images independent",
        "channels alike",
        "pixels alike",
        "passes NaN on",
        "stays finite",
        "gradients fit",
        "gradient matches",
    }
    assert_laws(ops, "hard_swish")
    assert_laws(SimpleNamespace(hard_swish=hard_swish), "hard_swish")


@pytest.mark.usefixtures("swish")
@pytest.mark.parametrize(
    ("mistake", "law"),
    [
        ({"hard_swish_backward": lambda dy, x: dy * ops.relu6(x + 3) / 6}, "gradient matches"),  # half of a product
        ({"hard_swish_backward": lambda dy, x: hard_swish_backward(dy, x).sum(axis=0)}, "gradients fit"),
        ({"hard_swish": lambda x: x * ops.relu6(x - x[:1] + 3) / 6}, "images independent"),
        ({"hard_swish": lambda x: np.cumsum(hard_swish(x), axis=3)}, "pixels alike"),
        ({"hard_swish": lambda x: x * ops.relu6(x + 3) / np.float64(6)}, "leaves arguments alone"),
        ({"hard_swish_cost": lambda x_shape: free(x_shape[:3], other=each(x_shape))}, "counts itself"),
    ],
)
def test_a_mistake_breaks_a_law(mistake, law):
    said = found(SimpleNamespace(**mistake), "hard_swish")
    assert said.startswith("hard_swish"), said
    assert f'breaks the law "{law}"' in said
    call = eval(said.split("case=")[1].removesuffix(")"), {"Call": Call})
    assert np.prod(call["x"]) <= 8


@pytest.mark.parametrize(
    "wrong",
    [lambda dy, x: dy * (2 * x + 3) / 6, lambda dy, x: np.where(x > -3, dy, 0)],
    ids=["no kinks", "no parabola"],
)
def test_a_wrong_gradient_that_was_registered_is_caught(registered, wrong):
    registered(hard_swish, lambda dy, x: wrong(dy, x).astype(x.dtype), hard_swish_cost, like="relu6")
    assert 'hard_swish or its backward pass breaks the law "gradient matches": dx says' in found(ops, "hard_swish")


@pytest.mark.usefixtures("swish")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_matches_pytorch(dtype):
    assert_matches(F.hardswish, "hard_swish", dtype=dtype)
    with pytest.raises(AssertionError, match=r"y\[0, 0, 0, 0\] is .*\n    again: assert_matches\(silu, 'hard_swish'"):
        assert_matches(F.silu, "hard_swish", dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wrong_gradient_does_not_match_pytorch(registered, dtype):
    registered(hard_swish, lambda dy, x: hard_swish_backward(dy, x) * x.dtype.type(1.001), like="relu6")
    with pytest.raises(AssertionError, match=r"dx\[0, 0, 0, 0\] is "):
        assert_matches(F.hardswish, "hard_swish", dtype=dtype)


def test_without_a_backward_pass_it_has_the_laws_of_its_forward_pass(registered):
    registered(hard_swish, like="relu6")
    assert {law.of for law in laws_of("hard_swish")} == {"forward"}
    assert_laws(ops, "hard_swish")
    assert_matches(F.hardswish, "hard_swish")
    with pytest.raises(ValueError, match="there is no hard_swish_backward: the rule is register"):
        assert_matches(hard_swish, "hard_swish", backward=hard_swish_backward)


def test_weights_get_a_number_for_each_channel_and_keywords_their_usual_value(registered):
    registered(leaky, leaky_backward, family="activation", linear=(("weight",),), divides=True)
    call, _ = smallest_failure(calls("leaky"), lambda call: 1 / 0)
    assert call == Call("leaky", x=(1, 1, 1, 1), weight=(1,))
    assert_laws(ops, "leaky")
    assert "gradients fit" in found(SimpleNamespace(leaky_backward=lambda dy, x, weight, slope=0.1: (dy, dy)), "leaky")


def test_one_that_no_strategy_fits_is_refused(registered):
    def rotate(x, turns):
        return np.rot90(x, turns, (2, 3))

    registered(rotate, options=("turns",))
    with pytest.raises(ValueError, match=r"no strategy draws calls of rotate\(x, turns\): the rule is"):
        calls("rotate")
    assert run_alone(Call("rotate", x=(1, 1, 2, 3), turns=1)).shape == (1, 1, 3, 2)


def run_alone(call):
    return call.row.forward(*call.arguments(np.float32).values())
