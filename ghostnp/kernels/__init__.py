"""The same functions, fast: Numba twins of `ghostnp.ops`, under the same names and signatures.

An operator without a twin uses its definition: a few only get small arrays or are one call of NumPy, costs are
arithmetic on shapes, and what was registered has no other.

Read them in this order: `layout`, `loops`, `matmul`, `linear`, `windows`, `taps`, `depthwise`, `convolution`,
`normalization`, `activation`, `resize`, `elementwise`, `concat`, `pooling`, `shuffle`, `loss`, and `updates` (what a
training program does to the weights). How they are compiled and run is in `runtime`; to begin with, its own `__init__`
says enough.

A new kernel is a function in its chapter, under its definition's name (standard, pointwise and grouped convolutions are
in `convolution`). If the engine shall hand it the memory of its
result, it takes ``out``. On small whole numbers it gives exactly the definition's numbers. `convolution.convolve`
chooses how a convolution is computed: another method is a file that it calls. A new chapter is named in
`_CHAPTERS`. The tests of operators run on it without a change; where the operator had no twin until now, a test in
``tests/test_architecture.py`` has it in its list.
"""

from importlib import import_module

try:
    import numba
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "the kernels, and the engine that runs them, need Numba: the rule is to install it, as by pip install numba, "
        "or to choose the definitions, as by ghostnp.use_backend(ghostnp.ops)",
        name="numba",
    ) from None

from ghostnp import ops
from ghostnp.kernels.runtime import apply_settings, memory
from ghostnp.ops import __all__

_CHAPTERS = (
    "activation",
    "concat",
    "convolution",
    "depthwise",
    "elementwise",
    "linear",
    "loss",
    "normalization",
    "pooling",
    "resize",
    "shuffle",
)
_TWINS = {
    name: function
    for chapter in (import_module(f"{__name__}.{name}") for name in _CHAPTERS)
    for name, function in vars(chapter).items()
    if getattr(function, "__module__", "") == chapter.__name__
}
is_whole = True  # see ghostnp.backend
globals().update({name: _TWINS.get(name, getattr(ops, name)) for name in __all__})


def __getattr__(name):
    return getattr(ops, name)


apply_settings()
