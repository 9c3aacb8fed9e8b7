"""The definitions: every operator with its backward pass and its cost, in plain NumPy, one chapter a file.

Notation. A batch of images is x[n, c, i, j]: image n, channel c, row i, column j; output channels are called o, and the
tap of a kernel in row u and column v is (u, v). x̄ is x with its padding. The loss is one number, and dy stands for
∂loss/∂y, how much each number of y moves it; a backward pass takes dy and gives dx = ∂loss/∂x and dw = ∂loss/∂w, of the
shapes of x and w. A line ``dx̄[...] += ...`` means: for each output pixel, add this share to the input pixel it read.

A backward pass looks like its forward. Each product w · x of the forward sum hands its share of dy to both factors, so
the same loop over the same taps adds into what it read. Gradients may share memory with dy, and y with x, where nothing
had to be computed (split, concat, add, flatten): do not write into them.

Read them in this order: `standard` (with `tap`, in `geometry`), `pointwise`, `grouped`, `depthwise`, `convolution`,
`linear`, `shuffle`, `pooling`, `resize`, `activation`, `normalization`, `elementwise`, `concat`, `attention`, `loss`.
Below them all lie `geometry` (where windows go), `cost`, `gradients` (what backward passes return), `composition`
(functions made of others) and `checks` (of arguments). `vocabulary` has a row for each operator: what it is.

For each operator ``f`` there are ``f_backward(dy, ...)``, which takes forward's arguments and what forward returned
after y, and ``f_cost(shapes...)``, which counts. A new operator is such a triple in its chapter, and a row.
"""

from collections.abc import Callable

from ghostnp.ops.vocabulary import function_named, function_names

# Two chapters are called as an operator of theirs; here the name means the operator.
concat: Callable
linear: Callable

__all__ = sorted(function_names())  # noqa: PLE0605
is_whole = True  # see ghostnp.backend
globals().update({name: function_named(name) for name in __all__})


def __getattr__(name):
    # Operators that were registered later on.
    function = function_named(name)
    if function is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return function
