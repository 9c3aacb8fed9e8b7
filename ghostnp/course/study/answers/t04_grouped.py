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


ANSWERS = {
    "04.1": ExerciseAnswer(
        lambda: int(ops.grouped_conv2d_cost(_MAPS, (240, 80, 3, 3), bias=True, padding=1, groups=3).params),
        "Each of the 240 filters sees 240 / 3 channels, and has one bias.",
    ),
    "04.2": ExerciseAnswer(
        lambda: int(ops.grouped_conv2d_cost(_MAPS, (60, 80, 1, 1), groups=3).macs),
        "28·28·60 output numbers; each takes as many multiply-adds as its filter has weights.",
    ),
    "04.3": ExerciseAnswer(
        lambda: _read_by(13), "There are 6 outputs and 4 inputs to a group: which group is output 13 in?"
    ),
    "04.4": ExerciseAnswer(_shrinks, "The 64 biases do not shrink.", tolerance=0.005),
    "04.5": ExerciseAnswer(
        _largest, "The last two filters read the channels 4 and 5; their weights are 9, 10 and 11, 12."
    ),
}
