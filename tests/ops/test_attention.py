"""Laws of attention by fully connected layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ghostnp.ops.vocabulary import operators
from ghostnp.testing import Call, assert_adjoint, assert_linear, assert_matches, calls, run, run_backward
from tests.ops import oracles

each_variant = pytest.mark.parametrize("name", operators("attention"))


@pytest.mark.small
@each_variant
@pytest.mark.parametrize(("dtype", "exact"), [("float32", True), ("float32", False), ("float64", False)])
def test_matches_pytorch(backend, name, dtype, exact):
    """Bit for bit in whole numbers, and else as closely as rounding allows."""
    pytorch = getattr(oracles, name)
    assert_matches(pytorch, name, framework="torch", against=backend, dtype=dtype, exact=exact)


@each_variant
@given(data=st.data())
def test_is_linear_and_backward_its_adjoint(backend, name, data):
    """It is linear in z and in each weight."""
    call = data.draw(calls(name))
    arguments = call.arguments(np.float32)
    y, _ = run(backend, call, arguments)
    dy = call.gradient(y)
    gradients = run_backward(backend, call, dy, arguments, ())
    assert_adjoint(y, dy, *((gradients[key], argument) for key, argument in arguments.items()))
    other = call.arguments(np.float32, stream=1)["z"]
    assert_linear(lambda z: run(backend, call, arguments | {"z": z})[0], arguments["z"], other)


@given(calls("decoupled_attention"))
def test_decoupled_is_full_of_low_rank(backend, call):
    """Down the column and along the row: F[h, w, h', w'] = F_W[w, h, w'] · F_H[h, h', w']."""
    z, weight_h, weight_w = call.arguments(np.float32).values()
    weight = np.einsum("cwhj,chij->chwij", weight_w, weight_h)
    assert_array_equal(backend.decoupled_attention(z, weight_h, weight_w), backend.full_attention(z, weight))


@given(call=calls("decoupled_attention"), kernel=st.sampled_from([1, 3, 5]))
def test_with_shared_weights_it_is_two_depthwise_convolutions(backend, call, kernel):
    """The form that GhostNetV2 runs: weights depend on the distance alone, and reach kernel // 2 pixels."""
    _, channels, height, width = call["z"]
    z = call.arguments(np.float32)["z"]
    vertical, horizontal = (call.array((channels, kernel), np.float32, stream) for stream in (2, 3))

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
@given(data=st.data())
def test_counts_itself(backend, name, data):
    """Full: ones sum to the multiply-adds. Decoupled: to H·W·(H·W), so it is counted by its shapes."""
    call = data.draw(calls(name))
    cost = call.cost(backend)
    ones = call.arguments(np.float64, draw=lambda rng, shape, dtype: np.ones(shape))
    batch, channels, height, width = call["z"]
    y, _ = run(backend, call, ones)
    assert y.shape == cost.output
    assert cost.params == sum(array.size for key, array in ones.items() if key != "z")
    assert cost.macs == batch * cost.params
    assert y.sum() == batch * channels * (height * width) ** 2


@pytest.mark.parametrize(
    "call",
    [
        Call("full_attention", z=(2, 3, 7, 5), weight=(3, 7, 5, 7, 5)),
        Call("decoupled_attention", z=(2, 3, 7, 5), weight_h=(3, 7, 7, 5), weight_w=(3, 5, 7, 5)),
    ],
    ids=str,
)
def test_gradients_are_not_zero(backend, call):
    arguments = call.arguments(np.float32)
    dy = call.array(call["z"], np.float32)
    assert all(gradient.any() for gradient in run_backward(backend, call, dy, arguments, ()).values())
