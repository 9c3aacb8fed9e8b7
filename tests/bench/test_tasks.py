"""What is measured is what networks really do, and everyone is given the same."""

import pickle

import numpy as np
import pytest

import ghostnp
from ghostnp import ops
from ghostnp.bench.tasks import CallTask, NetworkTask, network_calls

pytestmark = pytest.mark.small
NETWORK = "shufflenetv1_g3_0.5x"


def test_the_calls_of_a_network_are_those_that_are_counted():
    """But for batch norm: evaluation has a ReLU behind it, training runs both as one."""

    def compared(op):
        return not op.startswith(("batch_norm", "relu"))

    rows = ghostnp.count(ghostnp.create_model(NETWORK, seed=None), (4, 3, 64, 64)).rows
    calls = network_calls(NETWORK, 64, 4)
    first = {call: next(iter(dict(call.shapes).values())) for call in calls}
    shapes = {(call.op, shape[0] if call.op == "concat" else shape) for call, shape in first.items()}
    assert {pair for pair in shapes if compared(pair[0])} == {(row.op, row.input) for row in rows if compared(row.op)}
    assert {call.op for call in calls} >= {"batch_norm_train", "batch_norm_relu_train", "relu"}
    assert len(calls) == len(set(calls)) < len(rows)


def test_activations_get_the_batch_and_weights_do_not():
    for few, many in zip(network_calls(NETWORK, 64, 2), network_calls(NETWORK, 64, 5), strict=True):
        for (name, small), (_, large) in zip(few.shapes, many.shapes, strict=True):
            if name in ("weight", "bias"):
                assert small == large
            elif name == "xs":
                assert [(5, *shape[1:]) for shape in small] == list(large)
            else:
                assert (5, *small[1:]) == large


@pytest.mark.parametrize("call", network_calls(NETWORK, 64, 2), ids=lambda call: f"{call.op} {call.text}")
def test_every_call_can_be_made_there_and_back(call):
    arrays, options = call.arrays(), dict(call.options)
    result = getattr(ops, call.op)(**arrays, **options)
    y = result[0] if isinstance(result, tuple) else result
    back = getattr(ops, f"{call.op}_backward")(call.gradient(y.shape), **call.backward_arguments(arrays, result))
    first = back[0] if isinstance(back, tuple) else back
    assert first.shape == next(iter(dict(call.shapes).values())) or call.op == "concat"
    assert np.abs(first).max() > 0


def test_a_task_that_went_through_a_pipe_is_the_same():
    task = NetworkTask(NETWORK, 64, 3, training=False).equipped()
    there = pickle.loads(pickle.dumps(task))
    assert there == task
    np.testing.assert_array_equal(there.images(), task.images())
    np.testing.assert_array_equal(there.labels(), task.labels())
    assert str(there.tape) == str(task.tape)
    with ghostnp.use_backend(ops):
        y = there.model()(there.images())
        np.testing.assert_array_equal(y, task.model()(task.images()))
    np.testing.assert_array_equal(there.tape.run(ops, there.images()), y)


def test_no_activation_travels_with_a_tape():
    task = NetworkTask(NETWORK, 224, 8, training=True).equipped()
    weights = sum(array.nbytes for array in task.state.values())
    assert len(pickle.dumps(task)) < 1.1 * weights + 1e6


def test_signals_neither_die_nor_explode():
    """In a new GhostNetV2 they grow ten thousandfold, and its gates are shut or open."""
    task = NetworkTask("ghostnetv2_100", 224, 1, training=False).equipped()
    with ghostnp.use_backend(ops):
        assert 0.01 < np.abs(task.model()(task.images())).max() < 100


def test_the_text_of_a_call_says_what_is_not_usual():
    shapes = (("x", (8, 3, 9, 9)), ("weight", (4, 3, 3, 3)), ("bias", (4,)))
    options = (("stride", 2), ("padding", (1, 0)), ("dilation", 1))
    assert CallTask("standard_conv2d", shapes, options).text == "8x3x9x9, 4x3x3x3 stride=2 padding=(1,0)"
    assert CallTask("concat", (("xs", ((1, 2, 3, 4), (1, 5, 3, 4))),), (("keep", None),)).text == "1x2x3x4 + 1x5x3x4"


@pytest.mark.parametrize(
    ("size", "batch", "training", "compared"),
    [(64, 1, True, 2), (64, 2, True, 2), (32, 2, True, 8), (96, 1, True, 1), (64, 1, False, 1)],
)
def test_a_batch_norm_has_eight_numbers_where_results_are_compared(size, batch, training, compared):
    """The last maps are 2x2 pixels for 64, one for 32, 3x3 for 96; evaluation computes no statistics."""
    task = NetworkTask(NETWORK, size, batch, training).equipped()
    assert task.comparable().batch == compared
    assert (task.comparable() is task) == (compared == batch)
