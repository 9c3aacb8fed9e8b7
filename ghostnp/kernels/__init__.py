"""The same functions, fast: Numba twins of `ghostnp.ops`, under the same names and signatures.

What has no twin is the definition itself: costs are arithmetic on shapes, and a few operators meet small arrays or are
one call of NumPy. An operator that was registered runs by its definition.

Read them in this order: `jit` (with `cache`, `progress`, `threads` and `pool`), `memory`, `layout`, `leaves`,
`registers`, `matmul`, `linear`, `phases`, `columns`, `taps`, `depthwise`, `convolution`, `normalization`, `activation`,
`pooling`, `resize`, `shuffle`, `join`. A new kernel is a function in its chapter, under its definition's name.
"""

from ghostnp import ops
from ghostnp.kernels import (
    activation,
    convolution,
    depthwise,
    join,
    linear,
    normalization,
    pooling,
    resize,
    shuffle,
)
from ghostnp.kernels.memory import keep_freed_memory
from ghostnp.ops import __all__

_CHAPTERS = (activation, convolution, depthwise, linear, normalization, pooling, resize, shuffle, join)
_TWINS = {
    name: function
    for chapter in _CHAPTERS
    for name, function in vars(chapter).items()
    if getattr(function, "__module__", "") == chapter.__name__
}
is_whole = True
globals().update({name: _TWINS.get(name, getattr(ops, name)) for name in __all__})


def __getattr__(name):
    return getattr(ops, name)


keep_freed_memory()
