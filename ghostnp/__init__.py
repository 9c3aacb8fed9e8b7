"""ghostnp: lightweight convolutional networks, every forward and backward pass written out to be read and run.

Read it in this order: `ops` (the definitions), `kernels` (the same functions, fast), `backend` (which of them the
layers call), `modules` (layers), `models` (networks), `tools` (what one does with them).
"""

from importlib import import_module

from ghostnp import backend, models, modules, ops
from ghostnp.backend import use_backend
from ghostnp.models import create_model, list_models
from ghostnp.tools import count, load_weights, save_weights, trace

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
        return import_module("ghostnp.tools.engine").compile
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
