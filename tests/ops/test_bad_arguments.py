"""Bad arguments of every kind: of cost functions, arrays that only look like arrays, numbers too large for anything.

What holds for one operator holds for all, so the cases are taken from the vocabulary.
"""

import time

import numpy as np
import pytest

from ghostnp import kernels, ops
from ghostnp.ops.checks import shown
from ghostnp.ops.vocabulary import function_named, function_names, operator_named, operators, signature
from tests.ops.examples import backward_by_name, cost_arguments, examples, forward
from tests.ops.test_checks import ONCE, both_ways, rejected

pytestmark = pytest.mark.small

BY_NAME = {call.operator: call for call in ONCE}
COSTS = [name for name in operators() if operator_named(name).cost]

WRONG_SHAPES = [
    (1, 2.5, 3, 3), "1234", 3, None, (1, -2, 3, 3), (True, 2, 3, 3), np.array([1, 2, 3, 3], np.int8), ("1", 2, 3, 3),
    {1, 2, 3}, (1, 2, 3, 2**31), (1, 2, 3, 10**5000), (1, float("nan"), 3, 3),
]  # fmt: skip


@pytest.mark.parametrize("operator", COSTS)
@pytest.mark.parametrize("shape", WRONG_SHAPES, ids=shown)
def test_cost_functions_take_shapes_alone(operator, shape):
    arguments = cost_arguments(BY_NAME[operator])
    for name, value in arguments.items():
        if name.endswith("_shapes"):
            rejected(
                name.removesuffix("_shapes"),
                getattr(ops, f"{operator}_cost"),
                **arguments | {name: [*value[:-1], shape]},
            )
        elif name.endswith("_shape"):
            rejected(name.removesuffix("_shape"), getattr(ops, f"{operator}_cost"), **arguments | {name: shape})


@pytest.mark.parametrize(
    "operator", [name for name in COSTS if "bias" in signature(operator_named(name).cost).parameters]
)
@pytest.mark.parametrize("bias", ["no", 1, None, (4,), np.ones(4)], ids=str)
def test_a_cost_asks_whether_there_is_a_bias(operator, bias):
    rejected("bias", getattr(ops, f"{operator}_cost"), **cost_arguments(BY_NAME[operator]) | {"bias": bias})


@pytest.mark.parametrize("operator", COSTS)
def test_integers_of_numpy_are_integers(operator):
    """In eight bits the product of a shape would overflow."""
    arguments = cost_arguments(BY_NAME[operator])

    def small(value):
        if isinstance(value, tuple | list):
            return type(value)(map(small, value))
        return np.int8(value) if isinstance(value, int) and not isinstance(value, bool) else value

    cost = getattr(ops, f"{operator}_cost")
    assert cost(**{name: small(value) for name, value in arguments.items()}) == cost(**arguments)


def test_smoothing_is_checked_where_it_is_counted():
    rejected("label_smoothing", ops.softmax_cross_entropy_cost, (2, 3), (2,), label_smoothing="a")


class Sub(np.ndarray):
    """An array of a type of its own."""


LOOK_ALIKES = {"masked": np.ma.masked_array, "matrix-like": lambda array: array.view(Sub)}


@pytest.mark.parametrize("call", ONCE, ids=lambda call: call.operator)
@pytest.mark.parametrize("kind", LOOK_ALIKES)
def test_what_only_looks_like_an_array(backend, call, kind):
    """A mask would be left out of account without a word: of labels and of taps as of all others."""
    for function, arguments in both_ways(backend, call):
        for name, value in arguments.items():
            if isinstance(value, np.ndarray):
                spoiled = arguments | {name: LOOK_ALIKES[kind](value)}
                rejected(name, function, *spoiled.values(), **call.keywords, error=TypeError)


NUMBERS = {"eps": 1e-3, "label_smoothing": 0.1}
NOT_NUMBERS = [10**400, -(10**400), 1j, "1", None, True, np.ones(2), np.ma.masked, [1.0], float("nan"), np.bool_(True)]


@pytest.mark.parametrize(
    "operator", [name for name in operators() if NUMBERS.keys() & operator_named(name).keywords.keys()]
)
@pytest.mark.parametrize("value", NOT_NUMBERS, ids=shown)
def test_numbers(backend, operator, value):
    call = BY_NAME[operator]
    (keyword,) = NUMBERS.keys() & call.row.keywords.keys()
    for function, arguments in both_ways(backend, call):
        rejected(keyword, function, *arguments.values(), **call.keywords | {keyword: value})


@pytest.mark.parametrize("dloss", [10**400, 1j, True, np.bool_(True), np.ma.masked, np.ma.array(1.0)], ids=shown)
def test_gradient_of_a_loss(backend, dloss):
    logits = np.ones((3, 4), np.float32)
    rejected("dloss", backend.softmax_cross_entropy_backward, dloss, logits, np.array([0, 1, 2]), logits)


INTEGERS = ("stride", "padding", "dilation", "groups", "kernel_size", "size", "keep")
NOT_INTEGERS = [
    10**5000,
    -(10**5000),
    (1, 10**5000),
    2**63,
    np.array([1, 1]),
    np.array(1),
    np.ma.masked,
    b"1",
    {1: 2},
    [[1]],
]


@pytest.mark.parametrize(
    "call", [c for c in ONCE if set(INTEGERS) & {*c.row.positional, *c.row.keywords}], ids=lambda c: c.operator
)
@pytest.mark.parametrize("value", NOT_INTEGERS, ids=shown)
def test_integers(backend, call, value):
    for function, arguments in both_ways(backend, call):
        for name in INTEGERS:
            if name in call.row.keywords:
                rejected(name, function, *arguments.values(), **call.keywords | {name: value})
            elif name in arguments:
                rejected(name, function, *(arguments | {name: value}).values(), **call.keywords)


HUGE = [
    ("conv2d", {"padding": "same", "dilation": 2**31 - 1}),
    ("conv2d", {"padding": 2**31 - 1}),
    ("conv2d", {"padding": 2**20}),
    ("conv2d", {"padding": "same", "dilation": 2**20}),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "keywords"), HUGE, ids=str)
def test_what_no_machine_can_hold_is_refused_before_it_is_tried(backend, operator, keywords):
    x, weight = np.ones((1, 2, 4, 4), np.float32), np.ones((2, 2, 3, 3), np.float32)
    for function, given in ((getattr(backend, operator), ()), (getattr(backend, f"{operator}_backward"), (x,))):
        message = rejected("padding", function, *given, x, weight, **keywords, error=MemoryError)
        assert "iB" in message, "no figure"


@pytest.mark.parametrize("resize", operators("resize"))
def test_sizes_that_no_machine_can_hold(backend, resize):
    x = np.ones((1, 2, 4, 4), np.float32)
    assert "EiB" in rejected("size", getattr(backend, resize), x, 2**31 - 1, error=MemoryError)
    assert "EiB" in rejected("size", getattr(backend, f"{resize}_backward"), x, x, 2**31 - 1, error=MemoryError)


def test_an_average_that_no_machine_can_hold(backend):
    """Where padding may not be larger than the kernel, the kernel is."""
    x = np.ones((1, 2, 4, 4), np.float32)
    for pool in ("max_pool2d", "avg_pool2d"):
        rejected("padding", getattr(backend, pool), x, 2**31 - 1, padding=2**31 - 2, error=MemoryError)


@pytest.mark.parametrize("number", [2**31 - 1, 2**31 - 2, 2147395600, 735134400])
def test_all_divisors_of_a_large_number(number):
    """The first is a prime, the third a square, and the last has more divisors than any other below 2**31."""
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=r"groups=97 .*; legal: 1\b") as caught:
        ops.conv2d_cost((1, number, 1, 1), (3, 1, 1, 1), groups=97)
    assert time.perf_counter() - begin < 1
    assert len(str(caught.value)) < 1000
    with pytest.raises(ValueError, match=r"groups=97 .*; legal: .*\b1\b"):
        ops.channel_shuffle_cost((1, number, 1, 1), 97)


def test_a_layer_has_the_weight_that_it_has(backend):
    """So where only x may be wrong, the error begins with it, and says which x would do."""
    x, weight = np.ones((1, 3, 4, 4), np.float32), np.ones((4, 2, 3, 3), np.float32)
    cases = [
        (backend.conv2d, (x, weight), {}, "(1, 2, 4, 4)"),
        (backend.conv2d, (x, weight), {"groups": 2}, "(1, 4, 4, 4)"),
        (backend.standard_conv2d, (x, weight), {}, "(1, 2, 4, 4)"),
        (backend.linear, (np.ones((5, 3), np.float32), np.ones((4, 2), np.float32)), {}, "(5, 2)"),
        (backend.batch_norm_eval, (x, *np.ones((4, 2), np.float32)), {}, "(1, 2, 4, 4)"),
        (backend.batch_norm_train, (x, *np.ones((2, 2), np.float32)), {}, "(1, 2, 4, 4)"),
    ]
    for function, arguments, keywords, fitting in cases:
        message = rejected("x", function, *arguments, **keywords, error=ValueError)
        assert message.startswith(f"x has shape {arguments[0].shape}")
        assert fitting in message


@pytest.mark.parametrize("call", [call for call in ONCE if call.row.family != "loss"], ids=lambda call: call.operator)
def test_a_gradient_of_another_dtype_is_the_one_to_cast(backend, call):
    _, (backward, arguments) = both_ways(backend, call)
    dy = arguments.pop("dy")
    spoiled = [part.astype(np.float64) for part in dy] if isinstance(dy, list) else dy.astype(np.float64)
    message = rejected("dy", backward, spoiled, *arguments.values(), **call.keywords, error=TypeError)
    assert "dy.astype(np.float32)" in message


def _wrong(call, arguments):
    """The same call with each argument wrong in its own way, and then two of them, and three."""
    names = list(arguments)
    spoilt = {
        name: value[..., :-1]
        if isinstance(value, np.ndarray) and value.ndim
        else [value[0]]
        if isinstance(value, list)
        else 0
        for name, value in arguments.items()
    }
    kinds = {
        name: value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else None
        for name, value in arguments.items()
    }
    keywords = dict.fromkeys(call.row.keywords, "wrong")
    for wrong in (spoilt, kinds):
        yield wrong, {}
        yield wrong, keywords
        yield arguments, keywords
        for i in range(len(names)):
            for j in range(i, len(names)):
                yield arguments | {name: wrong[name] for name in (names[i], names[j])}, {}
                yield arguments | {name: wrong[name] for name in (names[i], names[j])}, keywords


@pytest.mark.parametrize("call", examples(), ids=str)
def test_definition_and_kernel_say_the_same(call):
    """Where several arguments are wrong as well."""

    def said(function, arguments, keywords):
        try:
            function(*arguments, **keywords)
        except (TypeError, ValueError) as error:
            return type(error), str(error)
        return None

    arguments = call.arguments(np.float32)
    y, extra = forward(ops, call, arguments)
    took = backward_by_name(call, arguments, call.gradient(y), extra)
    for name, good in ((call.operator, arguments), (f"{call.operator}_backward", took)):
        for wrong, changed in _wrong(call, good):
            keywords = call.keywords | changed
            expected = said(getattr(ops, name), wrong.values(), keywords)
            assert said(getattr(kernels, name), wrong.values(), keywords) == expected


def test_every_function_has_been_asked():
    assert set(function_names()) <= {f"{name}{part}" for name in BY_NAME for part in ("", "_backward", "_cost")}
    assert all(function_named(name) for name in function_names())
