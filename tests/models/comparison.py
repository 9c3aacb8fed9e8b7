"""A whole network of ghostnp beside one of torch.nn, in float64: names, logits, every gradient, running statistics."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import ghostnp
from ghostnp.modules import Module, initializer
from tests.modules.comparison import Run, arrays, run_ours, run_theirs
from tests.oracle_networks import calibrate, randomise

# Relative to the largest entry of each array. Float64 leaves 1e-15 after one layer; the way back through 100 layers, of
# which every second divides by a deviation, makes some 1e-13 of it. Wrong padding or a wrong factor gives 1e-3.
TOLERANCE = 1e-10
# What counts as a gradient that is not zero: far above what rounding leaves of one that is.
ALIVE = 1e-6
CALIBRATION = 8  # images


class Twins(NamedTuple):
    """How to build both (they take num_classes), the input's shape, and which gradients are zero in which mode."""

    ours: Callable[..., Module]
    theirs: Callable[..., torch.nn.Module]
    shape: tuple[int, ...] = (3, 3, 97, 75)
    lost_in_training: frozenset[str] = frozenset()
    lost_in_eval: frozenset[str] = frozenset()


class Expected(NamedTuple):
    """The state at the start, x, and PyTorch's run with its dy."""

    state: dict[str, np.ndarray]
    x: np.ndarray
    run: Run
    dy: np.ndarray


def build(ours, **keywords):
    with initializer(None, np.float64):
        return ours(**keywords)


def run_pytorch(twins, training, num_classes=5):
    # On a busy machine PyTorch with all threads is ten times slower than with one.
    torch.set_num_threads(1)
    network = randomise(twins.theirs(num_classes=num_classes).double(), seed=0)
    rng = np.random.default_rng(0)
    if not training:
        # Statistics of more images than a batch, and no channel that was silent in all of them by a shut gate: divided
        # by its deviation, every other image would blow up, and rounding with it.
        calibrate(network, torch.tensor(rng.normal(size=(CALIBRATION, *twins.shape[1:]))))
        for key, tensor in network.state_dict().items():
            if key.endswith("running_var"):
                tensor.clamp_(min=0.1)
    state, x = arrays(network.state_dict()), rng.normal(size=twins.shape)
    return Expected(state, x, *run_theirs(network, x, training))


def assert_is_pytorchs(twins, expected, backend, training, num_classes=5):
    model = build(twins.ours, num_classes=num_classes)
    assert list(model.state_dict()) == list(expected.state)
    model.load_state_dict(expected.state)
    ours, theirs = run_ours(model, expected.x, expected.dy, backend, training), expected.run
    assert_close(ours.y, theirs.y, "output")
    assert_close(ours.dx, theirs.dx, "dx")
    assert list(ours.grads) == list(theirs.grads)
    lost = twins.lost_in_training if training else twins.lost_in_eval
    # Both ways: no gradient is zero that is not listed, and none is listed that is not zero.
    assert lost == {key for key, gradient in theirs.grads.items() if np.abs(gradient).max() < ALIVE}
    for key, gradient in theirs.grads.items():
        if key in lost:
            assert np.abs(gradient).max() < TOLERANCE, key
            assert np.abs(ours.grads[key]).max() < TOLERANCE, key
        else:
            assert_close(ours.grads[key], gradient, key)
    for key, array in theirs.state.items():
        assert np.any(array), key
        assert_close(ours.state[key], array, key)


def assert_close(actual, wanted, what):
    assert actual.shape == wanted.shape, what
    assert actual.dtype == wanted.dtype, what
    error, scale = np.abs(actual - wanted).max(), np.abs(wanted).max()
    assert error <= TOLERANCE * scale, f"{what}: off by {error:.3g} at a scale of {scale:.3g}"


def assert_same_names_shapes_and_counts(ours, theirs, image=224):
    """Against the live torch build, without computing a number of it. Our counts come back."""
    with torch.device("meta"):
        network = theirs()
        with FlopCounterMode(display=False) as counter:
            network.eval()(torch.empty(1, 3, image, image))
    model = build(ours)
    table = ghostnp.count(model, (1, 3, image, image))
    params = sum(parameter.numel() for parameter in network.parameters())
    # PyTorch counts a multiply-add as two operations.
    assert (table.params, 2 * table.macs) == (params, counter.get_total_flops())
    state = [(key, tuple(tensor.shape)) for key, tensor in network.state_dict().items()]
    assert [(key, array.shape) for key, array in model.state_dict().items()] == state
    return table


def statistics(model):
    """How many numbers batch norms keep beside their parameters."""
    return sum(array.size for key, array in model.state_dict().items() if key.endswith(("_mean", "_var")))
