"""Memory laid out anew: whatever order it comes in, and however much of it, the numbers are NumPy's."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp.kernels.layout import copy_images, images, planes
from ghostnp.kernels.runtime import FEW

# Little, and much: blocks that fit and that do not, one image, one pixel, and more images than a block has numbers.
SHAPES = [(2, 3, 4, 5), (1, 8, 96, 96), (2, 3, 105, 105), (7, 3, 57, 59), (33, 5, 20, 21), (5000, 1, 2, 7)]

ORDERS = {
    "plain": lambda x: x,
    "batch innermost": lambda x: images(np.ascontiguousarray(x.transpose(1, 2, 3, 0))),
    "channels last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "every other one of": lambda x: np.repeat(x, 2, axis=3)[..., ::2],
    "backwards": lambda x: np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1],
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
}

each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_order = pytest.mark.parametrize("order", ORDERS)


def numbers(shape, dtype, order):
    return ORDERS[order](np.random.default_rng(0).standard_normal(shape).astype(dtype))


@each_shape
@each_order
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_planes_are_the_same_numbers(shape, order, dtype):
    x = numbers(shape, dtype, order)
    buffer = planes(x)
    assert_array_equal(buffer, x.transpose(1, 2, 3, 0))
    assert buffer.flags.carray
    assert buffer.dtype == dtype


@each_shape
@each_order
def test_an_image_is_copied_home(shape, order):
    x = numbers(shape, np.float32, order)
    home = images(np.full((*shape[1:], shape[0]), np.nan, np.float32))
    copy_images(x, home)
    assert_array_equal(home, x)


@pytest.mark.parametrize("shape", [(7,), (3, FEW), (FEW, 3), (2, FEW, 3)], ids=str)
def test_other_axes_are_copied_home_too(shape):
    x = numbers(shape, np.float32, "plain")
    home = np.moveaxis(np.full((*shape[1:], shape[0]), np.nan, np.float32), -1, 0)
    copy_images(x, home)
    assert_array_equal(home, x)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (FEW, 1, 1, 1), (1, 1, 256, 256)], ids=str)
def test_what_lies_right_is_not_copied(shape):
    x = numbers(shape, np.float32, "batch innermost")
    assert np.shares_memory(planes(x), x)
