"""Laws of joining and parting."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.ops.vocabulary import operators
from ghostnp.testing import MEMORY, Call, assert_adjoint, calls, run, run_backward
from tests.ops import oracles


def assert_equals_pytorch(backend, call, function):
    """Bit for bit: y, the gradients and their dtype; they are given back."""
    arguments = call.arguments(np.float32)
    expected, pull = oracles.differentiate(function, *arguments.values())
    dy = call.gradient(expected)
    y, _ = run(backend, call, arguments)
    gradients = run_backward(backend, call, dy, arguments, ())
    assert_array_equal(y, expected)
    for gradient, wanted in zip(gradients.values(), pull(dy), strict=True):
        assert_array_equal(gradient, wanted)
        assert gradient.dtype == np.float32
    return arguments, y, dy, gradients


@pytest.mark.small
@given(calls("concat"))
def test_concat_equals_pytorch(backend, call):
    xs = call.arguments(np.float32)["xs"]
    expected, pull = oracles.differentiate(lambda *xs: torch.cat(xs, dim=1)[:, : call["keep"]], *xs)
    dy = call.gradient(expected)
    assert_array_equal(backend.concat(xs, keep=call["keep"]), expected)
    gradients = backend.concat_backward(dy, xs, keep=call["keep"])
    for gradient, wanted in zip(gradients, pull(dy), strict=True):
        assert_array_equal(gradient, wanted)
    assert gradients[0].any() or not dy.size


@given(calls("split"))
def test_split_and_concat_are_inverse(backend, call):
    x, sizes = call.arguments(np.float32).values()
    parts = backend.split(x, sizes)
    assert [part.shape[1] for part in parts] == list(sizes)
    assert_array_equal(backend.concat(parts), x)
    for part, wanted in zip(parts, np.split(x, np.cumsum(sizes)[:-1], axis=1), strict=True):
        assert_array_equal(part, wanted)


@given(calls("split"))
def test_split_and_concat_are_each_others_backward(backend, call):
    x, sizes = call.arguments(np.float32).values()
    batch, _, height, width = x.shape
    xs = [call.array((batch, size, height, width), np.float32, part) for part, size in enumerate(sizes)]
    assert_array_equal(backend.split_backward(xs, x, sizes), np.concatenate(xs, axis=1))
    for gradient, wanted in zip(backend.concat_backward(x, xs), backend.split(x, sizes), strict=True):
        assert_array_equal(gradient, wanted)


@pytest.mark.small
@pytest.mark.parametrize("per_map", [False, True])
@pytest.mark.parametrize("name", operators("elementwise"))
@given(data=st.data())
def test_add_and_multiply_equal_pytorch(backend, name, per_map, data):
    assert_equals_pytorch(backend, data.draw(calls(name, spread=per_map)), getattr(torch, name))


@pytest.mark.parametrize("name", operators("elementwise"))
@pytest.mark.parametrize("shape", [(3,), (2, 5), (2, 3, 4), (2, 2, 1, 1, 3)])
@pytest.mark.parametrize("memory", MEMORY)
def test_add_and_multiply_take_any_number_of_axes(backend, name, shape, memory):
    assert_equals_pytorch(backend, Call(name, a=shape, b=shape, memory=memory), getattr(torch, name))


@pytest.mark.small
@given(calls("multiply", spread=True))
def test_a_gate_is_linear_in_the_maps_and_in_the_factors(backend, call):
    arguments, y, dy, gradients = assert_equals_pytorch(backend, call, torch.mul)
    assert_adjoint(y, dy, *((gradients[name], argument) for name, argument in arguments.items()))


@given(calls("multiply", spread=True))
def test_a_gate_is_a_factor_for_each_map(backend, call):
    x, s = call.arguments(np.float64).values()
    dy = call.array(x.shape, np.float64)
    everywhere = np.broadcast_to(s, x.shape)
    assert_array_equal(backend.multiply(x, s), x * everywhere)
    dx, ds = backend.multiply_backward(dy, x, s)
    assert_allclose(dx, dy * everywhere, rtol=1e-12)
    assert_allclose(ds, (dy * x).sum(axis=(2, 3), keepdims=True), rtol=1e-12, atol=1e-12)


@given(call=calls("multiply", spread=False), keep=st.floats(0.1, 1.0))
def test_dropout_is_a_product_with_a_mask_and_scales_what_it_keeps(backend, call, keep):
    x = call.arguments(np.float64)["a"]
    dy = call.gradient(x)
    mask = (np.random.default_rng(call.seed).random(x.shape) < keep) / keep
    assert_allclose(backend.multiply(x, mask), np.where(mask > 0, x / keep, 0), rtol=1e-14)
    assert_allclose(backend.multiply_backward(dy, x, mask).a, np.where(mask > 0, dy / keep, 0), rtol=1e-14)


@given(calls("flatten"))
def test_flatten_keeps_the_order_of_channels_rows_columns(backend, call):
    x = call.arguments(np.float32)["x"]
    y = backend.flatten(x)
    batch, channels, height, width = x.shape
    assert y.shape == (batch, channels * height * width)
    for n, c, i, j in np.ndindex(x.shape):
        assert y[n, (c * height + i) * width + j] == x[n, c, i, j]
    assert_array_equal(backend.flatten_backward(y, x), x)


@pytest.mark.parametrize("name", ["add_backward", "multiply_backward"])
def test_a_branch_added_to_itself_gets_both_shares(backend, name):
    """The two gradients may share memory with dy, so who adds them up must not write into them; here nobody does."""
    a, dy = Call("add", a=(2, 3, 4, 4), b=(2, 3, 4, 4)).arguments(np.float32).values()
    before = dy.copy()
    da, db = getattr(backend, name)(dy, a, a)
    assert_array_equal(da + db, 2 * (before if name == "add_backward" else before * a))
    assert_array_equal(dy, before)
    assert da.any()
