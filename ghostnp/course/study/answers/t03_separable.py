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
    return _separable(lambda cost: cost.macs) / standard.macs


def _read_by(channel):
    """The input channel whose gradient is not zero."""
    x, dy = np.zeros((1, 24, 1, 1)), np.zeros((1, 72, 1, 1))
    dy[0, channel] = 1
    return int(ops.depthwise_conv2d_backward(dy, x, np.ones((72, 1, 1, 1))).x.ravel().argmax())


def _first_costlier():
    return next(
        o
        for o in range(1, 99)
        if ops.pointwise_conv2d_cost(_MAPS, (o, 32, 1, 1)).params
        > ops.depthwise_conv2d_cost(_MAPS, (32, 1, 3, 3)).params
    )


def _mixed():
    filtered = ops.depthwise_conv2d(np.arange(18.0).reshape(1, 2, 3, 3), np.ones((2, 1, 2, 2)))
    return ops.pointwise_conv2d(filtered, np.array([1.0, -1]).reshape(1, 2, 1, 1))[0, 0, 0, 0]


ANSWERS = {
    "03.1": ExerciseAnswer(
        lambda: int(_separable(lambda cost: cost.params)),
        "One kernel of 5x5 for each of the channels that come in, and then one weight for each pair of channels.",
    ),
    "03.2": ExerciseAnswer(
        _share, "1/C_out + 1/k², with the output channels and the kernel of this layer.", tolerance=0.005
    ),
    "03.3": ExerciseAnswer(lambda: _read_by(50), "Channel c makes the outputs c·m to c·m + m − 1."),
    "03.4": ExerciseAnswer(
        _first_costlier,
        "Per input channel: the depthwise half has k² weights, the pointwise half one for each output.",
    ),
    "03.5": ExerciseAnswer(
        _mixed, "The second channel is 9 more than the first at every pixel, and a window adds up four of them."
    ),
}
