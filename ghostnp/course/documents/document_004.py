"""Document 004, redundant maps and separable convolutions: its worked numbers, without biases, and its statements."""

from fractions import Fraction

import numpy as np

from ghostnp import ops
from ghostnp.course.documents.claim import claim
from ghostnp.course.documents.probes import counted, dependence, normal
from ghostnp.course.documents.verdict import Computed, convention, statement
from ghostnp.modules import GhostModule

# The document's example: 64x64 pixels, 3 channels in, 4 out, 3x3 kernels that keep the size.
SHAPE, DEPTHWISE, POINTWISE, STANDARD = (1, 3, 64, 64), (3, 1, 3, 3), (4, 3, 1, 1), (4, 3, 3, 3)


def _standard(bias=False):
    return ops.standard_conv2d_cost(SHAPE, STANDARD, padding=1, bias=bias)


def _depthwise(bias=False):
    return ops.depthwise_conv2d_cost(SHAPE, DEPTHWISE, padding=1, bias=bias)


def _pointwise(bias=False):
    return ops.pointwise_conv2d_cost(SHAPE, POINTWISE, bias=bias)


def _separable():
    return ops.separable_conv2d_cost(SHAPE, DEPTHWISE, POINTWISE, padding=1)


@claim("N20", "004", "N_std = 4 × 3 × 3 × 3 = 108")
def standard_convolution():
    """A 3x3 convolution from 3 to 4 channels has 108 parameters.

    Without biases; document 000 would count them too.
    """
    return statement(
        Computed("parameters", _standard().params, 108), Computed("with biases", _standard(bias=True).params)
    )


@claim("N21", "004", "N_depthwise = 3 × 3 × 3 = 27")
def depthwise_convolution():
    """A 3x3 depthwise convolution of 3 channels has 27 parameters.

    One filter for each channel.
    """
    return statement(
        Computed("parameters", _depthwise().params, 27), Computed("with biases", _depthwise(bias=True).params)
    )


@claim("N22", "004", "N_pointwise = 1 × 1 × 3 × 4 = 12")
def pointwise_convolution():
    """A 1x1 convolution from 3 to 4 channels has 12 parameters.

    One matrix, from 3 to 4.
    """
    return statement(
        Computed("parameters", _pointwise().params, 12), Computed("with biases", _pointwise(bias=True).params)
    )


@claim("N23", "004", "N_separable = N_depthwise + N_pointwise = 39")
def separable_convolution():
    """The depthwise and the pointwise convolution together have 39 parameters.

    A separable convolution is one after the other.
    """
    biased = _depthwise(bias=True).params + _pointwise(bias=True).params
    return statement(Computed("parameters", _separable().params, 39), Computed("with biases in both", biased))


@claim("N24", "004", "约1/3")
def saving():
    """A separable convolution has about a third of the parameters.

    The share is 1/C_out + 1/k² whatever goes in. With wider layers the first term vanishes, and a ninth is left.
    """
    separable, standard = _separable(), _standard()
    return statement(
        Computed("times smaller", Fraction(standard.params, separable.params), 3, unit=1),
        Computed("share of the parameters", Fraction(separable.params, standard.params)),
        Computed("1/4 + 1/3²", Fraction(1, 4) + Fraction(1, 9)),
        Computed("share of the multiply-adds", Fraction(separable.macs, standard.macs)),
    )


@claim("N25", "004", "64×64像素")
def multiply_adds():
    """The example is for images of 64x64 pixels.

    The size does not enter the parameters; it enters the multiply-adds, which the document leaves out.
    """
    return statement(
        Computed("standard", _standard().macs),
        Computed("depthwise", _depthwise().macs),
        Computed("pointwise", _pointwise().macs),
        Computed("separable", _separable().macs),
    )


@claim("C44", "004", "一次普通的卷积,加上一次深度可分离卷积")
def steps_of_a_ghost_module():
    """A ghost module is a convolution and a depthwise separable convolution.

    The second is depthwise alone: what follows it is no 1x1 convolution, only the concatenation.
    """
    order = [row.op for row in counted(lambda: GhostModule(3, 8), (1, 3, 8, 8)).rows]
    after = order[order.index("depthwise_conv2d") + 1 :]
    return statement(Computed("a pointwise convolution follows the depthwise one", "pointwise_conv2d" in after, True))


@claim("C45", "004", "parameter counts without bias")
def counting_biases():
    """Parameters are counted without biases.

    Document 000 counts one bias for each filter, this one and 001 none: a count has to say which.
    """
    return convention(
        Computed("without biases", _standard().params, 108),
        Computed("with biases", _standard(bias=True).params, 108),
    )


@claim("C46", "004", "CReLU 输出通道数会变成输入的两倍")
def crelu():
    """CReLU doubles the number of channels.

    It puts the negated numbers beside the numbers and takes the ReLU of both, so neither sign is lost.
    """
    x = normal(1, 3, 4, 4)
    y = ops.crelu(x)
    both = np.concatenate([ops.relu(x), ops.relu(-x)], axis=1)
    return statement(
        Computed("channels out of 3", y.shape[1], 2 * 3),
        Computed("they are relu(x), then relu(-x)", bool(np.array_equal(y, both))),
    )


@claim("C47", "004", "depthwise: 同样或者n倍的输出")
def multiplier():
    """A depthwise convolution gives as many maps as come in, or n times as many.

    n is its multiplier. The maps of one channel lie side by side, in TensorFlow and in PyTorch.
    """

    def read(n):
        filters = normal(2 * n, 1, 3, 3)
        rows = dependence(lambda x: ops.depthwise_conv2d(x, filters, padding=1), (2, 3, 3))[:, 1, 1].any(axis=(2, 3))
        return tuple(int(channel) for row in rows for channel in np.flatnonzero(row))

    return statement(
        *(Computed(f"maps of 2 channels, n = {n}", len(read(n)), 2 * n) for n in (1, 3)),
        Computed("channel that each map reads, n = 3", read(3)),
    )
