"""Schedules are PyTorch's, step by step; and what is drawn depends on the seed and on the number of the step alone."""

import numpy as np
import pytest
import torch

import ghostnp
from ghostnp import ops
from ghostnp.kernels.runtime import set_threads, threads
from ghostnp.modules import Conv2d, Dropout, Flatten, GlobalAvgPool2d, Linear, Module, Sequential
from ghostnp.training.augment import augmented
from ghostnp.training.data import load_data
from ghostnp.training.loop import Training, accuracy, fit, tiny_ghostnet, train
from ghostnp.training.recipe import Recipe

LR = torch.optim.lr_scheduler


def their_rates(make, steps):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    schedule, rates = make(optimiser), []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


@pytest.mark.parametrize(
    ("recipe", "make"),
    [
        ({}, lambda o: LR.CosineAnnealingLR(o, T_max=28)),
        ({"schedule": "constant"}, lambda o: LR.ConstantLR(o, factor=1)),
        ({"schedule": "step", "every": 2, "fall": 0.3}, lambda o: LR.StepLR(o, step_size=8, gamma=0.3)),
        (
            {"warm_up": 2},
            lambda o: LR.SequentialLR(
                o,
                [LR.LinearLR(o, start_factor=1 / 8, total_iters=7), LR.CosineAnnealingLR(o, T_max=20)],
                milestones=[8],
            ),
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")
def test_a_schedule_is_that_of_pytorch(recipe, make):
    recipe = Recipe.of(rate=0.4, epochs=7, **recipe)
    ours = [recipe.rate_of(step, per_epoch=4) for step in range(28)]
    np.testing.assert_allclose(ours, their_rates(make, 28), rtol=1e-9)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"batch": 2.5}, "batch=2.5"),
        ({"rate": -1}, "rate=-1"),
        ({"schedule": "linear"}, "schedule='linear': the rule is one of cosine, constant, step"),
        ({"optimiser": "sdg"}, "optimiser='sdg'"),
        ({"beta1": 0.5}, "beta1=0.5: sgd has no such setting"),
        ({"settings": 3}, "settings=3: the rule is a dict"),
        ({"warm_up": 15}, "warm_up=15: the rule is fewer than the 15 epochs"),
        ({"clip": 0}, "clip=0"),
        ({"average": 2}, "average=2"),
        ({"flip": 1}, "flip=1"),
        ({"shift": -1}, "shift=-1"),
        ({"crop": 0}, "crop=0"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_what_is_not_legal_in_a_recipe_is_named(given, words):
    with pytest.raises((TypeError, ValueError), match=words):
        Recipe.of(**given)


def few(count=70):
    return (part[:count] for part in load_data("digits").train)


def test_every_image_is_seen_once_an_epoch_the_last_smaller_batch_too():
    images, labels = few(70)
    training = Training(tiny_ghostnet(), images, labels, Recipe(epochs=2, batch=32), compiled=False)
    seen = []
    for _ in range(training.per_epoch):
        seen.append(training.batch()[0])
        training.done += 1
    assert [len(batch) for batch in seen] == [32, 32, 6]
    order = np.argsort(np.concatenate(seen).reshape(70, -1) @ np.arange(1, 65))
    np.testing.assert_array_equal(
        np.concatenate(seen)[order], images[np.argsort(images.reshape(70, -1) @ np.arange(1, 65))]
    )
    assert not np.array_equal(training.batch()[0], seen[0])


def test_a_single_image_that_is_left_goes_with_the_batch_before():
    images, labels = few(65)
    training = Training(tiny_ghostnet(), images, labels, Recipe(epochs=1, batch=32))
    assert (training.per_epoch, training.cuts) == (2, [32])
    assert [training.step()[1] for _ in range(2)] == [32, 33]


def test_the_mean_loss_is_that_of_all_images():
    images, labels = few(50)
    training = Training(tiny_ghostnet(), images, labels, Recipe(epochs=2, batch=20, rate=0.0))
    losses = [training.step() for _ in range(3)]
    assert [count for _, count in losses] == [20, 20, 10]
    assert training.mean_loss == pytest.approx(sum(loss * count for loss, count in losses) / 50, rel=1e-12)


def state_after(steps=5, **recipe):
    model = Sequential(Conv2d(1, 6, 3), Dropout(0.3), GlobalAvgPool2d(), Flatten(), Linear(6, 10))
    training = Training(model, *few(), Recipe.of(**{"epochs": 2, "batch": 20, "shift": 1, "seed": 1, **recipe}))
    for _ in range(steps):
        training.step()
    return training


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_training_that_is_stopped_goes_on_bit_for_bit(optimiser):
    expected = state_after(7, optimiser=optimiser, average=0.8).state()
    stopped = {name: array.copy() for name, array in state_after(3, optimiser=optimiser, average=0.8).state().items()}
    training = state_after(0, optimiser=optimiser, average=0.8)
    training.load_state(stopped)
    for _ in range(4):
        training.step()
    assert training.state().keys() == expected.keys()
    for name, array in training.state().items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


def test_a_state_of_another_training_is_refused_and_changes_nothing():
    training = state_after(2)
    before = {name: array.copy() for name, array in training.state().items()}
    for other, words in (
        (state_after(1, optimiser="adam").state(), "on one side alone"),
        ({**before, "model.0.weight": np.ones(3)}, r"state\['model.0.weight'\] is float64 \(3,\): the rule is"),
        ({**before, "done": np.array(-1)}, "done"),
    ):
        with pytest.raises(ValueError, match=words):
            training.load_state(other)
    for name, array in training.state().items():
        np.testing.assert_array_equal(array, before[name])


def test_another_seed_trains_otherwise():
    assert state_after(3).state()["total"] != state_after(3, seed=2).state()["total"]


def test_bits_do_not_depend_on_the_number_of_threads():
    before, states = threads(), []
    try:
        for count in (1, 2, 5):
            set_threads(count)
            model = tiny_ghostnet()
            recipe = Recipe.of(epochs=1, batch=256, clip=0.5, optimiser="adamw", average=0.9, shift=1)
            training = Training(model, *load_data("digits").train, recipe)
            training.epoch()
            states.append(training.state())
    finally:
        set_threads(before)
    for other in states[1:]:
        for name, array in states[0].items():
            np.testing.assert_array_equal(array, other[name], err_msg=name)


class Jittering(Module):
    """Draws by itself, so that a step cannot be compiled."""

    def __init__(self):
        self.inside = tiny_ghostnet()

    def forward(self, x, *, training=False, rng=None):
        if rng is not None:
            rng.random()
        return self.inside.forward(x, training=training)

    def backward(self, dy, cache):
        dx, grads = self.inside.backward(dy, cache)
        return dx, {f"inside.{name}": gradient for name, gradient in grads.items()}


def test_a_model_that_cannot_be_compiled_says_why_and_trains_by_its_layers():
    images, labels = few()
    training = Training(Jittering(), images, labels, Recipe(epochs=3, batch=35))
    assert not training.compiled
    assert "a module called rng.random by itself" in training.reason
    losses = [training.epoch() for _ in range(3)]
    assert losses[-1] < losses[0]
    with pytest.raises(TypeError, match=r"rng\.random by itself"):
        Training(Jittering(), images, labels, Recipe(epochs=3, batch=35), compiled=True)
    with ghostnp.use_backend(ops):
        chosen = Training(tiny_ghostnet(), images, labels, Recipe(batch=35))
    assert chosen.reason == "the backend ghostnp.ops was chosen"
    assert Training(tiny_ghostnet(), images, labels, Recipe(batch=35), compiled=False).reason == "it was asked for"


def test_averaged_weights_are_tested_and_left_behind():
    data = load_data("digits", held_out=1600)
    model = tiny_ghostnet()
    training = Training(model, *data.train, Recipe(epochs=1, batch=50, average=0.5))
    training.epoch()
    tested = training.tested()
    assert tested is not model
    np.testing.assert_array_equal(tested.state_dict()["bn1.weight"], training.averaged["bn1.weight"])
    assert not np.array_equal(model.state_dict()["bn1.weight"], training.averaged["bn1.weight"])
    training.finish()
    assert accuracy(model, *data.test) == accuracy(tested, *data.test)


def test_fit_reports_each_epoch():
    data = load_data("digits", held_out=300)
    history = fit(tiny_ghostnet(), data, epochs=3, optimiser="adamw", rate=0.01, label_smoothing=0.1, clip=5.0, seed=3)
    assert history.compiled
    assert len(history.losses) == len(history.accuracies) == len(history.seconds) == 3
    assert history.losses[2] < history.losses[0]
    assert history.accuracy == history.accuracies[-1] > 0.9
    again = fit(tiny_ghostnet(), data, Recipe.of(epochs=3, optimiser="adamw", rate=0.01, label_smoothing=0.1, clip=5.0,
                                                 seed=3))  # fmt: skip
    assert again.losses == history.losses
    with pytest.raises(TypeError, match="epochs and recipe: the rule is one of them"):
        fit(tiny_ghostnet(), data, Recipe(), epochs=2)
    with pytest.raises(TypeError, match="data=3: the rule is a DataSet"):
        fit(tiny_ghostnet(), 3)


def test_a_loss_that_is_no_number_stops_the_training():
    images, labels = few()
    images = images.copy()
    images[11, 0, 4, 4] = np.inf
    with pytest.raises(FloatingPointError, match=r"the loss of step \d is nan"):
        list(train(tiny_ghostnet(), images, labels, epochs=1, batch=35))


RNG = np.random.default_rng(0)
MAPS = RNG.random((40, 2, 6, 5), np.float32)


def test_half_the_images_are_mirrored():
    found = augmented(MAPS, np.random.default_rng(0), flip=True)
    same = (found == MAPS).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(found[~same], MAPS[~same][..., ::-1])
    assert 10 < same.sum() < 30


def test_shifts_move_every_pixel_alike_and_let_zeros_in():
    found = augmented(MAPS, np.random.default_rng(0), shift=2)
    seen = set()
    for x, y in zip(MAPS, found, strict=True):
        padded = np.pad(x, ((0, 0), (2, 2), (2, 2)))
        fits = [(i, j) for i in range(5) for j in range(5) if np.array_equal(padded[:, i : i + 6, j : j + 5], y)]
        assert len(fits) == 1
        seen |= set(fits)
    assert len(seen) > 15


def test_crops_are_parts_of_the_image_enlarged():
    images = np.broadcast_to(np.arange(8, dtype=np.float32), (30, 1, 8, 8)).copy()
    found = augmented(images, np.random.default_rng(0), crop=0.5)
    assert found.shape == images.shape
    spans = found[:, 0, 0, -1] - found[:, 0, 0, 0]
    assert spans.min() < 4.5
    assert spans.max() > 5.5
    assert found.min() >= 0
    assert found.max() <= 7
    assert (np.diff(found, axis=3) >= 0).all()


def test_nothing_is_changed_where_nothing_is_asked_for():
    assert augmented(MAPS, np.random.default_rng(0)) is MAPS
    with pytest.raises(TypeError, match="rng=0: the rule is a generator"):
        augmented(MAPS, 0)
