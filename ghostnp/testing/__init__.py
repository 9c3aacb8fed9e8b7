"""Calls to hold an operator against, where they come from, and the laws that it must obey: for your code too.

What to do with an operator of your own or of a framework:

- hold it against the definition, `assert_matches(torch.nn.functional.conv2d, "conv2d")`, in its own layout;
- hold it against its laws, `assert_laws(my_module, "conv2d")`, which need no second implementation;
- hold all that a module has against both, ``pytest --ghostnp-operator my_module.py``;
- hold a whole network of PyTorch against one of ours, `assert_same_module(theirs, ours, x=(2, 3, 64, 64))`;
- draw calls of it for a test of your own, ``@given(calls("conv2d"))``.

By default the strategies draw the cases in which real frameworks had bugs: padding larger than the kernel and
asymmetric, 1 < groups < channels, one input channel, several depthwise filters for a channel, dilation, empty batches,
maps of one pixel, and arrays in every order of memory. A failing call is reduced to the smallest one, and its repr can
be pasted to repeat it.

An operator of your own that is registered (`ghostnp.register`) is drawn and held to its laws like any other.

A framework that is not known here is a subclass of `Adapter` with a few lines, given as ``framework=``. To add it for
everybody, name it in `ADAPTERS` in `frameworks`, and where its arrays come from in `_HOMES`. A new law is a function in
a file of `laws`, a line of `laws.table`, and a broken operator that breaks it in ``tests/testing/broken_operators.py``.

A new regime of numbers is an entry of `REGIMES` in `arrays`. What is promised in it is said in `matching.promised` and
in `comparison.compare`, and ``tests/testing/test_draw.py`` looks at its numbers. Bounds on rounding are derived in
`bounds`, and tried in ``tests/testing/test_matching.py``.

Read `calls` first, then `laws.table`, `matching` and `bounds`.
"""

try:
    import hypothesis  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    raise ModuleNotFoundError(
        "ghostnp.testing draws its calls with Hypothesis, which is not installed: pip install hypothesis",
        name="hypothesis",
    ) from None

from ghostnp.testing.arrays import FORMATS, MEMORY, REGIMES, in_memory, values
from ghostnp.testing.calls import Call, run, run_backward
from ghostnp.testing.draw import CONVOLUTIONS, calls, shapes
from ghostnp.testing.frameworks import Adapter, Jax, Keras, Mlx, OnnxRuntime, Torch
from ghostnp.testing.ghost import ghost_module, ghost_module_backward
from ghostnp.testing.laws.assertions import assert_adjoint, assert_gradient, assert_linear, inner
from ghostnp.testing.laws.table import LAWS, Law, assert_laws, laws_of
from ghostnp.testing.matching import assert_matches
from ghostnp.testing.search import smallest_failure
from ghostnp.testing.whole import assert_same_module

__all__ = [
    "CONVOLUTIONS",
    "FORMATS",
    "LAWS",
    "MEMORY",
    "REGIMES",
    "Adapter",
    "Call",
    "Jax",
    "Keras",
    "Law",
    "Mlx",
    "OnnxRuntime",
    "Torch",
    "assert_adjoint",
    "assert_gradient",
    "assert_laws",
    "assert_linear",
    "assert_matches",
    "assert_same_module",
    "calls",
    "ghost_module",
    "ghost_module_backward",
    "in_memory",
    "inner",
    "laws_of",
    "run",
    "run_backward",
    "shapes",
    "smallest_failure",
    "values",
]
