"""The definitions: every operator with its backward pass and its cost, in plain NumPy, one chapter a file.

Notation. A batch of images is x[n, c, i, j]: image n, channel c, row i, column j; output channels are called o, and the
tap of a kernel in row u and column v is (u, v). x̄ is x with its padding. The loss is one number, and dy stands for
∂loss/∂y, how much each number of y moves it; a backward pass takes dy and gives dx = ∂loss/∂x and dw = ∂loss/∂w, of the
shapes of x and w. A line ``dx̄[...] += ...`` means: for each output pixel, add this share to the input pixel it read.

A backward pass looks like its forward. Each product w · x of the forward sum passes dy times the other factor to each
factor, so the same loop over the same taps adds into what it read. Gradients may share memory with dy, and y with x,
where nothing had to be computed (split, concat, add, flatten): do not write into them.

Read them in this order: `standard` (with `tap`, in `geometry`), `pointwise`, `grouped`, `depthwise`, `convolution`,
`linear`, `shuffle`, `pooling`, `resize`, `activation`, `normalization`, `elementwise`, `concat`, `attention`, `loss`,
and `updates` (what an optimiser does with gradients, which is no row of the vocabulary).
Below them all lie `geometry` (where windows go), `cost`, `gradients` (what backward passes return), `composition`
(functions made of others) and `checks` (of arguments). `vocabulary` has a row for each operator: what it is.
`registration` adds a row for an operator of one's own.

For each operator ``f`` there are ``f_backward(dy, ...)``, which takes forward's arguments and what forward returned
after y, and ``f_cost(shapes...)``, which counts.

A new operator is such a triple in its chapter and a row in `vocabulary`. Its fast twin goes into `kernels`, its PyTorch
form into `bench.torch_vocabulary` (and into `bench.onnx_vocabulary` if a network uses it), its comparison with PyTorch
into its chapter's file in ``tests/ops``, and its literal count, by the rules at the top of `cost`, into
``tests/ops/test_other_operations.py``. If it takes more than ``x``, ``tests/ops/examples.py`` and
``tests/kernels/accuracy.py`` get a call of it. A keyword of a new name goes into `_KEYWORDS` in `testing.draw`:
otherwise only its default is tried. An operator that is neither a sum of products nor a function of each number alone
has the bound on its rounding derived in `testing.bounds`. `conformance` has the operators' JAX and Keras forms. The
Chinese worksheets need the operator's name if a counting tool counts it. A new chapter is also named in `vocabulary`
and in the contracts of ``pyproject.toml``. (The README registers `hard_swish` as its example: take another name.)

A rule about arguments that operators share is a function in `checks`: a line of `check_arrays` if it is about all
arrays, `cost.from_shapes` if about shapes, `geometry` if about windows. The definition and its twin both call it, and
``tests/ops/test_checks.py`` and ``tests/ops/test_bad_arguments.py`` try it.
"""

from collections.abc import Callable

from ghostnp.ops.vocabulary import function_named, function_names

# The modules `concat` and `linear` have the same names as operators. In this namespace the names mean the operators.
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
