"""Laws of resizing."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.testing import Call, assert_adjoint, assert_linear, calls, shapes
from ghostnp.testing.laws import algebra
from tests.ops import oracles

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
nearest = given(calls("resize_nearest", x=shapes(), size=sizes))
bilinear = calls("resize_bilinear", x=shapes(), size=sizes)
corners = pytest.mark.parametrize("align_corners", [False, True])
close = {"rtol": 1e-10, "atol": 1e-10}


def nearest_by_hand(x, size):
    """Pixel i reads ⌊i·in / out⌋, as a list of whole numbers."""
    rows, columns = ([i * old // new for i in range(new)] for old, new in zip(x.shape[2:], size, strict=True))
    return x[:, :, rows][:, :, :, columns]


@pytest.mark.small
@nearest
def test_nearest_reads_the_floor(backend, call):
    x, size = call.arguments(np.float32).values()
    y = backend.resize_nearest(x, size)
    assert_array_equal(y, nearest_by_hand(x, size))
    assert y.dtype == x.dtype


def test_nearest_is_not_nearest_exact(backend):
    """In GhostNetV2 only 3 to 7 tells the two rules apart; PyTorch's nearest-exact would read 0, 0, 1, 1, 1, 2, 2."""
    rows = np.arange(3.0).reshape(1, 1, 3, 1)
    assert backend.resize_nearest(rows, (7, 1)).ravel().tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert F.interpolate(torch.tensor(rows), (7, 1), mode="nearest").ravel().tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert F.interpolate(torch.tensor(rows), (7, 1), mode="nearest-exact").ravel().tolist() == [0, 0, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(("old", "new"), [(56, 112), (28, 56), (14, 28), (7, 14), (3, 7), (7, 7), (7, 3)])
def test_nearest_matches_pytorch_where_networks_use_it(backend, old, new):
    call = Call("resize_nearest", x=(2, 3, old, old), size=(new, new))
    x = call.arguments(np.float32)["x"]
    expected, pull = oracles.differentiate(lambda x: F.interpolate(x, (new, new), mode="nearest"), x)
    dy = call.gradient(expected)
    dx = backend.resize_nearest_backward(dy, x, (new, new))
    assert_array_equal(backend.resize_nearest(x, (new, new)), expected)
    assert_array_equal(dx, pull(dy)[0])
    assert dx.any()


@pytest.mark.small
@nearest
def test_nearest_is_linear_and_backward_its_adjoint(backend, call):
    x, size = call.arguments(np.float32).values()
    y = backend.resize_nearest(x, size)
    dy = call.gradient(y)
    dx = backend.resize_nearest_backward(dy, x, size)
    assert_adjoint(y, dy, (dx, x))
    assert_linear(lambda x: backend.resize_nearest(x, size), x, call.arguments(np.float32, stream=1)["x"])
    assert dx.sum() == dy.sum()
    assert dx.dtype == x.dtype


@nearest
def test_nearest_commutes_with_every_bend(backend, call):
    """It copies numbers, so DFC's gate may be taken before or after. One compiled loop may fuse what another rounds."""
    x, size = call.arguments(np.float64).values()
    assert_array_equal(backend.resize_nearest(backend.relu(x), size), backend.relu(backend.resize_nearest(x, size)))
    before = backend.resize_nearest(backend.sigmoid(x), size)
    assert_allclose(before, backend.sigmoid(backend.resize_nearest(x, size)), rtol=1e-15)


@given(call=calls("resize_nearest", x=shapes()), factor=st.integers(1, 3))
def test_nearest_by_a_whole_factor_and_back_is_identity(backend, call, factor):
    x = call.arguments(np.float32)["x"]
    larger = backend.resize_nearest(x, tuple(factor * size for size in x.shape[2:]))
    assert_array_equal(larger, x.repeat(factor, axis=2).repeat(factor, axis=3))
    assert_array_equal(backend.resize_nearest(larger, x.shape[2:]), x)


@pytest.mark.small
@corners
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(call=bilinear.filter(lambda call: call["x"][0]))  # PyTorch refuses an empty batch
def test_bilinear_matches_pytorch(backend, align_corners, dtype, call):
    x, size = call.arguments(dtype).values()
    expected, pull = oracles.differentiate(
        lambda x: F.interpolate(x, size, mode="bilinear", align_corners=align_corners), x
    )
    dy = call.gradient(expected)
    y = backend.resize_bilinear(x, size, align_corners=align_corners)
    dx = backend.resize_bilinear_backward(dy, x, size, align_corners=align_corners)
    # float32: places are rounded at 1e-6, and a source pixel gathers from up to 81 new ones of size 3.
    tolerance = close if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-4}
    assert_allclose(y, expected, **tolerance)
    if (
        dtype == np.float32
    ):  # either side rounds a place of up to so many pixels, and dy is multiplied by the difference
        tolerance["atol"] += 4 * np.finfo(dtype).eps * max(x.shape[2:]) * np.abs(dy).max(initial=0)
    assert_allclose(dx, pull(dy)[0], **tolerance)
    assert y.dtype == dx.dtype == dtype


@corners
def test_bilinear_matches_pytorch_on_larger_maps(backend, align_corners):
    call = Call("resize_bilinear", x=(3, 5, 14, 17), size=(31, 20))
    x = call.arguments(np.float64)["x"]
    expected, pull = oracles.differentiate(
        lambda x: F.interpolate(x, (31, 20), mode="bilinear", align_corners=align_corners), x
    )
    dy = call.gradient(expected)
    dx = backend.resize_bilinear_backward(dy, x, (31, 20), align_corners=align_corners)
    assert_allclose(backend.resize_bilinear(x, (31, 20), align_corners=align_corners), expected, **close)
    assert_allclose(dx, pull(dy)[0], **close)
    assert dx.any()


@corners
@given(call=bilinear)
def test_bilinear_backward_is_adjoint(backend, align_corners, call):
    algebra.adjoint(backend, call.replace(align_corners=align_corners))


@corners
@given(call=calls("resize_bilinear", x=shapes(batches=st.integers(1, 2)), size=sizes))
def test_bilinear_blends(backend, align_corners, call):
    """The weights of a blend are positive and of sum 1: constants stay, and a gate of (0, 1) stays in (0, 1)."""
    x, size = call.arguments(np.float64).values()
    constant = backend.resize_bilinear(np.full(x.shape, 7.0), size, align_corners=align_corners)
    assert_allclose(constant, np.full((*x.shape[:2], *size), 7.0), rtol=1e-15)
    gate = backend.sigmoid(x)
    y = backend.resize_bilinear(gate, size, align_corners=align_corners)
    lowest, highest = (extreme(axis=(2, 3), keepdims=True) for extreme in (gate.min, gate.max))
    assert (y >= lowest * (1 - 1e-15)).all()
    assert (y <= highest * (1 + 1e-15)).all()


def test_bilinear_does_not_commute_with_sigmoid(backend):
    """What the documents' remark about DFC should have said: the blend of two gates is not the gate of the blend."""
    x = np.array([[[[-4.0, 0.0]]]])
    before = backend.resize_bilinear(backend.sigmoid(x), (1, 4))
    after = backend.sigmoid(backend.resize_bilinear(x, (1, 4)))
    assert np.abs(before - after).max() > 0.05


@corners
@given(call=bilinear)
def test_bilinear_to_its_own_size_is_identity(backend, align_corners, call):
    x = call.arguments(np.float64)["x"]
    assert_allclose(backend.resize_bilinear(x, x.shape[2:], align_corners=align_corners), x, **close)


@given(call=calls("resize_bilinear", x=shapes(sizes=st.integers(2, 6))), size=st.integers(2, 9))
def test_aligned_corners_stay(backend, call, size):
    x = call.arguments(np.float64)["x"]
    y = backend.resize_bilinear(x, size, align_corners=True)
    assert_allclose(y[:, :, :: size - 1, :: size - 1], x[:, :, :: x.shape[2] - 1, :: x.shape[3] - 1], **close)
