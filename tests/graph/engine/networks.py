"""Networks whose numbers are not those they were born with, and modules made of one function."""

import numpy as np

import ghostnp
from ghostnp.backend import backend
from ghostnp.modules import BatchNorm2d, Module
from ghostnp.testing import in_memory

# Their first linear layer has a weight for every pixel.
ONE_SIZE = {"alexnet": 95, "vgg16": 64}


class Function(Module):
    """A module made of one function of the backend and x, with arrays of its own by name."""

    def __init__(self, function, **arrays):
        self.function, self.parameter_names = function, tuple(arrays)
        vars(self).update(arrays)

    def forward(self, x, *, training=False, rng=None):
        return self.function(backend(), x, *(getattr(self, name) for name in self.parameter_names)), None


def network(name, dtype=np.float64):
    """A network of ten classes: batch norms have statistics of a batch it has seen, and nothing is 0 or 1."""
    keywords = {"image_size": ONE_SIZE[name]} if name in ONE_SIZE else {}
    model = ghostnp.create_model(name, num_classes=10, seed=1, dtype=dtype, **keywords)
    size = ONE_SIZE.get(name, 64)
    return settled(model, maps((8, 3, size, size), dtype))


def settled(model, x):
    """Random parameters; then the running statistics of `x`, and these moved a little, so that nothing is normal."""
    rng = np.random.default_rng(2)
    norms = [module for module in model.tree().values() if isinstance(module, BatchNorm2d)]
    for array in model.parameters().values():
        if array.ndim == 1:
            np.add(array, rng.uniform(-0.3, 0.3, array.shape), out=array, casting="same_kind")
    if norms:
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
        model.forward(x, training=True)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.running_mean += 0.3 * np.sqrt(norm.running_var) * rng.normal(size=len(norm.running_mean))
            # Larger rather than smaller: fifty layers that amplify each make 1e-5 of what float32 rounds.
            norm.running_var *= rng.uniform(0.8, 2, len(norm.running_var))
    return model


def maps(shape, dtype=np.float64, seed=0, memory="C"):
    return in_memory(np.random.default_rng(seed).normal(size=shape).astype(dtype), memory)


def assert_same(actual, expected, tolerance):
    """Equal up to so much of the largest entry."""
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    error, scale = np.abs(actual - expected).max(initial=0), np.abs(expected).max(initial=0)
    assert error <= tolerance * scale, f"off by {error / scale:.3g} of the largest entry"
