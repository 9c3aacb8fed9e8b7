"""Which namespace the modules call: chosen for a block, in this thread alone, and completed from the definitions."""

import asyncio
import contextvars
import types
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

import ghostnp
from ghostnp import ops
from ghostnp.backend import backend as chosen
from ghostnp.backend import overlay, use_backend
from ghostnp.ops.vocabulary import COMPOSITIONS

pytestmark = pytest.mark.small


def recorder(*names):
    """A namespace of some functions of ops, and the list of calls that they note."""
    calls = []

    def noted(name):
        def call(*args, **keywords):
            calls.append(name)
            return getattr(ops, name)(*args, **keywords)

        return call

    return types.SimpleNamespace(**{name: noted(name) for name in names}), calls


def test_kernels_are_what_modules_call_unless_told_otherwise():
    assert chosen() is ghostnp.kernels


def test_choice_holds_inside_the_block_and_blocks_nest():
    with use_backend(ops) as given:
        assert given is chosen() is ops
        with use_backend(ghostnp.kernels):
            assert chosen() is ghostnp.kernels
        assert chosen() is ops
    assert chosen() is ghostnp.kernels


def test_choice_ends_with_the_block_after_an_error_too():
    with pytest.raises(ZeroDivisionError), use_backend(ops):
        raise ZeroDivisionError
    assert chosen() is ghostnp.kernels


def test_threads_choose_for_themselves():
    barrier = Barrier(2)

    def choose(namespace):
        with use_backend(namespace):
            barrier.wait(timeout=10)  # both are inside their blocks
            seen = chosen()
            barrier.wait(timeout=10)
        return seen

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(choose, [ops, ghostnp.kernels])
    assert first is ops
    assert second is ghostnp.kernels
    assert chosen() is ghostnp.kernels


def test_tasks_choose_for_themselves():
    async def choose(namespace):
        with use_backend(namespace):
            await asyncio.sleep(0)
            return chosen()

    async def both():
        return await asyncio.gather(choose(ops), choose(ghostnp.kernels))

    assert asyncio.run(both()) == [ops, ghostnp.kernels]


def test_a_copied_context_takes_the_choice_along():
    with use_backend(ops):
        context = contextvars.copy_context()
    assert context.run(chosen) is ops
    assert chosen() is ghostnp.kernels


def test_one_function_of_ones_own_is_called_by_every_layer_of_its_kind():
    namespace, calls = recorder("depthwise_conv2d")
    model = ghostnp.create_model("ghostnet_050", num_classes=3)
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)
    with use_backend(ops):
        y = model(x)
    with use_backend(namespace):
        np.testing.assert_array_equal(model(x), y)
    # Two ghost modules in each of 16 bottlenecks, four strides, and five shortcuts that are not the identity.
    assert calls == ["depthwise_conv2d"] * (2 * 16 + 4 + 5)


def test_a_backward_pass_of_ones_own_is_called_too():
    namespace, calls = recorder("depthwise_conv2d_backward")
    module = ghostnp.modules.GhostModule(3, 8)
    with use_backend(namespace):
        y, cache = module.forward(np.ones((2, 3, 4, 4), np.float32), training=True)
        module.backward(y, cache)
    assert calls == ["depthwise_conv2d_backward"]


@pytest.mark.parametrize("part", ["batch_norm_train", "relu"])
def test_a_part_of_ones_own_is_called_by_the_fused_norm_too(part):
    namespace, calls = recorder(part)
    with use_backend(namespace):
        ghostnp.modules.BatchNorm2d(3, relu=True).forward(np.ones((2, 3, 4, 4), np.float32), training=True)
    assert calls == [part]


@pytest.mark.parametrize(
    ("part", "groups"), [("standard_conv2d", 1), ("grouped_conv2d", 2), ("depthwise_conv2d", 4), ("relu", 1)]
)
def test_a_part_of_ones_own_is_called_by_the_general_convolution_too(part, groups):
    namespace, calls = recorder(part)
    overlay(namespace).conv2d(np.ones((1, 4, 3, 3)), np.ones((4, 4 // groups, 3, 3)), groups=groups)
    assert calls == [part] * (part != "relu")


def test_whatever_is_missing_comes_from_the_definitions():
    namespace, _ = recorder("relu")
    completed = overlay(namespace)
    assert completed.relu is namespace.relu
    # What is made of other words is made again, of the namespace's: the fused norm follows its ReLU.
    made = {f"{name}{ending}" for name in COMPOSITIONS for ending in ("", "_backward")}
    others = [name for name in ops.__all__ if name not in made | {"relu"}]
    assert [name for name in others if getattr(completed, name) is not getattr(ops, name)] == []
    with pytest.raises(AttributeError, match="no_such_operator"):
        completed.no_such_operator  # noqa: B018


def test_an_object_that_answers_to_any_name_with_a_function_is_a_namespace():
    class Listening:
        def __init__(self):
            self.heard = []

        def __getattr__(self, name):
            def function(*args, **keywords):
                self.heard.append(name)
                return getattr(ops, name)(*args, **keywords)

            return function

    listening = Listening()
    with use_backend(listening):
        ghostnp.modules.ReLU()(np.ones((1, 1, 2, 2)))
    assert listening.heard == ["relu"]


def test_a_complete_namespace_is_taken_as_it_is():
    assert overlay(ops) is ops
    assert overlay(ghostnp.kernels) is ghostnp.kernels
    assert overlay(overlay(recorder("relu")[0])).__name__ == "SimpleNamespace"


def test_a_file_of_ones_own_is_a_backend_under_its_own_name():
    module = types.ModuleType("homework")
    module.relu = lambda x: x
    with use_backend(module) as given:
        assert given.__name__ == "homework"
        x = -np.ones((1, 2, 1, 1), np.float32)
        np.testing.assert_array_equal(ghostnp.modules.ReLU()(x), x)


@pytest.mark.parametrize("namespace", [None, "ops", {"relu": ops.relu}, types.ModuleType("empty")])
def test_a_namespace_without_any_function_of_the_vocabulary_is_refused(namespace):
    with (
        pytest.raises(TypeError, match=r"namespace=.* has no function of the vocabulary: .* such as ghostnp.ops"),
        use_backend(namespace),
    ):
        pass
    assert chosen() is ghostnp.kernels


def test_choosing_the_definitions_needs_no_numba(run_python):
    code = """
import sys
import ghostnp
with ghostnp.use_backend(ghostnp.ops):
    ghostnp.backend.backend()
print("numba" in sys.modules)
ghostnp.backend.backend()
print("numba" in sys.modules)
"""
    assert run_python(code) == "False\nTrue\n"


def test_without_numba_the_kernels_say_so_and_the_definitions_work(run_python):
    code = """
import sys
sys.modules["numba"] = None
import numpy as np, ghostnp
model = ghostnp.create_model("ghostnet_050", num_classes=2, seed=None)
print(ghostnp.count(model, (1, 3, 32, 32)).macs)
try:
    model(np.zeros((1, 3, 32, 32), np.float32))
except ModuleNotFoundError as error:
    print(error)
with ghostnp.use_backend(ghostnp.ops):
    print(model(np.zeros((1, 3, 32, 32), np.float32)).shape)
"""
    _, error, shape = run_python(code).splitlines()
    assert error.startswith(
        "the kernels, and the engine that runs them, need Numba: the rule is to install it, as by pip"
    )
    assert shape == "(1, 2)"
