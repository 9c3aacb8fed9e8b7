"""Tutorial 07: squeeze-and-excitation."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.modules import SqueezeExcite, make_divisible


def _counted():
    return count(SqueezeExcite(40, hidden=12), (1, 40, 28, 28))


def _through_the_gate():
    """Gradient of y[0, 0, 0, 0] on the last pixel of the first map, in the example worked by hand."""
    reduce, expand = np.array([1.0, -2]).reshape(1, 2, 1, 1), np.array([1.0, -1]).reshape(2, 1, 1, 1)
    x = np.array([1.0, 3, 5, 7, 0, 0, 2, 2]).reshape(1, 2, 2, 2)
    squeezed = ops.global_avg_pool2d(x)
    hidden = ops.pointwise_conv2d(squeezed, reduce)
    logits = ops.pointwise_conv2d(ops.relu(hidden), expand)
    dy = np.zeros_like(x)
    dy[0, 0, 0, 0] = 1
    direct, dgate = ops.multiply_backward(dy, x, ops.hard_sigmoid(logits))
    dhidden = ops.pointwise_conv2d_backward(ops.hard_sigmoid_backward(dgate, logits), ops.relu(hidden), expand).x
    dsqueezed = ops.pointwise_conv2d_backward(ops.relu_backward(dhidden, hidden), squeezed, reduce).x
    return (direct + ops.global_avg_pool2d_backward(dsqueezed, x))[0, 0, 1, 1]


def _factors():
    x = np.arange(8.0).reshape(1, 2, 2, 2)
    return ops.multiply_backward(np.ones_like(x), x, np.ones((1, 2, 1, 1))).b.sum()


ANSWERS = {
    "07.1": ExerciseAnswer(lambda: int(_counted().params), "Two layers, 40 to 12 and 12 to 40, each with its biases."),
    "07.2": ExerciseAnswer(
        lambda: ops.depthwise_conv2d_cost((1, 40, 28, 28), (40, 1, 5, 5), padding=2).macs / _counted().macs,
        "The layers of SE work on means, which are maps of one pixel; the convolution works on 28x28 pixels.",
        tolerance=0.005,
    ),
    "07.3": ExerciseAnswer(
        lambda: (make_divisible(184 * 0.25, 4), 184 // 4),
        "A quarter is 46. One rule goes to the nearest multiple of 4, and up when it is half way.",
    ),
    "07.4": ExerciseAnswer(
        _through_the_gate,
        "dg is x_c[i], and dt, dh, da, dz follow from it by the table; every pixel of the map receives dz / HW.",
        tolerance=0.005,
    ),
    "07.5": ExerciseAnswer(_factors, "Each channel's factor multiplied every pixel of its channel once."),
}
