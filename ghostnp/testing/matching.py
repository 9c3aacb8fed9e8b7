"""Holding anybody's operator against the definition.

>>> def mine(x, weight, bias=None, *, stride=1, padding="valid", dilation=1):  # as Keras would call it
...     from ghostnp import ops
...     y = ops.depthwise_conv2d(
...         x.transpose(0, 3, 1, 2), weight.transpose(2, 3, 0, 1).reshape(-1, 1, *weight.shape[:2]), bias,
...         stride=stride, padding=0 if padding == "valid" else padding, dilation=dilation,
...     )
...     return y.transpose(0, 2, 3, 1)
>>> assert_matches(mine, "depthwise_conv2d", layout="NHWC", weights="HWCM", paddings="words")
"""

import functools
import inspect
from os import PathLike, fspath

import numpy as np
from hypothesis.strategies import SearchStrategy

from ghostnp import ops
from ghostnp.ops.vocabulary import operators
from ghostnp.testing.arrays import FORMATS, REGIMES
from ghostnp.testing.calls import lookup, row_of
from ghostnp.testing.comparison import CallStyle, compare
from ghostnp.testing.draw import has_bias, strata
from ghostnp.testing.frameworks import adapter_of, framework_of
from ghostnp.testing.layouts import LAYOUTS, WEIGHTS
from ghostnp.testing.search import examples_of, failure_of, smallest_failure, tell


def assert_matches(
    fn,
    operator,
    *,
    backward=None,
    layout="NCHW",
    weights="OIHW",
    framework=None,
    device=None,
    paddings=None,
    dtype="float32",
    accumulate=None,
    exact=False,
    rtol=None,
    atol=None,
    gradients=True,
    regimes=None,
    against=ops,
    where=None,
    case=None,
    examples=None,
    **fixed,
):
    """Hold a function of NumPy or a framework against the definition of an operator, and its gradients too.

    Parameters
    ----------
    fn : callable or path
        Called as the operator is: arrays by position (no bias where there is none), all else as keywords with the
        operator's names, and only those that have not their usual value. Gives y; extra outputs are left alone. A path,
        such as "conv.onnx", is a model for ONNX Runtime: see `OnnxRuntime`.
    operator : str
        A forward function of the vocabulary, such as "conv2d", or one that was registered.
    backward : callable, optional
        Called as the operator's backward pass is; gives gradients in its order. By default the framework differentiates
        `fn` (autograd, TensorFlow's tape, `vjp`); of a plain function or a model no gradients are compared.
    layout : {"NCHW", "NHWC"}, default "NCHW"
        How `fn` takes and gives maps.
    weights : {"OIHW", "HWIO", "OHWI", "HWCM"}, default "OIHW"
        How it takes filters; "HWCM" are the depthwise ones of Keras.
    framework : {"numpy", "torch", "keras", "jax", "mlx", "onnxruntime"} or Adapter, optional
        What it computes with; by default the one that `fn` is from, so a function of your own that calls PyTorch has
        to say so.
    device : str, optional
        Where PyTorch's tensors are, such as "cuda" or "mps"; on "meta" shapes and dtypes are compared alone.
    paddings : {"any", "symmetric", "words"}, optional
        Which paddings it can express: an int or a pair is "symmetric", and "words" are "valid" and "same". By default
        what the framework's convolutions can.
    dtype : {"float32", "float64", "float16", "bfloat16"}, default "float32"
        Of the arrays.
    accumulate : {"float32", "float64", "float16", "bfloat16"}, optional
        In which sums are kept: by default float32 for the formats of 16 bits, and otherwise that of the arrays. A sum
        may overflow in it: PyTorch's cross-entropy adds losses of float16 in float16, and gives ∞ beyond 65504.
    exact : bool, default False
        Draw small integers, of which every sum of products is exact in any order, and require equality, in formats of
        16 bits with what is rounded once. Of numbers that tie the first gets the gradient of a maximum.
    rtol, atol : float, optional
        A tolerance of your own, ``atol + rtol·|right|``, in the place of the bound that follows from rounding.
    gradients : bool or sequence of str, default True
        Of which arguments gradients are asked for and compared: of all, of none (then PyTorch records nothing), or of
        those named, such as ``["x"]`` where weights are frozen. Who names some has to have them: of a plain function
        only `backward` gives any.
    regimes : sequence of str, optional
        What kinds of numbers to draw for the activations; by default half of the calls have the usual ones, and the
        others large, offset, tying, tiny, infinite ones and NaN. ``["usual"]`` leaves these out. What is promised in
        each regime is written in `ghostnp.testing.comparison.compare`.
    against : module or object, default ghostnp.ops
        What to hold it against: any namespace with the vocabulary's functions.
    where : callable, optional
        Tells of a `Call` whether `fn` is meant to take it, such as ``lambda call: call.given["x"][0] > 0`` where
        empty batches are refused: `given` has the shapes by argument, `keywords` what has not its usual value.
    case : Call, optional
        Look at this call alone, as a failure prints it.
    examples : int, optional
        How many calls to draw; by default as many as Hypothesis's profile says.
    **fixed
        What every call has, as of `calls`: ``kernel=3, stride=1, padding=1, groups=2, channels=8, size=(32, 32)``. A
        keyword that is fixed, and that `fn` does not take, is left out: it is what `fn` does by itself.

    Raises
    ------
    AssertionError
        If a result is farther from the definition's than rounding explains (see `ghostnp.testing.bounds`), is of
        another shape or dtype, or `fn` raises: with the smallest such call, and a line that repeats it.
    TypeError, ValueError
        If an argument is not legal, or `where` is true of fewer than half as many calls as were to be drawn.

    Examples
    --------
    >>> def forgets_the_bias(x, weight, bias=None, **geometry):
    ...     return ops.pointwise_conv2d(x, weight, **geometry)
    >>> assert_matches(forgets_the_bias, "pointwise_conv2d", exact=True)
    Traceback (most recent call last):
        ...
    AssertionError: forgets_the_bias is not pointwise_conv2d: y[0, 0, 0, 0] is -9, and -8 is right \
(off by 1, and 0 would be allowed); 1 of 1 numbers are off
        again: assert_matches(forgets_the_bias, 'pointwise_conv2d', exact=True, \
case=Call('pointwise_conv2d', x=(1, 1, 1, 1), weight=(1, 1, 1, 1), bias=(1,)))
    """
    row = row_of(operator)
    framework = framework_of(fn) if framework is None else framework
    # What a line has to say that repeats a failure; the case says all else.
    dtype = _name_of_dtype(dtype)
    accumulate = None if accumulate is None else _name_of_dtype(accumulate)
    said = {"layout": layout, "weights": weights, "framework": framework, "device": device, "dtype": dtype}
    said |= {"accumulate": accumulate, "exact": exact, "rtol": rtol, "atol": atol, "gradients": gradients}
    adapter = adapter_of(framework, device)
    for name, value, legal in (
        ("layout", layout, LAYOUTS),
        ("weights", weights, WEIGHTS),
        ("paddings", paddings, (None, "any", "symmetric", "words")),
        ("dtype", dtype, tuple(FORMATS)),
        ("accumulate", accumulate, (None, *FORMATS)),
        *(("regimes", regime, tuple(REGIMES)) for regime in regimes or ()),
    ):
        if value not in legal:
            raise ValueError(f"{name}={value!r}: the rule is one of {', '.join(map(repr, legal))}")
    if exact and not row.exact:
        able = ", ".join(name for name in operators() if row_of(name).exact)
        raise ValueError(
            f"exact=True for {operator}: of integers it does not make integers, so right results may differ in the "
            f"last digits. The rule is one of {able}; leave exact out for {operator}, and rounding is allowed"
        )
    if not isinstance(gradients, bool):
        gradients = (gradients,) if isinstance(gradients, str) else tuple(gradients)
        if unknown := sorted(set(gradients) - set(row.gradients)):
            raise ValueError(
                f"gradients={list(gradients)!r}: {operator} has none of {', '.join(unknown)}; the rule is True, False "
                f"or some of {', '.join(row.gradients)}"
            )
        if gradients and backward is None and not adapter.differentiates:
            raise ValueError(
                f"gradients={list(gradients)!r}: nothing gives gradients of {_name(fn)}, so none would be "
                f"compared. The rule is backward=..., such as backward=my_{operator}_backward, or for a function of "
                f"tensors its framework, such as framework='torch'"
            )
    if accumulate is None and dtype in ("float16", "bfloat16"):
        accumulate = "float32"
    style = CallStyle(layout, weights, adapter, dtype, accumulate, exact, rtol, atol, gradients)
    if regimes is None:
        regimes = promised(row, exact)
    values = {name: value for name, value in fixed.items() if not isinstance(value, SearchStrategy)}
    built_in = {name: value for name, value in values.items() if name in row.keywords and not _takes(fn, name)}
    forward = _without(fn, built_in)
    its_backward = None if backward is None else _without(backward, built_in)

    if backward is not None:
        lookup(against, f"{operator}_backward")  # what it is held against

    tried = 0

    def check(call):
        nonlocal tried
        tried += 1
        compare(forward, its_backward, call, style, against)

    if case is None:
        drawn = strata(
            operator, regimes, examples=examples_of(examples), paddings=paddings or adapter.paddings, **fixed
        )
        failure = smallest_failure(drawn, check, where=where)
    else:
        failure = failure_of(case, check)
    tell(operator, "matches", tried, failure is None)
    if failure is not None:
        call, error = failure
        says = str(error) if isinstance(error, AssertionError) else f"it raised {type(error).__name__}: {error}"
        says += _hint(fn, error, framework, call, built_in)
        said |= {name: value for name, value in built_in.items() if name in call.keywords}
        raise AssertionError(
            f"{_name(fn)} is not {operator}: {says}\n    again: {_again(fn, backward, operator, said, call)}"
        ) from (None if isinstance(error, AssertionError) else error)


def _takes(fn, name):
    """Whether a function can be given a keyword; True where nobody can tell, as of a model."""
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return True
    spelled = name in parameters and parameters[name].kind is not inspect.Parameter.POSITIONAL_ONLY
    return spelled or any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())


def _without(fn, built_in):
    """The function, called without the keywords that are built into it."""
    if not built_in:
        return fn

    @functools.wraps(fn)
    def called(*arrays, **keywords):
        return fn(*arrays, **{name: value for name, value in keywords.items() if name not in built_in})

    return called


def _hint(fn, error, framework, call, built_in):
    """What may be meant by an error that a function raised because of how it was called."""
    if not isinstance(error, TypeError | AttributeError):
        return ""
    hints = []
    if "bias" in call.given and not has_bias(call.row):
        hints.append("it was given a bias: if it takes none, say with_bias=False")
    if given := [name for name in call.keywords if name not in built_in]:
        usual = {name: value for name, value in call.row.keywords.items() if name not in built_in}
        missing = [name for name in usual if not _takes(fn, name)] or given
        fixed = ", ".join(f"{name}={usual[name]!r}" for name in missing)
        hints.append(f"it was given {', '.join(given)}: what it does not take has to be fixed to what it does: {fixed}")
    if framework == "numpy":
        hints.append("it was called with NumPy arrays: if it wants tensors, say framework='torch', 'keras' or 'jax'")
    return "".join(f"\n    {hint}" for hint in hints)


def promised(row, exact=False):
    """The regimes in which something is promised of an operator."""
    if exact:
        return "usual", "ties"
    # A bilinear blend gives a neighbour of weight zero to some, and leaves it out to others: 0·∞ is not 0.
    blends = row.family == "resize" and row.divides
    return tuple(regime for regime in REGIMES if not (blends and regime in ("nan", "infinite")))


def _again(fn, backward, operator, said, call):
    usual = {"layout": "NCHW", "weights": "OIHW", "framework": framework_of(fn), "dtype": "float32", "exact": False}
    usual |= {"gradients": True}
    shown = [f"backward={_name(backward)}"] if backward is not None else []
    shown += [f"{name}={value!r}" for name, value in said.items() if value is not None and value != usual.get(name)]
    return f"assert_matches({', '.join([_name(fn), repr(operator), *shown, f'case={call!r}'])})"


def _name(fn):
    """What to call a function in a line that repeats a failure."""
    if isinstance(fn, functools.partial):
        given = [*map(repr, fn.args), *(f"{name}={value!r}" for name, value in fn.keywords.items())]
        return f"partial({', '.join([_name(fn.func), *given])})"
    if isinstance(fn, str | PathLike):
        return repr(fspath(fn))
    name = getattr(fn, "__name__", "fn")
    return name if name.isidentifier() else "fn"


def _name_of_dtype(dtype):
    """Its name, whether it came as a name, or as a dtype of NumPy or of PyTorch."""
    if isinstance(dtype, str) or str(dtype).startswith("torch."):
        return str(dtype).removeprefix("torch.")
    return np.dtype(dtype).name
