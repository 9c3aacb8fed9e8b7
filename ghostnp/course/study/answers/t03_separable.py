"""Tutorial 03: pointwise, depthwise, separable."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_MAPS = (1, 32, 20, 20)


def _separable(of):
    depthwise = ops.depthwise_conv2d_cost(_MAPS, (32, 1, 5, 5), padding=2)
    pointwise = ops.pointwise_conv2d_cost(_MAPS, (64, 32, 1, 1))
    return of(depthwise) + of(pointwise)


def _share():
    standard = ops.standard_conv2d_cost(_MAPS, (64, 32, 5, 5), padding=2)
    depthwise = ops.depthwise_conv2d_cost(_MAPS, (64, 1, 5, 5), padding=2)
    pointwise = ops.pointwise_conv2d_cost(depthwise.output, (64, 64, 1, 1))
    return (depthwise.macs + pointwise.macs) / standard.macs


def _read_by(channel):
    """The input channel whose gradient is not zero."""
    x, dy = np.zeros((1, 24, 1, 1)), np.zeros((1, 72, 1, 1))
    dy[0, channel] = 1
    return int(ops.depthwise_conv2d_backward(dy, x, np.ones((72, 1, 1, 1))).x.ravel().argmax())


def _mixed():
    filtered = ops.depthwise_conv2d(np.arange(18.0).reshape(1, 2, 3, 3), np.ones((2, 1, 2, 2)))
    return ops.pointwise_conv2d(filtered, np.array([1.0, -1]).reshape(1, 2, 1, 1))[0, 0, 0, 0]


def _two_kernels():
    x, weight = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((2, 1, 2, 2))
    return ops.depthwise_conv2d_backward(np.ones((1, 2, 2, 2)), x, weight).weight.sum()


ANSWERS = {
    "03.1": ExerciseAnswer(
        lambda: int(_separable(lambda cost: cost.params)),
        "One kernel of 5x5 for each of the channels that come in, and then one weight for each pair of channels.",
    ),
    "03.2": ExerciseAnswer(
        _share,
        "There are C·D kernels of k² weights, and the pointwise half has C·D·C_out weights. Divide by C·C_out·k².",
        tolerance=0.005,
    ),
    "03.3": ExerciseAnswer(lambda: _read_by(50), "Channel c makes the outputs c·D to c·D + D − 1."),
    "03.4": ExerciseAnswer(
        _mixed, "The second channel is 9 more than the first at every pixel, and a window adds up four of them."
    ),
    "03.5": ExerciseAnswer(
        _two_kernels,
        "Each tap adds up the four pixels that it reads, 0 + 1 + 3 + 4 for the first one; and there are two kernels.",
    ),
}
