"""Layers one after the other."""

from itertools import zip_longest

import numpy as np

from ghostnp.modules.base import Module, under
from ghostnp.modules.layers import BatchNorm2d, ReLU


class Sequential(Module):
    """A chain of layers; an empty one is the identity.

    Parameters
    ----------
    *layers : Module
        Named "0", "1", ... as in PyTorch.
    **named : Module
        Layers with names of their own, after those.

    Raises
    ------
    TypeError, ValueError
        If a layer is not a Module, or its name is that of a method or of another layer.

    Notes
    -----
    In training, a batch norm and the ReLU right behind it run as one operator, `batch_norm_relu_train`: that saves
    writing and reading a whole map, forward and backward.
    """

    def __init__(self, *layers, **named):
        self.attach({str(number): layer for number, layer in enumerate(layers)})
        self.attach(named)

    def forward(self, x, *, training=False, rng=None):
        return chain_forward(self.children(), x, training=training, rng=rng)

    def backward(self, dy, cache):
        return chain_backward(self.children(), dy, cache)

    def __len__(self):
        return len(self.children())

    def __iter__(self):
        return iter(self.children().values())

    def __getitem__(self, index):
        return list(self)[index]


def chain_forward(layers, x, *, training=False, rng=None):
    """Run `layers` (a dict, by name) one after the other.

    Returns
    -------
    y : ndarray
        The last output.
    caches : dict
        By name; a ReLU that ran inside the batch norm before it has none.
    """
    caches, fused = {}, None
    for name, following in zip_longest(layers, list(layers)[1:]):
        if name == fused:
            continue
        layer = layers[name]
        fused = following if training and type(layer) is BatchNorm2d and type(layers.get(following)) is ReLU else None
        x, caches[name] = layer.forward(x, training=training, rng=rng, **({"fused": True} if fused else {}))
    return x, caches


def chain_backward(layers, dy, caches):
    """Run `layers` backward: the mirror of `chain_forward`, over the caches that it left."""
    grads: dict[str, np.ndarray] = {}
    for name, cache in reversed(caches.items()):
        dy, own = layers[name].backward(dy, cache)
        grads = under(name, own) | grads
    return dy, grads
