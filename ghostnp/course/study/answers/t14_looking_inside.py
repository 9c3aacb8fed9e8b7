"""Tutorial 14: looking inside a trained network."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_MAPS = (1, 16, 8, 8)


def _cheap():
    return ops.depthwise_conv2d_cost(_MAPS, (16, 1, 3, 3), padding=1)


def _saved():
    ghost = ops.pointwise_conv2d_cost(_MAPS, (16, 16, 1, 1)).params + _cheap().params
    return int(ops.pointwise_conv2d_cost(_MAPS, (32, 16, 1, 1)).params - ghost)


def _explained(a, b):
    """r² of the line that makes b from a, by least squares."""
    columns = np.column_stack([a, np.ones(len(a))])
    left = b - columns @ np.linalg.lstsq(columns, b, rcond=None)[0]
    return 1 - (left @ left) / ((b - b.mean()) ** 2).sum()


_A, _B = np.array([1.0, 0, 2]), np.array([2.0, 1, 5])

ANSWERS = {
    "14.1": ExerciseAnswer(_saved, "16·32 against 16·16 for the intrinsic maps and 16 kernels of nine."),
    "14.2": ExerciseAnswer(
        lambda: _explained(_A, _B),
        "Take the means away first. The best weight is then the sum of products over the sum of squares of a.",
        tolerance=0.005,
    ),
    "14.3": ExerciseAnswer(
        lambda: _explained(5 - 3 * _B, _A),
        "r² is (sum of products)² over both sums of squares: what do a factor and a constant change in it?",
        tolerance=0.005,
    ),
    "14.4": ExerciseAnswer(
        lambda: 363**-0.5, "The squares of n components sum to 1, and no component is special.", tolerance=0.005
    ),
}
