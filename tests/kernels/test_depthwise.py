"""What the engine alone asks of the depthwise convolution: a result in a place of its choice, and rectified."""

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


@pytest.mark.small
@given(call=calls("depthwise_conv2d"), relu=st.booleans())
def test_writes_into_a_slice_of_channels_and_nowhere_else(call, relu):
    arguments, y, home = plain_and_home(call)
    out = home[:, 2:-1]
    assert kernels.depthwise_conv2d(*arguments, **call.keywords, out=out, relu=relu) is out
    assert_array_equal(out, np.maximum(y, 0) if relu else y)
    assert np.isnan(home[:, :2]).all()
    assert np.isnan(home[:, -1:]).all()


@pytest.mark.small
@given(calls("depthwise_conv2d"))
def test_rectifies_in_an_array_of_its_own(call):
    arguments, y, _ = plain_and_home(call)
    assert_array_equal(kernels.depthwise_conv2d(*arguments, **call.keywords, relu=True), np.maximum(y, 0))


@pytest.mark.small
def test_relu_keeps_nan():
    x = np.array([np.nan, -np.inf, np.inf, -1, 2], np.float32).reshape(1, 1, 1, 5)
    y = kernels.depthwise_conv2d(x, np.ones((1, 1, 1, 1), np.float32), relu=True)
    assert_array_equal(y, np.maximum(x, 0))
