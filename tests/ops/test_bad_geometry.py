"""Bad geometry: strides, paddings, kernels, groups and sizes that cannot be, for forward, backward and cost alike."""

import re

import numpy as np
import pytest

from ghostnp.ops.vocabulary import operator_named, operators
from ghostnp.testing import CONVOLUTIONS
from tests.ops.test_checks import rejected

pytestmark = pytest.mark.small

X = np.ones((2, 6, 5, 4), np.float32)
WEIGHTS = {
    "standard_conv2d": (4, 6, 3, 3),
    "pointwise_conv2d": (4, 6, 1, 1),
    "grouped_conv2d": (4, 3, 3, 3),
    "depthwise_conv2d": (12, 1, 3, 3),
    "conv2d": (4, 3, 3, 3),
}
GROUPS = {"grouped_conv2d": {"groups": 2}, "conv2d": {"groups": 2}}

# Keyword, value, what the message must name.
GEOMETRY = [
    ("stride", 0, "stride"),
    ("stride", -1, "stride"),
    ("stride", 1.0, "stride"),
    ("stride", "2", "stride"),
    ("stride", True, "stride"),
    ("stride", None, "stride"),
    ("stride", (1,), "stride"),
    ("stride", (1, 2, 3), "stride"),
    ("stride", (1, 0), "stride"),
    ("stride", (1.0, 1), "stride"),
    ("padding", -1, "padding"),
    ("padding", (0, -1), "padding"),
    ("padding", ((0, 1), (0, -1)), "padding"),
    ("padding", ((0, 1), 1), "padding"),
    ("padding", (1, 2, 3, 4), "padding"),
    ("padding", 0.5, "padding"),
    ("padding", "valid", "padding"),
    ("padding", None, "padding"),
    ("dilation", 0, "dilation"),
    ("dilation", (1, -1), "dilation"),
    ("dilation", 1.5, "dilation"),
]


def rejected_everywhere(backend, operator, weight_shape, name, x=X, **keywords):
    """By forward, backward and cost; forward's message."""
    weight, dy = np.ones(weight_shape, np.float32), np.ones((2, 4, 5, 2), np.float32)
    rejected(name, getattr(backend, operator + "_backward"), dy, x, weight, **keywords)
    rejected(name, getattr(backend, operator + "_cost"), x.shape, weight.shape, **keywords)
    return rejected(name, getattr(backend, operator), x, weight, **keywords)


@pytest.mark.parametrize("operator", CONVOLUTIONS)
@pytest.mark.parametrize(("keyword", "value", "name"), GEOMETRY, ids=str)
def test_convolution_geometry(backend, operator, keyword, value, name):
    keywords = GROUPS.get(operator, {}) | {keyword: value}
    rejected_everywhere(backend, operator, WEIGHTS[operator], name, **keywords)


@pytest.mark.parametrize("operator", [name for name in CONVOLUTIONS if name != "pointwise_conv2d"])
def test_output_below_one_pixel(backend, operator):
    """The message says how large an input would do."""
    out, members, *_ = WEIGHTS[operator]
    message = rejected_everywhere(backend, operator, (out, members, 7, 3), "kernel_size", **GROUPS.get(operator, {}))
    assert "7x3" in message
    rejected_everywhere(backend, operator, (out, members, 3, 3), "dilation", dilation=3, **GROUPS.get(operator, {}))


@pytest.mark.parametrize("operator", CONVOLUTIONS)
@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_empty_weights(backend, operator, axis):
    shape = list(WEIGHTS[operator])
    shape[axis] = 0
    rejected_everywhere(backend, operator, tuple(shape), "weight", **GROUPS.get(operator, {}))


@pytest.mark.parametrize("operator", CONVOLUTIONS)
def test_channels_that_do_not_match(backend, operator):
    out, members, *kernel = WEIGHTS[operator]
    rejected_everywhere(backend, operator, (out, members + 1, *kernel), "weight", **GROUPS.get(operator, {}))


def test_pointwise_takes_1x1_alone(backend):
    rejected_everywhere(backend, "pointwise_conv2d", (4, 6, 1, 3), "weight")


def test_depthwise_channels_are_a_multiple(backend):
    message = rejected_everywhere(backend, "depthwise_conv2d", (8, 1, 3, 3), "weight")
    assert "12" in message


@pytest.mark.parametrize("operator", [name for name in CONVOLUTIONS if "groups" in operator_named(name).keywords])
@pytest.mark.parametrize("groups", [0, -2, 4, 5, 12, 2.0, "2", None, True, (2, 2)])
def test_groups_that_do_not_divide(backend, operator, groups):
    rejected_everywhere(backend, operator, (4, 3, 3, 3), "groups", groups=groups)


def test_groups_advice_is_the_list_of_divisors(backend):
    x, weight = np.ones((1, 16, 3, 3)), np.ones((16, 4, 1, 1))
    with pytest.raises(ValueError, match=re.escape("groups=3 does not divide in_channels=16; legal: 1, 2, 4, 8, 16")):
        backend.conv2d(x, weight, groups=3)
    x, weight = np.ones((1, 16, 3, 3)), np.ones((20, 2, 1, 1))
    with pytest.raises(ValueError, match=r"groups=8 does not divide out_channels=20; .*1, 2, 4"):
        backend.conv2d(x, weight, groups=8)


@pytest.mark.parametrize("operator", CONVOLUTIONS)
@pytest.mark.parametrize("length", [1, 3, 13])
def test_bias_of_another_length(backend, operator, length):
    weight = np.ones(WEIGHTS[operator], np.float32)
    bias = np.ones(length, np.float32)
    rejected("bias", getattr(backend, operator), X, weight, bias, **GROUPS.get(operator, {}), error=ValueError)


@pytest.mark.parametrize("pool", [name for name in operators("pool") if operator_named(name).slides])
@pytest.mark.parametrize(
    ("kernel_size", "keywords", "name"),
    [
        (0, {}, "kernel_size"),
        ((2, 0), {}, "kernel_size"),
        (-1, {}, "kernel_size"),
        (2.0, {}, "kernel_size"),
        (None, {}, "kernel_size"),
        ((2, 2, 2), {}, "kernel_size"),
        (7, {}, "kernel_size"),
        (2, {"stride": 0}, "stride"),
        (2, {"stride": (1, -1)}, "stride"),
        (2, {"padding": -1}, "padding"),
        (2, {"padding": "full"}, "padding"),
        # A window that lies on padding alone has no largest pixel, and no mean.
        (2, {"padding": 2}, "padding"),
        ((3, 2), {"padding": ((0, 0), (0, 2))}, "padding"),
    ],
    ids=str,
)
def test_pooling_geometry(backend, pool, kernel_size, keywords, name):
    rejected(name, getattr(backend, pool), X, kernel_size, **keywords)
    rejected(name, getattr(backend, pool + "_cost"), X.shape, kernel_size, **keywords)
    more = (np.zeros((2, 6, 2, 2), int),) if pool == "max_pool2d" else ()
    rejected(
        name, getattr(backend, pool + "_backward"), np.ones((2, 6, 2, 2), np.float32), X, kernel_size, *more, **keywords
    )


@pytest.mark.parametrize("argmax", [np.full((2, 6, 2, 2), 4), np.full((2, 6, 2, 2), -1), np.zeros((2, 6, 2, 1), int)])
def test_argmax_that_no_forward_returned(backend, argmax):
    """It decides where a compiled loop writes, so it is looked at first."""
    rejected("argmax", backend.max_pool2d_backward, np.ones((2, 6, 2, 2), np.float32), X, 2, argmax, error=ValueError)


@pytest.mark.parametrize("resize", operators("resize"))
@pytest.mark.parametrize("size", [0, -3, (0, 2), (2, 0), 2.0, (2, 2, 2), "14", None])
def test_sizes(backend, resize, size):
    rejected("size", getattr(backend, resize), X, size)
    rejected("size", getattr(backend, resize + "_cost"), X.shape, size)
    rejected("size", getattr(backend, resize + "_backward"), X, X, size)


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_flags(backend, value):
    rejected("align_corners", backend.resize_bilinear, X, 7, align_corners=value)
    rejected("count_include_pad", backend.avg_pool2d, X, 2, count_include_pad=value)


@pytest.mark.parametrize("groups", [0, -1, 4, 5, 7, 12, 2.0, None, True])
def test_shuffle_groups(backend, groups):
    rejected("groups", backend.channel_shuffle, X, groups)
    rejected("groups", backend.channel_shuffle_cost, X.shape, groups)
    rejected("groups", backend.channel_shuffle_backward, X, X, groups)


@pytest.mark.parametrize("sizes", [(), (6, 1), (5,), (3, 3, 0), (7, -1), (3.0, 3.0), 6, None])
def test_split_sizes(backend, sizes):
    rejected("sizes", backend.split, X, sizes)
    rejected("sizes", backend.split_cost, X.shape, sizes)
    rejected("sizes", backend.split_backward, [X], X, sizes)


def test_parts_of_a_concat(backend):
    for xs in ([], X, None, [X, X[:, :, 1:]], [X, X[:1]]):
        rejected("xs", backend.concat, xs)
    for keep in (0, -1, 13, 2.0, True):
        rejected("keep", backend.concat, [X, X], keep=keep)
        rejected("keep", backend.concat_cost, [X.shape, X.shape], keep=keep)
        rejected("keep", backend.concat_backward, X, [X, X], keep=keep)


@pytest.mark.parametrize("eps", [0, -1e-5, float("nan"), float("inf"), "1e-5", None, True])
def test_eps(backend, eps):
    ones = np.ones(6, np.float32)
    rejected("eps", backend.batch_norm_train, X, ones, ones, eps=eps)
    rejected("eps", backend.batch_norm_relu_train, X, ones, ones, eps=eps)
    rejected("eps", backend.batch_norm_eval, X, ones, ones, ones, ones, eps=eps)
    rejected("eps", backend.batch_norm_train_backward, X, X, ones, ones, ones, eps=eps)
    rejected("eps", backend.batch_norm_relu_train_backward, X, X, ones, ones, ones, ones, eps=eps)
    rejected("eps", backend.batch_norm_eval_backward, X, X, ones, ones, ones, eps=eps)


@pytest.mark.parametrize("name", ["weight", "bias", "mean", "var"])
def test_batch_norm_vectors_of_another_length(backend, name):
    vectors = dict.fromkeys(("weight", "bias", "mean", "var"), np.ones(6, np.float32)) | {name: np.ones(5, np.float32)}
    rejected(name, backend.batch_norm_eval, X, **vectors, error=ValueError)


def test_a_single_value_has_no_variance(backend):
    x, ones = np.ones((1, 6, 1, 1), np.float32), np.ones(6, np.float32)
    message = rejected("x", backend.batch_norm_train, x, ones, ones, error=ValueError)
    assert "batch_norm_eval" in message


def test_labels(backend):
    logits = np.ones((3, 4), np.float32)
    for labels in ([0, 1, 2], np.array([0.0, 1, 2]), np.array([0, 1]), np.array([0, 1, 4]), np.array([0, 1, -1])):
        rejected("labels", backend.softmax_cross_entropy, logits, labels)
        rejected("labels", backend.softmax_cross_entropy_backward, 1.0, logits, labels, logits)
    for smoothing in (-0.1, 1.1, "0.1", None, float("nan")):
        rejected(
            "label_smoothing", backend.softmax_cross_entropy, logits, np.array([0, 1, 2]), label_smoothing=smoothing
        )


@pytest.mark.parametrize("dloss", ["1", None, np.ones(3), [1.0]])
def test_gradient_of_a_loss_is_a_number(backend, dloss):
    logits = np.ones((3, 4), np.float32)
    rejected("dloss", backend.softmax_cross_entropy_backward, dloss, logits, np.array([0, 1, 2]), logits)


@pytest.mark.parametrize("name", operators("elementwise"))
@pytest.mark.parametrize(
    "shape",
    [(2, 6, 5, 1), (1, 6, 5, 4), (6, 1, 1), (2, 6, 1), (2, 6, 1, 4), (2, 6), (1, 6, 1, 1), (6,), (2, 1, 1, 1), ()],
)
def test_only_one_kind_of_broadcasting(backend, name, shape):
    """Anything else is nearly always a mistake; NumPy would let it pass."""
    rejected("b", getattr(backend, name), X, np.ones(shape, np.float32), error=ValueError)


def test_map_that_is_too_small_for_dfc(backend):
    """DFC attention halves its maps, so a single pixel cannot be."""
    rejected("kernel_size", backend.avg_pool2d, np.ones((1, 2, 1, 7), np.float32), 2, error=ValueError)
