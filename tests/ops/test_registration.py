"""What `register` takes and refuses, and where a registered operator is found."""

import numpy as np
import pytest

import ghostnp
from ghostnp import kernels, ops
from ghostnp.ops.registration import register, unregister
from ghostnp.ops.vocabulary import operator_named, operators
from tests.swish import hard_swish, hard_swish_backward, hard_swish_cost

pytestmark = pytest.mark.small


def capped(x, *, at=4.0):
    return np.clip(x, 0, at)


def total(*xs):
    return sum(xs)


def geometry(x):
    """Its name is that of no operator, and of something else in `ghostnp.ops`."""
    return x


def nothing(*, shape=(2, 3)):
    return np.zeros(shape)


@pytest.fixture
def registered():
    yield register(hard_swish, hard_swish_backward, hard_swish_cost, like="relu6")
    unregister("hard_swish")


def test_a_registered_operator_is_in_every_namespace_until_it_is_taken_out(registered):
    x = np.linspace(-4, 4, 9)
    assert registered.alike == operator_named("relu6").alike
    assert operator_named("relu6").limits == (0, 6)
    assert not registered.limits
    for namespace in (ops, kernels):
        np.testing.assert_allclose(namespace.hard_swish(x)[[0, 1, 4, 8]], [0, 0, 0, 4])
        assert namespace.hard_swish_cost((2, 3)).other == 24
    assert "hard_swish" not in ops.__all__
    unregister("hard_swish")
    assert not hasattr(ops, "hard_swish")
    assert not hasattr(kernels, "hard_swish")
    register(hard_swish, hard_swish_backward, hard_swish_cost, like="relu6")


def test_the_cost_of_what_it_is_like_is_taken_over():
    register(hard_swish, hard_swish_backward, like="relu6")
    try:
        assert ops.hard_swish_cost((2, 3)).other == 6
    finally:
        unregister("hard_swish")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"forward": 3}, "forward=3: the rule is a function"),
        ({"forward": lambda x: x}, "forward is called '<lambda>': the rule is a function with a name of its own"),
        ({"forward": ops.relu}, "forward is called 'relu', and that name is taken"),
        ({"forward": ops.conv2d}, "forward is called 'conv2d', and that name is taken"),
        ({"forward": geometry}, "forward is called 'geometry', and that name is taken"),
        ({"forward": total, "like": None}, r"forward takes \(\*xs\): the rule is named arguments, arrays first"),
        (
            {"forward": nothing, "like": None},
            r"forward takes \(\*, shape=.*\): the rule is named arguments, arrays first",
        ),
        ({"like": "relu7"}, "like='relu7': .* such as relu, relu6, crelu"),
        ({"like": 3}, "like=3: "),
        ({"like": "add"}, "like='add' speaks of a, b, and forward takes x: .* such as like='relu6'"),
        ({"backward": "none"}, "backward='none': the rule is a function"),
        ({"backward": lambda x: x}, r"backward takes \(x\): .* such as \(dy, x\)"),
        ({"backward": lambda dy, x, *, slope=1: x}, r"backward takes .*: .* such as \(dy, x\)"),
        ({"cost": lambda y_shape: y_shape}, r"cost takes y_shape, .* such as \(x_shape\)"),
        ({"limits": (0, 4)}, r"limits=\(0, 4\) for .*: the rule is two floats, .* such as limits=\(0.0, 4.0\)"),
        ({"limits": (4.0, 0.0)}, r"limits=\(4.0, 0.0\) for .*: the rule is two floats, the least first"),
        ({"limits": 4.0}, "limits=4.0 for .*: the rule is two floats"),
        ({"forward": capped, "backward": None, "limits": (0.0, 4.0)}, r"limits=.* for forward of \(x, \*, at=4.0\): "),
        ({"family": "gate"}, "family='gate': the rule is one of 'activation', 'attention'"),
        ({"family": np.zeros(3)}, "family=.*: the rule is one of "),
        ({"takes": "pixels"}, "takes='pixels': the rule is one of 'any', 'channels'"),
        ({"sees": None}, "sees=None: the rule is one of 'all', 'group', 'own'"),
        ({"alike": "pixels"}, "alike='pixels': the rule is a tuple of words, such as alike=.'images', "),
        ({"alike": ("maps",)}, r"alike=\('maps',\): the rule is a tuple of words"),
        ({"linear": "x"}, r"linear='x': the rule is a tuple of tuples, such as linear=\(\('x',\),\)"),
        ({"linear": ("x",)}, r"linear=\('x',\): the rule is a tuple of tuples"),
        ({"homogeneous": [("x",)]}, r"homogeneous=\[\('x',\)\]: the rule is a tuple of tuples"),
        ({"constants": "x"}, "constants='x': the rule is a tuple of words, such as constants=.'x',"),
        ({"options": ("size",)}, "speaks of size, and forward takes x"),
        ({"overwrites": (0,)}, r"overwrites=\(0,\): the rule is a tuple of words"),
        ({"divides": 1}, "divides=1: the rule is a bool"),
        ({"one_tap": "yes"}, "one_tap='yes': the rule is a bool"),
        ({"famly": "activation"}, "famly is no fact of an operator: the rule is one of family, linear"),
    ],
)
def test_a_wrong_registration_is_refused_by_name(arguments, message):
    given = {"forward": hard_swish, "backward": hard_swish_backward, "like": "relu6"} | arguments
    before = operators()
    with pytest.raises((TypeError, ValueError), match=message):
        register(**given)
    assert operators() == before


def test_a_name_is_registered_once(registered):
    with pytest.raises(ValueError, match="'hard_swish', and that name is registered already"):
        register(hard_swish, like="relu6")


def test_what_is_not_registered_is_not_taken_out():
    with pytest.raises(ValueError, match="'relu' is not registered"):
        unregister("relu")


def test_register_is_public():
    assert ghostnp.register is register
