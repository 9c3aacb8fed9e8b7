"""The engine: a model, its plans, and a lock."""

import os
from collections import OrderedDict
from copy import deepcopy
from threading import Lock
from weakref import WeakSet

import numpy as np

from ghostnp.graph.engine.plan import Plan
from ghostnp.graph.engine.replay import Replay
from ghostnp.modules import Module
from ghostnp.ops.checks import check_arrays, integer, sequence


class Engine:
    """A model as it was when it was compiled, for inference alone.

    Parameters
    ----------
    model : Module
        Any module. It is copied: what happens to it later, such as training, does not reach the engine.
    plans : int
        For how many shapes of x memory is kept. Beyond that the one that was used longest ago is let go.

    Notes
    -----
    Threads may share an engine. They take turns, since the results of a run live in the same memory each time. A copy,
    by `copy.deepcopy` or `pickle`, is compiled anew from the same weights.
    """

    def __init__(self, model, plans):
        if not isinstance(model, Module):
            raise TypeError(f"model is of type {type(model).__name__}: the rule is a Module, such as create_model(...)")
        self._model, self._most = deepcopy(model), integer("plans", plans, 1)
        parameters = [array for array in self._model.state_dict().values() if array.dtype.kind == "f"]
        self._example = parameters[0] if parameters else None  # of the dtype that x must have
        self._memo: dict[tuple, list] = {}
        self._replays: OrderedDict[tuple, Replay] = OrderedDict()
        self._lock = Lock()
        _engines.add(self)

    def __reduce__(self):
        return Engine, (self._model, self._most)

    def __call__(self, x):
        """Infer.

        Parameters
        ----------
        x : ndarray
            What the model reads, of the dtype of its weights. A shape that is new takes a moment longer.

        Returns
        -------
        y : ndarray
            What the model returns, in an array of its own.

        Raises
        ------
        TypeError, ValueError
            If `x` does not fit the model.
        """
        check_arrays(x=x, **({} if self._example is None else {"weight": self._example}))
        with self._lock:
            return self._replay(x.shape, x.dtype)(x)

    @property
    def shapes(self):
        """For which shapes of x there is a plan and its memory, the last one used at the end."""
        with self._lock:
            return [shape for shape, _ in self._replays]

    def plan(self, x_shape):
        """How the engine runs for an input of this shape: print it.

        Parameters
        ----------
        x_shape : tuple of int
            Such as (1, 3, 224, 224).

        Returns
        -------
        Plan
        """
        shape = tuple(integer(f"x_shape[{i}]", size, 0) for i, size in enumerate(sequence("x_shape", x_shape)))
        with self._lock:
            return self._plan(shape, np.dtype(np.float32) if self._example is None else self._example.dtype)

    def _plan(self, shape, dtype):
        return Plan(self._model, shape, dtype, self._memo)

    def _replay(self, *key):
        if key not in self._replays:
            plan = self._plan(*key)
            while len(self._replays) >= self._most:
                self._replays.popitem(last=False)
            self._replays[key] = Replay(plan.tape, plan.homes)
        self._replays.move_to_end(key)
        return self._replays[key]


_engines: WeakSet[Engine] = WeakSet()


def _unlock():
    """Give each engine a new lock: in a forked process nobody releases one that another thread had taken."""
    for engine in _engines:
        engine._lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)
