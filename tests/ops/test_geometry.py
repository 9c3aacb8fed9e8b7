"""Laws of the sliding window, and the ways to write one."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.ops.geometry import crop, pad, sliding_window, tap
from ghostnp.testing import calls
from tests.ops import oracles

pytestmark = pytest.mark.small


def window_of(call):
    return sliding_window(call["x"][2:], call["weight"][2:], call["stride"], call["padding"], call["dilation"])


@given(calls("conv2d"))
def test_sizes_are_pytorchs(call):
    around = oracles.conv_sides(call["x"], call["weight"], call["stride"], call["padding"], call["dilation"])
    image = oracles.surround(torch.zeros(1, 1, *call["x"][2:]), around)
    weight = torch.zeros(1, 1, *call["weight"][2:])
    y = F.conv2d(image, weight, stride=call["stride"], dilation=call["dilation"])
    window = window_of(call)
    assert window.output == tuple(y.shape[2:])
    assert window.padding == around
    assert window.input == call["x"][2:]
    assert (window.kernel, window.stride, window.dilation) == (
        call["weight"][2:],
        oracles.both(call["stride"]),
        oracles.both(call["dilation"]),
    )


@given(calls("conv2d"))
def test_the_last_window_fits_and_the_next_would_not(call):
    window = window_of(call)
    for axis in (0, 1):
        padded = sum(window.padding[axis]) + window.input[axis]
        reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1
        last = (window.output[axis] - 1) * window.stride[axis] + reach
        assert last <= padded < last + window.stride[axis]


@given(calls("conv2d"))
def test_taps_are_views_of_the_right_pixels(call):
    window = window_of(call)
    numbered = np.arange(float(np.prod(call["x"][2:]))).reshape(1, 1, *call["x"][2:]) + 1
    xp = pad(numbered, window)
    assert (crop(xp, window) == numbered).all()
    assert xp.sum() == numbered.sum()
    for u, v in np.ndindex(window.kernel):
        view = tap(xp, u, v, window)
        assert np.shares_memory(view, xp)
        for i, j in np.ndindex(window.output):
            row = i * window.stride[0] + u * window.dilation[0]
            assert view[0, 0, i, j] == xp[0, 0, row, j * window.stride[1] + v * window.dilation[1]]


@given(size=st.integers(1, 12), kernel=st.integers(1, 5), stride=st.integers(1, 4), dilation=st.integers(1, 3))
def test_same_divides_the_size_and_pads_no_more_than_it_must(size, kernel, stride, dilation):
    window = sliding_window((size, 1), (kernel, 1), stride, "same", dilation)
    before, after = window.padding[0]
    reach = (kernel - 1) * dilation + 1
    assert window.output[0] == -(-size // stride)
    assert after - before in (0, 1)
    if before + after:
        assert (size + before + after - reach) % stride == 0  # one pixel less, and the last window would not fit


@pytest.mark.parametrize(
    ("padding", "around"),
    [
        (0, ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        ((2, 1), ((2, 2), (1, 1))),
        (((0, 1), (2, 3)), ((0, 1), (2, 3))),
        ([[0, 1], [2, 3]], ((0, 1), (2, 3))),
        (np.int64(2), ((2, 2), (2, 2))),
    ],
)
def test_ways_to_write_a_padding(padding, around):
    window = sliding_window((7, 7), 3, 1, padding)
    assert window.padding == around
    assert window.output == tuple(5 + sum(sides) for sides in around)


def test_same_pads_bottom_and_right_at_stride_2():
    """Where TensorFlow pads (0, 1), PyTorch's k // 2 pads (1, 1): the maps are as large, and shifted by a pixel."""
    assert sliding_window((224, 224), 3, 2, "same").padding == ((0, 1), (0, 1))
    assert sliding_window((224, 224), 3, 2, 1).output == sliding_window((224, 224), 3, 2, "same").output == (112, 112)
