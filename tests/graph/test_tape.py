"""A tape is the run that it was recorded from: the same calls of the same values, whatever the values."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ghostnp
from ghostnp import kernels, ops
from ghostnp.backend import backend
from ghostnp.graph.recording import Token, record
from ghostnp.graph.tape import Constant, Result
from ghostnp.modules import BatchNorm2d, Conv2d, Dropout, GhostModule, Linear, MaxPool2d, Module, ReLU, Sequential
from tests.modules.cases import FIXED, RANDOM
from tests.modules.comparison import assert_close, run_theirs, twins

pytestmark = pytest.mark.small
FLOAT32 = np.dtype(np.float32)


class Function(Module):
    """A module made of one function of the backend and x, and of arrays of its own."""

    def __init__(self, function, **arrays):
        self.function, self.parameter_names = function, tuple(arrays)
        vars(self).update(arrays)

    def forward(self, x, *, training=False, rng=None):
        return self.function(backend(), x), None


def maps(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("name", RANDOM)
@given(data=st.data())
def test_a_tape_made_on_shapes_runs_as_the_module_of_pytorch_does(name, data):
    case = data.draw(RANDOM[name])
    ours, theirs = twins(case)
    tape = record(ours, Token(case.shape, np.dtype(np.float64)))
    x = np.random.default_rng(1).normal(size=case.shape)
    expected, _ = run_theirs(theirs, x, training=False)
    assert_close(tape.run(ops, x), expected.y, "y")


@pytest.mark.parametrize("name", FIXED)
def test_recording_on_arrays_and_on_shapes_gives_the_same_tape(name):
    module, shape = FIXED[name].ours(), FIXED[name].shape
    with ghostnp.use_backend(ops):
        on_arrays = record(module, maps(shape))
    assert str(on_arrays) == str(record(module, Token(shape, FLOAT32)))


@pytest.mark.parametrize("name", FIXED)
def test_steps_are_what_really_runs(name):
    module, shape = FIXED[name].ours(), FIXED[name].shape
    ran = []

    def noted(op):
        def call(*args, **keywords):
            y = getattr(ops, op)(*args, **keywords)
            ran.append((op, [part.shape for part in (y if isinstance(y, tuple | list) else [y])]))
            return y

        return call

    forward = [name for name in ops.__all__ if not name.endswith(("_backward", "_cost"))]
    with ghostnp.use_backend(SimpleNamespace(**{op: noted(op) for op in forward})):
        tape = record(module, maps(shape))
    assert [(step.op, [tape.values[number].shape for number in step.results]) for step in tape.steps] == ran
    assert {step.path for step in tape.steps} <= set(module.tree())


def test_recording_computes_on_the_backend_in_force_and_leaves_it_in_force():
    model, x = Sequential(Conv2d(3, 4, 3), ReLU()), maps((2, 3, 6, 5))
    with ghostnp.use_backend(ops):
        tape = record(model, x)
        expected = model(x)
        assert backend() is ops
    assert tape.values[0] is x
    np.testing.assert_array_equal(tape.values[-1], expected)


def test_a_step_names_where_its_arguments_come_from():
    model = Sequential(GhostModule(3, 8), MaxPool2d(2))
    tape = record(model, Token((2, 3, 6, 6), FLOAT32))
    first, *_, concat, pool = tape.steps
    state = model.state_dict()
    assert (first.op, first.path) == ("pointwise_conv2d", "0.primary_conv.0")
    assert first.arguments["x"] == Result(0)
    weight = first.arguments["weight"]
    assert isinstance(weight, Constant)
    assert weight.name == "0.primary_conv.0.weight"
    assert weight.array is state[weight.name]
    assert {name: first.arguments[name] for name in ("bias", "stride", "dilation")} == {
        "bias": None,
        "stride": 1,
        "dilation": 1,
    }
    assert concat.arguments["xs"] == (Result(3), Result(6))
    assert concat.inputs == (3, 6)
    assert (pool.inputs, pool.results) == ((7,), (8, 9))  # y and argmax
    assert tape.output == Result(8)


def test_parts_of_a_split_are_results_of_their_own():
    def swapped(b, x):
        first, second = b.split(x, [1, 2])
        return b.concat([second, first])

    tape = record(swapped, Token((2, 3, 4, 4), FLOAT32))
    split, concat = tape.steps
    assert (split.arguments["sizes"], split.results) == ((1, 2), (1, 2))
    assert concat.inputs == (2, 1)
    x = maps((2, 3, 4, 4))
    np.testing.assert_array_equal(tape.run(ops, x), x[:, [1, 2, 0]])


def test_a_value_read_twice_is_read_twice():
    tape = record(lambda b, x: b.add(b.multiply(x, x), x), Token((1, 2, 3, 3), FLOAT32))
    assert [step.inputs for step in tape.steps] == [(0, 0), (1, 0)]
    assert tape.last_reads() == {0: 1, 1: 1, 2: 2}
    x = maps((1, 2, 3, 3))
    np.testing.assert_array_equal(tape.run(ops, x), x * x + x)


def test_a_function_reads_as_many_inputs_as_it_likes_forward_and_backward():
    x, weight, dy = maps((2, 3, 5, 5)), maps((4, 3, 1, 1), 1), maps((2, 4, 5, 5), 2)

    def gradients(b, x, weight, dy):
        y = b.pointwise_conv2d(x, weight)
        grads = b.pointwise_conv2d_backward(b.relu_backward(dy, y), x, weight)
        return grads.x, grads.weight

    with ghostnp.use_backend(ops):
        tape = record(gradients, x, weight, dy)
    dx, dweight = tape.run(ops, x, weight, 2 * dy)
    assert [step.op for step in tape.steps] == ["pointwise_conv2d", "relu_backward", "pointwise_conv2d_backward"]
    mask = np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], x) > 0
    np.testing.assert_allclose(dx, np.einsum("oi,nohw->nihw", weight[:, :, 0, 0], 2 * dy * mask), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(dweight[:, :, 0, 0], np.einsum("nohw,nihw->oi", 2 * dy * mask, x), rtol=1e-5, atol=1e-5)


def test_state_names_the_constants_of_a_function():
    weight = maps((4, 3, 1, 1))
    tape = record(lambda b, x: b.conv2d(x, weight), Token((1, 3, 2, 2), FLOAT32), state={"mine": weight})
    assert str(tape.steps[0].arguments["weight"]) == "mine"
    x = maps((1, 3, 2, 2))
    doubled = tape.run(ops, x, constant=lambda constant: 2 * constant.array)
    np.testing.assert_allclose(doubled, 2 * np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], x), rtol=1e-5, atol=1e-6)


def test_training_is_recorded_as_it_runs():
    model = GhostModule(3, 8)
    with ghostnp.use_backend(ops):
        tape = record(model, maps((2, 3, 5, 5)), training=True)
    steps = [step.op for step in tape.steps]
    assert steps == ["pointwise_conv2d", "batch_norm_relu_train", "depthwise_conv2d", "batch_norm_relu_train", "concat"]
    assert len(tape.steps[1].results) == 3  # y, mean and var
    assert model.state_dict()["primary_conv.1.num_batches_tracked"] == 1  # as always


def test_an_identity_returns_its_input():
    tape = record(Sequential(Dropout(0.5)), Token((1, 2), FLOAT32))
    assert (tape.steps, tape.output) == ((), Result(0))
    x = maps((1, 2))
    assert tape.run(ops, x) is x


def test_an_array_in_two_places_of_the_tree_has_one_name():
    layer = Linear(3, 3)
    tape = record(Sequential(layer, layer), Token((2, 3), FLOAT32))
    assert [step.arguments["weight"].name for step in tape.steps] == ["0.weight", "0.weight"]


def test_values_are_let_go_once_they_are_read_for_the_last_time():
    alive = []

    def noted(x):
        alive.append(sum(ref() is not None for ref in seen))
        y = x + 1
        seen.append(weakref.ref(y))
        return y

    tape = record(Sequential(*(ReLU() for _ in range(6))), Token((1, 2), FLOAT32))
    seen = []
    tape.run(SimpleNamespace(relu=noted), maps((1, 2)))
    assert alive == [0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "function",
    [
        lambda b, x: b.add(x, np.ones_like(x)),
        lambda b, x: b.add(x, x + 1),
        lambda b, x: b.concat([x, np.ones_like(x)]),
        lambda b, x: b.relu(x[:, :1]),
    ],
    ids=["new array", "past the backend", "in a list", "slice"],
)
def test_an_array_from_nowhere_is_refused_with_the_place(function):
    x = maps((1, 2, 3, 3))
    words = r"(add|concat|relu) in 0: argument (b|xs|x) is an array of float32 \(1, .*such as backend\(\)\.add\(a, b\)"
    with pytest.raises(ValueError, match=words):
        record(Sequential(Function(function)), x)


def test_a_result_from_nowhere_is_refused():
    with pytest.raises(ValueError, match="what the model returned is an array of float32"):
        record(lambda b, x: x + 1, maps((1, 2)))


READERS = {
    "count": lambda model, x: ghostnp.count(model, x.shape),
    "record": record,
    "trace": ghostnp.trace,
    "compile": lambda model, x: ghostnp.compile(model)(x),
}


@pytest.mark.parametrize("name", READERS)
def test_weights_are_freed_with_their_model(name):
    """At once, and not when Python looks for cycles of references: a network has some hundred megabytes."""
    model, x = Sequential(Conv2d(3, 4, 3), ReLU(), GhostModule(4, 6)), np.zeros((2, 3, 8, 8), np.float32)
    READERS[name](model, x)  # kernels that are compiled leave garbage
    gc.collect()
    model = Sequential(Conv2d(3, 4, 3), ReLU(), GhostModule(4, 6))
    gc.disable()
    try:
        READERS[name](model, x)
        weights = [weakref.ref(array) for array in model.state_dict().values()]
        del model
        assert not any(weight() is not None for weight in weights)
    finally:
        gc.enable()


def test_past_the_backend_there_are_only_shapes():
    with pytest.raises(TypeError, match="past the backend while it ran on shapes alone"):
        record(Function(lambda b, x: b.relu(x + 1)), Token((1, 2), FLOAT32))


def test_an_unknown_function_is_no_step():
    with pytest.raises(AttributeError, match="gelu"):
        record(lambda b, x: b.gelu(x), maps((1, 2)))


@pytest.mark.parametrize(
    ("model", "inputs", "keywords", "words"),
    [
        ("ghostnet_100", 1, {}, "model is of type str: the rule is a Module or a function"),
        (GhostModule, 1, {}, "model is of type type"),
        (ReLU(), 0, {}, "0 inputs were given: the rule for a Module is one"),
        (ReLU(), 2, {}, "2 inputs were given"),
        (kernels.relu, 1, {"training": True}, "training and rng are for a Module"),
    ],
)
def test_bad_argument_is_named(model, inputs, keywords, words):
    with pytest.raises(TypeError, match=words):
        record(model, *[maps((1, 2))] * inputs, **keywords)


def test_running_statistics_that_move_are_on_the_tape():
    model, x = (
        Sequential(Conv2d(3, 4, 1), BatchNorm2d(4, momentum=0.2)),
        np.random.default_rng(0).normal(size=(2, 3, 4, 4)),
    )
    model = model.astype(np.float64)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    on_shapes = record(model, Token(x.shape, x.dtype), training=True)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])  # there was nothing to move
    tape = record(model, x, training=True)
    for tracked, name in zip(tape.tracked, ("running_mean", "running_var"), strict=True):
        newest, running = tape.values[tracked.newest.number], model.state_dict()[f"1.{name}"]
        assert tracked.running is running
        expected = 0.8 * before[f"1.{name}"] + 0.2 * newest * tracked.factor
        np.testing.assert_allclose(running, expected, rtol=1e-12)
    assert [tracked.factor for tracked in tape.tracked] == [1, 32 / 31]
    assert [tracked.place for tracked in on_shapes.tracked] == [2, 2]
    assert model.state_dict()["1.num_batches_tracked"] == 1


def test_a_backend_that_answers_to_any_name_moves_running_statistics():
    class Listening:
        is_whole = True

        def __getattr__(self, name):
            def function(*args, **keywords):
                return getattr(ops, name)(*args, **keywords)

            return function

    norm = BatchNorm2d(3)
    with ghostnp.use_backend(Listening()):
        norm.forward(np.random.default_rng(0).normal(size=(2, 3, 4, 4)).astype(np.float32), training=True)
    assert norm.num_batches_tracked == 1
    assert norm.running_mean.all()
