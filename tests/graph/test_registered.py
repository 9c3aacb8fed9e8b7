"""An operator of one's own, from a file of one's own: run, counted, traced, compiled."""

import numpy as np
import pytest

import ghostnp
from ghostnp.backend import backend
from ghostnp.graph.counting import count_operator
from ghostnp.modules import Conv2d, Module, Sequential, initializer
from ghostnp.ops.registration import register, unregister
from tests.swish import hard_swish, hard_swish_backward, hard_swish_cost

pytestmark = pytest.mark.small


class HardSwish(Module):
    def forward(self, x, *, training=False, rng=None):
        return backend().hard_swish(x), x

    def backward(self, dy, cache):
        return backend().hard_swish_backward(dy, cache), {}


@pytest.fixture
def model():
    register(hard_swish, hard_swish_backward, hard_swish_cost, like="relu6")
    with initializer(0, np.float64):
        yield Sequential(Conv2d(3, 4, 3), HardSwish(), Conv2d(4, 2, 1))
    unregister("hard_swish")


def test_one_that_clips_goes_into_the_convolution_before(x):
    def relu4(x):
        return np.clip(x, 0, 4)

    class ReLU4(Module):
        def forward(self, x, *, training=False, rng=None):
            return backend().relu4(x), None

    for limits in ((0.0, 4.0), ()):
        register(relu4, like="relu6", limits=limits)
        try:
            with initializer(0, np.float64):
                clipped = Sequential(Conv2d(3, 4, 3), ReLU4())
            engine = ghostnp.compile(clipped)
            assert len(engine.plan(x.shape).tape.steps) == 2 - bool(limits)
            np.testing.assert_allclose(engine(9 * x), relu4(clipped[0](9 * x)), rtol=1e-13, atol=1e-13)
            assert (engine(9 * x) == 4).any()
        finally:
            unregister("relu4")


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 3, 6, 5))


@pytest.mark.parametrize("namespace", [ghostnp.ops, ghostnp.kernels])
def test_it_runs_forward_and_backward(model, x, namespace):
    with ghostnp.use_backend(namespace):
        y, cache = model.forward(x)
        dy = np.random.default_rng(1).normal(size=y.shape)
        dx, grads = model.backward(dy, cache)
        assert grads.keys() == model.parameters().keys()
        # ⟨dy, dy/dx · v⟩ by steps forward and back, whose error is of the order of the step squared.
        v, step = np.random.default_rng(2).normal(size=x.shape), 1e-5
        slope = ((model(x + step * v) - model(x - step * v)) * dy).sum() / (2 * step)
    np.testing.assert_allclose((dx * v).sum(), slope, rtol=1e-7)


def test_it_is_counted(model):
    table = ghostnp.count(model, (1, 3, 6, 5))
    assert [(row.op, int(row.other)) for row in table.rows][1] == ("hard_swish", 4 * (4 * 4 * 3))
    assert int(count_operator("hard_swish", in_channels=8, size=4).row.other) == 4 * (8 * 4 * 4)
    with pytest.raises(
        ValueError, match="operator='hard_swich': the rule is one of OPERATORS, nearest first: hard_swish, "
    ):
        count_operator("hard_swich", in_channels=8)
    assert table.totals()["macs"] == table.macs == 4 * 4 * 3 * 3 * 9 + 2 * 4 * 3 * 4


def test_it_is_traced_forward_and_backward(model, x):
    traced = ghostnp.trace(model, x, dy=np.ones((2, 2, 4, 3)))
    ops = [row.op for row in traced.rows]
    assert "hard_swish" in ops
    assert "hard_swish_backward" in ops
    np.testing.assert_array_equal(traced[ops.index("hard_swish")], hard_swish(traced[ops.index("hard_swish") - 1]))
    alone = ghostnp.trace(ghostnp.ops.hard_swish, x, dy=x)
    np.testing.assert_array_equal(alone[1 + 1], hard_swish(x))


def test_it_is_compiled(model, x):
    engine = ghostnp.compile(model)
    for inputs in (x, x[:1], 2 * x):
        np.testing.assert_allclose(engine(inputs), model(inputs), rtol=1e-12, atol=1e-12)
    assert "hard_swish" in str(engine.plan(x.shape))


def test_a_backend_of_a_students_may_have_it_too(model, x):
    class Mine:
        @staticmethod
        def hard_swish(x):
            return 0 * x

    with ghostnp.use_backend(Mine()):
        np.testing.assert_array_equal(Sequential(HardSwish())(x), 0 * x)


def test_without_a_cost_counting_says_what_is_missing(x):
    def squared(x):
        return x * x

    class Squared(Module):
        def forward(self, x, *, training=False, rng=None):
            return backend().squared(x), x

    register(squared)
    try:
        np.testing.assert_array_equal(Squared()(x), x * x)
        with pytest.raises(TypeError, match="squared has no cost function: the rule is register"):
            ghostnp.count(Squared(), (1, 2, 3, 3))
    finally:
        unregister("squared")
