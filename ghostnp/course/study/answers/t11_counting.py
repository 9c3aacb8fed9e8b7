"""Tutorial 11: counting."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.graph.counting.conventions import CONVENTIONS
from ghostnp.modules import BatchNorm2d, Conv2d, ReLU, Sequential, initializer


def _counted_by(convention, conv, shape):
    channels = len(conv.weight)
    return sum(CONVENTIONS[convention].of_each(count(Sequential(conv, BatchNorm2d(channels), ReLU()), shape)))


def _total_params():
    with initializer(None):
        return _counted_by("keras-total", Conv2d(3, 16, 5), (1, 3, 32, 32))


def _ptflops():
    with initializer(None):
        return _counted_by("ptflops", Conv2d(8, 16, 1, bias=False), (1, 8, 10, 10))


def _share_of_padding():
    ones, kernel = np.ones((1, 1, 14, 14)), np.ones((1, 1, 5, 5))
    counted = ops.standard_conv2d_cost(ones.shape, kernel.shape, padding=2).macs
    return 1 - ops.standard_conv2d(ones, kernel, padding=2).sum() / counted


def _intensity():
    shape, weight = (1, 32, 14, 14), (32, 1, 3, 3)
    cost = ops.depthwise_conv2d_cost(shape, weight, padding=1)
    return cost.macs / (4 * sum(map(np.prod, (shape, weight, cost.output))))


def _training_step():
    first = ops.standard_conv2d_cost((1, 3, 10, 10), (8, 3, 3, 3), padding=1)
    second = ops.pointwise_conv2d_cost(first.output, (16, 8, 1, 1))
    return int(2 * first.macs + 3 * second.macs)


ANSWERS = {
    "11.1": ExerciseAnswer(
        _total_params,
        "Weights, biases, and four numbers for each channel of the batch norm: two are trained, two are not.",
    ),
    "11.2": ExerciseAnswer(
        _ptflops,
        "The multiply-adds, 2 for each number that goes into the batch norm, and 1 for each that goes into the ReLU.",
    ),
    "11.3": ExerciseAnswer(
        _share_of_padding,
        "Along one axis a row of H pixels has k·H products. The first window meets (k - 1)/2 zeros, the next one less.",
        tolerance=0.005,
    ),
    "11.4": ExerciseAnswer(
        _intensity,
        "32·14·14 numbers go in and as many come out, and there are 32·9 weights, all of 4 bytes; 9 multiply-adds for "
        "each number out.",
        tolerance=0.005,
    ),
    "11.5": ExerciseAnswer(
        _training_step,
        "Forward, dx and dw take as many multiply-adds each; which of the three does the first layer not need?",
    ),
}
