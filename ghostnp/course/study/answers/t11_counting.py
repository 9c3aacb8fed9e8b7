"""Tutorial 11: counting."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.graph.counting.conventions import CONVENTIONS
from ghostnp.graph.counting.reconcile import reconcile
from ghostnp.models import create_model
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


def _rule():
    (answer,) = reconcile(create_model("ghostnet_100", seed=None), "0.2823G").answers
    (rule,) = answer.given_by
    return rule.name


def _intensity():
    shape, weight = (1, 32, 14, 14), (32, 1, 3, 3)
    cost = ops.depthwise_conv2d_cost(shape, weight, padding=1)
    return cost.macs / (4 * sum(map(np.prod, (shape, weight, cost.output))))


def _corner():
    x = np.arange(25.0).reshape(1, 1, 5, 5)
    y, argmax = ops.max_pool2d(x, 3, stride=1, padding=1)
    return ops.max_pool2d_backward(np.ones_like(y), x, 3, argmax, stride=1, padding=1)[0, 0, 4, 4]


ANSWERS = {
    "11.1": ExerciseAnswer(
        _total_params,
        "Weights, biases, and four numbers for each channel of the batch norm: two are trained, two are not.",
    ),
    "11.2": ExerciseAnswer(
        _ptflops,
        "The multiply-adds, 2 for each number that goes into the batch norm, and 1 for each that goes into the ReLU.",
    ),
    "11.3": ExerciseAnswer(_rule, "How does 282.3 relate to 141.15? Print the names and texts of CONVENTIONS."),
    "11.4": ExerciseAnswer(
        _intensity,
        "32·14·14 numbers go in and as many come out, and there are 32·9 weights, all of 4 bytes; 9 multiply-adds for "
        "each number out.",
        tolerance=0.005,
    ),
    "11.5": ExerciseAnswer(
        _corner, "In each window the largest is lowest and furthest right. In how many windows is the corner?"
    ),
}
