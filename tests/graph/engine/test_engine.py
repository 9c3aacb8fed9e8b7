"""The engine as an object: what it keeps, what it refuses, and who may share it."""

import gc
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ghostnp
from ghostnp import ops
from ghostnp.modules import Conv2d, GhostModule, Linear, Module, ReLU, Sequential
from ghostnp.testing import MEMORY
from ghostnp.training.loop import tiny_ghostnet
from tests.graph.engine.networks import Function, assert_same, maps, network, settled

SHAPE = (2, 3, 8, 8)


@pytest.fixture
def model():
    return settled(GhostModule(3, 8).astype(np.float64), maps((8, 3, 8, 8)))


def test_a_module_of_the_user_s_own_is_compiled():
    class Mine(Module):
        parameter_names = ("offset",)

        def __init__(self):
            self.conv = Conv2d(3, 4, 3, padding=1)
            self.offset = np.full((1, 4, 1, 1), 0.5, np.float32)

        def forward(self, x, *, training=False, rng=None):
            b = ghostnp.backend.backend()
            y, _ = self.conv.forward(x)
            return b.add(b.add(b.relu(y), y), b.sigmoid(y)), None

    mine, x = Mine(), maps(SHAPE, np.float32)
    assert_same(ghostnp.compile(mine)(x), mine(x), 1e-5)


@pytest.mark.parametrize("memory", MEMORY)
def test_x_may_lie_in_memory_as_it_likes_and_is_left_alone(model, memory):
    x = maps(SHAPE, memory=memory)
    before = np.array(x)
    assert_same(ghostnp.compile(model)(x), model(before), 1e-12)
    np.testing.assert_array_equal(x, before)


def test_each_result_has_an_array_of_its_own(model):
    engine = ghostnp.compile(model)
    first = engine(maps(SHAPE))
    kept = first.copy()
    second = engine(maps(SHAPE, seed=1))
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)


def test_nan_and_infinity_go_through_as_in_the_model(model):
    x = maps(SHAPE)
    x[0, 0, 2, 2], x[1, 1, 3, 3] = np.nan, np.inf
    np.testing.assert_allclose(ghostnp.compile(model)(x), model(x), rtol=1e-12, atol=1e-12)


def test_an_empty_batch_gives_an_empty_result(model):
    assert ghostnp.compile(model)(maps((0, 3, 8, 8))).shape == (0, 8, 8, 8)


def test_weights_are_those_of_when_it_was_compiled(model):
    x, larger = maps(SHAPE), maps((1, 3, 9, 9))
    engine = ghostnp.compile(model)
    expected, of_larger = model(x), model(larger)
    model.forward(x, training=True)
    for array in model.parameters().values():
        np.add(array, 0.5, out=array)
    assert_same(engine(x), expected, 1e-12)
    assert_same(engine(larger), of_larger, 1e-12)  # a shape that it sees for the first time
    assert_same(ghostnp.compile(model)(x), model(x), 1e-12)
    assert np.abs(model(x) - expected).max() > 0.1


def test_the_model_is_left_as_it_was(model):
    before = {key: array.copy() for key, array in model.state_dict().items()}
    ghostnp.compile(model)(maps(SHAPE))
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


def test_threads_share_an_engine(model):
    engine = ghostnp.compile(model, plans=2)
    inputs = [maps((batch, 3, 8, 8), seed=seed) for seed in range(8) for batch in (1, 2, 3)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(engine, inputs * 3))
    for result, x in zip(results, inputs * 3, strict=True):
        assert_same(result, model(x), 1e-12)


def test_so_many_plans_are_kept_and_no_more(model):
    engine = ghostnp.compile(model, plans=2)
    for batch in (1, 2, 1, 3):
        engine(maps((batch, 3, 8, 8)))
    assert engine.shapes == [(1, 3, 8, 8), (3, 3, 8, 8)]
    assert_same(engine(maps(SHAPE)), model(maps(SHAPE)), 1e-12)


def test_without_weights_x_has_either_dtype():
    engine = ghostnp.compile(ReLU())
    for dtype in (np.float32, np.float64):
        assert engine(maps(SHAPE, dtype)).dtype == dtype


def test_it_computes_on_the_kernels_whatever_backend_is_in_force(model):
    engine, x = ghostnp.compile(model), maps(SHAPE)
    with ghostnp.use_backend(ops):
        first = engine(x)
        assert ghostnp.backend.backend() is ops
    np.testing.assert_array_equal(first, engine(x))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda b, x, w: w, lambda x, w: w),
        (lambda b, x, w: b.relu(w), lambda x, w: np.maximum(w, 0)),
        (lambda b, x, w: b.add(b.relu(w), x), lambda x, w: np.maximum(w, 0) + x),
        (lambda b, x, w: b.concat([w, x]), lambda x, w: np.concatenate([w, x], 1)),
        (lambda b, x, w: b.concat([x, w], keep=4), lambda x, w: np.concatenate([x, w], 1)[:, :4]),
        (lambda b, x, w: b.split(w, [1, 2])[1], lambda x, w: w[:, 1:]),
        (lambda b, x, w: b.flatten(w), lambda x, w: w.reshape(2, -1)),
    ],
    ids=["returned", "rectified", "added", "before x", "behind x", "split", "flattened"],
)
def test_a_parameter_in_the_place_of_maps_is_read_and_never_written(function, expected):
    weight, x = maps(SHAPE, seed=3), maps(SHAPE)
    module = Function(function, w=weight)
    engine = ghostnp.compile(module)
    engine(x)[...] = 7  # if this were the engine's own array, the next result would be 7
    np.testing.assert_array_equal(engine(x), expected(x, weight))


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (maps(SHAPE, np.float32), TypeError, r"x has dtype float32 and weight has float64.* x\.astype\(np\.float64\)"),
        (maps((2, 4, 8, 8)), ValueError, r"x has shape \(2, 4, 8, 8\)"),
        (maps((3, 8, 8)), ValueError, r"x has shape \(3, 8, 8\).* x\[None\]"),
        ([[1.0]], TypeError, "x is of type list"),
    ],
    ids=["dtype", "channels", "axes", "list"],
)
def test_bad_input_is_named(model, x, error, words):
    engine = ghostnp.compile(model)
    with pytest.raises(error, match=words):
        engine(x)
    assert engine.shapes == []
    assert_same(engine(maps(SHAPE)), model(maps(SHAPE)), 1e-12)  # and it still runs


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("ghostnet_100",), TypeError, "model is of type str: the rule is a Module, such as create_model"),
        ((GhostModule,), TypeError, "model is of type type: the rule is a Module"),
    ],
)
def test_a_bad_argument_is_named(arguments, error, words):
    with pytest.raises(error, match=words):
        ghostnp.compile(*arguments)


def test_a_bad_number_of_plans_or_shape_is_named(model):
    with pytest.raises(ValueError, match="plans=0: the rule is an int of 1 or more"):
        ghostnp.compile(model, plans=0)
    with pytest.raises(TypeError, match="x_shape is of type int"):
        ghostnp.compile(model).plan(224)


def test_a_module_that_goes_past_the_backend_is_refused():
    with pytest.raises(TypeError, match="past the backend while it ran on shapes alone"):
        ghostnp.compile(Function(lambda b, x: b.relu(x + 1)))(maps(SHAPE))
    with pytest.raises(ValueError, match=r"neither an input, nor the result of an earlier call, nor in state_dict\(\)"):
        ghostnp.compile(Function(lambda b, x: b.add(x, np.ones(SHAPE))))(maps(SHAPE))


def test_results_take_no_new_memory_in_a_second_run():
    model, x = network("ghostnet_050", np.float32), maps((4, 3, 64, 64), np.float32)
    peaks = []
    for run in (ghostnp.compile(model), model):
        run(x)
        tracemalloc.start()
        run(x)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[0] < 0.5 * peaks[1]  # what is left are the kernels' own columns


def test_a_released_engine_keeps_no_memory_and_says_so():
    model = Sequential(Conv2d(3, 64, 3), ReLU(), Conv2d(64, 64, 3))
    x = maps((2, 3, 128, 128), np.float32)
    expected = ghostnp.compile(model)(x)
    tracemalloc.start()
    try:
        engine = ghostnp.compile(model)
        np.testing.assert_array_equal(engine(x), expected)
        at_work = tracemalloc.get_traced_memory()[0]
        engine.release()
        engine.release()
        gc.collect()
        released = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert at_work > 5e6
    assert released < 1e6
    for use in (lambda: engine(x), lambda: engine.plan(x.shape), lambda: pickle.dumps(engine)):
        with pytest.raises(ValueError, match=r"was released: the rule is to compile the model again"):
            use()
    assert engine.shapes == []


def test_a_released_training_step_says_so_and_leaves_the_model():
    model = tiny_ghostnet()
    step, x = ghostnp.compile(model, training=True), maps((4, 1, 8, 8), np.float32)
    step(x, np.arange(4), rate=0.1)
    trained = {name: array.copy() for name, array in model.state_dict().items()}
    step.release()
    for use in (lambda: step(x, np.arange(4), rate=0.1), lambda: step.program(x.shape), lambda: pickle.dumps(step)):
        with pytest.raises(ValueError, match=r"was released: the rule is to compile the model again"):
            use()
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, trained[name], err_msg=name)


def test_a_linear_layer_alone():
    layer = Sequential(Linear(5, 3).astype(np.float64), ReLU())
    x = maps((4, 5))
    np.testing.assert_allclose(
        ghostnp.compile(layer)(x), np.maximum(x @ layer[0].weight.T + layer[0].bias, 0), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize(
    "function",
    [
        lambda b, x, w: b.pointwise_conv2d(x, b.sigmoid(w)),
        lambda b, x, w: b.standard_conv2d(x, b.multiply(w, w)),
        lambda b, x, w: b.linear(b.flatten(b.global_avg_pool2d(x)), b.flatten(b.sigmoid(w))),
    ],
    ids=["pointwise", "standard", "linear"],
)
def test_weights_may_be_computed(function):
    """In each run, where a kernel wants them: what it lays out while a run is recorded is not there yet."""
    rng = np.random.default_rng(0)
    module, x = Function(function, w=rng.normal(size=(5, 4, 1, 1))), maps((2, 4, 6, 7))
    with ghostnp.use_backend(ops):
        expected = module(x)
    engine = ghostnp.compile(module)
    for _ in range(2):
        assert_same(engine(x), expected, 1e-12)
