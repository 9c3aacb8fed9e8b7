"""Operators with one mistake each, as people make them: the laws have to catch every one.

Each is a namespace that has the broken function (what it lacks is right), the operator, and the law that catches it.
"""

from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from ghostnp import ops
from ghostnp.ops.geometry import EACH_CHANNEL, check_conv2d, crop, pad, sliding_window, tap


class Broken(NamedTuple):
    operator: str
    namespace: Any
    law: str


BROKEN = {}


def breaks(operator, law, backward=False):
    """Enter a function as the operator (or its backward pass) with a mistake that `law` catches first."""

    def enter(function):
        name = operator + "_backward" * backward
        BROKEN[function.__name__] = Broken(operator, SimpleNamespace(**{name: function}), law)
        return function

    return enter


# Convolutions, forward


@breaks("depthwise_conv2d", "counts itself")
def swaps_stride_of_rows_and_columns(x, weight, bias=None, *, stride=1, **keywords):
    return ops.depthwise_conv2d(x, weight, bias, stride=stride if isinstance(stride, int) else stride[::-1], **keywords)


@breaks("depthwise_conv2d", "channels alike")
def tiles_the_multiplier(x, weight, bias=None, **geometry):
    """Filter c sees channel c mod C_in, where it should see channel c // m."""
    channels = x.shape[1]
    order = np.arange(len(weight)).reshape(len(weight) // channels, channels).T.ravel()
    y = ops.depthwise_conv2d(x, weight[order], **geometry)[:, np.argsort(order)]
    return y if bias is None else y + bias[:, None, None]


@breaks("conv2d", "counts itself")
def takes_one_input_channel_for_depthwise(x, weight, bias=None, *, groups=1, **geometry):
    if x.shape[1] == 1:
        return ops.depthwise_conv2d(x, weight[:1], None if bias is None else bias[:1], **geometry)
    return ops.conv2d(x, weight, bias, groups=groups, **geometry)


@breaks("conv2d", "channels alike")
def forgets_that_groups_are_blocks(x, weight, bias=None, *, groups=1, **geometry):
    """Deals the channels to the groups in turn."""
    order = np.arange(x.shape[1]).reshape(-1, groups).T.ravel()
    return ops.conv2d(x[:, order], weight, bias, groups=groups, **geometry)


@breaks("grouped_conv2d", "leaves arguments alone")
def works_for_two_groups_at_most(x, weight, bias=None, *, groups=1, **geometry):
    y = np.zeros_like(ops.grouped_conv2d(x, weight, bias, groups=groups, **geometry))
    members = len(weight) // groups
    for g in range(min(groups, 2)):
        ins = slice(g * weight.shape[1], (g + 1) * weight.shape[1])
        outs = slice(g * members, (g + 1) * members)
        part = None if bias is None else bias[outs]
        y[:, outs] = ops.standard_conv2d(x[:, ins], weight[outs], part, **geometry)
    if groups == 4:
        raise IndexError("list index out of range")
    return y


@breaks("standard_conv2d", "counts itself")
def leaves_out_the_last_tap(x, weight, bias=None, **geometry):
    shorter = weight.copy()
    shorter[:, :, -1, -1] = 0
    return ops.standard_conv2d(x, shorter, bias, **geometry)


@breaks("standard_conv2d", "shifts")
def pads_by_repeating_the_edge(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    window = check_conv2d(x, weight, bias, stride=stride, padding=padding, dilation=dilation)
    xp = np.pad(x, ((0, 0), (0, 0), *window.padding), mode="edge")
    return ops.standard_conv2d(xp, weight, bias, stride=stride, dilation=dilation)


@breaks("standard_conv2d", "counts itself")
def caps_padding_at_the_kernel(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    """As some frameworks did: of a padding larger than the kernel the excess is lost."""
    keywords = {"stride": stride, "dilation": dilation}
    window = check_conv2d(x, weight, bias, padding=padding, **keywords)
    capped = tuple(
        tuple(min(side, k) for side in sides) for sides, k in zip(window.padding, window.kernel, strict=True)
    )
    fits = all(n + sum(p) >= (k - 1) * 3 + 1 for n, p, k in zip(window.input, capped, window.kernel, strict=True))
    return ops.standard_conv2d(x, weight, bias, padding=capped if fits else padding, **keywords)


@breaks("standard_conv2d", "leaves arguments alone")
def adds_the_bias_into_x_in_place(x, weight, bias=None, **geometry):
    x -= 1
    return ops.standard_conv2d(x + 1, weight, bias, **geometry)


@breaks("pointwise_conv2d", "leaves arguments alone")
def computes_in_double_precision(x, weight, bias=None, **geometry):
    y = ops.pointwise_conv2d(
        x.astype(float), weight.astype(float), None if bias is None else bias.astype(float), **geometry
    )
    return y


@breaks("pointwise_conv2d", "linear")
def cuts_off_what_is_negative(x, weight, bias=None, **geometry):
    return np.maximum(ops.pointwise_conv2d(x, weight, bias, **geometry), 0)


@breaks("depthwise_conv2d", "leaves arguments alone")
def trusts_that_memory_is_contiguous(x, weight, bias=None, **geometry):
    """Reads the buffer in the order in which it lies."""
    as_it_lies = x.ravel(order="K").reshape(x.shape)
    return ops.depthwise_conv2d(as_it_lies, weight, bias, **geometry)


@breaks("linear", "images independent")
def normalizes_over_the_batch(x, weight, bias=None):
    y = ops.linear(x, weight, bias)
    return y + y[:1] - y[-1:]


# Convolutions, backward


@breaks("depthwise_conv2d", "adjoint", backward=True)
def writes_where_windows_overlap(dy, x, weight, *, stride=1, padding=0, dilation=1):
    """``=`` in the place of ``+=``: of overlapping windows only the last counts."""
    window = check_conv2d(x, weight, dy=dy, groups=EACH_CHANNEL, stride=stride, padding=padding, dilation=dilation)
    multiplier = len(weight) // x.shape[1]
    dxp = np.zeros_like(pad(x, window).repeat(multiplier, axis=1))
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] = weight[:, 0, u, v, None, None] * dy
    dx = crop(dxp, window).reshape(len(x), x.shape[1], multiplier, *x.shape[2:]).sum(axis=2)
    right = ops.depthwise_conv2d_backward(dy, x, weight, stride=stride, padding=padding, dilation=dilation)
    return right._replace(x=dx)


@breaks("depthwise_conv2d", "gradients fit", backward=True)
def forgets_to_sum_over_the_multiplier(dy, x, weight, **geometry):
    right = ops.depthwise_conv2d_backward(dy, x, weight, **geometry)
    return right._replace(x=right.x.repeat(len(weight) // x.shape[1], axis=1))


@breaks("conv2d", "adjoint", backward=True)
def flips_the_kernel_twice(dy, x, weight, **geometry):
    right = ops.conv2d_backward(dy, x, weight, **geometry)
    return right._replace(x=ops.conv2d_backward(dy, x, weight[:, :, ::-1, ::-1], **geometry).x)


@breaks("conv2d", "adjoint", backward=True)
def averages_the_bias_over_the_batch(dy, x, weight, **geometry):
    right = ops.conv2d_backward(dy, x, weight, **geometry)
    return right._replace(bias=right.bias / max(len(x), 1))


@breaks("standard_conv2d", "adjoint", backward=True)
def forgets_the_dilation(dy, x, weight, *, stride=1, padding=0, dilation=1):
    right = ops.standard_conv2d_backward(dy, x, weight, stride=stride, padding=padding, dilation=dilation)
    if dilation == 1:
        return right
    window = check_conv2d(x, weight, stride=stride, padding=padding, dilation=dilation)
    near = window._replace(dilation=(1, 1))
    dxp = np.zeros_like(pad(x, window))
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, near)[...] += np.einsum("oc,noij->ncij", weight[:, :, u, v], dy)
    return right._replace(x=crop(dxp, window))


@breaks("grouped_conv2d", "adjoint", backward=True)
def takes_only_the_last_image_for_dweight(dy, x, weight, **geometry):
    right = ops.grouped_conv2d_backward(dy, x, weight, **geometry)
    return right._replace(weight=ops.grouped_conv2d_backward(dy[-1:], x[-1:], weight, **geometry).weight)


@breaks("linear", "adjoint", backward=True)
def transposes_dweight_when_square(dy, x, weight):
    right = ops.linear_backward(dy, x, weight)
    square = weight.shape[0] == weight.shape[1]
    return right._replace(weight=right.weight.T.copy() if square else right.weight)


# What moves numbers


@breaks("channel_shuffle", "deals channels out")
def transposes_the_wrong_way(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, c // groups, groups, h, w).swapaxes(1, 2).reshape(x.shape)


@breaks("channel_shuffle", "adjoint", backward=True)
def shuffles_once_more(dy, x, groups):
    return ops.channel_shuffle(dy, groups)


@breaks("concat", "adjoint", backward=True)
def cuts_into_equal_parts(dy, xs, *, keep=None):
    sizes = [x.shape[1] for x in xs]
    dx = np.zeros_like(np.concatenate(xs, axis=1))
    dx[:, : dy.shape[1]] = dy
    return tuple(np.split(dx[:, ::-1], np.cumsum(sizes)[:-1], axis=1))


@breaks("concat", "gradients fit", backward=True)
def forgets_what_was_not_kept(dy, xs, *, keep=None):
    return tuple(np.split(dy, np.cumsum([x.shape[1] for x in xs])[:-1], axis=1))


@breaks("resize_nearest", "adjoint", backward=True)
def keeps_only_the_last_copy(dy, x, size):
    dx = np.zeros_like(x)
    rows, columns = (np.arange(new) * old // new for old, new in zip(x.shape[2:], size, strict=True))
    dx[:, :, rows[:, None], columns] += dy
    return dx


@breaks("resize_nearest", "repeats")
def rounds_to_the_nearest_index(x, size):
    rows, columns = (
        np.minimum(np.round(np.arange(new) * old / new).astype(int), old - 1)
        for old, new in zip(x.shape[2:], size, strict=True)
    )
    return x[:, :, rows[:, None], columns]


@breaks("multiply", "gradients fit", backward=True)
def forgets_to_sum_db_over_pixels(dy, a, b):
    return ops.multiply_backward(dy, a, b)._replace(b=dy * a)


@breaks("multiply", "adjoint", backward=True)
def swaps_the_factors(dy, a, b):
    right = ops.multiply_backward(dy, a, b)
    return right if a.shape != b.shape else (dy * a, dy * b)


@breaks("add", "gradients fit", backward=True)
def gives_the_spread_summand_all_pixels(dy, a, b):
    return dy, dy


# Pooling


@breaks("max_pool2d", "shifts")
def pads_a_maximum_with_zeros(x, kernel_size, *, stride=None, padding=0):
    window = sliding_window(x.shape[2:], kernel_size, kernel_size if stride is None else stride, padding)
    _, argmax = ops.max_pool2d(x, kernel_size, stride=stride, padding=padding)
    zero, _ = ops.max_pool2d(pad(x, window), kernel_size, stride=stride)
    return zero, argmax


@breaks("max_pool2d", "takes the largest")
def compares_the_wrong_way_round(x, kernel_size, *, stride=None, padding=0):
    y, argmax = ops.max_pool2d(-x, kernel_size, stride=stride, padding=padding)
    return -y, argmax


@breaks("max_pool2d", "adjoint", backward=True)
def gives_to_one_window_alone(dy, x, kernel_size, argmax, *, stride=None, padding=0):
    window = sliding_window(x.shape[2:], kernel_size, kernel_size if stride is None else stride, padding)
    dxp = pad(np.zeros_like(x), window)
    for number, (u, v) in enumerate(np.ndindex(window.kernel)):
        view = tap(dxp, u, v, window)
        view[argmax == number] = dy[argmax == number]
    return crop(dxp, window)


@breaks("avg_pool2d", "adjoint", backward=True)
def divides_by_the_whole_window_always(dy, x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    return ops.avg_pool2d_backward(dy, x, kernel_size, stride=stride, padding=padding)


@breaks("global_avg_pool2d", "keeps constants")
def sums_in_the_place_of_a_mean(x):
    return x.sum(axis=(2, 3), keepdims=True)


@breaks("global_avg_pool2d", "adjoint", backward=True)
def forgets_to_divide_by_the_pixels(dy, x):
    return np.zeros_like(x) + dy


# Bends, norms, losses and the rest


@breaks("relu", "adjoint", backward=True)
def lets_everything_pass(dy, x):
    return dy.copy()


@breaks("relu6", "keeps its limits")
def makes_a_number_of_nan(x):
    return np.fmin(np.fmax(x, 0), 6)


@breaks("clip", "keeps its limits")
def is_smooth_at_its_ends(x):
    return np.where(x < 0, 0, 1 - np.exp(-x))


@breaks("relu6", "gradient matches", backward=True)
def forgets_the_upper_end(dy, x):
    return np.where(x <= 0, 0, dy)


@breaks("crelu", "adjoint", backward=True)
def forgets_the_sign_of_the_second_half(dy, x):
    one, two = np.split(dy, 2, axis=1)
    return np.where(x > 0, one, 0) + np.where(x < 0, two, 0)


@breaks("sigmoid", "gradient matches", backward=True)
def takes_x_for_y(dy, x):
    return dy * x * (1 - x)


@breaks("batch_norm_train", "normalizes")
def divides_by_one_less(x, weight, bias, *, eps=1e-5):
    mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3), ddof=1)
    return ops.batch_norm_eval(x, weight, bias, mean, var, eps=eps), mean, var


@breaks("batch_norm_train", "gradient matches", backward=True)
def takes_the_statistics_for_constants(dy, x, weight, mean, var, *, eps=1e-5):
    return ops.batch_norm_eval_backward(dy, x, weight, mean, var, eps=eps)


@breaks("batch_norm_eval", "gradients fit", backward=True)
def leaves_the_batch_in_dbias(dy, x, weight, mean, var, *, eps=1e-5):
    return ops.batch_norm_eval_backward(dy, x, weight, mean, var, eps=eps)._replace(bias=dy.sum(axis=(2, 3)))


@breaks("softmax_cross_entropy", "gradient matches", backward=True)
def forgets_the_mean_over_the_batch(dloss, logits, labels, probabilities, *, label_smoothing=0.0):
    keywords = {"label_smoothing": label_smoothing}
    right = ops.softmax_cross_entropy_backward(dloss, logits, labels, probabilities, **keywords)
    return right * logits.dtype.type(len(logits))


@breaks("decoupled_attention", "adjoint", backward=True)
def forgets_the_columns(dy, z, weight_h, weight_w):
    """dweight_w is a product with what the first step made, and not with what came in."""
    right = ops.decoupled_attention_backward(dy, z, weight_h, weight_w)
    return right._replace(weight_w=np.einsum("nchw,nchj->cwhj", dy, z))


@breaks("ghost_module", "adjoint", backward=True)
def uses_the_intrinsic_maps_once(dy, x, primary_weight, cheap_weight, *, keep=None):
    """The gradient that comes back through the cheap operation is lost."""
    before = ops.pointwise_conv2d(x, primary_weight)
    intrinsic = ops.relu(before)
    ghosts = ops.depthwise_conv2d(intrinsic, cheap_weight, padding="same")
    dintrinsic, dghosts = ops.concat_backward(dy, (intrinsic, ghosts), keep=keep)
    dghosts = ops.relu_backward(dghosts, ghosts)
    cheap = ops.depthwise_conv2d_backward(dghosts, intrinsic, cheap_weight, padding="same")
    primary = ops.pointwise_conv2d_backward(ops.relu_backward(dintrinsic, before), x, primary_weight)
    return primary.x, primary.weight, cheap.weight


# What fails for some numbers alone, or beyond the tile of a kernel


@breaks("relu", "passes NaN on")
def makes_zero_of_nan(x):
    return np.where(x > 0, x, 0)


@breaks("max_pool2d", "passes NaN on")
def passes_nan_over(x, kernel_size, *, stride=None, padding=0):
    """As fmax does: of a number and NaN the number is the larger."""
    known = np.where(np.isnan(x), x.dtype.type(-np.inf), x)
    return ops.max_pool2d(known, kernel_size, stride=stride, padding=padding)


@breaks("global_avg_pool2d", "passes NaN on")
def leaves_nan_out_of_the_mean(x):
    return np.nan_to_num(x, nan=0).mean(axis=(2, 3), keepdims=True)


@breaks("softmax", "stays finite")
def takes_exponentials_of_large_numbers(x):
    exponentials = np.exp(x)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@breaks("softmax_cross_entropy", "stays finite")
def takes_the_logarithm_of_probabilities(logits, labels, *, label_smoothing=0.0):
    """A probability of zero has none."""
    probabilities = ops.softmax(logits)
    targets = np.full_like(logits, label_smoothing / logits.shape[1])
    targets[np.arange(len(labels)), labels] += logits.dtype.type(1 - label_smoothing)
    return -(targets * np.log(probabilities)).sum(axis=1).mean(), probabilities


@breaks("batch_norm_train", "normalizes")
def subtracts_the_square_of_the_mean(x, weight, bias, *, eps=1e-5):
    """E[x²] − E[x]² loses all digits where the mean is far larger than the spread."""
    mean = x.mean(axis=(0, 2, 3))
    var = np.maximum((x * x).mean(axis=(0, 2, 3)) - mean * mean, 0)
    return ops.batch_norm_eval(x, weight, bias, mean, var, eps=eps), mean, var


@breaks("max_pool2d", "adjoint", backward=True)
def gives_to_all_that_tie(dy, x, kernel_size, argmax, *, stride=None, padding=0):
    window = sliding_window(x.shape[2:], kernel_size, kernel_size if stride is None else stride, padding)
    xp = np.pad(x, ((0, 0), (0, 0), *window.padding), constant_values=-np.inf)
    y, _ = ops.max_pool2d(x, kernel_size, stride=stride, padding=padding)
    dxp = np.zeros_like(xp)
    for u, v in np.ndindex(window.kernel):
        tap(dxp, u, v, window)[...] += np.where(tap(xp, u, v, window) == y, dy, 0)
    return crop(dxp, window)


@breaks("relu", "pixels alike")
def forgets_what_is_beyond_a_tile_of_sixteen(x):
    y = ops.relu(x)
    y[..., 16:] = 0
    return y


@breaks("standard_conv2d", "counts itself")
def forgets_columns_beyond_thirty_two(x, weight, bias=None, **geometry):
    y = ops.standard_conv2d(x, weight, bias, **geometry)
    y[..., 32:] = 0
    return y


@breaks("depthwise_conv2d", "counts itself")
def forgets_channels_beyond_sixteen(x, weight, bias=None, **geometry):
    y = ops.depthwise_conv2d(x, weight, bias, **geometry)
    y[:, 16:] = 0
    return y


@breaks("pointwise_conv2d", "counts itself")
def sums_sixteen_input_channels(x, weight, bias=None, **geometry):
    return ops.pointwise_conv2d(x[:, :16], weight[:, :16], bias, **geometry)
