"""Branches: several paths read the same maps, and what they make is put side by side.

    y = [path₁(x), path₂(x), ...]

Each path gets the gradient of its own channels; all of them read x, so what they hand back is summed.
"""

from functools import reduce
from typing import Any, NamedTuple

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.modules.combine import chain_backward, chain_forward
from ghostnp.modules.layers import Conv2d, ReLU


class ForkCache(NamedTuple):
    """What was concatenated, and what each path remembers, by name."""

    maps: tuple
    paths: dict


def fork_forward(paths, x, *, training=False, rng=None):
    """Run `paths` (a dict, by name) on the same `x`.

    Returns
    -------
    y : ndarray
        Their outputs, side by side.
    cache : ForkCache
    """
    results = {name: path.forward(x, training=training, rng=rng) for name, path in paths.items()}
    maps = tuple(y for y, _ in results.values())
    return backend().concat(maps), ForkCache(maps, {name: cache for name, (_, cache) in results.items()})


def fork_backward(paths, dy, cache):
    """Run `paths` backward: the mirror of `fork_forward`."""
    shares: list[Any] = []
    grads: dict[str, Any] = {}
    for (name, path), part in zip(paths.items(), backend().concat_backward(dy, cache.maps), strict=True):
        share, own = path.backward(part, cache.paths[name])
        shares.append(share)
        grads |= under(name, own)
    return reduce(backend().add, shares), grads


class Branches(Module):
    """All children side by side, each on the same input.

    Parameters
    ----------
    **paths : Module
        In the order in which their outputs are concatenated.

    References
    ----------
    .. [1] C. Szegedy et al., "Going deeper with convolutions", CVPR 2015, section 4 and figure 2.
       https://arxiv.org/abs/1409.4842
    """

    def __init__(self, **paths):
        self.attach(paths)

    def forward(self, x, *, training=False, rng=None):
        return fork_forward(self.children(), x, training=training, rng=rng)

    def backward(self, dy, cache):
        return fork_backward(self.children(), dy, cache)


class FireCache(NamedTuple):
    """What the squeeze layer and the expand layers remember, and the maps before the last ReLU."""

    squeeze: dict
    expand: ForkCache
    expanded: Any


class Fire(Module):
    """SqueezeNet's module: few maps are made by 1x1 filters, and many of those by 1x1 and 3x3 filters side by side.

    ``squeeze``, ``expand1x1`` and ``expand3x3`` are torchvision's names.

    Parameters
    ----------
    in_channels : int
        C_in.
    squeeze, expand1x1, expand3x3 : int
        Filters of each kind; together the last two make the output.

    Raises
    ------
    TypeError, ValueError
        If a count is not a positive int.

    References
    ----------
    .. [1] F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
       2016, section 3.2 and figure 1. https://arxiv.org/abs/1602.07360
    """

    def __init__(self, in_channels, squeeze, expand1x1, expand3x3):
        self.squeeze = Conv2d(in_channels, squeeze, 1)
        self.squeeze_activation = ReLU()
        self.expand1x1 = Conv2d(squeeze, expand1x1, 1)
        self.expand3x3 = Conv2d(squeeze, expand3x3, 3, padding=1)

    def forward(self, x, *, training=False, rng=None):
        squeeze, expand = self._layers()
        squeezed, before = chain_forward(squeeze, x, training=training, rng=rng)
        expanded, after = fork_forward(expand, squeezed, training=training, rng=rng)
        return backend().relu(expanded), FireCache(before, after, expanded)

    def backward(self, dy, cache):
        squeeze, expand = self._layers()
        dsqueezed, after = fork_backward(expand, backend().relu_backward(dy, cache.expanded), cache.expand)
        dx, before = chain_backward(squeeze, dsqueezed, cache.squeeze)
        return dx, before | after

    def _layers(self):
        layers = list(self.children().items())
        return dict(layers[:2]), dict(layers[2:])
