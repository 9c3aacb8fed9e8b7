"""The vocabulary in PyTorch: each operator as a call of torch.nn.functional, under its own name and arguments.

So a recorded network is PyTorch's as soon as its steps are looked up here, and no network is written a second time.
Functions return what the definitions return; backward passes are autograd's.
"""

from functools import cache

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)

from ghostnp.ops.checks import pair
from ghostnp.ops.geometry import sliding_window


def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    """Any convolution: the four kinds below are this one with another number of groups."""
    x, padding = _padded(x, weight.shape[2:], stride, padding, dilation)
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)


standard_conv2d = pointwise_conv2d = grouped_conv2d = conv2d


def depthwise_conv2d(x, weight, bias=None, **geometry):
    """As many groups as channels."""
    return conv2d(x, weight, bias, groups=x.shape[1], **geometry)


def separable_conv2d(x, depthwise_weight, pointwise_weight, bias=None, **geometry):
    """Depthwise, then pointwise."""
    return conv2d(depthwise_conv2d(x, depthwise_weight, **geometry), pointwise_weight, bias)


def linear(x, weight, bias=None):
    """Fully connected."""
    return F.linear(x, weight, bias)


def add(a, b):
    """Sum."""
    return a + b


def multiply(a, b):
    """Product."""
    return a * b


def relu(x):
    """At least 0."""
    return F.relu(x)


def relu6(x):
    """Between 0 and 6."""
    return F.relu6(x)


def sigmoid(x):
    """Between 0 and 1, softly."""
    return torch.sigmoid(x)


def hard_sigmoid(x):
    """Between 0 and 1, in three straight pieces."""
    return F.hardsigmoid(x)


def clip(x):
    """Between 0 and 1."""
    return torch.clamp(x, 0, 1)


def crelu(x):
    """relu(x) and relu(-x) side by side."""
    return F.relu(torch.cat([x, -x], 1))


def softmax(x):
    """Along the channels."""
    return F.softmax(x, 1)


def batch_norm_eval(x, weight, bias, mean, var, *, eps=1e-5):
    """By statistics that are given."""
    return F.batch_norm(x, mean, var, weight, bias, training=False, eps=eps)


def batch_norm_train(x, weight, bias, *, eps=1e-5):
    """By the batch's own statistics. PyTorch keeps them to itself: two empty tensors stand in their places."""
    return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps), x.new_empty(0), x.new_empty(0)


def batch_norm_relu_train(x, weight, bias, *, eps=1e-5):
    """The same, then ReLU."""
    y, mean, var = batch_norm_train(x, weight, bias, eps=eps)
    return F.relu(y), mean, var


def max_pool2d(x, kernel_size, *, stride=None, padding=0):
    """The largest pixels; where they were, autograd remembers."""
    stride = kernel_size if stride is None else stride
    x, padding = _padded(x, kernel_size, stride, padding, fill=-torch.inf)
    return F.max_pool2d(x, kernel_size, stride, padding), x.new_empty(0)


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Means of windows; where padding is uneven and does not count, a mean of ones says how much did."""
    stride = kernel_size if stride is None else stride
    padded, even = _padded(x, kernel_size, stride, padding)
    y = F.avg_pool2d(padded, kernel_size, stride, even, count_include_pad=count_include_pad)
    if padded is x or count_include_pad:
        return y
    ones, _ = _padded(torch.ones_like(x[:1, :1]), kernel_size, stride, padding)
    return y / F.avg_pool2d(ones, kernel_size, stride)


def global_avg_pool2d(x):
    """The mean of each map."""
    return x.mean((2, 3), keepdim=True)


def resize_nearest(x, size):
    """Copies of pixels."""
    return F.interpolate(x, pair("size", size, 1), mode="nearest")


def resize_bilinear(x, size, *, align_corners=False):
    """Blends of four pixels."""
    return F.interpolate(x, pair("size", size, 1), mode="bilinear", align_corners=align_corners)


def channel_shuffle(x, groups):
    """Reshape, swap, reshape, as the ShuffleNets' code has it."""
    batch, channels, height, width = x.shape
    return x.view(batch, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)


def flatten(x):
    """One row for each image."""
    return torch.flatten(x, 1)


def concat(xs, *, keep=None):
    """Along the channels, of which the first `keep` stay."""
    y = torch.cat(tuple(xs), 1)
    return y if keep is None else y[:, :keep]


def split(x, sizes):
    """Views of the channels."""
    return list(torch.split(x, list(sizes), 1))


def full_attention(z, weight):
    """Every pixel sees every pixel."""
    return torch.einsum("chwij,ncij->nchw", weight, z)


def decoupled_attention(z, weight_h, weight_w):
    """Along columns, then along rows."""
    return torch.einsum("cwhv,nchv->nchw", weight_w, torch.einsum("chiw,nciw->nchw", weight_h, z))


def softmax_cross_entropy(logits, labels, *, label_smoothing=0.0):
    """The mean over the batch; autograd remembers the probabilities."""
    return F.cross_entropy(logits, labels, label_smoothing=label_smoothing), logits.new_empty(0)


def _padded(x, kernel, stride, padding, dilation=1, fill=0.0):
    """What PyTorch's `padding` can say is left to it; uneven padding is put around x first."""
    (top, bottom), (left, right) = _sides(x.shape[2:], kernel, stride, padding, dilation)
    if (top, left) == (bottom, right):
        return x, (top, left)
    return F.pad(x, (left, right, top, bottom), value=fill), (0, 0)


@cache  # so that a replayed step spends its time in PyTorch
def _sides(size, kernel, stride, padding, dilation):
    return sliding_window(size, kernel, stride, padding, dilation).padding
