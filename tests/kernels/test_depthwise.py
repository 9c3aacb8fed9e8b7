"""What the engine alone asks of the depthwise convolution: a result in a place of its choice, within limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ghostnp import kernels, ops
from ghostnp.testing import calls, run


def plain_and_home(call):
    """What the definition gives, and a view of 2 + C_out + 1 channels of NaN where the result may be written."""
    arguments = call.arguments(np.float32)
    y, _ = run(ops, call, arguments)
    batch, channels, height, width = y.shape
    home = np.full((2 + channels + 1, height, width, batch), np.nan, np.float32).transpose(3, 0, 1, 2)
    return arguments.values(), y, home


# None, a ReLU, a ReLU6, and any other.
LIMITS = [(-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0), (-3.0, 2.0)]


@pytest.mark.small
@given(call=calls("depthwise_conv2d"), limits=st.sampled_from(LIMITS))
def test_writes_into_a_slice_of_channels_and_nowhere_else(call, limits):
    arguments, y, home = plain_and_home(call)
    out = home[:, 2:-1]
    assert kernels.depthwise_conv2d(*arguments, **call.keywords, out=out, limits=limits) is out
    assert_array_equal(out, np.clip(y, *limits))
    assert np.isnan(home[:, :2]).all()
    assert np.isnan(home[:, -1:]).all()


@pytest.mark.small
@given(call=calls("depthwise_conv2d"), limits=st.sampled_from(LIMITS))
def test_clips_in_an_array_of_its_own(call, limits):
    arguments, y, _ = plain_and_home(call)
    assert_array_equal(kernels.depthwise_conv2d(*arguments, **call.keywords, limits=limits), np.clip(y, *limits))


@pytest.mark.small
@pytest.mark.parametrize("limits", LIMITS)
def test_clipping_keeps_nan(limits):
    x = np.array([np.nan, -np.inf, np.inf, -1, 2, 7], np.float32).reshape(1, 1, 1, 6)
    y = kernels.depthwise_conv2d(x, np.ones((1, 1, 1, 1), np.float32), limits=limits)
    assert_array_equal(y, np.clip(x, *limits))


@pytest.mark.small
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("size", [(3, 3), (7, 7), (2, 5), (14, 6), (9, 28)], ids=str)
@pytest.mark.parametrize("kernel", [(1, 5), (5, 1), (3, 3), (1, 2), (4, 1)], ids=str)
def test_small_maps_read_nothing_beyond_their_edges(kernel, size, batch, dtype):
    """Neither the next row's pixels, nor the next map's: one infinity shows where it went."""
    rng = np.random.default_rng(0)
    x = np.moveaxis(rng.integers(-9, 10, (3, *size, batch)).astype(dtype), -1, 0)
    x[0, 1, :, 0], x[-1, 1, 0, -1], x[0, 2, -1, -1] = np.inf, -np.inf, np.nan
    weight, bias = rng.integers(1, 10, (6, 1, *kernel)).astype(dtype), rng.integers(-9, 10, 6).astype(dtype)
    for dilation in (1, 2):
        before = [(k - 1) * dilation // 2 for k in kernel]
        padding = tuple((b, (k - 1) * dilation - b) for b, k in zip(before, kernel, strict=True))
        given = {"padding": padding, "dilation": dilation}
        home = np.full((1 + 6 + 1, *size, batch), 12345, dtype)
        out = np.moveaxis(home[1:-1], -1, 0)
        with np.errstate(invalid="ignore"):
            expected = ops.depthwise_conv2d(x, weight, bias, **given)
            kernels.depthwise_conv2d(x, weight, bias, **given, out=out)
        assert expected.shape == out.shape
        assert_array_equal(out, expected)
        assert (home[[0, -1]] == 12345).all()
