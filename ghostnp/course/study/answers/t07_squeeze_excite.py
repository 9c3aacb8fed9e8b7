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
    "07.1": ExerciseAnswer(
        lambda: int(_counted().params),
        (
            "Two layers, 40 to 12 and 12 to 40, each with its biases.",
            "The first layer has 40·12 weights and 12 biases.",
        ),
        "Two layers with biases: {40*12 + 12 + 12*40 + 40}.",
        {
            "2*40*12": "The biases are missing.",
            "40*12 + 12": "That is the first layer; the second one leads back to 40 channels.",
            "2*(40*12 + 12)": "The second layer has 40 biases, one for each of its outputs.",
        },
    ),
    "07.2": ExerciseAnswer(
        lambda: ops.depthwise_conv2d_cost((1, 40, 28, 28), (40, 1, 5, 5), padding=2).macs / _counted().macs,
        (
            "The layers of SE work on means, which are maps of one pixel; the convolution works on 28x28 pixels.",
            "SE takes 2·40·12 multiply-adds. The convolution takes 5·5 for each pixel of each map.",
        ),
        "The convolution takes {40*28*28*5*5} and SE {2*40*12}, so the factor is {40*28*28*5*5/(2*40*12)}.",
        {
            "5*5/(2*12)": "The convolution works on 28x28 pixels, and SE on the means alone.",
            "40*28*28*5*5/(40*12)": "SE has two layers.",
            "40*28*28*5*5/(2*40*12 + 52)": "Adding a bias takes no multiplication.",
            "2*40*12/(40*28*28*5*5)": "That is upside down.",
        },
        tolerance=0.005,
    ),
    "07.3": ExerciseAnswer(
        lambda: (make_divisible(184 * 0.25, 4), 184 // 4),
        (
            "Divide by 4 first. One rule then goes to the nearest multiple of 4, and up when it is half "
            "way. The other stops.",
            "A quarter of 184 lies exactly half way between two multiples of 4.",
        ),
        "A quarter of 184 is {184//4}. It is half way between 44 and 48, so the official code goes up. "
        "Document 000 takes the quarter itself: {(12*4, 184//4)}.",
        {
            "(44, 46)": "Half way, the official rule goes up.",
            "(46, 46)": "The official code goes to a multiple of 4.",
            "(48, 48)": "Document 000 does not round to a multiple of 4.",
        },
    ),
    "07.4": ExerciseAnswer(
        _through_the_gate,
        (
            "dg is x_c[i], and dt, dh, da, dz follow from it by the table; every pixel of the map receives dz / HW.",
            "dt is dg/6, because that is the slope of the hard sigmoid. Both weights on the way are 1. "
            "Then comes the mean.",
        ),
        "Only dg_c = x_c[i] is not zero. Then dt = φ'(t_c)·x_c[i], dh = W₂[c]·dt, da = dh, dz_c = W₁[c]·da, "
        "and each pixel gets dz_c/HW. So the slope is φ'(t_c)·W₂[c]·W₁[c]·x_c[i]/HW. The hard sigmoid has the "
        "slope 1/6, both weights are 1, x is 1 and there are 4 pixels: {1/6*1*1*1/4}.",
        {
            "5/6": "That is the direct part, for the same pixel. Another pixel acts through the gate alone.",
            "1/6": "The mean divides by the number of pixels.",
            "5/6 + 1/24": "That is for the pixel itself; another pixel has no direct part.",
            "1/4": "The slope of the hard sigmoid is 1/6.",
        },
        tolerance=0.005,
    ),
    "07.5": ExerciseAnswer(
        _factors,
        (
            "Each channel's factor multiplied every pixel of its channel once.",
            "The gradient of the first number of b is 0 + 1 + 2 + 3.",
        ),
        "Each factor's gradient is the sum of dy·a over its map: {(0 + 1 + 2 + 3, 4 + 5 + 6 + 7)}. The sum is "
        "{6 + 22}.",
        {
            "8": "That is the number of pixels. Each gets the number by which it was multiplied, which is a.",
            "22": "That is the second channel alone.",
            "6": "That is the first channel alone.",
        },
    ),
}
