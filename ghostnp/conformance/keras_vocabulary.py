"""The vocabulary in Keras (on TensorFlow), by functions of `keras` alone, so that a call can be written down.

Maps are NHWC and filters as Keras has them. `resize_nearest` is missing, since TensorFlow takes another pixel, the one
whose centre is nearest; `flatten`, whose order is that of the layout; and the attentions, which have no maps' layout.
"""

import keras

from ghostnp.ops.checks import pair


def standard_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    """A convolution; how many groups there are, Keras sees from the shapes."""
    y = keras.ops.conv(
        x, weight, pair("stride", stride, 1), _word(padding), "channels_last", pair("dilation", dilation, 1)
    )
    return y if bias is None else keras.ops.add(y, bias)


pointwise_conv2d = standard_conv2d


def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    """Filters for each channel."""
    y = keras.ops.depthwise_conv(
        x, weight, pair("stride", stride, 1), _word(padding), "channels_last", pair("dilation", dilation, 1)
    )
    return y if bias is None else keras.ops.add(y, bias)


def separable_conv2d(x, depthwise_weight, pointwise_weight, bias=None, *, stride=1, padding=0, dilation=1):
    """Depthwise, then pointwise, in one call."""
    y = keras.ops.separable_conv(
        x, depthwise_weight, pointwise_weight, pair("stride", stride, 1), _word(padding), "channels_last",
        pair("dilation", dilation, 1),
    )  # fmt: skip
    return y if bias is None else keras.ops.add(y, bias)


def linear(x, weight, bias=None):
    """Fully connected."""
    y = keras.ops.matmul(x, keras.ops.transpose(weight))
    return y if bias is None else keras.ops.add(y, bias)


def add(a, b):
    """Sum."""
    return keras.ops.add(a, b)


def multiply(a, b):
    """Product."""
    return keras.ops.multiply(a, b)


def relu(x):
    """At least 0."""
    return keras.ops.relu(x)


def relu6(x):
    """Between 0 and 6."""
    return keras.ops.relu6(x)


def sigmoid(x):
    """Between 0 and 1, softly."""
    return keras.ops.sigmoid(x)


def hard_sigmoid(x):
    """Between 0 and 1, in three straight pieces."""
    return keras.ops.hard_sigmoid(x)


def clip(x):
    """Between 0 and 1."""
    return keras.ops.clip(x, 0, 1)


def crelu(x):
    """relu(x) and relu(-x) side by side."""
    return keras.ops.relu(keras.ops.concatenate([x, keras.ops.negative(x)], -1))


def softmax(x):
    """Along the channels."""
    return keras.ops.softmax(x, -1)


def batch_norm_train(x, weight, bias, *, eps=1e-5):
    """By the batch's own statistics."""
    mean, var = keras.ops.moments(x, (0, 1, 2))
    return keras.ops.batch_normalization(x, mean, var, -1, bias, weight, eps)


def batch_norm_eval(x, weight, bias, mean, var, *, eps=1e-5):
    """By statistics that are given."""
    return keras.ops.batch_normalization(x, mean, var, -1, bias, weight, eps)


def max_pool2d(x, kernel_size, *, stride=None, padding=0):
    """The largest pixels."""
    return keras.ops.max_pool(x, *_windows(kernel_size, stride), _word(padding), "channels_last")


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, count_include_pad=True):
    """Means of windows; padding does not count."""
    return keras.ops.average_pool(x, *_windows(kernel_size, stride), _word(padding), "channels_last")


def global_avg_pool2d(x):
    """The mean of each map."""
    return keras.ops.mean(x, (1, 2), keepdims=True)


def resize_bilinear(x, size):
    """Blends of four pixels."""
    return keras.ops.image.resize(x, pair("size", size, 1), "bilinear", data_format="channels_last")


def channel_shuffle(x, groups):
    """Reshape, swap, reshape."""
    batch, height, width, channels = x.shape
    parted = keras.ops.reshape(x, (batch, height, width, groups, channels // groups))
    return keras.ops.reshape(keras.ops.swapaxes(parted, 3, 4), x.shape)


def concat(xs):
    """Along the channels."""
    return keras.ops.concatenate(xs, -1)


def split(x, sizes):
    """Parts of the channels."""
    return keras.ops.split(x, [sum(sizes[: number + 1]) for number in range(len(sizes) - 1)], -1)


def softmax_cross_entropy(logits, labels):
    """The mean over the batch."""
    return keras.ops.mean(keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True))


def _word(padding):
    return "same" if padding == "same" else "valid"


def _windows(kernel_size, stride):
    window = pair("kernel_size", kernel_size, 1)
    return window, window if stride is None else pair("stride", stride, 1)
