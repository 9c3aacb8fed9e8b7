"""Tutorial 04: grouped convolution."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_MAPS = (1, 240, 28, 28)


def _read_by(channel):
    """First and last input channel that a change of this output channel goes back to."""
    dy = np.zeros((1, 18, 1, 1))
    dy[0, channel] = 1
    dx = ops.grouped_conv2d_backward(dy, np.zeros((1, 12, 1, 1)), np.ones((18, 4, 1, 1)), groups=3).x.ravel()
    return int(dx.nonzero()[0][0]), int(dx.nonzero()[0][-1])


def _shrinks():
    one, eight = (
        ops.grouped_conv2d_cost((1, 64, 4, 4), (64, 64 // groups, 1, 1), bias=True, groups=groups) for groups in (1, 8)
    )
    return one.params / eight.params


def _largest():
    x, weight = np.arange(6.0).reshape(1, 6, 1, 1), np.arange(1.0, 13).reshape(6, 2, 1, 1)
    return ops.grouped_conv2d(x, weight, groups=3).max()


def _as_expensive_as():
    """Output channels of a standard 1x1 convolution that costs as much as one to 60 channels in 3 groups."""
    grouped = ops.grouped_conv2d_cost(_MAPS, (60, 80, 1, 1), groups=3)
    return next(n for n in range(1, 61) if ops.pointwise_conv2d_cost(_MAPS, (n, 240, 1, 1)).macs == grouped.macs)


ANSWERS = {
    "04.1": ExerciseAnswer(
        lambda: int(ops.grouped_conv2d_cost(_MAPS, (240, 80, 3, 3), bias=True, padding=1, groups=3).params),
        "Each of the 240 filters sees 240 / 3 channels, and has one bias.",
    ),
    "04.2": ExerciseAnswer(
        _as_expensive_as,
        "An output number takes a multiply-add for each weight of its filter: 80 with groups, 240 without.",
    ),
    "04.3": ExerciseAnswer(
        lambda: _read_by(13), "There are 6 outputs and 4 inputs to a group: which group is output 13 in?"
    ),
    "04.4": ExerciseAnswer(
        _shrinks, "Divide C_out·(C_in·k² + 1) by C_out·(C_in·k²/g + 1): the biases do not shrink.", tolerance=0.005
    ),
    "04.5": ExerciseAnswer(
        _largest, "The last two filters read the channels 4 and 5; their weights are 9, 10 and 11, 12."
    ),
}
