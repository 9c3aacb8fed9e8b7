"""How layers are combined: one after the other, added, side by side, and multiplied by a gate.

    chain   y = f₃(f₂(f₁(x)))                    dx = what comes out of f₁ if dy goes back through f₃, f₂ and f₁
    sum     y = main(x) + shortcut(x)            dx = main's from dy + shortcut's from dy
    fork    y = [path₁(x), path₂(x), ...]        dx = the sum of each path's from its own channels of dy
    gate    y = main(x) ⊙ gate(x)                dx = main's from dy ⊙ gate(x) + gate's from dy ⊙ main(x)

The chain rule is the first line. In the other three x is read more than once, so its gradients add. Each rule is a pair
of functions, the second the mirror of the first. All modules of the package that combine layers so call them, but for
the ghost module, which is written out.
"""

from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.ops.checks import flag


def chain_forward(layers, x, *, training=False, rng=None):
    """Run `layers` (a dict of Module by name) one after the other; without any this is the identity.

    Returns
    -------
    y : ndarray
        The last output.
    caches : dict
        What each layer remembers, by name.
    """
    caches = {}
    for name, layer in layers.items():
        x, caches[name] = layer.forward(x, training=training, rng=rng)
    return x, caches


def chain_backward(layers, dy, caches):
    """Run `layers` backward: the mirror of `chain_forward`. Gives dx and the gradients by dotted path."""
    grads: dict[str, np.ndarray] = {}
    for name, layer in reversed(layers.items()):
        dy, own = layer.backward(dy, caches[name])
        grads = under(name, own) | grads
    return dy, grads


class SumCache(NamedTuple):
    """What the two paths of a sum remember."""

    main: Any
    shortcut: Any


def sum_forward(main, shortcut, x, *, training=False, rng=None):
    """Add what two paths make of the same `x`.

    Parameters
    ----------
    main, shortcut : callable
        The forward of each path.

    Returns
    -------
    y : ndarray
    cache : SumCache
    """
    y, main_cache = main(x, training=training, rng=rng)
    carried, shortcut_cache = shortcut(x, training=training, rng=rng)
    return backend().add(y, carried), SumCache(main_cache, shortcut_cache)


def sum_backward(main, shortcut, dy, cache):
    """Run both paths backward, each with all of `dy`: dx, and the gradients of each path."""
    dx_main, main_grads = main(dy, cache.main)
    dx_shortcut, shortcut_grads = shortcut(dy, cache.shortcut)
    return backend().add(dx_main, dx_shortcut), main_grads, shortcut_grads


class GateCache(NamedTuple):
    """The two factors of a product, and what the paths that made them remember."""

    maps: Any
    factors: Any
    main: Any
    gate: Any


def gate_forward(main, gate, x, *, training=False, rng=None):
    """Multiply what two paths make of the same `x`.

    Parameters
    ----------
    main, gate : callable
        The forward of each path. The gate's factors have the shape of the maps, or are one for each map.

    Returns
    -------
    y : ndarray
    cache : GateCache
    """
    maps, main_cache = main(x, training=training, rng=rng)
    factors, gate_cache = gate(x, training=training, rng=rng)
    return backend().multiply(maps, factors), GateCache(maps, factors, main_cache, gate_cache)


def gate_backward(main, gate, dy, cache):
    """Run both paths backward, each with `dy` times the other's factor: dx, and the gradients of each path."""
    dmaps, dfactors = backend().multiply_backward(dy, cache.maps, cache.factors)
    dx_main, main_grads = main(dmaps, cache.main)
    dx_gate, gate_grads = gate(dfactors, cache.gate)
    return backend().add(dx_main, dx_gate), main_grads, gate_grads


class ForkCache(NamedTuple):
    """What was concatenated, and what each path remembers, by name."""

    maps: tuple
    paths: dict


def fork_forward(paths, x, *, keep=None, training=False, rng=None):
    """Concatenate what several paths make of the same `x`.

    Parameters
    ----------
    paths : dict of str to callable
        The forward of each path, by name; "" for one whose layers are the module's own children.
    keep : int, optional
        How many channels to keep, from the first on; all if it is left out.

    Returns
    -------
    y : ndarray
    cache : ForkCache
    """
    results = {name: forward(x, training=training, rng=rng) for name, forward in paths.items()}
    maps = tuple(y for y, _ in results.values())
    return backend().concat(maps, keep=keep), ForkCache(maps, {name: cache for name, (_, cache) in results.items()})


def fork_backward(paths, dy, cache, *, keep=None):
    """Run `paths` (each one's backward) with their own channels of `dy`: dx, and the gradients by dotted path."""
    shares: list[np.ndarray] = []
    grads: dict[str, np.ndarray] = {}
    for (name, backward), part in zip(paths.items(), backend().concat_backward(dy, cache.maps, keep=keep), strict=True):
        share, own = backward(part, cache.paths[name])
        shares.append(share)
        grads |= under(name, own)
    return reduce(backend().add, shares), grads


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


class Residual(Module):
    """All children one after the other, and their input added at the end.

    A child of the name in `shortcut_name` is not part of that chain; the input goes through it before it is added.

    Parameters
    ----------
    added : bool, default True
        Whether the input is added at all; without it the block is its main path.
    **layers : Module
        The main path, in order, and maybe the shortcut.

    References
    ----------
    .. [1] K. He et al., "Deep residual learning for image recognition", CVPR 2016, equations (1) and (2).
       https://arxiv.org/abs/1512.03385
    """

    shortcut_name = "shortcut"

    def __init__(self, *, added=True, **layers):
        self.added = flag("added", added)
        self.attach(layers)

    def forward(self, x, *, training=False, rng=None):
        main, shortcut = (partial(chain_forward, layers) for layers in self._paths())
        if not self.added:
            return main(x, training=training, rng=rng)
        return sum_forward(main, shortcut, x, training=training, rng=rng)

    def backward(self, dy, cache):
        main, shortcut = (partial(chain_backward, layers) for layers in self._paths())
        if not self.added:
            return main(dy, cache)
        dx, main_grads, shortcut_grads = sum_backward(main, shortcut, dy, cache)
        return dx, main_grads | shortcut_grads

    def _paths(self):
        """The layers of the main path, and those of the shortcut: one, or none, which is the identity."""
        main = self.children()
        shortcut = {name: main.pop(name) for name in (self.shortcut_name,) if name in main}
        return main, shortcut


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
        paths = {name: path.forward for name, path in self.children().items()}
        return fork_forward(paths, x, training=training, rng=rng)

    def backward(self, dy, cache):
        return fork_backward({name: path.backward for name, path in self.children().items()}, dy, cache)


class Gated(Module):
    """A chain of layers, and the result multiplied by what `gate` makes of the same input.

    Parameters
    ----------
    *layers : Module
        Named "0", "1", ... as in `Sequential`.
    gate : Module
        Makes factors in the shape of the result, or one for each of its maps.
    """

    def __init__(self, *layers, gate):
        self.attach({str(number): layer for number, layer in enumerate(layers)})
        self.gate = gate

    def forward(self, x, *, training=False, rng=None):
        chain = partial(chain_forward, self._layers())
        return gate_forward(chain, self.gate.forward, x, training=training, rng=rng)

    def backward(self, dy, cache):
        chain = partial(chain_backward, self._layers())
        dx, grads, gate = gate_backward(chain, self.gate.backward, dy, cache)
        return dx, grads | under("gate", gate)

    def _layers(self):
        return {name: layer for name, layer in self.children().items() if name != "gate"}
