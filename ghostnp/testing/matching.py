"""Comparing a function, of a framework or of your own, with the definition of its operator.

>>> def mine(x, weight, bias=None, *, stride=1, padding="valid", dilation=1):  # as Keras would call it
...     from ghostnp import ops
...     y = ops.depthwise_conv2d(
...         x.transpose(0, 3, 1, 2), weight.transpose(2, 3, 0, 1).reshape(-1, 1, *weight.shape[:2]), bias,
...         stride=stride, padding=0 if padding == "valid" else padding, dilation=dilation,
...     )
...     return y.transpose(0, 2, 3, 1)
>>> assert_matches(mine, "depthwise_conv2d", layout="NHWC", weights="HWCM", paddings="words")
"""

import numpy as np
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from ghostnp import ops
from ghostnp.testing.calls import lookup
from ghostnp.testing.comparison import CallStyle, compare
from ghostnp.testing.draw import calls
from ghostnp.testing.frameworks import FRAMEWORKS, PADDINGS, framework_of
from ghostnp.testing.layouts import LAYOUTS, WEIGHTS
from ghostnp.testing.search import smallest_failure

_DTYPES = {"float32": np.float32, "float64": np.float64}


def assert_matches(
    fn,
    operator,
    *,
    backward=None,
    layout="NCHW",
    weights="OIHW",
    framework=None,
    paddings=None,
    dtype="float32",
    exact=False,
    against=ops,
    where=None,
    case=None,
    examples=None,
):
    """Hold a function of PyTorch, Keras or NumPy against the definition of an operator, and its gradients too.

    Parameters
    ----------
    fn : callable
        Called as the operator is: arrays by position (no bias where there is none), all else as keywords with the
        operator's names, and only those that have not their usual value. Gives y; extra outputs are left alone.
    operator : str
        A forward function of the vocabulary, such as "conv2d", or one that was registered.
    backward : callable, optional
        Called as the operator's backward pass is; gives gradients in its order. By default PyTorch's autograd or
        TensorFlow's tape differentiate `fn`, and a plain function's gradients are not compared.
    layout : {"NCHW", "NHWC"}, default "NCHW"
        How `fn` takes and gives maps.
    weights : {"OIHW", "HWIO", "OHWI", "HWCM"}, default "OIHW"
        How it takes filters; "HWCM" are the depthwise ones of Keras.
    framework : {"numpy", "torch", "keras"}, optional
        What it computes with; by default the one that `fn` is from, so a function of your own that calls PyTorch has
        to say so.
    paddings : {"any", "symmetric", "words"}, optional
        Which paddings it can express: an int or a pair is "symmetric", and "words" are "valid" and "same". By default
        what the framework's convolutions can.
    dtype : {"float32", "float64"}, default "float32"
        Of the arrays.
    exact : bool, default False
        Draw small integers, of which every sum of products is exact in any order, and require equality.
    against : module or object, default ghostnp.ops
        What to hold it against: any namespace with the vocabulary's functions.
    where : callable, optional
        Tells of a `Call` whether `fn` is meant to take it, such as ``lambda call: call.given["x"][0] > 0`` where
        empty batches are refused: `given` has the shapes by argument, `keywords` what has not its usual value.
    case : Call, optional
        Look at this call alone, as a failure prints it.
    examples : int, optional
        How many calls to draw; by default as many as Hypothesis's profile says.

    Raises
    ------
    AssertionError
        If a result is farther from the definition's than rounding explains (see `ghostnp.testing.bounds`), is of
        another shape or dtype, or `fn` raises: with the smallest such call, and a line that repeats it.
    TypeError, ValueError
        If an argument is not legal.

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
    framework = framework_of(fn) if framework is None else framework
    for name, value, legal in (
        ("layout", layout, LAYOUTS),
        ("weights", weights, WEIGHTS),
        ("framework", framework, FRAMEWORKS),
        ("paddings", paddings, (None, "any", "symmetric", "words")),
        ("dtype", np.dtype(dtype).name, tuple(_DTYPES)),
    ):
        if value not in legal:
            raise ValueError(f"{name}={value!r}: the rule is one of {', '.join(map(repr, legal))}")
    dtype = np.dtype(dtype).name
    style = CallStyle(layout, weights, framework, _DTYPES[dtype], exact)
    given = style._asdict() | {"dtype": dtype}
    paddings = PADDINGS[framework] if paddings is None else paddings

    if backward is not None:
        lookup(against, f"{operator}_backward")  # what it is held against

    def check(call):
        compare(fn, backward, call, style, against)

    drawn = calls(operator, paddings=paddings) if case is None else st.just(case)
    drawn = drawn if where is None or case is not None else drawn.filter(where)
    try:
        failure = smallest_failure(drawn, check, examples)
    except Unsatisfiable:
        raise ValueError(
            "where is true of no call that was drawn: the rule is a function of a Call that most calls satisfy, "
            "such as where=lambda call: call.given['x'][0] > 0"
        ) from None
    if failure is not None:
        call, error = failure
        said = str(error) if isinstance(error, AssertionError) else f"it raised {type(error).__name__}: {error}"
        if isinstance(error, TypeError | AttributeError) and framework == "numpy":
            said += "\n    it was called with NumPy arrays: if it wants tensors, say framework='torch' or 'keras'"
        raise AssertionError(
            f"{_name(fn)} is not {operator}: {said}\n    again: {_again(fn, backward, operator, given, call)}"
        ) from (None if isinstance(error, AssertionError) else error)


def _again(fn, backward, operator, given, call):
    usual = {"layout": "NCHW", "weights": "OIHW", "framework": framework_of(fn), "dtype": "float32", "exact": False}
    shown = [f"backward={_name(backward)}"] if backward is not None else []
    shown += [f"{name}={value!r}" for name, value in given.items() if value is not None and value != usual.get(name)]
    return f"assert_matches({', '.join([_name(fn), repr(operator), *shown, f'case={call!r}'])})"


def _name(fn):
    name = getattr(fn, "__name__", "fn")
    return name if name.isidentifier() else "fn"
