"""Tutorial 09: GhostNet, official and Keras side by side."""

from functools import cache

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.models import create_model


@cache
def _rows(size=224):
    return count(create_model("ghostnet_100", seed=None), (1, 3, size, size)).rows


def _sum(path, measure):
    return int(sum(getattr(row, measure) for row in _rows() if row.path.startswith(path)))


def _pixels():
    last = [row for row in _rows(320) if row.path.startswith("blocks.8.3")][-1]
    return last.output[2] * last.output[3]


def _second_share():
    xs = (np.zeros((1, 2, 2, 2)),) * 2
    return ops.concat_backward(np.arange(12.0).reshape(1, 3, 2, 2), xs, keep=3)[1].sum()


ANSWERS = {
    "09.1": ExerciseAnswer(
        lambda: _sum("blocks.8.1.", "params"),
        "Two ghost modules with two batch norms each, and two 1x1 convolutions with biases; its kernel is not used.",
    ),
    "09.2": ExerciseAnswer(
        lambda: _sum("blocks.3.0.shortcut", "macs"),
        "A depthwise 5x5 over the 24 maps that strides, then a 1x1 from 24 to 40; both make maps of 28x28.",
    ),
    "09.3": ExerciseAnswer(
        lambda: _sum("blocks.6.3.shortcut", "params"),
        "A depthwise 3x3 and a 1x1, each with a batch norm of 2 numbers a map.",
    ),
    "09.4": ExerciseAnswer(_pixels, "The stem strides by 2 and so do four blocks."),
    "09.5": ExerciseAnswer(
        _second_share, "Of the three channels of dy two belong to the first array; the fourth was cut off."
    ),
}
