"""ghostnp: lightweight convolutional networks, every forward and backward pass written out to be read and run.

Read it in this order: `ops` (the definitions), `kernels` (the same functions, fast), `backend` (which of them the
layers call), `modules` (layers), `models` (networks), `graph` (a model as a list of calls: counting, tracing, the
engine), `pictures`, `testing` (to compare your own code with ours), `weights`, `photo` and `classify`, `training`,
`course` (for the class), `bench`, `cli`. All that opens, reads or replaces a file does so by `files`.

What goes where is said by the docstring of each folder. A new kind of weights file is a reader and a writer in
`weights._FORMATS`, and other people's names of the same weights are a row of `weights._RENAMED`;
``tests/test_weights.py`` and ``tests/robustness`` try each kind.
"""

from importlib import import_module

from ghostnp import backend, models, modules, ops
from ghostnp.backend import use_backend
from ghostnp.graph import count, trace
from ghostnp.models import create_model, list_models
from ghostnp.ops.registration import register
from ghostnp.weights import load_weights, save_weights

__all__ = [
    "backend",
    "compile",
    "count",
    "create_model",
    "kernels",
    "list_models",
    "load_weights",
    "models",
    "modules",
    "ops",
    "pictures",
    "register",
    "save_weights",
    "testing",
    "trace",
    "use_backend",
]
__version__ = "0.1.0"


def __getattr__(name):
    # These bring Numba, matplotlib or Hypothesis, so they are imported when they are first asked for.
    if name in {"kernels", "pictures", "testing"}:
        return import_module(f"ghostnp.{name}")
    if name == "compile":
        return import_module("ghostnp.graph.engine").compile
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
