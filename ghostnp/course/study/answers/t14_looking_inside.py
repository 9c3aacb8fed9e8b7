"""Tutorial 14: looking inside a trained network."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.modules import GhostModule

_MAPS = (1, 16, 8, 8)


def _cheap():
    return ops.depthwise_conv2d_cost(_MAPS, (16, 1, 3, 3), padding=1)


def _saved():
    ghost = ops.pointwise_conv2d_cost(_MAPS, (16, 16, 1, 1)).params + _cheap().params
    return int(ops.pointwise_conv2d_cost(_MAPS, (32, 16, 1, 1)).params - ghost)


def _explained():
    a, b = np.array([1.0, 0, 2]), np.array([2.0, 1, 3])
    left = b - (a @ b) / (a @ a) * a
    return 1 - (left @ left) / ((b - b.mean()) ** 2).sum()


def _cut_off():
    module = GhostModule(8, 30, ratio=4)
    intrinsic = len(module.primary_conv[0].weight)
    return intrinsic, intrinsic + len(module.cheap_operation[0].weight) - 30


ANSWERS = {
    "14.1": ExerciseAnswer(
        lambda: int(_cheap().macs), "Half of the 32 maps are ghosts, each made by one 3x3 kernel at every pixel."
    ),
    "14.2": ExerciseAnswer(_saved, "16·32 against 16·16 for the intrinsic maps and 16 kernels of nine."),
    "14.3": ExerciseAnswer(
        _explained,
        "The best weight is a·b / a·a; compare what is left with b's distance from its mean.",
        tolerance=0.005,
    ),
    "14.4": ExerciseAnswer(_cut_off, "30 / 4, rounded up, are intrinsic; each of them gets three ghosts."),
}
