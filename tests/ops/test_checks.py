"""Bad input: every operator answers it with an error that names the argument, what came, and a value that would do."""

import re

import numpy as np
import pytest

from ghostnp import ops
from tests.ops.examples import backward_by_name, examples, forward, run

pytestmark = pytest.mark.small

# One call of each operator is enough: their rules do not depend on the geometry.
ONCE = list({call.operator: call for call in examples()}.values())
ADVICE = re.compile(r"such as|legal|that fits|would do|the rule is")


def rejected(name, function, *arguments, error=(TypeError, ValueError), **keywords):
    """Call, expect an error that names `name` and gives advice, and hand back its text."""
    with pytest.raises(error) as caught:
        function(*arguments, **keywords)
    message = str(caught.value)
    assert re.search(rf"\b{re.escape(name)}", message), f"{name!r} is not named in: {message}"
    assert ADVICE.search(message), f"no advice in: {message}"
    return message


def spoil(value, how):
    """`value`, an array or a list of arrays, with its (last) array spoiled."""
    return [*value[:-1], how(value[-1])] if isinstance(value, list) else how(value)


def array_names(arguments):
    return [name for name, value in arguments.items() if isinstance(value, np.ndarray | list)]


def both_ways(backend, call):
    """Forward and backward, each with good arguments by name."""
    arguments = call.arguments(np.float32)
    y, extra = forward(backend, call, arguments)
    backward = getattr(backend, call.operator + "_backward")
    return (getattr(backend, call.operator), arguments), (backward, backward_by_name(call, arguments, y, extra))


WRONG_KINDS = {
    "list": lambda array: array.tolist(),
    "int": lambda array: array.astype(np.int64),
    "float16": lambda array: array.astype(np.float16),
    "complex": lambda array: array.astype(np.complex64),
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "none": lambda array: None,
}


@pytest.mark.parametrize("call", ONCE, ids=lambda call: call.operator)
@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_wrong_kind_of_array(backend, call, kind):
    for function, arguments in both_ways(backend, call):
        for name in array_names(arguments):
            if (kind == "none" and name == "bias" and call.row.family != "norm") or (
                kind in ("int", "big-endian") and name in ("labels", "argmax")
            ):
                continue
            spoiled = arguments | {name: spoil(arguments[name], WRONG_KINDS[kind])}
            rejected(name, function, *spoiled.values(), **call.keywords, error=TypeError)


@pytest.mark.parametrize("call", ONCE, ids=lambda call: call.operator)
def test_dtypes_are_not_mixed(backend, call):
    for function, arguments in both_ways(backend, call):
        names = [name for name in array_names(arguments) if name not in ("labels", "argmax")]
        if sum(len(value) if isinstance(value := arguments[name], list) else 1 for name in names) < 2:
            continue
        for name in names[1:] or names:
            spoiled = arguments | {name: spoil(arguments[name], lambda array: array.astype(np.float64))}
            rejected("dtype", function, *spoiled.values(), **call.keywords, error=TypeError)


@pytest.mark.parametrize("call", ONCE, ids=lambda call: call.operator)
@pytest.mark.parametrize("how", [lambda array: array[None], lambda array: array.reshape(-1)], ids=["more", "fewer"])
def test_wrong_number_of_axes(backend, call, how):
    for function, arguments in both_ways(backend, call):
        names = array_names(arguments)
        if call.row.takes and len(names) == 1:
            continue
        for name in names:
            value = arguments[name][-1] if isinstance(arguments[name], list) else arguments[name]
            if np.shape(how(np.asarray(value))) == np.shape(value):
                continue
            spoiled = arguments | {name: spoil(arguments[name], how)}
            # Where any shape would do, it is the other argument that does not fit.
            named = "shape" if call.row.takes else name
            rejected(named, function, *spoiled.values(), **call.keywords, error=ValueError)


# The gradient of a loss is a number, and has no shape to be wrong in.
@pytest.mark.parametrize("call", [call for call in ONCE if call.row.family != "loss"], ids=lambda call: call.operator)
def test_incoming_gradient_of_another_shape(backend, call):
    _, (backward, arguments) = both_ways(backend, call)
    name = next(iter(arguments))
    for how in (
        lambda array: array[1:],
        lambda array: array[:, 1:],
        lambda array: array[..., 1:],
        lambda array: array[..., 0],
    ):
        spoiled = arguments | {name: spoil(arguments[name], how)}
        rejected(name, backward, *spoiled.values(), **call.keywords, error=ValueError)


# What is elementwise takes any shape, an empty one too, and a loss needs a batch.
NEED_NUMBERS = [call for call in ONCE if call.row.takes != "any" and call.row.family != "loss"]


@pytest.mark.parametrize("call", NEED_NUMBERS, ids=lambda call: call.operator)
def test_nothing_is_computed_from_empty_channels_or_pixels(backend, call):
    arguments = call.arguments(np.float32)
    name = next(iter(arguments))
    first = arguments[name][0] if isinstance(arguments[name], list) else arguments[name]
    for axis in range(1, 2 if call.row.takes == "channels" else first.ndim):
        shape = [0 if a == axis else size for a, size in enumerate(first.shape)]
        empty = [np.zeros(shape, np.float32)] if isinstance(arguments[name], list) else np.zeros(shape, np.float32)
        rejected(name, getattr(backend, call.operator), *(arguments | {name: empty}).values(), **call.keywords)


@pytest.mark.parametrize("call", examples(batch=0), ids=str)
def test_empty_batch(backend, call):
    """A batch may be empty; where a mean has to be taken over it, the error says so."""
    arguments = call.arguments(np.float32)
    if call.row.family == "norm" and "images" not in call.row.alike:
        rejected("x", getattr(backend, call.operator), *arguments.values(), **call.keywords, error=ValueError)
    elif call.row.family == "loss":
        rejected("logits", backend.softmax_cross_entropy, *arguments.values(), error=ValueError)
    else:
        expected = run(ops, call, arguments)
        for name, array in run(backend, call, arguments).items():
            assert array.shape == expected[name].shape
            assert not array.any()  # nothing came in, so weights get no gradient
