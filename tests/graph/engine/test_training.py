"""A training step as a program does what the layers' explicit passes and an optimiser do."""

import copy
import threading

import numpy as np
import pytest

import ghostnp
from ghostnp import ops
from ghostnp.backend import backend
from ghostnp.graph.engine import TrainingStep
from ghostnp.kernels.runtime import set_threads, threads
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
    Sequential,
    initializer,
)
from ghostnp.training.loop import tiny_ghostnet
from tests.graph.engine.networks import ONE_SIZE, maps

TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}


def labels_of(batch, seed=0):
    return np.random.default_rng(seed).integers(0, 10, batch)


def gradients(model, images, labels, smoothing=0.0):
    """Loss and gradients, by the layers' explicit passes."""
    logits, cache = model.forward(images, training=True)
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


@pytest.fixture
def count_threads():
    before = threads()
    yield set_threads
    set_threads(before)


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


def test_memory_is_less_than_half_of_what_the_layers_keep():
    model = ghostnp.create_model("ghostnet_100", seed=0)
    program = ghostnp.compile(model, training=True).program((8, 3, 64, 64))
    kept = int(str(program).splitlines()[1].split("gradients, ")[1].split()[0].replace(",", ""))
    assert program.size < 0.5 * kept


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
        (maps((4, 2, 8, 8), np.float32), labels_of(4), ValueError, "x has shape"),
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
