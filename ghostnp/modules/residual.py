"""Residual blocks: what a block adds to its input.

    y = main(x) + shortcut(x)

A sum hands its gradient to both terms, and the input fed both, so there the gradients add again.
"""

from typing import Any, NamedTuple

from ghostnp.backend import backend
from ghostnp.modules.base import Module, under
from ghostnp.modules.combine import chain_backward, chain_forward
from ghostnp.ops.checks import flag


class ResidualCache(NamedTuple):
    """What the main path and the shortcut remember."""

    main: dict
    shortcut: Any


class Residual(Module):
    """All children one after the other, and their input added at the end.

    A child of the name in `shortcut_name` is left out of the row; the input goes through it before it is added.

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
        main, shortcut = self._paths()
        y, caches = chain_forward(main, x, training=training, rng=rng)
        if not self.added:
            return y, ResidualCache(caches, None)
        carried, cache = (x, None) if shortcut is None else shortcut.forward(x, training=training, rng=rng)
        return backend().add(y, carried), ResidualCache(caches, cache)

    def backward(self, dy, cache):
        main, shortcut = self._paths()
        dx_main, grads = chain_backward(main, dy, cache.main)
        if not self.added:
            return dx_main, grads
        if shortcut is None:
            return backend().add(dx_main, dy), grads
        dx_shortcut, own = shortcut.backward(dy, cache.shortcut)
        return backend().add(dx_main, dx_shortcut), grads | under(self.shortcut_name, own)

    def _paths(self):
        main = self.children()
        return main, main.pop(self.shortcut_name, None)
