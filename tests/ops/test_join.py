"""Laws of joining and parting."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.testing import MEMORY, MapCase, assert_adjoint, map_cases
from tests.ops import oracles


@st.composite
def partings(draw):
    """Maps and the channels of each of their parts."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    return draw(map_cases(channels=st.just(sum(sizes)))), sizes


def parts_of(case, sizes):
    batch, _, height, width = case.x
    return [case.array((batch, size, height, width), np.float32, 2 + k) for k, size in enumerate(sizes)]


@pytest.mark.small
@given(drawn=partings(), data=st.data())
def test_concat_equals_pytorch(backend, drawn, data):
    case, sizes = drawn
    keep = data.draw(st.none() | st.integers(1, sum(sizes)))
    xs = parts_of(case, sizes)
    expected, pull = oracles.differentiate(lambda *xs: torch.cat(xs, dim=1)[:, :keep], *xs)
    dy = case.gradient(expected)
    assert_array_equal(backend.concat(xs, keep=keep), expected)
    gradients = backend.concat_backward(dy, xs, keep=keep)
    for gradient, wanted in zip(gradients, pull(dy), strict=True):
        assert_array_equal(gradient, wanted)
    assert gradients[0].any() or not dy.size


@given(partings())
def test_split_and_concat_are_inverse(backend, drawn):
    case, sizes = drawn
    x = case.input(np.float32)
    parts = backend.split(x, sizes)
    assert [part.shape[1] for part in parts] == list(sizes)
    assert_array_equal(backend.concat(parts), x)
    for part, wanted in zip(parts, np.split(x, np.cumsum(sizes)[:-1], axis=1), strict=True):
        assert_array_equal(part, wanted)


@given(partings())
def test_split_and_concat_are_each_others_backward(backend, drawn):
    case, sizes = drawn
    x, xs = case.input(np.float32), parts_of(case, sizes)
    assert_array_equal(backend.split_backward(xs, x, sizes), np.concatenate(xs, axis=1))
    for gradient, wanted in zip(backend.concat_backward(x, xs), backend.split(x, sizes), strict=True):
        assert_array_equal(gradient, wanted)


@pytest.mark.small
@pytest.mark.parametrize("per_map", [False, True])
@pytest.mark.parametrize("name", ["add", "multiply"])
@given(case=map_cases())
def test_add_and_multiply_equal_pytorch(backend, name, per_map, case):
    a = case.input(np.float32)
    b = case.array((*case.x[:2], 1, 1) if per_map else case.x, np.float32, 2)
    expected, pull = oracles.differentiate(getattr(torch, name), a, b)
    dy = case.gradient(expected)
    assert_array_equal(getattr(backend, name)(a, b), expected)
    for gradient, wanted in zip(getattr(backend, name + "_backward")(dy, a, b), pull(dy), strict=True):
        assert_array_equal(gradient, wanted)
        assert gradient.dtype == a.dtype


@pytest.mark.parametrize("name", ["add", "multiply"])
@pytest.mark.parametrize("shape", [(3,), (2, 5), (2, 3, 4), (2, 2, 1, 1, 3)])
@pytest.mark.parametrize("memory", MEMORY)
def test_add_and_multiply_take_any_number_of_axes(backend, name, shape, memory):
    case = MapCase(shape, memory=memory)
    a, b = case.input(np.float32), case.array(shape, np.float32, 2)
    expected, pull = oracles.differentiate(getattr(torch, name), a, b)
    dy = case.gradient(expected)
    assert_array_equal(getattr(backend, name)(a, b), expected)
    for gradient, wanted in zip(getattr(backend, name + "_backward")(dy, a, b), pull(dy), strict=True):
        assert_array_equal(gradient, wanted)


@pytest.mark.small
@given(map_cases())
def test_scale_equals_pytorch(backend, case):
    x, s = case.input(np.float32), case.array((*case.x[:2], 1, 1), np.float32, 2)
    expected, pull = oracles.differentiate(torch.mul, x, s)
    dy = case.gradient(expected)
    y, gradients = backend.scale(x, s), backend.scale_backward(dy, x, s)
    assert_array_equal(y, expected)
    for gradient, wanted in zip(gradients, pull(dy), strict=True):
        assert_array_equal(gradient, wanted)
    # It is linear in the maps and in the factors.
    assert_adjoint(y, dy, (gradients.x, x), (gradients.s, s))


@given(map_cases())
def test_scale_is_multiply_with_a_factor_for_each_map(backend, case):
    x, s = case.input(np.float64), case.array((*case.x[:2], 1, 1), np.float64, 2)
    dy = case.array(case.x, np.float64, 3)
    assert_array_equal(backend.scale(x, s), backend.multiply(x, s))
    for ours, theirs in zip(backend.scale_backward(dy, x, s), backend.multiply_backward(dy, x, s), strict=True):
        assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@given(map_cases())
def test_flatten_keeps_the_order_of_channels_rows_columns(backend, case):
    x = case.input(np.float32)
    y = backend.flatten(x)
    batch, channels, height, width = x.shape
    assert y.shape == (batch, channels * height * width)
    for n, c, i, j in np.ndindex(x.shape):
        assert y[n, (c * height + i) * width + j] == x[n, c, i, j]
    assert_array_equal(backend.flatten_backward(y, x), x)


@pytest.mark.parametrize("name", ["add_backward", "multiply_backward"])
def test_a_branch_added_to_itself_gets_both_shares(backend, name):
    """The two gradients may share memory with dy, so who adds them up must not write into them; here nobody does."""
    case = MapCase((2, 3, 4, 4))
    a, dy = case.input(np.float32), case.array(case.x, np.float32, 1)
    before = dy.copy()
    da, db = getattr(backend, name)(dy, a, a)
    assert_array_equal(da + db, 2 * (before if name == "add_backward" else before * a))
    assert_array_equal(dy, before)
    assert da.any()
