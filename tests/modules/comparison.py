"""A module of ghostnp and a network of torch.nn, run side by side on the same numbers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

import ghostnp
from ghostnp.modules import Module, initializer
from tests.oracle_networks import randomise

# The same sums in another order: float64 leaves about 1e-15 of the largest term, and a batch norm over a few similar
# values multiplies it by up to 1/sqrt(eps) = 316. Relative to an array's largest entry, absolute where that is below 1.
TOLERANCE = 1e-10


class Case(NamedTuple):
    """How to build both, what goes in, and which parameters have a gradient that is zero by mathematics."""

    ours: Callable[[], Module]
    theirs: Callable[[], torch.nn.Module]
    shape: tuple[int, ...]
    zero: frozenset[str] = frozenset()


class Run(NamedTuple):
    """What came out, and the parameters and buffers afterwards."""

    y: np.ndarray
    dx: np.ndarray
    grads: dict[str, np.ndarray]
    state: dict[str, np.ndarray]


def arrays(tensors):
    return {name: tensor.detach().numpy().copy() for name, tensor in tensors.items()}


def run_theirs(network, x, training):
    """Forward, and a random dy backward; a parameter without a gradient has reached nothing."""
    network.train(training)
    x = torch.tensor(x, requires_grad=True)
    y = network(x)
    dy = np.random.default_rng(1).normal(size=y.shape).astype(x.detach().numpy().dtype)
    y.backward(torch.tensor(dy))
    grads = arrays({name: parameter.grad for name, parameter in network.named_parameters()})
    return Run(y.detach().numpy(), x.grad.numpy(), grads, arrays(network.state_dict())), dy


def run_ours(module, x, dy, backend, training):
    with ghostnp.use_backend(backend):
        y, cache = module.forward(x, training=training)
        dx, grads = module.backward(dy, cache)
    return Run(y, dx, grads, module.state_dict())


def twins(case, seed=0):
    """Both, in float64 and with the same values, loaded strictly from one to the other."""
    theirs = randomise(case.theirs().double(), seed)
    ours = case.ours().astype(np.float64)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(arrays(theirs.state_dict()))
    return ours, theirs


def assert_agree(case, backend, *, training, seed=0, tolerance=TOLERANCE):
    """Output, dx, every gradient, every buffer; PyTorch's gradients come back."""
    ours, theirs = twins(case, seed)
    x = np.random.default_rng(seed).normal(size=case.shape)
    expected, dy = run_theirs(theirs, x, training)
    actual = run_ours(ours, x, dy, backend, training)
    assert_close(actual.y, expected.y, "y", tolerance)
    assert_close(actual.dx, expected.dx, "dx", tolerance)
    for kind in ("grads", "state"):
        got, wanted = getattr(actual, kind), getattr(expected, kind)
        assert list(got) == list(wanted)
        for name, array in wanted.items():
            assert_close(got[name], array, f"{kind} {name}", tolerance)
    return expected.grads


def assert_close(actual, expected, what, tolerance=TOLERANCE):
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape} instead of {expected.shape}"
    assert actual.dtype == expected.dtype, f"{what}: {actual.dtype} instead of {expected.dtype}"
    scale = max(1.0, np.abs(expected).max(initial=0))
    error = np.abs(actual - expected).max(initial=0)
    assert error <= tolerance * scale, f"{what}: off by {error:.3g} at a scale of {scale:.3g}"


def build(seed, layer, *args, **keywords):
    """A layer in float64 with random parameters and running statistics: none of them is 0 or 1."""
    with initializer(seed, np.float64):
        module = layer(*args, **keywords)
    rng = np.random.default_rng([seed, 1])
    for name, array in module.state_dict().items():
        if array.ndim == 1:
            array[...] = rng.uniform(0.5, 1.5, array.shape) if "var" in name else rng.normal(1, 0.5, array.shape)
    return module


def normal(seed, *shape):
    return np.random.default_rng([seed, 2]).normal(size=shape)
