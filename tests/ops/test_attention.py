"""Laws of attention by fully connected layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ghostnp.testing import MEMORY, MapCase, assert_adjoint, assert_linear, assert_matches
from tests.ops import oracles

maps = st.builds(
    MapCase,
    st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4)),
    memory=st.sampled_from(MEMORY),
    seed=st.integers(0, 2**16),
)


def full_arrays(case, dtype):
    _, channels, height, width = case.x
    return case.input(dtype), case.array((channels, height, width, height, width), dtype, 2)


def decoupled_arrays(case, dtype):
    _, channels, height, width = case.x
    return (
        case.input(dtype),
        case.array((channels, height, height, width), dtype, 2),
        case.array((channels, width, height, width), dtype, 3),
    )


VARIANTS = {"full_attention": full_arrays, "decoupled_attention": decoupled_arrays}
each_variant = pytest.mark.parametrize("name", VARIANTS)


@pytest.mark.small
@each_variant
@pytest.mark.parametrize(("dtype", "exact"), [("float32", True), ("float32", False), ("float64", False)])
def test_matches_pytorch(backend, name, dtype, exact):
    """Bit for bit in whole numbers, and else as closely as rounding allows."""
    pytorch = getattr(oracles, name)
    assert_matches(pytorch, name, framework="torch", against=backend, dtype=dtype, exact=exact)


@each_variant
@given(case=maps)
def test_is_linear_and_backward_its_adjoint(backend, name, case):
    """It is linear in z and in each weight."""
    z, *weights = VARIANTS[name](case, np.float32)
    forward = getattr(backend, name)
    y = forward(z, *weights)
    dy = case.gradient(y)
    gradients = getattr(backend, name + "_backward")(dy, z, *weights)
    assert_adjoint(y, dy, *zip(gradients, (z, *weights), strict=True))
    assert_linear(lambda z: forward(z, *weights), z, case.array(case.x, np.float32, 4))


@given(maps)
def test_decoupled_is_full_of_low_rank(backend, case):
    """Down the column and along the row: F[h, w, h', w'] = F_W[w, h, w'] · F_H[h, h', w']."""
    z, weight_h, weight_w = decoupled_arrays(case, np.float32)
    weight = np.einsum("cwhj,chij->chwij", weight_w, weight_h)
    assert_array_equal(backend.decoupled_attention(z, weight_h, weight_w), backend.full_attention(z, weight))


@given(case=maps, kernel=st.sampled_from([1, 3, 5]))
def test_with_shared_weights_it_is_two_depthwise_convolutions(backend, case, kernel):
    """The form that GhostNetV2 runs: weights depend on the distance alone, and reach kernel // 2 pixels."""
    _, channels, height, width = case.x
    z = case.input(np.float32)
    vertical, horizontal = (case.array((channels, kernel), np.float32, stream) for stream in (2, 3))

    def banded(weight, length):
        bands = np.zeros((channels, length, length), np.float32)
        for out, into in np.ndindex(length, length):
            if abs(into - out) <= kernel // 2:
                bands[:, out, into] = weight[:, into - out + kernel // 2]
        return bands

    weight_h = np.repeat(banded(vertical, height)[:, :, :, None], width, axis=3)
    weight_w = np.repeat(banded(horizontal, width)[:, :, None, :], height, axis=2)
    columns = backend.depthwise_conv2d(z, vertical[:, None, :, None], padding=(kernel // 2, 0))
    rows = backend.depthwise_conv2d(columns, horizontal[:, None, None, :], padding=(0, kernel // 2))
    assert_array_equal(backend.decoupled_attention(z, weight_h, weight_w), rows)


@each_variant
@given(case=maps)
def test_counts_itself(backend, name, case):
    """Full: ones sum to the multiply-adds. Decoupled: to H·W·(H·W), so it is counted by its shapes."""
    _, *weights = VARIANTS[name](case, np.float64)
    cost = getattr(backend, name + "_cost")(case.x, *(weight.shape for weight in weights))
    batch, channels, height, width = case.x
    y = getattr(backend, name)(np.ones(case.x), *(np.ones(weight.shape) for weight in weights))
    assert y.shape == cost.output
    assert cost.params == sum(weight.size for weight in weights)
    assert cost.macs == batch * cost.params
    assert y.sum() == batch * channels * (height * width) ** 2


@each_variant
def test_gradients_are_not_zero(backend, name):
    case = MapCase((2, 3, 7, 5))
    arrays = VARIANTS[name](case, np.float32)
    gradients = getattr(backend, name + "_backward")(case.array(case.x, np.float32, 1), *arrays)
    assert all(gradient.any() for gradient in gradients)
