"""Tutorial 12: from formula to fast kernel."""

from math import prod

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_MAPS, _FILTERS = (1, 64, 14, 14), (128, 64, 1, 1)


def _pointwise():
    return ops.pointwise_conv2d_cost(_MAPS, _FILTERS)


def _folded():
    """What the convolution and its batch norm do to 0 and to 1 gives bias and slope."""
    x = np.array([0.0, 1]).reshape(2, 1, 1, 1)
    filtered = ops.pointwise_conv2d(x, np.full((1, 1, 1, 1), 0.5), np.array([2.0]))
    norm = [np.array([value]) for value in (6.0, -1.0, 1.0, 15.0)]
    at_zero, at_one = ops.batch_norm_eval(filtered, *norm, eps=1.0).ravel()
    return at_one - at_zero, at_zero


def _pooled():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    y, argmax = ops.max_pool2d(x, 3, stride=1)
    return ops.max_pool2d_backward(y, x, 3, argmax, stride=1)[0, 0, 2, 3]


ANSWERS = {
    "12.1": ExerciseAnswer(
        lambda: int(_pointwise().macs), "Each output number takes one multiply-add for each input channel."
    ),
    "12.2": ExerciseAnswer(
        lambda: 4 * (prod(_MAPS) + int(_pointwise().params) + prod(_pointwise().output)),
        "Three arrays, each number once, and a float32 is 4 bytes.",
    ),
    "12.3": ExerciseAnswer(
        _folded, "a is γ divided by the root; it multiplies the weight, and what is left of b after the mean.", 1e-9
    ),
    "12.4": ExerciseAnswer(
        lambda: np.empty((32, 14, 14, 8), np.float32).strides[1],
        "A row of pixels lies in between, and each pixel is there once for every image.",
    ),
    "12.5": ExerciseAnswer(
        _pooled, "Which windows have their largest number there? Each sends its dy to that pixel alone."
    ),
}
