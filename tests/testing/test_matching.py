"""Anybody's operator, held against the definition."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnp import ops
from ghostnp.testing import FORMATS, Adapter, Call, assert_laws, assert_matches, calls
from ghostnp.testing.calls import operator_names, row_of
from ghostnp.testing.comparison import wrong_numbers
from ghostnp.testing.layouts import from_layout, to_layout

pytestmark = pytest.mark.small
OPERATORS = [name for name in operator_names() if name != "ghost_module"]
ONE_ARRAY = [name for name in OPERATORS if not row_of(name).extra and "sizes" not in row_of(name).positional]


def nhwc(x, weight, bias=None, *, stride=1, padding="valid", dilation=1, groups=1):
    """A convolution as TensorFlow has it, written as sums over windows: NHWC, HWIO, "valid" or "same"."""
    kh, kw, members, filters = weight.shape
    (sh, sw), (dh, dw) = (value if isinstance(value, tuple) else (value, value) for value in (stride, dilation))
    reach = (kh - 1) * dh + 1, (kw - 1) * dw + 1
    if padding == "same":
        over = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[1:3], (sh, sw), reach, strict=True)]
        x = np.pad(x, ((0, 0), *((o // 2, o - o // 2) for o in over), (0, 0)))
    rows, columns = (x.shape[1] - reach[0]) // sh + 1, (x.shape[2] - reach[1]) // sw + 1
    y = np.zeros((len(x), rows, columns, filters), x.dtype)
    for o in range(filters):
        first = o // (filters // groups) * members
        for i in range(rows):
            for j in range(columns):
                window = x[:, i * sh : i * sh + reach[0] : dh, j * sw : j * sw + reach[1] : dw, first : first + members]
                y[:, i, j, o] = (window * weight[:, :, :, o]).sum(axis=(1, 2, 3))
    return y if bias is None else y + bias


def nhwc_depthwise(x, weight, bias=None, **geometry):
    kh, kw, channels, multiplier = weight.shape
    return nhwc(x, weight.reshape(kh, kw, 1, channels * multiplier), bias, **geometry, groups=channels)


def torch_depthwise(x, weight, bias=None, **geometry):
    return F.conv2d(x, weight, bias, groups=x.shape[1], **geometry)


def torch_separable(x, depthwise_weight, pointwise_weight, bias=None, **geometry):
    return F.conv2d(torch_depthwise(x, depthwise_weight, **geometry), pointwise_weight, bias)


def torch_batch_norm(x, weight, bias, *, eps=1e-5):
    return F.batch_norm(x, None, None, weight, bias, True, eps=eps)


def in_float64(function):
    def call(*arguments, **keywords):
        return cast(function(*cast(arguments, np.float64), **keywords), np.float32)

    return call


def cast(value, dtype):
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(cast(part, dtype) for part in value)
    floats = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(dtype) if floats else value


def torch_batch_norm_eval(x, weight, bias, mean, var, *, eps=1e-5):
    return F.batch_norm(x, mean, var, weight, bias, eps=eps)


def torch_bilinear(x, size, *, align_corners=False):
    return F.interpolate(x, size, mode="bilinear", align_corners=align_corners)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_of_pytorch_as_they_are(dtype):
    assert_matches(F.conv2d, "conv2d", dtype=dtype)
    assert_matches(F.linear, "linear", dtype=dtype)
    assert_matches(F.relu6, "relu6", dtype=dtype)
    assert_matches(F.channel_shuffle, "channel_shuffle", dtype=dtype, where=lambda call: call.given["x"][0] > 0)
    assert_matches(F.max_pool2d, "max_pool2d", dtype=dtype, framework="torch")
    assert_matches(torch_depthwise, "depthwise_conv2d", dtype=dtype, framework="torch")
    # In other orders of memory its batch norm has a fault: see the next test.
    assert_matches(torch_batch_norm, "batch_norm_train", dtype=dtype, framework="torch", memory="C")
    assert_matches(torch_batch_norm_eval, "batch_norm_eval", dtype=dtype, framework="torch", memory="C")
    assert_matches(torch_bilinear, "resize_bilinear", dtype=dtype, framework="torch")
    assert_matches(functools.partial(F.softmax, dim=1), "softmax", dtype=dtype)
    assert_matches(F.cross_entropy, "softmax_cross_entropy", dtype=dtype)


def test_it_finds_a_mistake_of_pytorch():
    """Found by the strategies: of maps with one row whose channels lie innermost and whose batch lies last, PyTorch
    2.13 takes the strides for another order in batch norm's backward pass, and gives a wrong dx without a word."""
    case = Call("batch_norm_train", x=(1, 2, 1, 4), weight=(2,), bias=(2,), memory="Fortran")
    with pytest.raises(AssertionError, match=r"dx\[0, 0, 0, 0\] is "):
        assert_matches(torch_batch_norm, "batch_norm_train", dtype="float64", framework="torch", case=case)


def test_the_other_layout():
    """The path that Keras takes, with a plain function in its place."""
    assert_matches(nhwc, "conv2d", layout="NHWC", weights="HWIO", paddings="words", exact=True)
    assert_matches(nhwc, "grouped_conv2d", layout="NHWC", weights="HWIO", paddings="words")
    assert_matches(nhwc_depthwise, "depthwise_conv2d", layout="NHWC", weights="HWCM", paddings="words", exact=True)


def test_gradients_in_the_other_layout():
    def backward(dy, x, weight, **geometry):
        dy, x = (array.transpose(0, 3, 1, 2) for array in (dy, x))
        dx, dweight, dbias = ops.conv2d_backward(dy, x, weight.transpose(3, 2, 0, 1), **geometry)
        return dx.transpose(0, 2, 3, 1), dweight.transpose(2, 3, 1, 0), dbias

    given = {"layout": "NHWC", "weights": "HWIO", "paddings": "words"}
    assert_matches(nhwc, "conv2d", backward=backward, **given)

    def forgets_the_batch(dy, x, weight, **geometry):
        dx, _, dbias = backward(dy, x, weight, **geometry)
        return dx, backward(dy[:1], x[:1], weight, **geometry)[1], dbias

    with pytest.raises(AssertionError, match=r"dweight\[.* numbers are off"):
        assert_matches(nhwc, "conv2d", backward=forgets_the_batch, **given)


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_definition_stays_within_the_bound(operator):
    """Its own rounding, in float32 against float64, forward and backward."""
    assert_matches(getattr(ops, operator), operator, backward=getattr(ops, operator + "_backward"))


@pytest.mark.parametrize("operator", [name for name in OPERATORS if row_of(name).exact])
def test_small_integers_need_no_tolerance(operator):
    """What is computed in float64 and then rounded is the same to the last bit."""
    forward, backward = (in_float64(getattr(ops, operator + suffix)) for suffix in ("", "_backward"))
    assert_matches(forward, operator, backward=backward, exact=True)


def test_large_integers_are_rounded_where_a_format_has_few_digits():
    """Once, at the end; and what is between two convolutions is rounded too."""
    given = {"framework": "torch", "dtype": "bfloat16", "exact": True}
    case = Call("depthwise_conv2d", x=(1, 1, 211, 8), weight=(1, 1, 1, 5))
    assert_matches(torch_depthwise, "depthwise_conv2d", case=case, **given)
    wrong = of_another_gradient(torch_depthwise, lambda dx: dx + (dx == dx.max()))
    with pytest.raises(AssertionError, match=r"dx\[.* and 0 would be allowed"):
        assert_matches(wrong, "depthwise_conv2d", case=case, **given)
    shapes = {"x": (1, 4, 12, 5), "depthwise_weight": (4, 1, 5, 3), "pointwise_weight": (2, 4, 1, 1)}
    case = Call("separable_conv2d", **shapes, dilation=2)
    assert_matches(torch_separable, "separable_conv2d", case=case, **given)
    with pytest.raises(AssertionError, match=r"y\[.* would be allowed"):
        assert_matches(
            lambda *arrays, **geometry: torch_separable(*arrays, **geometry) * 1.25,
            "separable_conv2d",
            case=case,
            **given,
        )


@pytest.mark.parametrize("operator", ONE_ARRAY)
def test_the_bound_is_no_blank_cheque(operator):
    """What is computed with three digits less is found."""

    def coarse(*arguments, **keywords):
        y = getattr(ops, operator)(*arguments, **keywords)
        return y * y.dtype.type(1 + 2.0**-13)

    with pytest.raises(AssertionError, match="would be allowed"):
        assert_matches(coarse, operator)


COPIES = {
    "max_pool2d": (F.max_pool2d, {"channels": 1, "size": (40, 40), "kernel_size": 2, "padding": 0}),
    "crelu": (lambda x: F.relu(torch.cat([x, -x], 1)), {"x": (1, 2, 40, 40)}),
    "relu": (F.relu, {"x": (1, 2, 40, 40)}),
}


def of_another_gradient(fn, change=torch.zeros_like):
    """A function of PyTorch whose dx is another."""

    def call(x, *rest, **keywords):
        between = x * 1
        if between.requires_grad:
            between.register_hook(change)
        return fn(between, *rest, **keywords)

    return call


@pytest.mark.parametrize("operator", COPIES)
def test_copies_of_many_numbers_are_compared(operator):
    """However many they are, and however few digits they have: zeros are no copies of them."""
    fn, shape = COPIES[operator]
    given = {"framework": "torch", "dtype": "bfloat16", "regimes": ["usual"], "examples": 5, **shape}
    assert_matches(fn, operator, **given)
    with pytest.raises(AssertionError, match=r"y\[.* is 0, .* would be allowed"):
        assert_matches(lambda x, *rest, **keywords: 0 * fn(x, *rest, **keywords), operator, gradients=False, **given)
    almost = 1 - 2.0**-7
    with pytest.raises(AssertionError, match=r"y\[.* would be allowed"):
        assert_matches(lambda x, *rest, **keywords: almost * fn(x, *rest, **keywords), operator, **given)
    if operator != "max_pool2d":
        with pytest.raises(AssertionError, match=r"dx\[.* is -?0, .* would be allowed"):
            assert_matches(of_another_gradient(fn), operator, **given)


def test_the_report_repeats_itself():
    def flips(x, weight, bias=None, **geometry):
        return F.conv2d(x, weight.flip(2), bias, **geometry)

    with pytest.raises(AssertionError) as caught:
        assert_matches(flips, "conv2d", framework="torch", exact=True)
    first, again = str(caught.value).split("\n    again: ")
    assert first.startswith("flips is not conv2d: y[0, 0, 0, 0] is ")
    with pytest.raises(AssertionError) as repeated:
        eval(again, {"assert_matches": assert_matches, "Call": Call, "flips": flips})
    assert str(repeated.value) == str(caught.value)
    assert "x=(1, 1, 2, 1), weight=(1, 1, 2, 1)" in again


@pytest.mark.parametrize("examples", [16, 20, 50])
def test_what_is_rare_shrinks_as_well(examples):
    """Of few calls most are rare ones, with a long axis or unusual numbers, and these are not why it fails."""

    def flips(x, weight, bias=None, **geometry):
        return F.conv2d(x, weight.flip(2), bias, **geometry)

    for _ in range(5):
        with pytest.raises(AssertionError, match=r"x=\(1, 1, 2, 1\), weight=\(1, 1, 2, 1\)\)\)$"):
            assert_matches(flips, "conv2d", framework="torch", exact=True, examples=examples)


def test_what_it_raises_is_a_difference():
    def refuses(x, weight, bias=None, **geometry):
        if "dilation" in geometry:
            raise NotImplementedError("dilation")
        return ops.conv2d(x, weight, bias, **geometry)

    with pytest.raises(AssertionError, match="it raised NotImplementedError: dilation"):
        assert_matches(refuses, "conv2d")
    assert_matches(refuses, "conv2d", where=lambda call: "dilation" not in call.keywords)


def test_what_wants_tensors_has_to_say_so():
    with pytest.raises(AssertionError, match="called with NumPy arrays: if it wants tensors, say framework='torch'"):
        assert_matches(torch_depthwise, "depthwise_conv2d")


def test_what_takes_less_is_told_how_to_say_so():
    def bare(x, weight):
        return ops.depthwise_conv2d(x, weight)

    fixed = {"kernel": 3, "padding": 0, "dilation": 1}
    with pytest.raises(AssertionError, match=r"it was given a bias: if it takes none, say with_bias=False"):
        assert_matches(bare, "depthwise_conv2d", stride=1, **fixed)
    with pytest.raises(AssertionError, match=r"it was given stride: what it does not take has .* it does: stride=1\n"):
        assert_matches(bare, "depthwise_conv2d", with_bias=False, **fixed)
    with pytest.raises(AssertionError, match=r"to what it does: stride=1, padding=0, dilation=1\n"):
        assert_matches(bare, "depthwise_conv2d", with_bias=False)
    assert_matches(bare, "depthwise_conv2d", with_bias=False, stride=1, **fixed)


@pytest.mark.parametrize(
    "where",
    [lambda call: False, lambda call: call["weight"][2:] == (3, 3) and "stride" not in call.keywords],
    ids=["none", "few"],
)
def test_where_has_to_leave_enough(where):
    said = r"where was true of \d+ calls of \d+ that were drawn, .* better said as an argument, .* kernel=3, stride=1"
    with pytest.raises(ValueError, match=said):
        assert_matches(ops.conv2d, "conv2d", where=where, examples=100)


def test_what_is_fixed_is_drawn_directly():
    seen = []

    def record(x, weight, bias=None, **geometry):
        seen.append((x.shape, weight.shape, geometry))
        return ops.conv2d(x, weight, bias, **geometry)

    fixed = {"kernel": 3, "stride": 1, "dilation": 1, "padding": 1, "groups": 2, "channels": 8, "filters": 4}
    assert_matches(record, "conv2d", **fixed, size=(9, 7), examples=30)
    assert len(seen) >= 30
    for x, weight, geometry in seen:
        assert (x[1:], weight) == ((8, 9, 7), (4, 4, 3, 3))
        assert geometry == {"padding": 1, "groups": 2}
    assert_matches(ops.depthwise_conv2d, "depthwise_conv2d", channels=3, filters=6, kernel=3, size=5, examples=20)
    assert_matches(ops.max_pool2d, "max_pool2d", kernel_size=3, stride=2, size=(6, 7), channels=2, examples=20)
    with pytest.raises(TypeError, match="width cannot be fixed in calls of conv2d: the rule is one of kernel, stride"):
        assert_matches(ops.conv2d, "conv2d", width=3)


def torch_softmax(x):
    return F.softmax(x, 1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", torch.bfloat16])
@pytest.mark.parametrize(
    ("fn", "operator"), [(F.conv2d, "conv2d"), (torch_softmax, "softmax"), (F.cross_entropy, "softmax_cross_entropy")]
)
def test_formats_of_sixteen_bits(fn, operator, dtype):
    """Their results are rounded to a few digits, and a mistake of as many shows."""
    # PyTorch adds the losses of all images in their own format, and a few large ones are more than 65504.
    sums = {"accumulate": dtype} if operator == "softmax_cross_entropy" else {}
    assert_matches(fn, operator, framework="torch", dtype=dtype, **sums)

    def coarse(*arrays, **keywords):
        return fn(*arrays, **keywords) * 1.25

    with pytest.raises(AssertionError, match=r"would be allowed.*\n    again: .* dtype='b?float16'"):
        assert_matches(coarse, operator, framework="torch", dtype=dtype, **sums)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_cross_entropy_whose_losses_are_added_in_sixteen_bits_has_a_gradient(dtype):
    given = {"framework": "torch", "dtype": dtype, "accumulate": dtype, "regimes": ["large", "usual"], "examples": 10}
    assert_matches(F.cross_entropy, "softmax_cross_entropy", **given)
    for wrong in (torch.zeros_like, lambda dx: dx * torch.nan, lambda dx: 1.25 * dx):
        with pytest.raises(AssertionError, match=r"dlogits\[.* would be allowed"):
            assert_matches(
                of_another_gradient(F.cross_entropy, wrong), "softmax_cross_entropy", **given | {"regimes": ["large"]}
            )


@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_too_large_for_a_format_is_infinite_or_its_largest_number(sign):
    form, got = FORMATS["float16"], sign * np.array([0, -np.inf, 65472, 65504, np.inf, np.nan], np.float32)

    def wrong(wanted, allowed):
        return wrong_numbers(got, np.full(got.shape, sign * wanted), allowed, form).tolist()

    assert wrong(70000, 50) == [True, True, True, False, False, True]
    assert wrong(65490, 20) == [True, True, False, False, False, True]
    assert wrong(60000, 50) == [True] * 6
    assert wrong(0, np.inf) == [False] * 6


def positive_first(terms, axis):
    """Their sum in float16, the largest of them first."""
    return np.add.accumulate(np.flip(np.sort(terms, axis), axis), axis, np.float16).take(-1, axis)


def mean_of_maps(x):
    flat = x.reshape(*x.shape[:2], -1)
    return (positive_first(flat, 2) / np.float16(flat.shape[2]))[..., None, None]


def rows(x, weight):
    return positive_first(x[:, None, :] * weight, 2)


def maps_as_rows(x, weight):
    return rows(x[:, :, 0, 0], weight[:, :, 0, 0])[..., None, None]


def mean_of_one_window(x, kernel_size):
    return mean_of_maps(x)


def loss_of_sixteen_bits(logits, labels, *, label_smoothing=0.0):
    wide = logits.astype(np.float32)
    shifted = wide - wide.max(axis=1, keepdims=True)
    surprise = (np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted).astype(np.float16)
    return positive_first(surprise[np.arange(len(labels)), labels], 0) / np.float16(len(labels))


WINDOW = {"kernel_size": 30, "stride": None, "padding": 0, "count_include_pad": True}
OVERFLOWS = {
    "global_avg_pool2d": (mean_of_maps, {"x": (1, 1, 60, 60)}),
    "avg_pool2d": (mean_of_one_window, {"batch": 1, "channels": 1, "size": 30, **WINDOW}),
    "linear": (rows, {"x": (2, 2000), "outputs": 2, "with_bias": False}),
    "pointwise_conv2d": (maps_as_rows, {"channels": 2000, "filters": 2, "size": 1, "stride": 1, "padding": 0,
                                        "dilation": 1, "with_bias": False}),
    "softmax_cross_entropy": (loss_of_sixteen_bits, {"logits": (800, 2), "label_smoothing": None}),
}  # fmt: skip


@pytest.mark.parametrize("operator", OVERFLOWS)
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_sum_may_overflow_in_the_format_that_it_is_kept_in(operator):
    """Though its result would not: for who says that sums are kept in it, and where a sum is as large as that."""
    fn, fixed = OVERFLOWS[operator]
    given = {"dtype": "float16", "regimes": ["large"], "examples": 5, "memory": "C", **fixed}
    overflowed = []

    def heard(*arguments, **keywords):
        y = fn(*arguments, **keywords)
        overflowed.append(np.isposinf(y).any())
        return y

    assert_matches(heard, operator, accumulate="float16", **given)
    assert any(overflowed)
    with pytest.raises(AssertionError, match=r"is inf, .* is beyond 65504: .* accumulate='float16'\n    again: "):
        assert_matches(fn, operator, **given)

    def always(*arguments, **keywords):
        return np.full_like(fn(*arguments, **keywords), np.inf)

    with pytest.raises(AssertionError, match=r"y\[.*\] is inf, and .* numbers are off\n"):
        assert_matches(always, operator, accumulate="float16", **given | {"regimes": ["usual"]})


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_gradients_sum_may_overflow_too():
    """Over many rows; dx, a sum of two numbers, may not."""

    def backward(dy, x, weight):
        dx, dweight = positive_first(dy[..., None] * weight, 1), positive_first(dy[..., None] * x[:, None], 0)
        return dx, dweight, positive_first(dy, 0)

    def overflows(dy, x, weight):
        return np.full_like(x, np.inf), *backward(dy, x, weight)[1:]

    given = {"dtype": "float16", "regimes": ["large"], "x": (2000, 2), "outputs": 2, "with_bias": False}
    given |= {"memory": "C", "examples": 5}
    assert_matches(rows, "linear", backward=backward, accumulate="float16", **given)
    with pytest.raises(AssertionError, match=r"dweight\[.* is -?inf, .* is beyond 65504: "):
        assert_matches(rows, "linear", backward=backward, **given)
    with pytest.raises(AssertionError, match=r"dx\[.* is inf, .* numbers are off\n"):
        assert_matches(rows, "linear", backward=overflows, accumulate="float16", **given)


def test_a_variance_may_overflow():
    """In float16 256² is too large for a sum, and where 1/σ is 0 nothing is promised."""

    def narrow(x, weight, bias, *, eps=1e-5):
        with np.errstate(over="ignore", invalid="ignore"):
            mean = x.mean(axis=(0, 2, 3), dtype=np.float16, keepdims=True)
            var = ((x - mean) ** 2).mean(axis=(0, 2, 3), dtype=np.float16, keepdims=True)
        scale = (1 / np.sqrt(var.astype(np.float32) + eps)).astype(np.float16)
        return (x - mean) * scale * weight[:, None, None] + bias[:, None, None]

    given = {"dtype": "float16", "long": ""}
    assert_matches(narrow, "batch_norm_train", accumulate="float16", regimes=["usual", "large"], **given)
    with pytest.raises(AssertionError, match=r"y\[.* would be allowed"):
        assert_matches(narrow, "batch_norm_train", regimes=["large"], **given)


def test_where_all_numbers_of_a_channel_are_equal_its_scale_has_a_limit():
    """Its variance is less than its error, and eps is added all the same."""
    case = Call("batch_norm_train", x=(2, 16, 1, 1), weight=(16,), bias=(16,), regime="ties")
    given = {"framework": "torch", "dtype": "bfloat16", "case": case}
    assert_matches(torch_batch_norm, "batch_norm_train", **given)
    x = torch.tensor(case.arguments("bfloat16")["x"])
    equal = (x[:1] == x[1:]) & (x[:1] != 0)
    assert equal.any()
    for wrong in (torch.nan, torch.inf, 1e9):
        spoilt = of_another_gradient(torch_batch_norm, lambda dx, wrong=wrong: torch.where(equal, wrong, dx))
        with pytest.raises(AssertionError, match=r"dx\[.* would be allowed"):
            assert_matches(spoilt, "batch_norm_train", **given)


def bilinear_of_weights(rounded):
    """A bilinear resize of matrices, whose numbers are rounded."""

    def along(old, new, align_corners):
        i = torch.arange(new)
        place = i * ((old - 1) / max(new - 1, 1)) if align_corners else ((i + 0.5) * (old / new) - 0.5).clamp(0)
        lower = place.long().clamp(max=old - 1)
        far = rounded(place - lower)
        matrix = torch.zeros(new, old)
        matrix[i, lower] += rounded(1 - far)
        matrix[i, (lower + 1).clamp(max=old - 1)] += far
        return matrix

    def resize(x, size, *, align_corners=False):
        rows, columns = (along(old, new, align_corners) for old, new in zip(x.shape[2:], size, strict=True))
        return torch.einsum("ih,nchw,jw->ncij", rows, x.float(), columns).to(x.dtype)

    return resize


def test_the_weights_of_a_blend_may_be_numbers_of_the_format():
    """PyTorch 2.13 rounds them to bfloat16 where maps have one channel, and else to float32."""
    given = {"framework": "torch", "dtype": "bfloat16"}
    case = Call("resize_bilinear", x=(2, 1, 111, 1), size=(222, 2), align_corners=True, memory="batch innermost",
                seed=8456, regime="ties")  # fmt: skip
    assert_matches(torch_bilinear, "resize_bilinear", case=case, **given)
    given["examples"] = 40
    assert_matches(bilinear_of_weights(lambda t: t.bfloat16().float()), "resize_bilinear", **given)
    with pytest.raises(AssertionError, match="would be allowed"):
        assert_matches(bilinear_of_weights(lambda t: (t * 3).round() / 3), "resize_bilinear", **given)


def test_a_pixel_gets_dy_from_those_that_blend_it():
    """Of a large map these are few, and what the places are off by is little of their dy."""
    case = Call("resize_bilinear", x=(1, 1, 100, 4), size=(200, 8))
    given = {"framework": "torch", "dtype": "bfloat16", "case": case}
    assert_matches(torch_bilinear, "resize_bilinear", **given)
    for wrong in (torch.zeros_like, lambda dx: dx.roll(2, 2), lambda dx: dx.flip(3)):
        with pytest.raises(AssertionError, match=r"dx\[.* would be allowed"):
            assert_matches(of_another_gradient(torch_bilinear, wrong), "resize_bilinear", **given)


def test_a_convolution_may_spoil_an_image_and_no_other():
    """oneDNN multiplies pairs of bfloat16, and the second may be a pixel that no window reads, times zero."""
    given = {"framework": "torch", "dtype": "bfloat16"}
    case = Call("conv2d", x=(1, 1, 2, 4), weight=(3, 1, 2, 3), bias=(3,), stride=(2, 3), padding=1, dilation=2,
                seed=7933, regime="nan")  # fmt: skip
    assert_matches(F.conv2d, "conv2d", case=case, **given)

    def spoils(x, weight, bias=None, *, over, **geometry):
        return F.conv2d(x, weight, bias, **geometry) + 0 * x.sum(over, keepdim=True)

    spoilt = {"regimes": ["nan"], "gradients": False, **given}
    assert_matches(functools.partial(spoils, over=(1, 2, 3)), "conv2d", **spoilt)
    few = {"batch": 3, "channels": 1, "size": (1, 2), "kernel": 1, "padding": 0, "long": ""}  # one NaN in three images
    with pytest.raises(AssertionError, match=r"y\[.*\] is nan"):
        assert_matches(functools.partial(spoils, over=(0, 1, 2, 3)), "conv2d", **spoilt, **few)


def halved(x):
    return torch.maximum(x, torch.zeros((), dtype=x.dtype))  # at 0 its slope is ½


def shared(x, kernel_size, *, stride=None, padding=0):
    kernel, stride = (ops.checks.pair("size", n, 1) for n in (kernel_size, kernel_size if stride is None else stride))
    rows, columns = ops.checks.pair("padding", padding, 0)
    padded = F.pad(x, (columns, columns, rows, rows), value=-torch.inf)
    return padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1]).amax((-1, -2))


def test_a_geometry_that_is_built_in_is_not_said():
    """The counterexample can be pasted, and says it again."""

    def halves(x, weight):
        return ops.depthwise_conv2d(x, weight, stride=2, padding=1)

    def backward(dy, x, weight):
        return ops.depthwise_conv2d_backward(dy, x, weight, stride=2, padding=1)

    geometry = {"kernel": 3, "stride": 2, "padding": 1, "dilation": 1, "with_bias": False}
    assert_matches(halves, "depthwise_conv2d", backward=backward, gradients=["x", "weight"], **geometry)

    def flips(x, weight):
        return halves(x, weight[:, :, ::-1])

    with pytest.raises(AssertionError) as caught:
        assert_matches(flips, "depthwise_conv2d", exact=True, **geometry)
    again = str(caught.value).split("\n    again: ")[1]
    assert "exact=True, stride=2, padding=1, case=" in again
    with pytest.raises(AssertionError) as repeated:
        eval(again, {"assert_matches": assert_matches, "Call": Call, "flips": flips})
    assert str(repeated.value) == str(caught.value)
    with pytest.raises(AssertionError, match="unexpected keyword argument 'stride'"):
        assert_matches(halves, "depthwise_conv2d", **geometry | {"stride": st.just(2)})


RIGHT = {
    "relu": halved,
    "crelu": lambda x: halved(torch.cat([x, -x], 1)),
    "relu6": lambda x: torch.minimum(halved(x), torch.full((), 6.0, dtype=x.dtype)),
    "clip": lambda x: torch.clamp(x, 0, 1),  # lets dy pass at 0 and 1
    "hard_sigmoid": lambda x: torch.clamp(x / 6 + 0.5, 0, 1),  # rounded before it is cut off
    "max_pool2d": shared,
}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("operator", RIGHT)
def test_a_kink_may_have_any_slope_wherever_it_is(operator, dtype):
    """In sixteen bits usual numbers lie on kinks and tie, and so do those in float32 that are far from zero."""
    assert_matches(RIGHT[operator], operator, framework="torch", dtype=dtype)

    def wrong(x, *rest, **keywords):
        y = RIGHT[operator](x, *rest, **keywords)
        return y + 0.25 * (x.sum() - x.detach().sum())

    with pytest.raises(AssertionError, match=r"dx\[.* would be allowed|dx hands out"):
        assert_matches(wrong, operator, framework="torch", dtype=dtype, regimes=["usual"])


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_where_numbers_tie_each_pixel_gets_what_its_windows_may_give(dtype):
    """Nothing of a window that has another maximum, and all of one where it is the largest alone."""
    given = {"framework": "torch", "dtype": dtype, "batch": 2, "channels": 3, "padding": 0, "size": (20, 20)}
    given |= {"kernel_size": 2, "stride": None, "regimes": ["usual", "ties"], "examples": 10, "memory": "C"}
    assert_matches(F.max_pool2d, "max_pool2d", **given)
    assert_matches(F.max_pool2d, "max_pool2d", **given | {"kernel_size": 4, "stride": 1})
    assert_matches(shared, "max_pool2d", **given | {"kernel_size": 3, "stride": 2})
    for wrong in (torch.zeros_like, lambda dx: dx.flip(3), lambda dx: dx.flip(0), lambda dx: 1.25 * dx, torch.abs):
        with pytest.raises(AssertionError, match=r"dx\[.* would be allowed"):
            assert_matches(of_another_gradient(F.max_pool2d, wrong), "max_pool2d", **given)

    def twice(x, kernel_size):  # all who tie get all of it
        windows = x.unfold(2, 2, 2).unfold(3, 2, 2)
        largest = windows.detach() == windows.detach().amax((-1, -2), keepdim=True)
        y = (windows * largest).sum((-1, -2))
        return y + (windows.amax((-1, -2)) - y).detach()

    few = {"batch": 1, "channels": 1, "size": (4, 4), "regimes": ["ties"]}  # of many windows the errors cancel
    with pytest.raises(AssertionError, match="dx hands out"):
        assert_matches(twice, "max_pool2d", **given | few)


def test_what_sums_are_kept_in():
    """A sum that is kept in float16 stops growing, and is right for who says so."""

    def in_sixteen_bits(x):
        y = np.zeros_like(x[:, :, :1, :1])
        for i, j in np.ndindex(x.shape[2:]):
            y += x[:, :, i : i + 1, j : j + 1]
        return y / x.dtype.type(x.shape[2] * x.shape[3])

    given = {"dtype": "float16", "regimes": ["offset"], "x": (1, 1, 128, 128), "examples": 3}
    assert_matches(in_sixteen_bits, "global_avg_pool2d", **given, accumulate="float16")
    with pytest.raises(AssertionError, match="would be allowed"):
        assert_matches(in_sixteen_bits, "global_avg_pool2d", **given)


def test_tolerances_of_ones_own():
    def coarse(x):
        return F.relu(x) * 1.001

    assert_matches(coarse, "relu", framework="torch", rtol=2e-3)
    with pytest.raises(AssertionError, match=r"would be allowed.*\n    again: .*rtol=0.0005"):
        assert_matches(coarse, "relu", framework="torch", rtol=5e-4)


def test_gradients_that_are_wanted():
    recorded = set()

    def frozen(x, weight, bias=None, **geometry):
        recorded.add((x.requires_grad, weight.requires_grad, torch.is_grad_enabled()))
        return F.conv2d(x, weight.detach(), bias, **geometry)

    assert_matches(frozen, "conv2d", framework="torch", gradients=["x"], regimes=["usual"])
    assert recorded == {(True, False, True)}
    recorded.clear()
    assert_matches(frozen, "conv2d", framework="torch", gradients=False)
    assert recorded == {(False, False, False)}
    with pytest.raises(AssertionError, match=r"has no gradient|does not require grad"):
        assert_matches(frozen, "conv2d", framework="torch", gradients="weight")


def test_on_a_device_without_numbers_shapes_are_compared():
    assert_matches(F.conv2d, "conv2d", device="meta", framework="torch")
    assert_matches(lambda x: F.relu(x) + 1, "relu", device="meta", framework="torch")
    with pytest.raises(AssertionError, match=r"y has shape .* is right\n    again: .*device='meta'"):
        assert_matches(lambda x: F.relu(x)[:, :, 1:], "relu", device="meta", framework="torch")


def test_a_framework_of_ones_own():
    class Boxed:
        def __init__(self, array):
            self.array = array

    class Box(Adapter):
        def tensor(self, array, form, wanted):
            return Boxed(array)

        def array(self, tensor):
            return tensor.array

        def dtype(self, tensor):
            return tensor.array.dtype.name

        def run(self, fn, tensors, keywords, wanted):
            y = fn(*tensors, **keywords)
            return y, lambda dy: [Boxed(np.where(box.array > 0, dy[0].array, 0)) for box in wanted]

    assert_matches(lambda box: Boxed(np.maximum(box.array, 0)), "relu", framework=Box())
    with pytest.raises(AssertionError, match=r"(?s)y\[.*framework=Box\(\)"):
        assert_matches(lambda box: Boxed(np.abs(box.array)), "relu", framework=Box())


def test_a_partial_function_repeats_itself():
    across = functools.partial(F.softmax, dim=0)
    with pytest.raises(AssertionError, match=r"partial\(softmax, dim=0\) is not softmax: .*") as caught:
        assert_matches(across, "softmax", dtype="float64")
    again = str(caught.value).split("again: ")[1]
    names = {"assert_matches": assert_matches, "Call": Call, "softmax": F.softmax, "partial": functools.partial}
    with pytest.raises(AssertionError, match="is not softmax"):
        eval(again, names)


def test_exact_is_for_what_makes_integers_of_integers():
    with pytest.raises(ValueError, match=r"exact=True for batch_norm_train: .* The rule is one of standard_conv2d"):
        assert_matches(ops.batch_norm_train, "batch_norm_train", exact=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda y: y.astype(np.float64), "y is float64, and the arrays were float32"),
        (lambda y: y[:, :, None], "y has shape"),
        (lambda y: y * np.float32(np.nan), "y.* is nan"),
    ],
)
def test_dtype_shape_and_nan(change, said):
    with pytest.raises(AssertionError, match=said):
        assert_matches(lambda x: change(ops.relu(x)), "relu")


def test_a_gradient_that_is_cut_off():
    with pytest.raises(AssertionError, match=r"dx has no gradient|does not require grad"):
        assert_matches(lambda x: F.relu(x.detach()), "relu", framework="torch")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"layout": "CHWN"}, "layout='CHWN': the rule is one of 'NCHW', 'NHWC'"),
        ({"weights": "IOHW"}, "weights='IOHW': the rule is one of"),
        ({"framework": "caffe"}, "framework='caffe'"),
        ({"dtype": "float8"}, "dtype='float8'"),
        ({"accumulate": "int32"}, "accumulate='int32'"),
        ({"paddings": "all"}, "paddings='all'"),
        ({"device": "cuda"}, "device='cuda': the rule is framework='torch'"),
        ({"gradients": ["y"]}, r"gradients=\['y'\]: conv2d has none of y; the rule is .* x, weight, bias"),
        (
            {"gradients": ["x"]},
            r"gradients=\['x'\]: nothing gives .* The rule is backward=\.\.\., such as",
        ),
        ({"gradients": "x", "framework": "onnxruntime"}, r"gradients=\['x'\]: nothing gives gradients"),
        ({"regimes": ["odd"]}, "regimes='odd': the rule is one of 'usual', 'large'"),
        ({"channels": 5, "groups": 2}, "channels=5 and 2 groups: the rule is a multiple"),
    ],
)
def test_bad_arguments(given, said):
    with pytest.raises(ValueError, match=said):
        assert_matches(ops.conv2d, "conv2d", **given)


def test_layouts_and_the_way_back():
    """Depthwise filter c·M + m is [:, :, c, m] in Keras."""
    weight = np.arange(6 * 3 * 5.0).reshape(6, 1, 3, 5)
    written = to_layout(weight, "HWCM", channels=3)
    np.testing.assert_array_equal(written[:, :, 2, 1], weight[5, 0])
    np.testing.assert_array_equal(from_layout(written, "HWCM"), weight)
    filters = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    assert to_layout(filters, "HWIO")[3, 4, 2, 1] == filters[1, 2, 3, 4]
    assert to_layout(filters, "NHWC")[1, 3, 4, 2] == filters[1, 2, 3, 4]
    for layout in ("NCHW", "NHWC", "OIHW", "HWIO", "OHWI"):
        np.testing.assert_array_equal(from_layout(to_layout(filters, layout), layout), filters)
    assert torch.equal(torch.tensor(filters), torch.tensor(from_layout(filters, "OIHW")))


@given(call=calls("conv2d", paddings="symmetric", kernel=3, regime=st.sampled_from(["usual", "large"])))
@settings(max_examples=20)
def test_one_case_in_a_test_of_ones_own(call):
    assert_matches(F.conv2d, "conv2d", case=call)
    assert_laws(ops, "conv2d", case=call)


def test_what_fails_once_is_flaky():
    tried = []

    def sometimes(x):
        tried.append(x)
        return ops.relu(x) + np.float32(len(tried) == 2)

    said = r"\(flaky: the same call passed when it was repeated\)\n    again: .*case="
    with pytest.raises(AssertionError, match=said):
        assert_matches(sometimes, "relu", regimes=["usual"])


def test_the_profile_says_how_many_calls_there_are():
    tried = []

    def counted(x):
        tried.append(x.shape)
        return ops.relu(x)

    before = settings.get_current_profile_name()
    settings.register_profile("few", settings(), max_examples=70)
    settings.load_profile("few")
    try:
        assert_matches(counted, "relu")
    finally:
        settings.load_profile(before)
    assert len(tried) == 70
