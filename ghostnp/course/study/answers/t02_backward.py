"""Tutorial 02: convolution's backward pass."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer


def _example():
    x = np.array([[1.0, 2, 0], [0, 1, 3], [2, 0, 1]])[None, None]
    w = np.array([[1.0, 0], [2, -1]])[None, None]
    return ops.standard_conv2d_backward(np.array([[1.0, 0], [0, 10]])[None, None], x, w)


def _windows():
    """In how many windows each pixel of a 5x5 map is: what ones hand back."""
    x, w = np.zeros((1, 1, 5, 5)), np.ones((1, 1, 3, 3))
    return ops.standard_conv2d_backward(np.ones((1, 1, 3, 3)), x, w).x[0, 0]


def _sum_of_dx():
    w = np.array([[1.0, 2, 3], [0, 0, 0], [-2, 0, 1]])[None, None]
    return ops.standard_conv2d_backward(np.ones((1, 1, 6, 6)), np.zeros((1, 1, 8, 8)), w).x.sum()


ANSWERS = {
    "02.1": ExerciseAnswer(
        lambda: _example().weight[0, 0, 1, 0],
        "Tap (1, 0) of each window sees the pixel one row below the window's corner; multiply by dy and add up.",
    ),
    "02.2": ExerciseAnswer(
        lambda: _example().x[0, 0, 2, 2],
        "Only the last window covers this corner: below which tap does it lie there, and what is that window's dy?",
    ),
    "02.3": ExerciseAnswer(
        lambda: 3 * int(ops.standard_conv2d_cost((1, 8, 10, 10), (16, 8, 3, 3), padding=1).macs),
        "Each product of the forward pass comes back twice in the backward pass.",
    ),
    "02.4": ExerciseAnswer(
        lambda: (_windows()[2, 2], _windows()[0, 0]),
        "Along one side, a pixel in the middle can be the first, the second or the last of a window of three.",
    ),
    "02.5": ExerciseAnswer(
        _sum_of_dx,
        "Each number of dy is multiplied by every weight once, and nothing is cropped. How many numbers does dy have?",
    ),
}
