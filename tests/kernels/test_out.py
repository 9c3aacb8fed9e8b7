"""The engine's private keywords: `out`, where the result is to be written, and `relu`, which rectifies on the way."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp import kernels
from tests.ops.examples import examples
from tests.ops.test_layout import normals

BATCHES = [2, 400]  # few numbers, and enough to be shared out among threads


def each_call(keyword, chosen=lambda row: True):
    """Parametrize over the calls of the operators that are chosen, as far as their kernels have the keyword."""
    calls = [
        call
        for batch in BATCHES
        for call in examples(batch)
        if chosen(call.row) and keyword in inspect.signature(kernel(call)).parameters
    ]
    return pytest.mark.parametrize("call", calls, ids=str)


def kernel(call):
    return getattr(kernels, call.operator)


def arguments_of(call):
    return call.replace(memory="batch innermost").arguments(np.float32, draw=normals)


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
@each_call("out", lambda row: row.arrays[0] in row.overwrites)
def test_out_may_be_the_first_argument(call):
    expected = run_with(call, arguments_of(call))
    arguments = arguments_of(call)
    first = next(iter(arguments.values()))
    run_with(call, arguments, out=first)
    assert_array_equal(first, expected)


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


WRONG_OUT = {
    "fewer channels": lambda out: out[:, 1:],
    "more images": lambda out: np.concatenate([out, out]),
    "fewer axes": lambda out: out[0],
    "of float64": lambda out: out.astype(np.float64),
    "of C order": lambda out: np.ascontiguousarray(out) if out.ndim == 4 else np.asfortranarray(out).copy("C"),
    "reversed": lambda out: out[::-1],
    "every second": lambda out: np.moveaxis(np.zeros((*out.shape[1:], 2 * len(out)), out.dtype), -1, 0)[::2],
    "broadcast": lambda out: np.broadcast_to(out[:1], out.shape),
    "masked": np.ma.masked_array,
    "list": np.ndarray.tolist,
    "text": lambda out: "out",
}


def read_only(out):
    out.flags.writeable = False
    return out


def empty_out(call):
    """Where the result of a call may go."""
    expected = run_with(call, arguments_of(call))
    return np.moveaxis(np.zeros((*expected.shape[1:], len(expected)), np.float32), -1, 0)


@pytest.mark.small
@each_call("out")
@pytest.mark.parametrize("wrong", [*WRONG_OUT.values(), read_only], ids=[*WRONG_OUT, "read-only"])
def test_out_that_does_not_fit_is_refused(call, wrong):
    """In another shape numbers would be written beyond it, and in another order to a copy."""
    with pytest.raises((TypeError, ValueError), match=r"^out .*: the rule is "):
        run_with(call, arguments_of(call), out=wrong(empty_out(call)))


@pytest.mark.small
@each_call("out")
def test_out_may_not_overlap_what_is_read(call):
    """Unless it is the memory of an argument that may be overwritten, number for number."""
    for name, value in call.replace(memory="batch innermost").arguments(np.float32, draw=normals).items():
        first = value[0] if isinstance(value, list) else value
        out = empty_out(call)
        if not isinstance(first, np.ndarray) or first.size < 2:
            continue
        memory = np.moveaxis(out, 0, -1).reshape(-1)
        whole = np.empty(memory.size + first.size, np.float32)
        inside = np.moveaxis(whole[first.size - 1 :][: memory.size].reshape(np.moveaxis(out, 0, -1).shape), -1, 0)
        overlapping = np.moveaxis(whole[: first.size].reshape(np.moveaxis(first, 0, -1).shape), -1, 0)
        overlapping[...] = first
        arguments = arguments_of(call)
        arguments[name] = [overlapping, *value[1:]] if isinstance(value, list) else overlapping
        with pytest.raises(ValueError, match=rf"^out .*{name}.*: the rule is "):
            run_with(call, arguments, out=inside)
