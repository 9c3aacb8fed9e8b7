"""The vocabulary in JAX, each operator by functions of `jax` alone, so that a call can be written down.

`resize_nearest` is missing: JAX takes another pixel, the one whose centre is nearest.
"""

import jax
import jax.numpy as jnp
from jax import lax

from ghostnp.ops.checks import pair
from ghostnp.ops.geometry import sliding_window


def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    """Any convolution."""
    sides = "SAME"
    if padding != "same":
        sides = sliding_window(x.shape[2:], weight.shape[2:], stride, padding, dilation).padding
    y = lax.conv_general_dilated(
        x, weight, pair("stride", stride, 1), sides, rhs_dilation=pair("dilation", dilation, 1),
        feature_group_count=groups,
    )  # fmt: skip
    return y if bias is None else jnp.add(y, jnp.reshape(bias, (-1, 1, 1)))


standard_conv2d = pointwise_conv2d = grouped_conv2d = conv2d


def depthwise_conv2d(x, weight, bias=None, **geometry):
    """As many groups as channels."""
    return conv2d(x, weight, bias, groups=x.shape[1], **geometry)


def separable_conv2d(x, depthwise_weight, pointwise_weight, bias=None, **geometry):
    """Depthwise, then pointwise."""
    return conv2d(depthwise_conv2d(x, depthwise_weight, **geometry), pointwise_weight, bias)


def linear(x, weight, bias=None):
    """Fully connected."""
    y = jnp.matmul(x, jnp.transpose(weight))
    return y if bias is None else jnp.add(y, bias)


def add(a, b):
    """Sum."""
    return jnp.add(a, b)


def multiply(a, b):
    """Product."""
    return jnp.multiply(a, b)


def relu(x):
    """At least 0."""
    return jax.nn.relu(x)


def relu6(x):
    """Between 0 and 6."""
    return jax.nn.relu6(x)


def sigmoid(x):
    """Between 0 and 1, softly."""
    return jax.nn.sigmoid(x)


def hard_sigmoid(x):
    """Between 0 and 1, in three straight pieces."""
    return jax.nn.hard_sigmoid(x)


def clip(x):
    """Between 0 and 1."""
    return jnp.clip(x, 0, 1)


def crelu(x):
    """relu(x) and relu(-x) side by side."""
    return jax.nn.relu(jnp.concatenate([x, jnp.negative(x)], 1))


def softmax(x):
    """Along the channels."""
    return jax.nn.softmax(x, 1)


def batch_norm_train(x, weight, bias, *, eps=1e-5):
    """By the batch's own statistics: `jax.nn.standardize`, scaled and moved."""
    normal = jax.nn.standardize(x, axis=(0, 2, 3), epsilon=eps)
    return jnp.add(jnp.multiply(normal, jnp.reshape(weight, (-1, 1, 1))), jnp.reshape(bias, (-1, 1, 1)))


def batch_norm_eval(x, weight, bias, mean, var, *, eps=1e-5):
    """By statistics that are given."""
    mean, var = jnp.reshape(mean, (-1, 1, 1)), jnp.reshape(var, (-1, 1, 1))
    normal = jax.nn.standardize(x, axis=(0, 2, 3), mean=mean, variance=var, epsilon=eps)
    return jnp.add(jnp.multiply(normal, jnp.reshape(weight, (-1, 1, 1))), jnp.reshape(bias, (-1, 1, 1)))


def max_pool2d(x, kernel_size, *, stride=None, padding=0):
    """The largest pixels."""
    return lax.reduce_window(x, -jnp.inf, lax.max, *_windows(x, kernel_size, stride, padding))


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Means of windows."""
    windows = _windows(x, kernel_size, stride, padding)
    sums = lax.reduce_window(x, 0.0, lax.add, *windows)
    if count_include_pad:
        height, width = pair("kernel_size", kernel_size, 1)
        return jnp.divide(sums, height * width)
    return jnp.divide(sums, lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, *windows))


def global_avg_pool2d(x):
    """The mean of each map."""
    return jnp.mean(x, axis=(2, 3), keepdims=True)


def resize_bilinear(x, size):
    """Blends of four pixels."""
    return jax.image.resize(x, (*x.shape[:2], *pair("size", size, 1)), "linear", antialias=False)


def channel_shuffle(x, groups):
    """Reshape, swap, reshape."""
    batch, channels, height, width = x.shape
    parted = jnp.reshape(x, (batch, groups, channels // groups, height, width))
    return jnp.reshape(jnp.swapaxes(parted, 1, 2), x.shape)


def flatten(x):
    """One row for each image."""
    batch, channels, height, width = x.shape
    return jnp.reshape(x, (batch, channels * height * width))


def concat(xs, *, keep=None):
    """Along the channels, of which the first `keep` stay."""
    y = jnp.concatenate(xs, 1)
    return y if keep is None else lax.slice_in_dim(y, 0, keep, axis=1)


def split(x, sizes):
    """Parts of the channels."""
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes) - 1)]
    return jnp.split(x, ends, 1)


def full_attention(z, weight):
    """Every pixel sees every pixel."""
    return jnp.einsum("chwij,ncij->nchw", weight, z)


def decoupled_attention(z, weight_h, weight_w):
    """Along columns, then along rows."""
    return jnp.einsum("cwhv,nchv->nchw", weight_w, jnp.einsum("chiw,nciw->nchw", weight_h, z))


def softmax_cross_entropy(logits, labels):
    """The mean over the batch."""
    chances = jnp.take_along_axis(jax.nn.log_softmax(logits, 1), jnp.expand_dims(labels, 1), 1)
    return jnp.negative(jnp.mean(chances))


def _windows(x, kernel_size, stride, padding):
    window = sliding_window(x.shape[2:], kernel_size, kernel_size if stride is None else stride, padding)
    return (1, 1, *window.kernel), (1, 1, *window.stride), ((0, 0), (0, 0), *window.padding)
