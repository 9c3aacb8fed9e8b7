"""The engine's private keywords: `out`, where the result is to be written, and `relu`, which rectifies on the way."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp import kernels, ops
from ghostnp.kernels.runtime import Program, Scratch, recording
from ghostnp.ops.vocabulary import operator_named
from ghostnp.testing import in_memory
from tests.ops.calls import backward_arguments, calls, forward
from tests.ops.test_layout import normals

# These may write over their first argument.
IN_PLACE = {"relu", "relu6", "clip", "sigmoid", "hard_sigmoid", "batch_norm_eval", "add", "multiply", "scale"}

# No kernels, but definitions: the engine calls these from Python.
DEFINITIONS = {getattr(ops, name) for name in ops.__all__}

BATCHES = [2, 400]  # few numbers, and enough to be shared out among threads


def each_call(keyword, operators=frozenset(kernels.__all__)):
    """Parametrize over the calls of these operators, as far as their kernels have the keyword."""
    chosen = [
        pytest.param(call, id=f"{call} batch={batch}")
        for batch in BATCHES
        for call in calls(batch)
        if call.operator in operators
        and (keyword in inspect.signature(kernel(call)).parameters if keyword else kernel(call) not in DEFINITIONS)
    ]
    return pytest.mark.parametrize("call", chosen)


def kernel(call):
    return getattr(kernels, call.operator)


def arguments_of(call):
    return call.arrays(np.float32, "batch innermost", draw=normals)


def run_with(call, arguments, **keywords):
    result = kernel(call)(*arguments.values(), **call.keywords, **keywords)
    return result[0] if isinstance(result, tuple) else result


def same_memory(a, b):
    return a.__array_interface__["data"] == b.__array_interface__["data"] and a.strides == b.strides


@pytest.mark.small
@each_call("out")
def test_out_gets_the_result_and_nothing_beside_it_is_touched(call):
    """The home of a result may be a slice of a larger array's channels, as a concat's parts are."""
    expected = run_with(call, arguments_of(call))
    batch, channels, *size = expected.shape
    whole = np.full((channels + 3, *size, batch), 12345, np.float32)
    out = np.moveaxis(whole[1 : channels + 1], -1, 0)
    assert same_memory(run_with(call, arguments_of(call), out=out), out)
    assert_array_equal(out, expected)
    assert (whole[0] == 12345).all()
    assert (whole[channels + 1 :] == 12345).all()


@pytest.mark.small
@each_call("out", IN_PLACE)
def test_out_may_be_the_first_argument(call):
    expected = run_with(call, arguments_of(call))
    arguments = arguments_of(call)
    first = next(iter(arguments.values()))
    run_with(call, arguments, out=first)
    assert_array_equal(first, expected)


@pytest.mark.small
@each_call("out")
def test_a_recorded_call_computes_with_whatever_is_there_when_it_runs(call):
    """A kernel that takes `out` leaves all that depends on activations to drivers: so says the engine."""
    arguments, others = arguments_of(call), call.arrays(np.float32, "batch innermost", draw=normals, seed=1)
    expected = run_with(call, {name: others[name] if name in activations(call) else arguments[name] for name in others})
    y = np.full_like(expected, 12345)
    with recording(scratch := Scratch()) as launches:
        run_with(call, arguments, out=y)
    scratch.begin_call()
    scratch.take((1 << 22,), np.float32)[...] = 12345  # as other steps do with it
    assert (y == 12345).all()
    for name in activations(call):
        for array, other in zip(several(arguments[name]), several(others[name]), strict=True):
            array[...] = other
    program = Program(launches)
    for _ in range(2):
        program()
        assert_array_equal(y, expected)


@pytest.mark.small
@pytest.mark.parametrize("backwards", [False, True], ids=["forward", "backward"])
@each_call("")
def test_a_recorded_kernel_reads_nothing_before_it_runs(call, backwards):
    """Neither activations nor weights: both are others in a training program's next step."""
    names = [name for name, value in arguments_of(call).items() if isinstance(value, np.ndarray | list)]
    arguments, others = trained_in_order(call, 0), trained_in_order(call, 1)
    function, given, new = kernel(call), list(arguments.values()), list(others.values())
    if backwards:
        function = getattr(kernels, f"{call.operator}_backward")
        y, extra = forward(kernels, call, others)
        dy = [laid_out_like(part, 2) for part in y] if isinstance(y, list) else laid_out_like(y, 2)
        given, new = (list(backward_arguments(call, inputs, dy, extra).values()) for inputs in (arguments, others))
    expected = [np.array(part) for part in arrays_of(function(*new, **call.keywords))]
    with recording() as launches:
        result = arrays_of(function(*given, **call.keywords))
    for name in names:
        for array, other in zip(several(arguments[name]), several(others[name]), strict=True):
            array[...] = other
    program = Program(launches)
    for _ in range(2):
        program()
        for actual, wanted in zip(result, expected, strict=True):
            assert_array_equal(actual, wanted)


def trained_in_order(call, seed):
    """Activations as kernels lay them out, and all other arrays as NumPy does."""
    ours, numpys = (call.arrays(np.float32, memory, draw=normals, seed=seed) for memory in ("batch innermost", "C"))
    return {name: ours[name] if name in activations(call) else numpys[name] for name in ours}


def laid_out_like(y, seed):
    """Numbers in an array as `y` is, laid out as a kernel lays it out."""
    return in_memory(normals(np.random.default_rng(seed), y.shape, y.dtype), "batch innermost")


def arrays_of(result):
    return [part for part in result if part is not None] if isinstance(result, tuple | list) else [result]


def activations(call):
    return operator_named(call.operator).activations


def several(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.small
@each_call("relu")
def test_relu_keeps_what_is_positive_and_nan(call):
    arguments = arguments_of(call)
    next(iter(arguments.values()))[0, 0] = np.nan
    plain = run_with(call, arguments)
    result = run_with(call, arguments, relu=True)
    assert_array_equal(result, np.maximum(plain, 0))
    assert np.isnan(result).any()
    assert (result == 0).any()
