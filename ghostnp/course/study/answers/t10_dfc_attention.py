"""Tutorial 10: DFC attention and GhostNetV2."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.modules import DFCAttention


def _fewer(h, w):
    full = ops.full_attention_cost((1, 1, h, w), (1, h, w, h, w))
    return full.macs / ops.decoupled_attention_cost((1, 1, h, w), (1, h, h, w), (1, w, h, w)).macs


def _counted():
    return count(DFCAttention(40, 120), (1, 40, 15, 15))


def _gathered():
    return ops.resize_nearest_backward(np.ones((1, 1, 11, 11)), np.zeros((1, 1, 5, 5)), 11).max()


def _there_and_back():
    arguments = np.arange(6.0).reshape(1, 1, 2, 3), np.arange(12.0).reshape(1, 2, 2, 3), np.ones((1, 3, 2, 3))
    grads = ops.decoupled_attention_backward(np.ones((1, 1, 2, 3)), *arguments)
    return ops.decoupled_attention(*arguments)[0, 0, 1, 2], grads.z.sum()


ANSWERS = {
    "10.1": ExerciseAnswer(
        lambda: _fewer(10, 15),
        "A pixel sees H·W others at once, or H and then W of them.",
        tolerance=1e-9,
    ),
    "10.2": ExerciseAnswer(
        lambda: int(_counted().params),
        "A 1x1 convolution, kernels of 1x5 and 5x1 for each of 120 channels, and three batch norms over 120 channels.",
    ),
    "10.3": ExerciseAnswer(
        lambda: ops.resize_bilinear_backward(np.ones((1, 1, 1, 7)), np.zeros((1, 1, 1, 3)), (1, 7))[0, 0, 0, 1],
        "The places are (i + 0.5)·3/7 - 0.5 for i = 0 to 6. The middle pixel is at place 1, and its weight falls to 0 "
        "at the places 0 and 2: add up these weights.",
        tolerance=0.005,
    ),
    "10.4": ExerciseAnswer(
        _gathered, "Along one axis, row 0 is copied by the rows i with ⌊i·5/11⌋ = 0; how many are they?"
    ),
    "10.5": ExerciseAnswer(
        _there_and_back,
        "The column step first: row 1 of it is 6·0 + 9·3, 7·1 + 10·4, and so on; all of weight_w is 1. Backward, each "
        "number of the column step gets 3, and hands it on times each weight of weight_h.",
    ),
}
