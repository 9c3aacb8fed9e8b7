"""Each optimiser takes PyTorch's steps, one after the other, in float64: its definition, and its kernel in place."""

import copy
import pickle

import numpy as np
import pytest
import torch

import ghostnp
from ghostnp.kernels.runtime import set_threads, threads
from ghostnp.kernels.updates import clip, update
from ghostnp.ops.updates import UPDATES, average, clipping, update_named
from ghostnp.training.loop import StepByLayers, tiny_ghostnet
from tests.graph.engine.networks import maps

OPTIM = torch.optim
# Ours, and PyTorch's of the same: settings of both, and the names of what these remember.
CASES = [
    ("sgd", {}, OPTIM.SGD, {"momentum": 0.9, "weight_decay": 1e-4}),
    ("sgd", {"momentum": 0.0, "decay": 0.0}, OPTIM.SGD, {}),
    ("sgd", {"momentum": 0.8, "decay": 0.03, "nesterov": True}, OPTIM.SGD,
     {"momentum": 0.8, "weight_decay": 0.03, "nesterov": True}),
    ("adam", {}, OPTIM.Adam, {}),
    ("adam", {"beta1": 0.7, "beta2": 0.95, "eps": 1e-4, "decay": 0.1}, OPTIM.Adam,
     {"betas": (0.7, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    ("adamw", {}, OPTIM.AdamW, {}),
    ("adamw", {"beta1": 0.5, "decay": 0.3}, OPTIM.AdamW, {"betas": (0.5, 0.999), "weight_decay": 0.3}),
    ("rmsprop", {}, OPTIM.RMSprop, {}),
    ("rmsprop", {"alpha": 0.9, "momentum": 0.6, "eps": 1e-3, "decay": 0.1}, OPTIM.RMSprop,
     {"alpha": 0.9, "momentum": 0.6, "eps": 1e-3, "weight_decay": 0.1}),
]  # fmt: skip
REMEMBERED = {"velocity": "momentum_buffer", "mean": "exp_avg", "square": "exp_avg_sq"}
STEPS = 12
each_case = pytest.mark.parametrize(("name", "settings", "theirs", "their_settings"), CASES)


def by_definition(row, w, dw, states, rate, step, settings, factor):
    counted = {"step": step} if row.counts else {}
    return row.definition(w, factor * dw, *states, rate=rate, **counted, **settings)


def by_kernel(row, w, dw, states, rate, step, settings, factor):
    moved = w.copy(), *(state.copy() for state in states)
    numbers = np.array([rate, step, factor, *map(float, row.settings(**settings).values())])
    update(row.name, moved[0], dw, moved[1:], numbers)
    return moved


@pytest.mark.parametrize("form", [by_definition, by_kernel])
@each_case
def test_an_optimiser_takes_the_steps_of_pytorch(name, settings, theirs, their_settings, form):
    rng = np.random.default_rng(0)
    row, w = UPDATES[name], rng.standard_normal((3, 4, 5))
    states = [np.zeros_like(w) for _ in row.states]
    other = torch.tensor(w.copy(), requires_grad=True)
    optimiser = theirs([other], lr=0.1, **their_settings)
    for step in range(1, STEPS + 1):
        dw, rate = rng.standard_normal(w.shape) * 10.0 ** rng.integers(-3, 3), 0.1 / step
        before = w
        w, *states = form(row, w, dw, states, rate, step, settings, 1.0)
        optimiser.param_groups[0]["lr"] = rate
        other.grad = torch.tensor(dw)
        optimiser.step()
        assert np.abs(w - before).max() > 1e-6
        np.testing.assert_allclose(w, other.detach().numpy(), rtol=1e-11, atol=1e-13)
        kept = optimiser.state[other]
        for label, state in zip(row.states, states, strict=True):
            known = kept.get(REMEMBERED[label], kept.get("square_avg") if label == "square" else None)
            if known is not None:
                np.testing.assert_allclose(state, known.numpy(), rtol=1e-11, atol=1e-13)


@each_case
def test_a_kernel_is_its_definition_in_float32_whoever_works_on_it(name, settings, theirs, their_settings):
    rng, row, before = np.random.default_rng(1), UPDATES[name], threads()
    w, dw = (rng.standard_normal(200_003, np.float32) for _ in range(2))
    states = [np.abs(rng.standard_normal(w.shape, np.float32)) for _ in row.states]
    arguments = row, w, dw, states, 0.05, 3, settings, 0.7
    wanted, found = by_definition(*arguments), []
    try:
        for count in (1, 2, 5):
            set_threads(count)
            found.append(by_kernel(*arguments))
    finally:
        set_threads(before)
    for first, second, third, definition in zip(*found, wanted, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(first, third)
        np.testing.assert_allclose(first, definition, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("most", [0.5, 1e9])
def test_clipping_is_that_of_pytorch(most):
    rng = np.random.default_rng(0)
    gradients = [rng.standard_normal(shape) for shape in ((3, 4), (20_000,), (40_000,), (1,), (2, 3, 4, 5))]
    others = [torch.zeros(g.shape, dtype=torch.float64) for g in gradients]
    for other, g in zip(others, gradients, strict=True):
        other.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_(others, most)
    settings = np.ones(3)
    clip(gradients, most, settings)
    factor = clipping(gradients, most)
    np.testing.assert_allclose(settings[2], factor, rtol=1e-12)
    assert (factor == 1) == (most > 1)
    for other, g in zip(others, gradients, strict=True):
        np.testing.assert_allclose(factor * g, other.grad.numpy(), rtol=1e-12)


def test_clipping_does_not_hide_what_is_no_number():
    settings = np.ones(3)
    gradients = [np.array([1.0, np.nan])]
    clip(gradients, 1.0, settings)
    assert np.isnan(settings[2])
    assert np.isnan(clipping(gradients, 1.0))


def test_the_average_is_that_of_pytorch():
    model = torch.nn.Linear(3, 2, dtype=torch.float64)
    averaged = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    ours = None
    for seed in range(4):
        newest = np.random.default_rng(seed).standard_normal((2, 3))
        with torch.no_grad():
            model.weight.copy_(torch.tensor(newest))
        averaged.update_parameters(model)
        ours = newest if ours is None else average(ours, newest, keep=0.9)
    np.testing.assert_allclose(ours, averaged.module.weight.detach().numpy(), rtol=1e-13)


@pytest.mark.parametrize("most", [None, 0.5])
@pytest.mark.parametrize("name", UPDATES)
def test_the_compiled_step_and_the_layers_step_are_the_same(name, most):
    """The whole network, in float64: weights, statistics, and all that is remembered."""
    model = tiny_ghostnet(dtype=np.float64)
    compiled = copy.deepcopy(model)
    steps = (
        StepByLayers(model, name, label_smoothing=0.1, clip=most),
        ghostnp.compile(compiled, training=True, optimiser=name, label_smoothing=0.1, clip=most),
    )
    for seed in range(3):
        images, labels = maps((4, 1, 8, 8), seed=seed), np.random.default_rng(seed).integers(0, 10, 4)
        losses = [step(images, labels, rate=0.01 / (1 + seed)) for step in steps]
        np.testing.assert_allclose(*losses, rtol=1e-9)
    for found, expected in [(compiled.state_dict(), model.state_dict())] + [
        (steps[1].states[state], steps[0].states[state]) for state in UPDATES[name].states
    ]:
        for path, array in expected.items():
            np.testing.assert_allclose(found[path], array, rtol=1e-6, atol=1e-8, err_msg=path)
    assert [step.steps for step in steps] == [3, 3]
    other = pickle.loads(pickle.dumps(steps[1]))
    expected = [other(images, labels, rate=0.01) for _ in range(2)]
    assert [steps[1](images, labels, rate=0.01) for _ in range(2)] == expected


@pytest.mark.parametrize("make", [StepByLayers, lambda model, name: ghostnp.compile(model, training=True)])
def test_a_loss_that_is_no_number_moves_nothing(make):
    model = tiny_ghostnet()
    step = make(model, "sgd")
    images, labels = maps((4, 1, 8, 8), np.float32), np.arange(4)
    step(images, labels, rate=0.1)
    before = {name: array.copy() for name, array in model.state_dict().items()}
    images[2, 0, 3, 3] = np.nan
    assert np.isnan(step(images, labels, rate=0.1))
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    assert step.steps == 1


@pytest.mark.parametrize(
    ("name", "settings", "error", "words"),
    [
        ("sdg", {}, ValueError, "optimiser='sdg': the rule is one of sgd, adam, adamw, rmsprop, nearest first: sgd"),
        (3, {}, ValueError, "optimiser=3: the rule is one of"),
        ("adam", {"momentum": 0.9}, TypeError, "momentum=0.9: adam has no such setting, and the rule is one of beta1"),
        ("adam", {"beta2": 1}, ValueError, "beta2=1: the rule is a number from 0 to below 1"),
        ("adamw", {"eps": 0}, TypeError, "eps=0: the rule is a real number above 0|eps=0"),
        ("sgd", {"nesterov": 1}, TypeError, "nesterov=1: the rule is a bool"),
        ("rmsprop", {"decay": -1}, ValueError, "decay=-1: the rule is a finite number of 0 or more"),
    ],
)
def test_what_is_no_optimiser_or_setting_is_named(name, settings, error, words):
    for call in (
        lambda: update_named(name).settings(**settings),
        lambda: ghostnp.compile(tiny_ghostnet(), training=True, optimiser=name, **settings),
    ):
        with pytest.raises((error, ValueError), match=words):
            call()


def test_definitions_refuse_arrays_that_do_not_fit():
    w = np.ones(3)
    for row in UPDATES.values():
        states = [np.zeros(3) for _ in row.states]
        counted = {"step": 1} if row.counts else {}
        with pytest.raises(ValueError, match="dw has shape"):
            row.definition(w, np.ones(4), *states, rate=0.1, **counted)
        with pytest.raises(TypeError, match="dtype"):
            row.definition(w, np.ones(3, np.float32), *states, rate=0.1, **counted)
