"""Laws of the convolutions, each by its own definition and by the name that hands over to the one that fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp import kernels, ops
from ghostnp.testing import CONVOLUTIONS, ConvCase, assert_adjoint, assert_linear, assert_matches, conv_cases
from tests.ops import oracles

# Big enough for every block and every remainder of a blocked loop; values stay exact all the same.
LARGE = [
    ConvCase("standard_conv2d", x=(3, 19, 13, 11), weight=(37, 19, 3, 3), bias=True, padding=1),
    ConvCase("standard_conv2d", x=(8, 33, 31, 33), weight=(5, 33, 3, 3), padding=1),  # more columns than fit at once
    ConvCase("standard_conv2d", x=(2, 3, 33, 35), weight=(16, 3, 3, 3), stride=2, padding=1),
    ConvCase("pointwise_conv2d", x=(5, 45, 9, 7), weight=(67, 45, 1, 1), bias=True),
    ConvCase("pointwise_conv2d", x=(1, 130, 3, 3), weight=(258, 130, 1, 1)),
    ConvCase("pointwise_conv2d", x=(2, 8, 15, 15), weight=(9, 8, 1, 1), stride=2),
    ConvCase("grouped_conv2d", x=(2, 36, 9, 9), weight=(60, 12, 1, 1), bias=True, groups=3),
    ConvCase("grouped_conv2d", x=(2, 18, 9, 8), weight=(30, 3, 3, 3), padding=1, groups=6),
    ConvCase("depthwise_conv2d", x=(9, 21, 14, 14), weight=(21, 1, 3, 3), padding=1),
    ConvCase("depthwise_conv2d", x=(2, 19, 28, 27), weight=(19, 1, 5, 5), bias=True, stride=2, padding=2),
    ConvCase("depthwise_conv2d", x=(3, 11, 17, 17), weight=(22, 1, 3, 3), stride=2, padding="same"),
    ConvCase("depthwise_conv2d", x=(2, 6, 16, 16), weight=(6, 1, 1, 5), padding=(0, 2)),
    ConvCase("depthwise_conv2d", x=(2, 6, 16, 16), weight=(6, 1, 5, 1), padding=(2, 0)),
]

each_operator = pytest.mark.parametrize("operator", CONVOLUTIONS)


def check_against_pytorch(backend, case, dtype, compare):
    """Compare y and all three gradients with PyTorch's; give the gradients back."""
    x, weight, bias = case.arrays(dtype)
    geometry = {"stride": case.stride, "padding": case.padding, "dilation": case.dilation}
    some_bias = np.zeros(len(weight), dtype) if bias is None else bias
    expected, pull = oracles.differentiate(lambda *tensors: oracles.conv2d(*tensors, **geometry), x, weight, some_bias)
    y = case.forward(backend, x, weight, bias)
    dy = case.gradient(expected)
    gradients = case.backward(backend, dy, x, weight)
    for actual, wanted in zip((y, *gradients), (expected, *pull(dy)), strict=True):
        compare(actual, wanted)
        assert actual.dtype == dtype
    return gradients


def close(actual, expected):
    assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def pytorch(x, weight, bias=None, *, groups=1, **geometry):
    """The oracle tells the groups from the shapes."""
    return oracles.conv2d(x, weight, bias, **geometry)


@pytest.mark.small
@each_operator
def test_equals_pytorch_bit_for_bit(backend, operator):
    assert_matches(pytorch, operator, framework="torch", paddings="any", against=backend, exact=True)


@each_operator
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matches_pytorch_as_closely_as_rounding_allows(backend, operator, dtype):
    assert_matches(pytorch, operator, framework="torch", paddings="any", against=backend, dtype=dtype)


@pytest.mark.parametrize("case", LARGE, ids=repr)
def test_equals_pytorch_on_larger_maps(backend, case):
    for gradient in check_against_pytorch(backend, case, np.float32, assert_array_equal):
        assert gradient.any()


@pytest.mark.parametrize("case", LARGE, ids=repr)
def test_matches_pytorch_on_larger_maps_in_float64(backend, case):
    check_against_pytorch(backend, case, np.float64, close)


@each_operator
@given(data=st.data())
def test_backward_is_adjoint(backend, operator, data):
    case = data.draw(conv_cases(operator))
    x, weight, _ = case.arrays(np.float32)
    y = case.forward(backend, x, weight)
    dy = case.gradient(y)
    dx, dweight, _ = case.backward(backend, dy, x, weight)
    # A convolution is linear in its input and in its filters, and hands dy's share to both.
    assert_adjoint(y, dy, (dx, x), (dweight, weight))


@each_operator
@given(data=st.data())
def test_is_linear_in_both_factors(backend, operator, data):
    case = data.draw(conv_cases(operator))
    x, weight, _ = case.arrays(np.float32)
    other_x, other_weight = case.array(x.shape, x.dtype, 5), case.array(weight.shape, x.dtype, 6)
    assert_linear(lambda x: case.forward(backend, x, weight), x, other_x)
    assert_linear(lambda weight: case.forward(backend, x, weight), weight, other_weight)


@pytest.mark.small
@each_operator
@given(data=st.data())
def test_counts_itself(backend, operator, data):
    """With ones everywhere, padding too, each multiply-add adds one: the outputs sum to their number."""
    case = data.draw(conv_cases(operator))
    around = oracles.conv_sides(case.x, case.weight, case.stride, case.padding, case.dilation)
    shape = (*case.x[:2], *(size + sum(side) for size, side in zip(case.x[2:], around, strict=True)))
    geometry = {**case.geometry, "padding": 0}
    y = getattr(backend, operator)(np.ones(shape), np.ones(case.weight), **geometry)
    cost = case.cost(backend)
    assert y.sum() == cost.macs
    assert y.shape == cost.output
    assert cost.params == np.prod(case.weight) + case.bias * case.weight[0]


@given(conv_cases("grouped_conv2d"))
def test_grouped_is_block_diagonal(backend, case):
    """A dense filter bank with zeros wherever input and output channel belong to different groups."""
    x, weight, bias = case.arrays(np.float32)
    members_out, members_in = len(weight) // case.groups, weight.shape[1]
    dense = np.zeros((len(weight), x.shape[1], *weight.shape[2:]), np.float32)
    for o, i in np.ndindex(weight.shape[:2]):
        dense[o, o // members_out * members_in + i] = weight[o, i]
    geometry = {key: value for key, value in case.geometry.items() if key != "groups"}
    y = case.forward(backend, x, weight, bias)
    assert_array_equal(y, backend.standard_conv2d(x, dense, bias, **geometry))


@given(conv_cases("depthwise_conv2d"))
def test_depthwise_is_groups_of_one(backend, case):
    x, weight, bias = case.arrays(np.float32)
    y = case.forward(backend, x, weight, bias)
    dy = case.gradient(y)
    geometry = case.geometry | {"groups": x.shape[1]}
    assert_array_equal(y, backend.grouped_conv2d(x, weight, bias, **geometry))
    for ours, theirs in zip(
        case.backward(backend, dy, x, weight), backend.grouped_conv2d_backward(dy, x, weight, **geometry), strict=True
    ):
        assert_array_equal(ours, theirs)


@given(conv_cases("pointwise_conv2d"))
def test_pointwise_is_standard_with_one_tap(backend, case):
    x, weight, bias = case.arrays(np.float32)
    y = case.forward(backend, x, weight, bias)
    dy = case.gradient(y)
    assert_array_equal(y, backend.standard_conv2d(x, weight, bias, **case.geometry))
    for ours, theirs in zip(
        case.backward(backend, dy, x, weight),
        backend.standard_conv2d_backward(dy, x, weight, **case.geometry),
        strict=True,
    ):
        assert_array_equal(ours, theirs)


@given(conv_cases("conv2d"))
def test_conv2d_is_the_one_that_fits(backend, case):
    x, weight, bias = case.arrays(np.float32)
    geometry = {key: value for key, value in case.geometry.items() if key != "groups"}
    if case.groups == 1:
        name = "pointwise_conv2d" if weight.shape[2:] == (1, 1) else "standard_conv2d"
    elif case.groups == x.shape[1]:
        name = "depthwise_conv2d"
    else:
        name, geometry = "grouped_conv2d", case.geometry
    y = case.forward(backend, x, weight, bias)
    dy = case.gradient(y)
    assert_array_equal(y, getattr(backend, name)(x, weight, bias, **geometry))
    fitting = getattr(backend, name + "_backward")(dy, x, weight, **geometry)
    for ours, theirs in zip(case.backward(backend, dy, x, weight), fitting, strict=True):
        assert_array_equal(ours, theirs)
    assert case.cost(backend) == getattr(backend, name + "_cost")(case.x, case.weight, bias=case.bias, **geometry)


@given(conv_cases("standard_conv2d"))
def test_commutes_with_shifts(backend, case):
    """Moving the image by one stride moves the result by one pixel."""
    x, weight, _ = case.arrays(np.float32)
    rows, columns = oracles.both(case.stride)
    geometry = {"stride": case.stride, "dilation": case.dilation}
    around = oracles.conv_sides(case.x, case.weight, case.stride, case.padding, case.dilation)
    xp = np.pad(x, ((0, 0), (0, 0), *around))
    moved = np.pad(xp, ((0, 0), (0, 0), (rows, 0), (columns, 0)))
    y, y_moved = (backend.standard_conv2d(image, weight, **geometry) for image in (xp, moved))
    assert_array_equal(y_moved[:, :, 1:, 1:], y)


@given(conv_cases("conv2d"))
def test_same_keeps_the_size(backend, case):
    x, weight, bias = case.arrays(np.float32)
    y = backend.conv2d(x, weight, bias, **case.geometry | {"padding": "same"})
    rows, columns = oracles.both(case.stride)
    assert y.shape[2:] == (-(-x.shape[2] // rows), -(-x.shape[3] // columns))


@each_operator
@pytest.mark.parametrize("rectified", [False, True])
@given(data=st.data())
def test_kernels_write_where_the_engine_wants_it_and_rectify_on_the_way(operator, rectified, data):
    case = data.draw(conv_cases(operator))
    x, weight, bias = case.arrays(np.float32)
    y = case.forward(ops, x, weight, bias)
    expected = np.maximum(y, 0) if rectified else y
    kernel, keywords = getattr(kernels, operator), case.geometry | {"relu": rectified}
    assert_array_equal(kernel(x, weight, bias, **keywords), expected)
    # Channels 2 to 2 + C_out of a larger array.
    channels = y.shape[1]
    buffer = np.full((channels + 5, *y.shape[2:], len(y)), 7, np.float32).transpose(3, 0, 1, 2)
    out = buffer[:, 2 : 2 + channels]
    assert kernel(x, weight, bias, **keywords, out=out) is out
    assert_array_equal(out, expected)
    assert_array_equal(np.delete(buffer, range(2, 2 + channels), axis=1), 7)


@each_operator
def test_rectifying_keeps_nan(operator):
    general = ConvCase("conv2d", x=(2, 6, 5, 5), weight=(4, 3, 3, 3), groups=2)
    case = next(case for case in (*LARGE, general) if case.operator == operator)
    x, weight, bias = case.arrays(np.float32)
    x[0, 0] = np.nan
    y = getattr(kernels, operator)(x, weight, bias, **case.geometry, relu=True)
    assert_array_equal(np.isnan(y), np.isnan(case.forward(ops, x, weight, bias)))
    assert np.isnan(y).any()
