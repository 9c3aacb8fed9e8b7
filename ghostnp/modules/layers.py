"""Layers that are one operator each: they hold its parameters and its keywords, and remember its input for backward."""

import math
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from ghostnp.backend import backend
from ghostnp.modules.base import Module
from ghostnp.modules.initial import ones, weights, zeros
from ghostnp.ops.checks import check_groups, check_overlap, flag, fraction, integer, pair, positive
from ghostnp.ops.convolution import conv2d_operator
from ghostnp.ops.geometry import sliding_window


class Conv2d(Module):
    """Convolution, with bias unless told otherwise.

    Parameters
    ----------
    in_channels, out_channels : int
        C_in and C_out.
    kernel_size : int or (int, int)
        Rows and columns of the kernel.
    stride, padding, dilation, groups
        As in `ghostnp.ops.conv2d`.
    bias : bool, default True
        Whether each output channel adds a number of its own.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal, or `groups` does not divide both channel counts.

    Notes
    -----
    `operator` names the definition that this layer falls under, such as ``"depthwise_conv2d"``: that function of the
    backend is called, so a backend that replaces it is seen by every layer of its kind.
    """

    parameter_names = ("weight", "bias")

    def __init__(self, in_channels, out_channels, kernel_size, *, stride=1, padding=0, dilation=1, groups=1, bias=True):
        in_channels = integer("in_channels", in_channels, 1)
        out_channels = integer("out_channels", out_channels, 1)
        kernel = pair("kernel_size", kernel_size, 1)
        check_groups(groups, in_channels, out_channels)
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, pair("dilation", dilation, 1), strict=True)]
        sliding_window(reach, kernel, stride, padding, dilation)  # for its errors: such a map always fits
        self.operator = conv2d_operator(in_channels, kernel, groups)
        self.keywords = {"stride": stride, "padding": padding, "dilation": dilation}
        if self.operator == "grouped_conv2d":
            self.keywords["groups"] = groups
        self.weight = weights((out_channels, in_channels // groups, *kernel))
        self.bias = zeros((out_channels,)) if flag("bias", bias) else None

    def forward(self, x, *, training=False, rng=None):
        return getattr(backend(), self.operator)(x, self.weight, self.bias, **self.keywords), x

    def backward(self, dy, x):
        grads = getattr(backend(), f"{self.operator}_backward")(dy, x, self.weight, **self.keywords)
        return grads.x, _weight_and_bias(self, grads)

    def describe(self):
        keywords = ", ".join(f"{name}={value}" for name, value in self.keywords.items())
        return f"{self.operator}, weight {self.weight.shape}, {keywords}, bias={self.bias is not None}"


class Linear(Module):
    """Fully connected layer.

    Parameters
    ----------
    in_features, out_features : int
        C_in and C_out.
    bias : bool, default True
        Whether each output adds a number of its own.

    Raises
    ------
    TypeError, ValueError
        If a feature count is not a positive int.
    """

    parameter_names = ("weight", "bias")

    def __init__(self, in_features, out_features, *, bias=True):
        shape = integer("out_features", out_features, 1), integer("in_features", in_features, 1)
        self.weight = weights(shape, gain=1.0)
        self.bias = zeros(shape[:1]) if flag("bias", bias) else None

    def forward(self, x, *, training=False, rng=None):
        return backend().linear(x, self.weight, self.bias), x

    def backward(self, dy, x):
        grads = backend().linear_backward(dy, x, self.weight)
        return grads.x, _weight_and_bias(self, grads)

    def describe(self):
        return f"weight {self.weight.shape}, bias={self.bias is not None}"


class BatchNormCache(NamedTuple):
    """What batch norm's backward needs; `normalized` is what an evaluation's ReLU read."""

    x: Any
    mean: Any
    var: Any
    training: bool
    normalized: Any


class BatchNorm2d(Module):
    """Batch norm: by the batch's own statistics in training, by running ones otherwise. A ReLU may be part of it.

    Parameters
    ----------
    channels : int
        C.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float, default 0.1
        Share of the newest batch in the running statistics (Keras's momentum is 1 minus this one).
    unbiased : bool, default True
        Whether the running variance gathers Σ(x - mean)² / (m - 1), as PyTorch does, or / m, as Keras 3 does.
    relu : bool, default False
        Whether a ReLU follows. In training norm and ReLU are then one operator, `batch_norm_relu_train`, which saves
        writing and reading a whole map, forward and backward.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015, algorithms 1 and 2.
       https://arxiv.org/abs/1502.03167
    """

    parameter_names = ("weight", "bias")
    buffer_names = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(self, channels, *, eps=1e-5, momentum=0.1, unbiased=True, relu=False):
        channels = integer("channels", channels, 1)
        self.eps = positive("eps", eps)
        self.momentum = fraction("momentum", momentum)
        self.unbiased = flag("unbiased", unbiased)
        self.relu = flag("relu", relu)
        self.weight, self.bias = ones((channels,)), zeros((channels,))
        self.running_mean, self.running_var = zeros((channels,)), ones((channels,))
        self.num_batches_tracked = np.zeros((), np.int64)

    def forward(self, x, *, training=False, rng=None):
        if training:
            norm = backend().batch_norm_relu_train if self.relu else backend().batch_norm_train
            y, mean, var = norm(x, self.weight, self.bias, eps=self.eps)
            _tracker.get()(self, mean, var, count=math.prod(x.shape) // x.shape[1])
            return y, BatchNormCache(x, mean, var, training, None)
        mean, var = self.running_mean, self.running_var
        y = backend().batch_norm_eval(x, self.weight, self.bias, mean, var, eps=self.eps)
        mean, var = _as_they_are(mean), _as_they_are(var)
        if not self.relu:
            return y, BatchNormCache(x, mean, var, training, None)
        return backend().relu(y), BatchNormCache(x, mean, var, training, y)

    def backward(self, dy, cache):
        x, mean, var, training, normalized = cache
        if training and self.relu:
            backward = backend().batch_norm_relu_train_backward
            grads = backward(dy, x, self.weight, self.bias, mean, var, eps=self.eps)
        elif training:
            grads = backend().batch_norm_train_backward(dy, x, self.weight, mean, var, eps=self.eps)
        else:
            if self.relu:
                dy = backend().relu_backward(dy, normalized)
            grads = backend().batch_norm_eval_backward(dy, x, self.weight, mean, var, eps=self.eps)
        return grads.x, _weight_and_bias(self, grads)

    def describe(self):
        return f"{len(self.weight)}, eps={self.eps}, momentum={self.momentum}" + (", relu=True" if self.relu else "")


def track_statistics(norm, mean, var, *, count):
    """Move the running statistics of a batch norm towards those of a batch of `count` numbers a channel."""
    for running, newest, factor in statistics(norm, mean, var, count):
        running[...] += norm.momentum * (newest * factor - running)
    norm.num_batches_tracked[...] += 1


def statistics(norm, mean, var, count):
    """Pairs of running and newest statistics, and by what the newest are multiplied."""
    unbiased = count / (count - 1) if norm.unbiased else 1.0
    return [(norm.running_mean, mean, 1.0), (norm.running_var, var, unbiased)]


def _as_they_are(running):
    """Running statistics for a cache: a later pass in training moves them, and backward needs them as they are now.

    A recording knows the arrays by name, and a copy would come from nowhere.
    """
    return np.array(running) if _tracker.get() is track_statistics else running


# To move statistics is no function of the vocabulary, since it changes arrays; but a recording has to know of it.
_tracker = ContextVar("tracker", default=track_statistics)


@contextmanager
def tracking(function):
    """Have batch norms call `function` in training, in place of `track_statistics`, in this thread and context."""
    token = _tracker.set(function)
    try:
        yield
    finally:
        _tracker.reset(token)


class Plain(Module):
    """A layer without parameters: one operator of the vocabulary, named in the subclass.

    Parameters
    ----------
    **keywords
        Handed to the operator.
    """

    operator: str

    def __init__(self, **keywords):
        self.keywords = keywords

    def forward(self, x, *, training=False, rng=None):
        result = getattr(backend(), self.operator)(x, **self.keywords)
        y, *extra = result if isinstance(result, tuple) else (result,)
        return y, (x, *extra)

    def backward(self, dy, cache):
        return getattr(backend(), f"{self.operator}_backward")(dy, *cache, **self.keywords), {}

    def describe(self):
        return ", ".join(f"{name}={value}" for name, value in self.keywords.items())


class ReLU(Plain):
    """max(x, 0)."""

    operator = "relu"


class ReLU6(Plain):
    """min(max(x, 0), 6)."""

    operator = "relu6"


class Sigmoid(Plain):
    """1 / (1 + exp(-x))."""

    operator = "sigmoid"


class HardSigmoid(Plain):
    """relu6(x + 3) / 6: the gate of the official PyTorch GhostNet."""

    operator = "hard_sigmoid"


class Clip(Plain):
    """min(max(x, 0), 1): the gate that the official TensorFlow GhostNet calls a hard sigmoid."""

    operator = "clip"


class CReLU(Plain):
    """relu(x) and relu(-x) side by side: twice the channels (Shang et al. 2016, definition 2.1)."""

    operator = "crelu"


class Softmax(Plain):
    """exp(x) over its sum along the channels."""

    operator = "softmax"


class GlobalAvgPool2d(Plain):
    """The mean of each map: (N, C, H, W) to (N, C, 1, 1)."""

    operator = "global_avg_pool2d"


class Flatten(Plain):
    """(N, C, H, W) to (N, C·H·W)."""

    operator = "flatten"


class MaxPool2d(Plain):
    """The largest value in each window.

    Parameters
    ----------
    kernel_size, stride, padding
        As in `ghostnp.ops.max_pool2d`.
    """

    operator = "max_pool2d"

    def __init__(self, kernel_size, *, stride=None, padding=0):
        _check_pool(kernel_size, stride, padding)
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding)

    def backward(self, dy, cache):
        x, argmax = cache
        return backend().max_pool2d_backward(dy, x, argmax=argmax, **self.keywords), {}


class AvgPool2d(Plain):
    """The mean of each window.

    Parameters
    ----------
    kernel_size, stride, padding, count_include_pad
        As in `ghostnp.ops.avg_pool2d`.
    """

    operator = "avg_pool2d"

    def __init__(self, kernel_size, *, stride=None, padding=0, count_include_pad=True):
        _check_pool(kernel_size, stride, padding)
        flag("count_include_pad", count_include_pad)
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, count_include_pad=count_include_pad)


class ChannelShuffle(Plain):
    """Deal the channels of each group out to all groups.

    Parameters
    ----------
    groups : int
        As in `ghostnp.ops.channel_shuffle`.
    """

    operator = "channel_shuffle"

    def __init__(self, groups):
        super().__init__(groups=integer("groups", groups, 1))


class Dropout(Module):
    """Zero each value with probability `p` and scale the rest by 1 / (1 - p); the identity without training and `rng`.

    Parameters
    ----------
    p : float
        From 0 up to, not including, 1.

    Raises
    ------
    ValueError
        If `p` is not in that range.
    """

    def __init__(self, p):
        self.p = dropped("p", p)

    def forward(self, x, *, training=False, rng=None):
        drops = training and rng is not None and self.p > 0
        mask = _dropper.get()(x, self.p, rng) if drops else None
        return (x if mask is None else backend().multiply(x, mask)), mask

    def backward(self, dy, mask):
        # The mask is a constant, so backward is the same product.
        return (dy if mask is None else backend().multiply(dy, mask)), {}

    def describe(self):
        return f"p={self.p}"


def drop_mask(shape, dtype, p, rng):
    """By what dropout multiplies: zeros and 1 / (1 - p), as `rng` draws them; without it, ones."""
    if rng is None:
        return np.ones(shape, dtype)
    return (rng.random(shape) >= p).astype(dtype) / dtype.type(1 - p)


# A mask is drawn anew each time; a recording has to know of it, and has another one in mind.
_dropper = ContextVar("dropper", default=lambda x, p, rng: drop_mask(x.shape, x.dtype, p, rng))


@contextmanager
def dropping(function):
    """Have dropout take what ``function(x, p, rng)`` gives for its mask, in this thread and context.

    None stands for the identity.
    """
    token = _dropper.set(function)
    try:
        yield
    finally:
        _dropper.reset(token)


def dropped(name, share):
    """`share` as a float from 0 up to, not including, 1: how much `Dropout` drops."""
    if fraction(name, share) == 1:
        raise ValueError(f"{name}={share}: nothing would be left; the rule is a number below 1, such as 0.2")
    return float(share)


def _check_pool(kernel_size, stride, padding):
    kernel = pair("kernel_size", kernel_size, 1)
    # For its errors: a map as large as the kernel always fits.
    window = sliding_window(kernel, kernel, kernel if stride is None else stride, padding)
    check_overlap(kernel, window.padding)


def _weight_and_bias(layer, grads):
    return {"weight": grads.weight} | ({} if layer.bias is None else {"bias": grads.bias})
