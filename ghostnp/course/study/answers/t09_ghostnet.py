"""Tutorial 09: GhostNet, official and Keras side by side."""

from functools import cache

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.models import create_model
from ghostnp.modules import Conv2d, Residual, Sequential, initializer


@cache
def _rows(size=224):
    return count(create_model("ghostnet_100", seed=None), (1, 3, size, size)).rows


def _sum(path, measure):
    return int(sum(getattr(row, measure) for row in _rows() if row.path.startswith(path)))


def _through_residuals():
    """A gradient through eleven residual blocks, each a 1x1 convolution with the weight -0.1 beside the identity."""
    with initializer(None, np.float64):
        blocks = Sequential(*(Residual(conv=Conv2d(1, 1, 1, bias=False)) for _ in range(11)))
    for array in blocks.parameters().values():
        array[...] = -0.1
    one = np.ones((1, 1, 1, 1))
    return blocks.backward(one, blocks.forward(one)[1])[0].item()


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
        _through_residuals,
        "One block makes dx = a·dy + dy of dy. The next block does the same with that.",
        tolerance=0.005,
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
