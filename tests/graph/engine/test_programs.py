"""The engine as native calls: equal bits with any number of threads, in forks, beside others, and without memory."""

import copy
import gc
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ghostnp
from ghostnp.graph.engine.engine import Engine
from ghostnp.graph.engine.replay import Replay
from ghostnp.modules import GhostModule
from ghostnp.testing import MEMORY
from tests.graph.engine.networks import Function, assert_same, maps, network, settled
from tests.without_memory import WITHOUT_MEMORY

SHAPE = (2, 3, 8, 8)


@pytest.fixture
def model():
    return settled(GhostModule(3, 8).astype(np.float64), maps((8, 3, 8, 8)))


def replay(model, x):
    plan = ghostnp.compile(model).plan(x.shape)
    return Replay(plan.tape, plan.homes)


@pytest.mark.parametrize("name", ["ghostnet_050", "ghostnetv2_100", "shufflenetv1_g3_0.5x", "squeezenet1_0"])
def test_a_network_is_one_native_call(name):
    model = ghostnp.create_model(name, num_classes=10, seed=0)
    assert len(replay(model, maps((2, 3, 64, 64), np.float32))._calls) == 1


def test_what_has_no_kernel_is_called_between_two_programs():
    module = Function(lambda b, x: b.relu(b.softmax(b.sigmoid(x))))
    x = maps(SHAPE, np.float32)
    assert len(replay(module, x)._calls) == 3
    assert_same(ghostnp.compile(module)(x), module(x), 1e-6)


@pytest.mark.parametrize("name", ["ghostnet_050", "shufflenetv1_g3_0.5x"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bits_do_not_depend_on_the_number_of_threads(name, dtype, count_threads):
    engine, x = ghostnp.compile(network(name, dtype)), maps((3, 3, 97, 75), dtype)
    results = []
    for count in (1, 2, 5):
        count_threads(count)
        results += [engine(x), engine(x)]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_programs_of_any_number_of_axes():
    def flat(b, x, w):
        y = b.flatten(x)
        z = b.multiply(b.add(b.sigmoid(y), y), b.hard_sigmoid(y))
        return b.relu(b.linear(b.crelu(z), w)), z

    weight, x = maps((5, 2 * 3 * 8 * 8), seed=1), maps(SHAPE)
    module = Function(flat, w=weight)
    assert len(replay(module.astype(np.float64), x)._calls) == 1
    for actual, expected in zip(ghostnp.compile(module)(x), module(x), strict=True):
        assert_same(actual, expected, 1e-12)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("memory", MEMORY)
def test_large_inputs_and_outputs_are_copied_whatever_their_order(batch, memory):
    """So large that launches do it; the engine's own memory never gets out."""
    module, shape = Function(lambda b, x: (x, b.relu(x), b.flatten(x))), (batch, 5, 160, 130)
    engine, x = ghostnp.compile(module), maps(shape, np.float32, memory=memory)
    for y, expected in zip(engine(x), (x, np.maximum(x, 0), np.array(x).reshape(batch, -1)), strict=True):
        np.testing.assert_array_equal(y, expected)
        assert not np.shares_memory(y, x)
        y[...] = 7
    np.testing.assert_array_equal(engine(x)[0], x)


def test_a_program_refuses_another_shape_or_dtype(model):
    run = replay(model.astype(np.float32), maps(SHAPE, np.float32))
    for x in (maps((1, 3, 8, 8), np.float32), maps(SHAPE)):
        with pytest.raises(TypeError, match=r"the rule is what this was planned for, float32 \(2, 3, 8, 8\)"):
            run(x)


def test_freed_memory_is_used_again_beside_a_running_engine():
    """A program holds addresses: whatever they are of has to live for as long as it does."""
    model, x = network("shufflenetv2_0.5x", np.float32), maps((2, 3, 64, 64), np.float32)
    engine = ghostnp.compile(model)
    expected, done = engine(x), threading.Event()
    del model

    def allocate():
        while not done.is_set():
            sizes = np.random.default_rng().integers(1, 1 << 16, 200)
            [np.full(size, np.nan, np.float32) for size in sizes]
            gc.collect()

    others = [threading.Thread(target=allocate) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for _ in range(30):
            np.testing.assert_array_equal(engine(x), expected)
    finally:
        done.set()
        for other in others:
            other.join()


def test_engines_are_dropped_while_others_run():
    model, x = network("ghostnet_050", np.float32), maps((2, 3, 64, 64), np.float32)
    kept = ghostnp.compile(model)
    expected = kept(x)

    def run(number):
        result = (ghostnp.compile(model) if number % 3 == 0 else kept)(x)
        gc.collect()
        return result

    with ThreadPoolExecutor(3) as pool:
        for result in pool.map(run, range(24)):
            np.testing.assert_array_equal(result, expected)


def test_a_plan_that_was_let_go_frees_its_memory(model):
    engine = ghostnp.compile(model, plans=1)
    engine(maps(SHAPE))
    memory = next(iter(engine._replays.values()))._arrays[0]
    while memory.base is not None:
        memory = memory.base
    memory = weakref.ref(memory)
    assert memory() is not None
    engine(maps((1, 3, 8, 8)))
    gc.collect()
    assert memory() is None


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda engine: pickle.loads(pickle.dumps(engine))])
def test_a_copy_of_an_engine_is_an_engine_of_its_own(model, clone):
    engine, x = ghostnp.compile(model, plans=2), maps(SHAPE)
    expected = engine(x)
    other = clone(engine)
    assert isinstance(other, Engine)
    assert other.shapes == []
    del engine
    np.testing.assert_array_equal(other(x), expected)
    for batch in (1, 3, 4):
        other(maps((batch, 3, 8, 8)))
    assert len(other.shapes) == 2


def test_a_plan_without_memory_is_an_error_and_the_engine_goes_on(model):
    engine, x = ghostnp.compile(model), maps(SHAPE)
    expected = engine(x)
    with pytest.raises(MemoryError):
        engine(np.broadcast_to(np.float64(0), (1 << 20, 3, 1 << 12, 1 << 12)))
    assert engine.shapes == [SHAPE]
    np.testing.assert_array_equal(engine(x), expected)


ENGINE = """
import os, signal, threading, warnings
import numpy as np
import ghostnp
from ghostnp.modules import Conv2d, Sequential, ReLU

model = Sequential(Conv2d(3, 8, 3, padding=1), ReLU(), Conv2d(8, 8, 3, groups=8, padding=1))
engine, x = ghostnp.compile(model), np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32)
expected = engine(x)
"""

FORKED = """
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: it is what this is about
busy = True

def run():
    while busy:
        engine(x)

def forked():
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os._exit(not (engine(x) == expected).all())
    return os.waitpid(child, 0)[1]

if hasattr(os, "fork"):
    others = [threading.Thread(target=run) for _ in range(2)]
    for other in others:
        other.start()
    failed = [forked() for _ in range(20)]
    with engine._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            os._exit(not (engine(x) == expected).all())
    failed.append(os.waitpid(child, 0)[1])
    busy = False
    for other in others:
        other.join()
    assert not any(failed), failed
    assert (engine(x) == expected).all()
"""

# A row as long as this needs phases of its own, which each run allocates, and too large for memory that is kept.
NO_MEMORY = (
    WITHOUT_MEMORY
    + """
wide = ghostnp.compile(Sequential(Conv2d(1, 1, (1, 3), padding=(0, 1)), Conv2d(1, 1, 1)))
row = np.ones((1, 1, 1, 1 << 24), np.float32)
before = wide(row)
call_without_memory(lambda: wide(row))
assert (wide(row) == before).all()
assert (engine(x) == expected).all()
"""
)


@pytest.mark.parametrize("count", ["1", "3"])
def test_an_engine_works_in_a_fork_even_if_another_thread_had_its_lock(count, run_python):
    run_python(ENGINE + FORKED, GHOSTNP_THREADS=count)


def test_a_run_without_memory_is_an_error_and_the_engine_goes_on(run_python):
    run_python(ENGINE + NO_MEMORY, GHOSTNP_THREADS="2")
