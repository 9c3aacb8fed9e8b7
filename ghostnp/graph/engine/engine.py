"""The engine: a model, its plans, and a lock."""

from collections import OrderedDict
from copy import deepcopy
from typing import Any

import numpy as np

from ghostnp.graph.engine.locks import Guarded
from ghostnp.graph.engine.packing import together
from ghostnp.graph.engine.plan import Plan
from ghostnp.graph.engine.replay import Replay, launches_of
from ghostnp.kernels.runtime import compile_ahead
from ghostnp.modules import Module
from ghostnp.ops.checks import check_arrays, integer, sequence


class Engine(Guarded):
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
        super().__init__()
        if not isinstance(model, Module):
            raise TypeError(f"model is of type {type(model).__name__}: the rule is a Module, such as create_model(...)")
        arrays = list(model.state_dict().values())
        copies = dict(zip(map(id, arrays), together(arrays), strict=True))
        self._model: Any = deepcopy(model, copies)
        self._most = integer("plans", plans, 1)
        parameters = [array for array in self._model.state_dict().values() if array.dtype.kind == "f"]
        self._example = parameters[0] if parameters else None  # of the dtype that x must have
        self._memo: dict[tuple, list] = {}
        self._replays: OrderedDict[tuple, Replay] = OrderedDict()

    def __reduce__(self):
        self._check_released()
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
            If `x` does not fit the model, or the engine was released.
        """
        check_arrays(x=x, **({} if self._example is None else {"weight": self._example}))
        with self._lock:
            self._check_released()
            return self._replay(x.shape, x.dtype)(x)

    def release(self):
        """Let go of the weights, every plan and their memory, once a run in another thread is over: for good."""
        with self._lock:
            self._released, self._model, self._memo = True, None, {}
            self._replays.clear()

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
            self._check_released()
            return self._plan(shape, np.dtype(np.float32) if self._example is None else self._example.dtype)

    def _plan(self, shape, dtype):
        return Plan(self._model, shape, dtype, self._memo)

    def _replay(self, *key):
        if key not in self._replays:
            plan = self._plan(*key)
            compile_ahead(lambda: launches_of(Replay(plan.tape, plan.homes, bind=False).work))
            while len(self._replays) >= self._most:
                self._replays.popitem(last=False)
            self._replays[key] = Replay(plan.tape, plan.homes)
        self._replays.move_to_end(key)
        return self._replays[key]
