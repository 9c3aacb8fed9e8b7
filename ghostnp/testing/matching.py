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

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from ghostnp import ops
from ghostnp.testing.bounds import backward_bound, forward_bound
from ghostnp.testing.call_strategies import calls
from ghostnp.testing.calls import backward_arguments, gradient_names, leaves, named_gradients, run, run_backward
from ghostnp.testing.cases import values
from ghostnp.testing.frameworks import ADAPTERS, FRAMEWORKS, PADDINGS, framework_of
from ghostnp.testing.layouts import LAYOUTS, WEIGHTS, from_layout, to_layout
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
        operator's names, and only those that have not their usual value. Gives y; what it gives beside y is left alone.
    operator : str
        A forward function of the vocabulary, such as "conv2d".
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
        Tells of a `Call` whether it is meant to work: what the framework says that it does not take is left out.
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
    dialect = Dialect(layout, weights, framework, _DTYPES[dtype], exact)
    given = dialect._asdict() | {"dtype": dtype}
    paddings = PADDINGS[framework] if paddings is None else paddings

    def check(call):
        compare(fn, backward, call, dialect, against)

    drawn = calls(operator, paddings=paddings) if case is None else st.just(case)
    failure = smallest_failure(drawn if where is None or case is not None else drawn.filter(where), check, examples)
    if failure is not None:
        call, error = failure
        said = str(error) if isinstance(error, AssertionError) else f"it raised {type(error).__name__}: {error}"
        raise AssertionError(
            f"{_name(fn)} is not {operator}: {said}\n    again: {_again(fn, backward, operator, given, call)}"
        ) from (None if isinstance(error, AssertionError) else error)


class Dialect(NamedTuple):
    """How the function that is compared wants to be called: see `assert_matches`."""

    layout: str
    weights: str
    framework: str
    dtype: type
    exact: bool


def compare(fn, backward, call, dialect, against=ops):
    """Compare y and the gradients on one call.

    Parameters
    ----------
    fn, backward, against
        As of `assert_matches`.
    call : Call
        The call.
    dialect : Dialect
        How `fn` is called.

    Raises
    ------
    AssertionError
        If a result is off.
    """
    draw, adapter = values if dialect.exact else _normal, ADAPTERS[dialect.framework]
    arguments = call.arguments(dialect.dtype, draw)
    reference = arguments if dialect.exact else _in_float64(arguments)
    expected, extra = run(against, call, reference)
    theirs = {name: _written(name, value, call, dialect) for name, value in arguments.items()}
    y, pull = adapter(fn, list(theirs.values()), call.keywords)
    bounds = None if dialect.exact else forward_bound(call, arguments, dialect.dtype)
    _assert_close("y", _read(y, expected, dialect), expected, bounds, dialect)
    if backward is None and pull is None:
        return
    dy = _each(call.gradient(expected, draw), np.asarray(expected[0] if isinstance(expected, list) else expected).dtype)
    came = _written_maps(_each(dy, dialect.dtype), dialect)
    if backward is not None:
        beside = [_written_maps(_each(value, dialect.dtype), dialect) for value in extra]
        took = backward_arguments(call, came, theirs, beside)
        gradients = named_gradients(call.operator, backward(*took, **call.keywords))
    else:
        floats = [name for name, value in arguments.items() if leaves(value) and leaves(value)[0].dtype.kind == "f"]
        pulled = iter(pull(came))
        gradients = {name: _like(arguments[name], pulled) for name in floats}
    wanted = run_backward(against, call, dy, reference, extra)
    limits = iter([]) if dialect.exact else iter(backward_bound(call, reference, dy, extra, dialect.dtype))
    for name in gradient_names(call.operator):
        bounds = None if dialect.exact else [next(limits) for _ in leaves(wanted[name])]
        if name in arguments:  # a bias that is absent has a gradient, and nobody asks for it
            got = _read(gradients[name], wanted[name], dialect, name)
            _assert_close(f"d{name}", got, wanted[name], bounds, dialect)


def _normal(rng, shape, dtype):
    return rng.normal(size=shape).astype(dtype)


def _in_float64(arguments):
    return {name: _each(value, np.float64) for name, value in arguments.items()}


def _each(value, dtype):
    if isinstance(value, list):
        return [_each(part, dtype) for part in value]
    floats = isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"
    return value.astype(dtype) if floats and value.dtype != dtype else value


def _like(value, parts):
    return [next(parts) for _ in value] if isinstance(value, list) else next(parts)


def _written(name, value, call, dialect):
    """An argument as the function wants it."""
    if "weight" not in name:
        return _written_maps(value, dialect)
    if value.ndim != 4 or call.operator == "decoupled_attention":
        return value
    return to_layout(value, _filters(name, call, dialect), channels=call.given["x"][1])


def _filters(name, call, dialect):
    depthwise = name == "depthwise_weight" or call.operator == "depthwise_conv2d"
    return "HWIO" if dialect.weights == "HWCM" and not depthwise else dialect.weights


def _written_maps(value, dialect):
    if isinstance(value, list):
        return [_written_maps(part, dialect) for part in value]
    return to_layout(value, dialect.layout) if np.ndim(value) == 4 else value


def _read(value, like, dialect, name="y"):
    """What came back as ghostnp writes it, looking like `like`."""
    if isinstance(like, list):
        return [_read(part, one, dialect, name) for part, one in zip(value, like, strict=True)]
    if isinstance(value, tuple):
        value = value[0]  # what comes beside y is left alone
    assert value is not None, f"{name} has no gradient"
    value = np.asarray(value)
    if value.ndim != 4:
        return value
    if "weight" not in name:
        return from_layout(value, dialect.layout)
    if dialect.weights == "HWCM":
        return from_layout(value, "HWCM" if like.shape[1] == 1 and name != "pointwise_weight" else "HWIO")
    return from_layout(value, dialect.weights)


def _assert_close(what, actual, expected, bounds, dialect):
    actual, expected = ([value] if not isinstance(value, list) else value for value in (actual, expected))
    for number, (got, wanted) in enumerate(zip(actual, map(np.asarray, expected), strict=True)):
        label = f"{what}[{number}]" if len(expected) > 1 else what
        assert got.shape == wanted.shape, f"{label} has shape {got.shape}, and {wanted.shape} is right"
        assert got.dtype == dialect.dtype, f"{label} is {got.dtype} for {np.dtype(dialect.dtype)}"
        allowed = np.zeros(wanted.shape) if bounds is None else bounds[number]
        off = np.abs(got.astype(np.float64) - wanted)
        wrong = ~(off <= allowed)
        if wrong.any():
            place = tuple(int(index) for index in np.argwhere(wrong)[0])
            raise AssertionError(
                f"{label}{list(place)} is {got[place]:.8g}, and {wanted[place]:.8g} is right (off by {off[place]:.3g}, "
                f"and {allowed[place]:.3g} would be allowed); {wrong.sum()} of {wrong.size} numbers are off"
            )


def _again(fn, backward, operator, given, call):
    usual = {"layout": "NCHW", "weights": "OIHW", "framework": framework_of(fn), "dtype": "float32", "exact": False}
    shown = [f"backward={_name(backward)}"] if backward is not None else []
    shown += [f"{name}={value!r}" for name, value in given.items() if value is not None and value != usual.get(name)]
    return f"assert_matches({', '.join([_name(fn), repr(operator), *shown, f'case={call!r}'])})"


def _name(fn):
    name = getattr(fn, "__name__", "fn")
    return name if name.isidentifier() else "fn"
