"""Convolutions one behind the other, a band of rows at a time, compute what they compute one after the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ghostnp import kernels, ops
from ghostnp.kernels import bands

RELU6 = (0.0, 6.0)


@pytest.fixture(autouse=True, scope="module")
def many_bands():
    """Bands of 2 rows or so, and of a few channels, of which the last ones are fewer."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("BAND_BYTES", 400), ("MOST_CHANNELS", 3), ("LEAST_CHANNELS", 1), ("LEAST_ROWS", 2)):
            patch.setattr(bands, name, value)
        yield


def whole(rng, *shape, dtype):
    return np.asarray(rng.integers(-3, 4, shape), dtype)


def as_kernels_have_it(array):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 0, -1)), -1, 0)


def one_after_the_other(x, through, weight, bias, onto, limits):
    for number, link in enumerate(through):
        w, b, stride, padding, dilation, within = link
        convolve = ops.depthwise_conv2d if number == len(through) - 1 else ops.standard_conv2d
        x = np.clip(convolve(x, w, b, stride=stride, padding=padding, dilation=dilation), *within)
    y = ops.pointwise_conv2d(x, weight, bias)
    return np.clip(y if onto is None else y + onto, *limits)


# Kernel, stride, padding and dilation, for maps of 12x12 pixels or more, and then for what is left of these.
WIDENING = [
    *[((1, 1), stride, 0, 1) for stride in (1, 2)],
    *[((3, 3), 2, padding, 1) for padding in (0, 1, "same")],
    ((3, 3), 1, ((2, 0), (1, 3)), 2),
    ((2, 1), (2, 1), 0, 1),
]
FILTERING = [
    *[((3, 3), stride, padding, 1) for stride in (1, 2, (1, 2)) for padding in (0, 1, "same")],
    *[((5, 5), stride, padding, 1) for stride in (1, 2) for padding in (2, ((5, 4), (1, 1)))],
    ((3, 3), 2, "same", 2),
    ((1, 3), (3, 1), ((2, 0), (1, 3)), 1),
    ((2, 2), (1, 3), ((0, 7), (0, 0)), 1),
]


def links(cases, channels, out_channels, rng, dtype):
    """Convolutions, as `bands.Link` has them."""
    return st.builds(
        lambda case, bias, limits: (
            whole(rng, out_channels, channels, *case[0], dtype=dtype),
            whole(rng, out_channels, dtype=dtype) if bias else None,
            *case[1:],
            limits,
        ),
        st.sampled_from(cases),
        st.booleans(),
        st.sampled_from([RELU6, bands.UNLIMITED]),
    )


@given(data=st.data())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bands_are_the_convolutions_one_after_the_other(dtype, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 9), label="seed"))
    batch, channels, wide, narrow = (data.draw(st.integers(1, most)) for most in (3, 4, 8, 9))
    x = whole(rng, batch, channels, *(data.draw(st.integers(12, 16)) for _ in range(2)), dtype=dtype)
    through = []
    if data.draw(st.booleans(), label="widened first"):
        through.append(data.draw(links(WIDENING, channels, wide, rng, dtype)))
    else:
        wide = channels
    through.append(data.draw(links(FILTERING, 1, wide, rng, dtype)))
    weight, bias = whole(rng, narrow, wide, 1, 1, dtype=dtype), whole(rng, narrow, dtype=dtype)
    limits = data.draw(st.sampled_from([RELU6, bands.UNLIMITED]))
    expected, onto = one_after_the_other(x, through, weight, bias, None, limits), None
    if data.draw(st.booleans(), label="onto"):
        onto = as_kernels_have_it(whole(rng, *expected.shape, dtype=dtype))
        expected = one_after_the_other(x, through, weight, bias, onto, limits)
    y = kernels.pointwise_conv2d(as_kernels_have_it(x), weight, bias, through=through, limits=limits, onto=onto)
    assert_array_equal(y, expected)
    out = onto if onto is not None else as_kernels_have_it(np.full_like(expected, np.nan))
    kernels.pointwise_conv2d(x, weight, bias, through=through, limits=limits, onto=onto, out=out)
    assert_array_equal(out, expected)


def test_the_maps_in_between_take_the_memory_of_one_band():
    """One for each stretch, of which there are no more for higher maps."""
    rng, taken = np.random.default_rng(0), []
    link = whole(rng, 6, 1, 3, 3, dtype=np.float32), None, 1, 1, 1, RELU6
    widening = whole(rng, 6, 4, 3, 3, dtype=np.float32), None, 1, 1, 1, RELU6

    class Scratch:
        def begin_call(self):
            pass

        def take(self, shape, dtype):
            taken.append(np.empty(shape, dtype))
            return taken[-1]

    sizes = []
    for height in (400, 4000):
        taken.clear()
        x = as_kernels_have_it(whole(rng, 2, 4, height, 8, dtype=np.float32))
        out = as_kernels_have_it(np.empty((2, 5, height, 8), np.float32))
        with kernels.runtime.recording(Scratch()) as launches:
            kernels.pointwise_conv2d(x, whole(rng, 5, 6, 1, 1, dtype=np.float32), through=[widening, link], out=out)
        sizes.append((sum(array.nbytes for array in taken), len(launches)))
    assert sizes[0][0] == sizes[1][0]
    assert sizes[0][1] == sizes[1][1] == 1  # a launch of sequences
