"""Laws of the convolutions, each by its own definition and by the name that hands over to the one that fits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp import kernels, ops
from ghostnp.ops.vocabulary import operator_named
from ghostnp.testing import CONVOLUTIONS, Call, assert_adjoint, assert_linear, assert_matches, calls, run, run_backward
from tests.ops import oracles

# Big enough for every block and every remainder of a blocked loop; values stay exact all the same.
LARGE = [
    Call("standard_conv2d", x=(3, 19, 13, 11), weight=(37, 19, 3, 3), bias=(37,), padding=1),
    Call("standard_conv2d", x=(8, 33, 31, 33), weight=(5, 33, 3, 3), padding=1),  # more columns than fit at once
    Call("standard_conv2d", x=(2, 3, 33, 35), weight=(16, 3, 3, 3), stride=2, padding=1),
    Call("pointwise_conv2d", x=(5, 45, 9, 7), weight=(67, 45, 1, 1), bias=(67,)),
    Call("pointwise_conv2d", x=(1, 130, 3, 3), weight=(258, 130, 1, 1)),
    Call("pointwise_conv2d", x=(2, 8, 15, 15), weight=(9, 8, 1, 1), stride=2),
    Call("grouped_conv2d", x=(2, 36, 9, 9), weight=(60, 12, 1, 1), bias=(60,), groups=3),
    Call("grouped_conv2d", x=(2, 18, 9, 8), weight=(30, 3, 3, 3), padding=1, groups=6),
    Call("depthwise_conv2d", x=(9, 21, 14, 14), weight=(21, 1, 3, 3), padding=1),
    Call("depthwise_conv2d", x=(2, 19, 28, 27), weight=(19, 1, 5, 5), bias=(19,), stride=2, padding=2),
    Call("depthwise_conv2d", x=(3, 11, 17, 17), weight=(22, 1, 3, 3), stride=2, padding="same"),
    Call("depthwise_conv2d", x=(2, 6, 16, 16), weight=(6, 1, 1, 5), padding=(0, 2)),
    Call("depthwise_conv2d", x=(2, 6, 16, 16), weight=(6, 1, 5, 1), padding=(2, 0)),
]

each_operator = pytest.mark.parametrize("operator", CONVOLUTIONS)


def results(backend, call, arguments):
    """y, dy and the gradients of x, weight and bias."""
    y, _ = run(backend, call, arguments)
    dy = call.gradient(y)
    return y, dy, run_backward(backend, call, dy, arguments, ()).values()


def another(call, operator, **changes):
    """The same call to another operator, as far as that has the keywords."""
    known = operator_named(operator).keywords
    keywords = {name: value for name, value in (call.keywords | changes).items() if name in known}
    return Call(operator, memory=call.memory, seed=call.seed, **call.given, **keywords)


def assert_same_as(backend, call, other):
    """Require that y and all gradients are equal, bit for bit."""
    arguments = call.arguments(np.float32)
    (y, _, gradients), (y_other, _, others) = (results(backend, each, arguments) for each in (call, other))
    for ours, theirs in zip((y, *gradients), (y_other, *others), strict=True):
        assert_array_equal(ours, theirs)


def around(call):
    return oracles.conv_sides(call["x"], call["weight"], call["stride"], call["padding"], call["dilation"])


def check_against_pytorch(backend, call, dtype, compare):
    """Compare y and all three gradients with PyTorch's; give the gradients back."""
    arguments = call.arguments(dtype)
    x, weight = arguments["x"], arguments["weight"]
    bias = arguments.get("bias", np.zeros(len(weight), dtype))
    expected, pull = oracles.differentiate(lambda *tensors: pytorch(*tensors, **call.keywords), x, weight, bias)
    y, dy, gradients = results(backend, call, arguments)
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


@pytest.mark.parametrize("call", LARGE, ids=repr)
def test_equals_pytorch_on_larger_maps(backend, call):
    for gradient in check_against_pytorch(backend, call, np.float32, assert_array_equal):
        assert gradient.any()


@pytest.mark.parametrize("call", LARGE, ids=repr)
def test_matches_pytorch_on_larger_maps_in_float64(backend, call):
    check_against_pytorch(backend, call, np.float64, close)


@each_operator
@given(data=st.data())
def test_backward_is_adjoint(backend, operator, data):
    call = data.draw(calls(operator)).replace(bias=None)
    arguments = call.arguments(np.float32)
    y, dy, (dx, dweight, _) = results(backend, call, arguments)
    # A convolution is linear in its input and in its filters, and hands dy's share to both.
    assert_adjoint(y, dy, (dx, arguments["x"]), (dweight, arguments["weight"]))


@each_operator
@given(data=st.data())
def test_is_linear_in_both_factors(backend, operator, data):
    call = data.draw(calls(operator)).replace(bias=None)
    arguments, others = (call.arguments(np.float32, stream=stream) for stream in (0, 1))
    for name, other in others.items():
        assert_linear(lambda value, name=name: run(backend, call, arguments | {name: value})[0], arguments[name], other)


@pytest.mark.small
@each_operator
@given(data=st.data())
def test_counts_itself(backend, operator, data):
    """With ones everywhere, padding too, each multiply-add adds one: the outputs sum to their number."""
    call = data.draw(calls(operator))
    size = (n + sum(sides) for n, sides in zip(call["x"][2:], around(call), strict=True))
    ones = {"x": np.ones((*call["x"][:2], *size)), "weight": np.ones(call["weight"])}
    y, _ = run(backend, call.replace(padding=None), ones)
    cost = call.cost(backend)
    assert y.sum() == cost.macs
    assert y.shape == cost.output
    assert cost.params == np.prod(call["weight"]) + ("bias" in call.given) * len(ones["weight"])


@given(calls("grouped_conv2d"))
def test_grouped_is_block_diagonal(backend, call):
    """A dense filter bank with zeros wherever input and output channel belong to different groups."""
    arguments = call.arguments(np.float32)
    x, weight = arguments["x"], arguments["weight"]
    members_out, members_in = len(weight) // call["groups"], weight.shape[1]
    dense = np.zeros((len(weight), x.shape[1], *weight.shape[2:]), np.float32)
    for o, i in np.ndindex(weight.shape[:2]):
        dense[o, o // members_out * members_in + i] = weight[o, i]
    y, _ = run(backend, call, arguments)
    expected, _ = run(backend, another(call, "standard_conv2d"), arguments | {"weight": dense})
    assert_array_equal(y, expected)


@given(calls("depthwise_conv2d"))
def test_depthwise_is_groups_of_one(backend, call):
    assert_same_as(backend, call, another(call, "grouped_conv2d", groups=call["x"][1]))


@given(calls("pointwise_conv2d"))
def test_pointwise_is_standard_with_one_tap(backend, call):
    assert_same_as(backend, call, another(call, "standard_conv2d"))


@given(calls("conv2d"))
def test_conv2d_is_the_one_that_fits(backend, call):
    if call["groups"] == 1:
        name = "pointwise_conv2d" if call["weight"][2:] == (1, 1) else "standard_conv2d"
    elif call["groups"] == call["x"][1]:
        name = "depthwise_conv2d"
    else:
        name = "grouped_conv2d"
    other = another(call, name)
    assert_same_as(backend, call, other)
    assert call.cost(backend) == other.cost(backend)


@given(calls("standard_conv2d"))
def test_commutes_with_shifts(backend, call):
    """Moving the image by one stride moves the result by one pixel."""
    x, weight = (call.arguments(np.float32)[name] for name in ("x", "weight"))
    rows, columns = oracles.both(call["stride"])
    geometry = {"stride": call["stride"], "dilation": call["dilation"]}
    xp = np.pad(x, ((0, 0), (0, 0), *around(call)))
    moved = np.pad(xp, ((0, 0), (0, 0), (rows, 0), (columns, 0)))
    y, y_moved = (backend.standard_conv2d(image, weight, **geometry) for image in (xp, moved))
    assert_array_equal(y_moved[:, :, 1:, 1:], y)


@given(calls("conv2d", padding="same"))
def test_same_keeps_the_size(backend, call):
    y, _ = run(backend, call, call.arguments(np.float32))
    rows, columns = oracles.both(call["stride"])
    assert y.shape[2:] == (-(-call["x"][2] // rows), -(-call["x"][3] // columns))


@each_operator
@pytest.mark.parametrize("limits", [(-np.inf, np.inf), (0.0, np.inf), (0.0, 6.0)])
@given(data=st.data())
def test_kernels_write_where_the_engine_wants_it_and_clip_on_the_way(operator, limits, data):
    call = data.draw(calls(operator))
    arguments = call.arguments(np.float32)
    y, _ = run(ops, call, arguments)
    expected = np.clip(y, *limits)
    kernel, keywords = getattr(kernels, operator), call.keywords | {"limits": limits}
    assert_array_equal(kernel(*arguments.values(), **keywords), expected)
    # Channels 2 to 2 + C_out of a larger array.
    channels = y.shape[1]
    buffer = np.full((channels + 5, *y.shape[2:], len(y)), 7, np.float32).transpose(3, 0, 1, 2)
    out = buffer[:, 2 : 2 + channels]
    assert kernel(*arguments.values(), **keywords, out=out) is out
    assert_array_equal(out, expected)
    assert_array_equal(np.delete(buffer, range(2, 2 + channels), axis=1), 7)


@each_operator
def test_clipping_keeps_nan(operator):
    general = Call("conv2d", x=(2, 6, 5, 5), weight=(4, 3, 3, 3), groups=2)
    call = next(call for call in (*LARGE, general) if call.operator == operator)
    arguments = call.arguments(np.float32)
    arguments["x"][0, 0] = np.nan
    y = getattr(kernels, operator)(*arguments.values(), **call.keywords, limits=(0.0, 6.0))
    assert_array_equal(np.isnan(y), np.isnan(run(ops, call, arguments)[0]))
    assert np.isnan(y).any()
