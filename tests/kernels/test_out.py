"""The engine's private keywords: `out`, where the result is to be written, and the `limits` of what it holds."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp import kernels
from tests.ops.examples import examples
from tests.ops.test_layout import normals

LIMITS = [(0.0, np.inf), (0.0, 0.5), (-1.0, 0.25)]  # a ReLU, one with a bound, and any other
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
@pytest.mark.parametrize("size", [(6, 8), (7, 3), (3, 4), (2, 9)], ids=str)  # twice as large, and not
@pytest.mark.parametrize("batch", [1, 2, 8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_enlarges_the_second_factor(dtype, batch, size):
    rng = np.random.default_rng(0)
    a, small = (np.moveaxis(rng.normal(size=(5, *pixels, batch)).astype(dtype), -1, 0) for pixels in (size, (3, 4)))
    expected = kernels.multiply(a, kernels.resize_nearest(small, size))
    assert_array_equal(kernels.multiply(a, small, nearest=True), expected)
    assert same_memory(kernels.multiply(a, small, nearest=True, out=a), a)
    assert_array_equal(a, expected)
    with pytest.raises(ValueError, match="as many maps"):
        kernels.multiply(a, small[:, 1:], nearest=True)


@pytest.mark.small
@each_call("onto")
def test_a_convolution_may_be_added_to_what_is_there(call):
    """On whole numbers, so that the order of sums does not matter; and a sum is within limits, not what is summed."""
    arguments = {name: np.rint(4 * array) for name, array in arguments_of(call).items()}
    plain = run_with(call, arguments)
    before = np.moveaxis(np.rint(9 * np.random.default_rng(1).normal(size=np.moveaxis(plain, 0, -1).shape)), -1, 0)
    before = before.astype(np.float32)
    expected = np.clip(plain + before, 0, np.inf)
    assert_array_equal(run_with(call, arguments, onto=before, limits=(0.0, np.inf)), expected)
    assert not np.array_equal(before, expected)
    assert same_memory(run_with(call, arguments, onto=before, out=before, limits=(0.0, np.inf)), before)
    assert_array_equal(before, expected)


@pytest.mark.small
@each_call("limits")
@pytest.mark.parametrize("limits", LIMITS)
def test_limits_keep_what_lies_between_and_nan(call, limits):
    arguments = arguments_of(call)
    next(iter(arguments.values()))[0, 0] = np.nan
    plain = run_with(call, arguments)
    result = run_with(call, arguments, limits=limits)
    assert_array_equal(result, np.clip(plain, *limits))
    assert np.isnan(result).any()
    assert all((result == limit).any() for limit in limits if np.isfinite(limit))


@pytest.mark.small
@each_call("limits")
def test_without_limits_infinity_stays(call):
    arguments = arguments_of(call)
    first = next(iter(arguments.values()))
    first[0, 0], first[1, 0] = np.inf, -np.inf
    with np.errstate(invalid="ignore"):  # ∞ - ∞, of which NumPy warns where nothing is compiled
        plain, result = run_with(call, arguments), run_with(call, arguments, limits=(0.0, np.inf))
    assert not np.isfinite(plain).all()
    assert_array_equal(result, np.clip(plain, 0, np.inf))


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
