"""Tutorial 01: convolution by hand."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_STEM = {"x_shape": (1, 3, 224, 224), "weight_shape": (64, 3, 7, 7), "bias": True, "stride": 2, "padding": 3}


def _ones():
    x = np.arange(48.0).reshape(1, 3, 4, 4)
    return ops.standard_conv2d(x, np.ones((1, 3, 2, 2)), stride=2).sum()


def _padding_that_keeps():
    """The padding with which a 5x5 kernel of dilation 3 keeps the size of a map."""
    sizes = {p: ops.standard_conv2d_cost((1, 1, 20, 20), (1, 1, 5, 5), padding=p, dilation=3).output for p in range(9)}
    return next(p for p, output in sizes.items() if output == (1, 1, 20, 20))


ANSWERS = {
    "01.1": ExerciseAnswer(
        lambda: int(np.prod(ops.standard_conv2d_cost((1, 1, 7, 7), (1, 1, 3, 3), stride=2).output)),
        "The window starts in rows 0, 2 and so on, as long as it fits; count rows and columns, and multiply.",
    ),
    "01.2": ExerciseAnswer(
        lambda: int(ops.standard_conv2d_cost(**_STEM).params),
        "A filter has a kernel for each channel, and one bias; the photo's size does not matter.",
    ),
    "01.3": ExerciseAnswer(
        lambda: int(ops.standard_conv2d_cost(**_STEM).macs),
        "Output pixels first: (224 + 2·3 − 7) / 2, rounded down, plus 1 along each side. Biases are not multiplied.",
    ),
    "01.4": ExerciseAnswer(
        _padding_that_keeps, "Set the formula's result to h, with s = 1: which 2p takes back what d(k - 1) takes away?"
    ),
    "01.5": ExerciseAnswer(
        _ones,
        "With stride 2 and windows of 2x2 each input number is in exactly one window: what is their sum then?",
    ),
}
