"""A training step as a program does what the layers' explicit passes and an optimiser do."""

import copy
import gc
import pickle
import re
import threading

import numpy as np
import pytest

import ghostnp
from ghostnp import ops
from ghostnp.backend import backend
from ghostnp.graph.engine import TrainingStep, recompute
from ghostnp.modules import (
    BatchNorm2d,
    Conv2d,
    CReLU,
    Flatten,
    GlobalAvgPool2d,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Residual,
    Sequential,
    initializer,
)
from ghostnp.ops.registration import unregister
from ghostnp.training.loop import tiny_ghostnet
from tests.graph.engine.networks import ONE_SIZE, maps
from tests.without_memory import WITHOUT_MEMORY

TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}


def labels_of(batch, seed=0):
    return np.random.default_rng(seed).integers(0, 10, batch)


def gradients(model, images, labels, smoothing=0.0, rng=None):
    """Loss and gradients, by the layers' explicit passes."""
    logits, cache = model.forward(images, training=True, rng=rng)
    loss, probabilities = backend().softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
    dlogits = backend().softmax_cross_entropy_backward(
        logits.dtype.type(1), logits, labels, probabilities, label_smoothing=smoothing
    )
    return loss, model.backward(dlogits, cache)[1]


def explicit_step(model, images, labels, velocity, rate, momentum=0.9, decay=1e-4, smoothing=0.0):
    loss, grads = gradients(model, images, labels, smoothing)
    for name, w in model.parameters().items():
        velocity[name] = momentum * velocity[name] + grads[name] + decay * w
        w[...] -= (rate * velocity[name]).astype(w.dtype)
    return loss


def assert_same_state(actual, expected, tolerance):
    """Equal up to so much of the largest entry, or of 1: some numbers are 0 in mathematics, and rounding here."""
    assert actual.keys() == expected.keys()
    for name, array in expected.items():
        error, scale = np.abs(actual[name] - array).max(), max(1, np.abs(array).max())
        assert error <= tolerance * scale, f"{name} is off by {error / scale:.3g}"


def copied_state(model):
    return {name: array.copy() for name, array in model.state_dict().items()}


def assert_equal_state(model, expected):
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def assert_learns_the_same(model, shape, tolerance, steps=3, **settings):
    trained, velocity = copy.deepcopy(model), {}
    velocity = {name: np.zeros_like(array) for name, array in model.parameters().items()}
    before = {name: array.copy() for name, array in model.parameters().items()}
    compiled = {"label_smoothing" if name == "smoothing" else name: value for name, value in settings.items()}
    step = ghostnp.compile(trained, training=True, **compiled)
    dtype = next(iter(before.values())).dtype
    for number in range(steps):
        images, labels = maps(shape, dtype, seed=number), labels_of(shape[0], seed=number)
        loss = explicit_step(model, images, labels, velocity, 0.01 / (1 + number), **settings)
        assert abs(step(images, labels, rate=0.01 / (1 + number)) - loss) <= tolerance * max(1, abs(loss))
        assert_same_state(trained.state_dict(), model.state_dict(), tolerance)
        assert_same_state(step.velocity, velocity, 10 * tolerance)
    assert any(np.abs(before[name] - array).max() > 1e-6 for name, array in trained.parameters().items())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 2, 13])
def test_a_small_ghostnet_learns_the_same(batch, dtype):
    assert_learns_the_same(tiny_ghostnet(attention=batch == 2, dtype=dtype), (batch, 1, 8, 8), TOLERANCE[dtype])


def test_momentum_decay_and_smoothing_are_those_asked_for():
    model = tiny_ghostnet(dtype=np.float64)
    assert_learns_the_same(model, (3, 1, 8, 8), 1e-12, momentum=0.5, decay=0.03, smoothing=0.1)


NETWORKS = ["ghostnet_050", "ghostnetv2_100", "shufflenetv1_g3_0.5x", "shufflenetv2_0.5x", "mobilenetv2_100"]
NETWORKS += ["ghost_resnet50", "squeezenet1_0", "googlenet", "alexnet", "ghostnet_keras"]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_gradient_and_statistic_of_a_network_is_that_of_its_layers(name):
    """With the velocity at zero, no decay and a rate of zero, v is the gradient: bit for bit, since all is the same."""
    size = ONE_SIZE.get(name, 64)
    keywords = {"image_size": size} if name in ONE_SIZE else {}
    model = ghostnp.create_model(name, num_classes=10, seed=1, dtype=np.float64, **keywords)
    images, labels = maps((3, 3, size, size)), labels_of(3)
    step = ghostnp.compile(trained := copy.deepcopy(model), training=True, momentum=0.0, decay=0.0)
    loss, grads = gradients(model, images, labels)
    for _ in range(2):  # nothing is left in memory of what was there before
        assert step(images, labels, rate=0.0) == loss
        assert step.velocity.keys() == grads.keys()
        for path, gradient in grads.items():
            np.testing.assert_array_equal(step.velocity[path], gradient, err_msg=path)
    model.forward(images, training=True)
    assert_same_state(trained.state_dict(), model.state_dict(), 1e-12)


@pytest.mark.parametrize("name", ["ghostnet_050", "shufflenetv2_0.5x", "mobilenetv2_100"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_made_again_is_the_same(name, dtype, monkeypatch):
    """Bit for bit, also where that is all there is; and it takes the less memory, the more of it there is."""
    model = ghostnp.create_model(name, num_classes=10, seed=1, dtype=dtype)
    images, labels, losses, velocities, sizes = maps((3, 3, 64, 64), dtype), labels_of(3), [], [], []
    for part in (2, 1 / 256, 0):
        monkeypatch.setattr(recompute, "_PART", part)
        step = ghostnp.compile(copy.deepcopy(model), training=True)
        losses.append([step(images, labels, rate=0.05) for _ in range(2)])
        velocities.append(step.velocity)
        program = step.program(images.shape)
        sizes.append(program.homes.size)
        again = [step for step in program.tape.steps if step.results[0] >= len(program.recorded.values)]
        assert bool(again) == (part < 1) == ("  again  " in str(program))
        made = {number for step in again for number in step.results}
        for step in program.tape.steps:
            assert step.is_backward or step in again or not made.intersection(step.reads)
    assert losses[0] == losses[1] == losses[2]
    for others in velocities[1:]:
        for path, gradient in velocities[0].items():
            np.testing.assert_array_equal(others[path], gradient, err_msg=path)
    assert sizes[0] > sizes[1] > sizes[2]


class Odd(Module):
    """What networks lack: an operator without a kernel, a parameter in the place of maps, a layer used twice."""

    parameter_names = ("offset",)

    def __init__(self):
        with initializer(0, np.float64):
            self.conv, self.head = Conv2d(3, 3, 3, padding=1), Linear(6, 10)
        self.offset = np.random.default_rng(0).normal(size=(4, 3, 6, 6))

    def forward(self, x, *, training=False, rng=None):
        b = backend()
        first, cache_first = self.conv.forward(x, training=training)
        second, cache_second = self.conv.forward(first, training=training)
        moved = b.add(self.offset, second)
        shares = b.softmax(moved)
        pooled = b.global_avg_pool2d(b.crelu(shares))
        flat = b.flatten(pooled)
        y, cache_head = self.head.forward(b.relu(flat), training=training)
        return y, (cache_first, cache_second, second, moved, shares, pooled, flat, cache_head)

    def backward(self, dy, cache):
        b = backend()
        cache_first, cache_second, second, moved, shares, pooled, flat, cache_head = cache
        dy, head = self.head.backward(dy, cache_head)
        dpooled = b.flatten_backward(b.relu_backward(dy, flat), pooled)
        dcrelu = b.global_avg_pool2d_backward(dpooled, b.crelu(shares))
        dmoved = b.softmax_backward(b.crelu_backward(dcrelu, shares), moved)
        doffset, dsecond = b.add_backward(dmoved, self.offset, second)
        dfirst, conv_second = self.conv.backward(dsecond, cache_second)
        dx, conv_first = self.conv.backward(dfirst, cache_first)
        conv = {f"conv.{name}": b.add(conv_first[name], conv_second[name]) for name in conv_first}
        return dx, {"offset": doffset} | conv | {f"head.{name}": gradient for name, gradient in head.items()}


def test_layers_without_kernels_and_parameters_in_unusual_places():
    assert_learns_the_same(Odd(), (4, 3, 6, 6), 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["ghostnet_050", "squeezenet1_0", "alexnet"])
def test_dropout_draws_what_the_layers_draw(name, dtype):
    """The same masks in each step, and so every gradient bit for bit; without a generator nothing is dropped."""
    size = ONE_SIZE.get(name, 64)
    keywords = {"image_size": size} if name in ONE_SIZE else {}
    model = ghostnp.create_model(name, num_classes=10, seed=1, dtype=dtype, **keywords)
    images, labels = maps((3, 3, size, size), dtype), labels_of(3)
    step = ghostnp.compile(copy.deepcopy(model), training=True, momentum=0.0, decay=0.0)
    ours, theirs, seen = np.random.default_rng(5), np.random.default_rng(5), []
    for rngs in [(ours, theirs), (ours, theirs), (None, None)]:
        loss, grads = gradients(model, images, labels, rng=rngs[1])
        assert step(images, labels, rate=0.0, rng=rngs[0]) == loss
        for path, gradient in grads.items():
            np.testing.assert_array_equal(step.velocity[path], gradient, err_msg=path)
        seen.append(float(loss))
    assert len(set(seen)) == 3
    assert ours.random() == theirs.random()


def test_a_module_that_draws_by_itself_is_refused():
    class Jitter(Module):
        def forward(self, x, *, training=False, rng=None):
            return backend().multiply(x, rng.random(x.shape)), None

    step = ghostnp.compile(Sequential(Jitter(), Conv2d(1, 2, 1), GlobalAvgPool2d(), Flatten()), training=True)
    with pytest.raises(
        TypeError, match=r"rng\.random by itself.* the rule is to leave this to a layer, such as Dropout"
    ):
        step(maps((2, 1, 4, 4), np.float32), labels_of(2), rate=0.1)


@pytest.mark.parametrize("rng", [0, np.random.RandomState(0), "seed"])
def test_a_generator_that_is_none_is_named(rng):
    with pytest.raises(
        TypeError, match=r"rng is of type .*: the rule is a generator, such as numpy.random.default_rng"
    ):
        ghostnp.compile(tiny_ghostnet(), training=True)(maps((4, 1, 8, 8), np.float32), labels_of(4), rate=0, rng=rng)


def test_a_batch_norm_that_runs_twice_moves_its_statistics_twice():
    with initializer(1, np.float64):
        conv, norm = Conv2d(2, 2, 1), BatchNorm2d(2)
        model = Sequential(conv, norm, ReLU(), GlobalAvgPool2d(), Flatten(), Linear(2, 10))

    class Twice(Module):
        def __init__(self):
            self.all = model

        def forward(self, x, *, training=False, rng=None):
            norm.forward(x, training=training)
            return self.all.forward(x, training=training)

        def backward(self, dy, cache):
            dx, grads = self.all.backward(dy, cache)
            return dx, {f"all.{name}": gradient for name, gradient in grads.items()}

    step, (images, labels) = ghostnp.compile(Twice(), training=True), (maps((4, 2, 5, 5)), labels_of(4))
    expected = copy.deepcopy(norm)
    expected.forward(images, training=True)
    expected.forward(conv(images), training=True)
    step(images, labels, rate=0.1)
    assert norm.num_batches_tracked == 2
    np.testing.assert_allclose(norm.running_mean, expected.running_mean, rtol=1e-12)
    np.testing.assert_allclose(norm.running_var, expected.running_var, rtol=1e-12)


def test_pooling_and_axes_other_than_four():
    with initializer(1, np.float64):
        model = Sequential(
            Conv2d(2, 4, 3, stride=2), BatchNorm2d(4, relu=True), MaxPool2d(2), CReLU(), Flatten(), Linear(32, 12)
        )
        model = Sequential(*model, ReLU(), Linear(12, 10))
    assert_learns_the_same(model, (5, 2, 10, 9), 1e-12)


def test_bits_do_not_depend_on_the_number_of_threads(count_threads):
    states = []
    for count in (1, 2, 5):
        count_threads(count)
        model = ghostnp.create_model("ghostnet_050", num_classes=10, seed=0)
        step = ghostnp.compile(model, training=True)
        for seed in range(2):
            step(maps((2, 3, 64, 64), np.float32, seed=seed), labels_of(2, seed), rate=0.1)
        states.append(model.state_dict())
    for state in states[1:]:
        for name, array in state.items():
            np.testing.assert_array_equal(array, states[0][name], err_msg=name)


def test_memory_is_much_less_than_what_the_layers_keep():
    memory = (
        ghostnp.compile(ghostnp.create_model("ghostnet_100", seed=0), training=True).program((8, 3, 224, 224)).memory
    )
    assert memory.planned < 0.4 * memory.kept
    assert memory.planned < memory.let_go


def test_batches_of_several_sizes_train_one_model():
    model = tiny_ghostnet(dtype=np.float64)
    trained = copy.deepcopy(model)
    velocity = {name: np.zeros_like(array) for name, array in model.parameters().items()}
    step = ghostnp.compile(trained, training=True, plans=1)
    for batch in (2, 3, 2):
        images, labels = maps((batch, 1, 8, 8)), labels_of(batch)
        explicit_step(model, images, labels, velocity, 0.1)
        step(images, labels, rate=0.1)
    assert_same_state(trained.state_dict(), model.state_dict(), 1e-12)


def test_to_plan_a_step_trains_nothing():
    model = tiny_ghostnet()
    before = {name: array.copy() for name, array in model.state_dict().items()}
    ghostnp.compile(model, training=True).program((4, 1, 8, 8))
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_weights_loaded_between_steps_are_seen():
    model = tiny_ghostnet(dtype=np.float64)
    state = {name: array.copy() for name, array in model.state_dict().items()}
    step = ghostnp.compile(model, training=True)
    images, labels = maps((4, 1, 8, 8)), labels_of(4)
    first = step(images, labels, rate=0.1)
    assert step(images, labels, rate=0.1) != first
    model.load_state_dict(state)
    assert step(images, labels, rate=0.1) == first


def test_threads_take_turns():
    model, images, labels = tiny_ghostnet(), maps((4, 1, 8, 8), np.float32), labels_of(4)
    step = ghostnp.compile(model, training=True)
    callers = [threading.Thread(target=lambda: [step(images, labels, rate=0.01) for _ in range(10)]) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert model.state_dict()["bn1.num_batches_tracked"] == 30


def test_it_trains_whatever_backend_is_in_force():
    with ghostnp.use_backend(ops):
        assert_learns_the_same(tiny_ghostnet(dtype=np.float64), (2, 1, 8, 8), 1e-10)


@pytest.mark.parametrize(
    ("images", "labels", "error", "words"),
    [
        (maps((4, 1, 8, 8)), labels_of(4), TypeError, "float64"),
        (maps((4, 2, 8, 8), np.float32), labels_of(4), ValueError, r"images of shape \(4, 2, 8, 8\) do not fit.* x "),
        (maps((4, 8, 8), np.float32), labels_of(4), ValueError, r"images of shape \(4, 8, 8\) do not fit"),
        (maps((4, 1, 8, 8), np.float32), labels_of(3), ValueError, "labels has shape"),
        (maps((4, 1, 8, 8), np.float32), labels_of(4) + 7, ValueError, "labels runs from"),
        (maps((4, 1, 8, 8), np.float32), labels_of(4) * 1.0, TypeError, "labels has dtype float64"),
    ],
)
def test_bad_input_is_named_and_trains_nothing(images, labels, error, words):
    model = tiny_ghostnet()
    before = {name: array.copy() for name, array in model.state_dict().items()}
    step = ghostnp.compile(model, training=True)
    with pytest.raises(error, match=words):
        step(images, labels, rate=0.1)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_a_rate_that_is_none_trains_nothing(rate):
    model = tiny_ghostnet()
    before = {name: array.copy() for name, array in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"rate=.*: the rule is a finite number of 0 or more"):
        ghostnp.compile(model, training=True)(maps((4, 1, 8, 8), np.float32), labels_of(4), rate=rate)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("settings", [{"decay": -1}, {"decay": "no"}, {"momentum": 2}, {"label_smoothing": -0.1}])
def test_settings_of_the_descent_are_checked(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name}=.*: the rule is"):
        ghostnp.compile(tiny_ghostnet(), training=True, **settings)


def test_what_is_no_module_or_no_classifier_is_named():
    with pytest.raises(TypeError, match="model is of type str: the rule is a Module"):
        ghostnp.compile("ghostnet_100", training=True)
    step = ghostnp.compile(Sequential(Conv2d(3, 4, 1), GlobalAvgPool2d()), training=True)
    assert isinstance(step, TrainingStep)
    with pytest.raises(ValueError, match="logits"):
        step(maps((2, 3, 4, 4), np.float32), labels_of(2), rate=0.1)


def test_a_program_refuses_another_shape_or_dtype():
    program = ghostnp.compile(tiny_ghostnet(), training=True).program((4, 1, 8, 8))
    for images in (maps((1, 1, 8, 8), np.float32), maps((4, 1, 8, 8))):
        with pytest.raises(
            TypeError, match=r"images is .*: the rule is what this was planned for, float32 \(4, 1, 8, 8\)"
        ):
            program(images, labels_of(len(images)))
    with pytest.raises(TypeError, match="shape is of type int"):
        ghostnp.compile(tiny_ghostnet(), training=True).program(4)


def test_a_program_that_was_let_go_still_runs_for_whoever_has_it():
    model = tiny_ghostnet(dtype=np.float64)
    expected = copy.deepcopy(model)
    step = ghostnp.compile(model, training=True, plans=1)
    program, images, labels = step.program((4, 1, 8, 8)), maps((4, 1, 8, 8)), labels_of(4)
    step.program((2, 1, 8, 8))
    gc.collect()
    assert program(images, labels) == gradients(expected, images, labels)[0]


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda step: pickle.loads(pickle.dumps(step))])
def test_a_copy_of_a_step_goes_on_by_itself(clone):
    model, images, labels = tiny_ghostnet(dtype=np.float64), maps((4, 1, 8, 8)), labels_of(4)
    step = ghostnp.compile(model, training=True, momentum=0.5, decay=0.01, label_smoothing=0.1)
    step(images, labels, rate=0.1)
    other, before = clone(step), copied_state(model)
    expected = [other(images, labels, rate=0.1) for _ in range(2)]
    assert_equal_state(model, before)
    assert [step(images, labels, rate=0.1) for _ in range(2)] == expected


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_program_says_why_it_cannot_be_copied(clone):
    program = ghostnp.compile(tiny_ghostnet(), training=True).program((4, 1, 8, 8))
    with pytest.raises(TypeError, match="cannot be copied: the rule is to copy the step"):
        clone(program)


def test_a_model_and_its_step_are_copied_together():
    model, images, labels = tiny_ghostnet(), maps((4, 1, 8, 8), np.float32), labels_of(4)
    other, step = copy.deepcopy((model, ghostnp.compile(model, training=True)))
    before = copied_state(other)
    step(images, labels, rate=0.1)
    assert any((array != before[name]).any() for name, array in other.state_dict().items())


@pytest.fixture
def fragile():
    """An operator of one's own whose backward pass finds no memory, on request."""

    def fragile(x):
        return x + 0

    def fragile_backward(dy, x):
        if fails:
            raise MemoryError
        return dy + 0

    fails = []
    ghostnp.register(fragile, fragile_backward, like="relu")
    yield fails
    unregister("fragile")


class Fragile(Module):
    def forward(self, x, *, training=False, rng=None):
        return backend().fragile(x), x

    def backward(self, dy, cache):
        return backend().fragile_backward(dy, cache), {}


def test_a_step_that_fails_half_way_leaves_the_model_as_it_was(fragile):
    with initializer(0, np.float64):
        layers = Conv2d(1, 4, 3), BatchNorm2d(4, relu=True), Fragile(), GlobalAvgPool2d(), Flatten(), Linear(4, 10)
    model = Sequential(*layers)
    expected = copy.deepcopy(model)
    step, other = (ghostnp.compile(each, training=True) for each in (model, expected))
    images, labels = maps((4, 1, 8, 8)), labels_of(4)
    step(images, labels, rate=0.1)
    other(images, labels, rate=0.1)
    before = copied_state(model) | {f"v {name}": v.copy() for name, v in step.velocity.items()}
    fragile.append(True)
    with pytest.raises(MemoryError):
        step(images, labels, rate=0.1)
    after = copied_state(model) | {f"v {name}": v.copy() for name, v in step.velocity.items()}
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, err_msg=name)
    fragile.clear()
    assert step(images, labels, rate=0.1) == other(images, labels, rate=0.1)
    assert_equal_state(model, expected.state_dict())


def test_without_memory_for_a_program_the_step_goes_on():
    model, images, labels = tiny_ghostnet(), maps((4, 1, 8, 8), np.float32), labels_of(4)
    step = ghostnp.compile(model, training=True)
    step(images, labels, rate=0.1)
    before = copied_state(model)
    with pytest.raises(MemoryError):
        step(np.broadcast_to(np.float32(0), (1 << 22, 1, 1 << 10, 1 << 10)), np.zeros(1 << 22, int), rate=0.1)
    assert_equal_state(model, before)
    step(images, labels, rate=0.1)


STEP = """
import os, signal, threading, warnings
import numpy as np
import ghostnp
from ghostnp.modules import BatchNorm2d, Conv2d, Flatten, GlobalAvgPool2d, Linear, Sequential

def model():
    layers = Conv2d(1, 1, 1), BatchNorm2d(1, relu=True), Conv2d(1, 1, (1, 3), padding=(0, 1)), GlobalAvgPool2d()
    return Sequential(*layers, Flatten(), Linear(1, 2))

labels = np.array([1])
"""

# A row as long as this needs phases of its own, which each run allocates, and too large for memory that is kept.
NO_MEMORY = (
    WITHOUT_MEMORY
    + """
trained, row = model(), np.random.default_rng(0).normal(size=(1, 1, 1, 1 << 24)).astype(np.float32)
step = ghostnp.compile(trained, training=True)
step(row, labels, rate=0.1)
before = {name: array.copy() for name, array in (trained.state_dict() | step.velocity).items()}
call_without_memory(lambda: step(row, labels, rate=0.1))
assert all((array == before[name]).all() for name, array in (trained.state_dict() | step.velocity).items())
step(row, labels, rate=0.1)
assert any((array != before[name]).any() for name, array in trained.state_dict().items())
"""
)

FORKED = """
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads: it is what this is about
step, images = ghostnp.compile(model(), training=True), np.ones((1, 1, 64, 64), np.float32)
step(images, labels, rate=0.1)
if hasattr(os, "fork"):
    with step._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            os._exit(not np.isfinite(step(images, labels, rate=0.1)))
    assert os.waitpid(child, 0)[1] == 0
    step(images, labels, rate=0.1)
"""


@pytest.mark.parametrize("script", [NO_MEMORY, FORKED], ids=["without memory", "in a fork, its lock held elsewhere"])
def test_a_step(script, run_python):
    run_python(STEP + script, GHOSTNP_THREADS="2")


# The program


def program_of(*layers, shape=(2, 3, 8, 8)):
    return ghostnp.compile(Sequential(*layers, GlobalAvgPool2d(), Flatten(), Linear(4, 10)), training=True).program(
        shape
    )


def ops_of(program):
    return [step.op for step in program.tape.steps]


def test_a_network_s_step_is_one_native_call():
    for name in ("ghostnet_050", "shufflenetv2_0.5x", "mobilenetv2_100"):
        program = ghostnp.compile(ghostnp.create_model(name, num_classes=10), training=True).program((2, 3, 64, 64))
        assert not any(map(callable, program.work))
        assert len(program._calls) == 1


def test_what_nothing_reads_is_not_computed():
    """The gradient of the images, in whatever the first layers are, and what a backward pass makes for its shape."""
    first, *_ = [step for step in program_of(Conv2d(3, 4, 3)).tape.steps if step.op == "standard_conv2d_backward"]
    assert first.arguments["no_dx"] is True
    assert "max_pool2d_backward" not in ops_of(program_of(MaxPool2d(2), Conv2d(3, 4, 1)))
    inner = program_of(Conv2d(3, 3, 1), MaxPool2d(2), Conv2d(3, 4, 1))
    assert ops_of(inner).count("max_pool2d_backward") == 1
    assert [
        step.arguments.get("no_dx", False) for step in inner.tape.steps if step.op == "pointwise_conv2d_backward"
    ] == [
        False,
        True,
    ]
    odd = ghostnp.compile(Odd(), training=True).program((4, 3, 6, 6))
    assert [step.op for step in odd.recorded.steps].count("crelu") == 2
    assert ops_of(odd).count("crelu") == 1


@pytest.mark.parametrize(("name", "most"), [("ghostnet_050", 0), ("googlenet", 0), ("shufflenetv2_0.5x", 13)])
def test_parts_are_born_in_their_concat_and_gradients_are_views_of_its_gradient(name, most):
    """In ShuffleNetV2's 13 units of stride 1 half of the channels pass by, and the other half is kept for backward."""
    program = ghostnp.compile(ghostnp.create_model(name, num_classes=10), training=True).program((2, 3, 64, 64))
    steps = [step for step in program.tape.steps if step.op in ("concat", "split_backward")]
    parts = [part for step in steps for part in program.homes.parts(step.results[0])]
    assert len(parts) > 30
    assert sum(not program.homes.in_place(part) for part in parts if part.size) == most
    idle = {step.op for step, work in zip(program.tape.steps, program.work, strict=True) if not work}
    assert {"concat_backward", "flatten", "flatten_backward"} <= idle


@pytest.mark.parametrize("name", ["squeezenet1_0", "ghostnet_050"])
def test_a_home_is_as_large_as_what_lives_there(name):
    """A pooling's argmax is integers of 8 bytes, in a network of float32 too."""
    program = ghostnp.compile(ghostnp.create_model(name, num_classes=10), training=True).program((2, 3, 64, 64))
    pools = [step for step in program.tape.steps if step.op == "max_pool2d"]
    assert all(program._array(pool.results[1]).dtype == np.int64 for pool in pools)
    assert len(pools) == 3 * (name == "squeezenet1_0")
    for number, life in program.homes.lives.items():
        if number < len(program.tape.values):
            array = program._array(number)
            assert array.nbytes == program.homes._sizes[number]
            assert program.homes.start[number] + array.nbytes <= program.homes.size
            assert life.death >= life.birth


def test_gradients_overwrite_dy_and_sums_an_operand():
    program = program_of(Conv2d(3, 4, 1), ReLU(), Conv2d(4, 4, 1), Residual(main=Conv2d(4, 4, 1)))
    over = {
        step.op: program.homes.overwritten(step.results[0])
        for step in program.tape.steps
        if program.homes.overwritten(step.results[0])
    }
    assert {"relu_backward", "add"} <= over.keys()


def test_every_step_of_a_program_has_a_line():
    program = ghostnp.compile(ghostnp.create_model("ghostnet_050", num_classes=10), training=True).program(
        (2, 3, 64, 64)
    )
    text = str(program)
    lines = [re.split(r"  +", line.strip()) for line in text.splitlines() if re.match(r" +\d+  ", line)]
    assert len(lines) == len(program.tape.steps)
    for line, step, work in zip(lines, program.tape.steps, program.work, strict=True):
        assert line[1] == step.op
        assert line[-1] == step.path or not step.path
        assert all(f"#{number}" in " ".join(line) for number in step.reads)
        assert not work or " ".join(str(launch.shares) for launch in work) in line
    names = [line.split()[0] for line in text.splitlines() if re.match(r" {8}\w", line)]
    assert names == ["images", "labels", "mask"]
    heading = text[: text.index("step  operator")]
    assert f"bytes: {program.memory.planned:,} for inputs, all results, and what kernels need on the way" in heading
    assert f"the last {len(program.update)} move statistics and parameters" in heading
    assert "in 1 native call;" in heading
