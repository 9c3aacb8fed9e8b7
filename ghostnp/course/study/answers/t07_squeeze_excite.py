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
            "SE has a layer from 40 to 12 channels and a layer from 12 to 40 channels. Both layers have biases.",
            "The first layer has 40·12 weights and 12 biases.",
        ),
        "SE has a layer from 40 to 12 channels and a layer from 12 to 40 channels, both with biases. Together the two "
        "layers have {40*12 + 12 + 12*40 + 40} parameters.",
        {
            "2*40*12": "The biases are missing.",
            "40*12 + 12": "This is the first layer. The second layer leads back to 40 channels.",
            "2*(40*12 + 12)": "The second layer has 40 biases, one for each of its outputs.",
        },
    ),
    "07.2": ExerciseAnswer(
        lambda: ops.depthwise_conv2d_cost((1, 40, 28, 28), (40, 1, 5, 5), padding=2).macs / _counted().macs,
        (
            "The layers of SE read only one number for each map, its mean. The output of the convolution has 28x28 "
            "pixels in each map.",
            "SE takes 2·40·12 multiply-adds. The convolution takes 5·5 multiply-adds for each pixel of each map.",
        ),
        "The convolution takes {40*28*28*5*5} multiply-adds, and SE takes {2*40*12}. So the factor is "
        "{40*28*28*5*5/(2*40*12)}.",
        {
            "5*5/(2*12)": "The convolution computes 28x28 pixels for each map, but SE only reads the mean of each map.",
            "40*28*28*5*5/(40*12)": "SE has two layers.",
            "40*28*28*5*5/(2*40*12 + 52)": "A bias is added, so it takes no multiplication.",
            "2*40*12/(40*28*28*5*5)": (
                "This is the inverse. Divide the multiply-adds of the convolution by the multiply-adds of SE."
            ),
        },
        tolerance=0.005,
    ),
    "07.3": ExerciseAnswer(
        lambda: (make_divisible(184 * 0.25, 4), 184 // 4),
        (
            "First divide 184 by 4. The official code then rounds to the nearest multiple of 4. It rounds up if two "
            "multiples are equally near. Document 000 does not round.",
            "A quarter of 184 lies exactly in the middle between two multiples of 4.",
        ),
        "A quarter of 184 is {184//4}. This is in the middle between 44 and 48, so the official code rounds up. "
        "Document 000 takes the quarter itself. So the answer is {(12*4, 184//4)}.",
        {
            "(44, 46)": "If two multiples of 4 are equally near, the official code rounds up.",
            "(46, 46)": "The official code rounds to a multiple of 4.",
            "(48, 48)": "Document 000 does not round to a multiple of 4.",
        },
    ),
    "07.4": ExerciseAnswer(
        _through_the_gate,
        (
            "dg_c is x_c[i], and the other numbers of dg are 0. The table then gives dt, dh, da and dz. Every pixel of "
            "x_c receives dz_c / HW.",
            "dt is dg/6, because the slope of the hard sigmoid is 1/6. Both weights between the gate and the mean are "
            "1. Finally, the mean divides by the number of pixels.",
        ),
        "Of dg, only dg_c = x_c[i] is not zero. Then dt_c = φ'(t_c)·x_c[i], dh = W₂[c]·dt_c, da = dh, and dz_c = "
        "W₁[c]·da. Each pixel of x_c receives dz_c/HW, so the slope is φ'(t_c)·W₂[c]·W₁[c]·x_c[i]/HW. In the example, "
        "the slope of the hard sigmoid is 1/6, both weights are 1, x_c[i] is 1, and a map has 4 pixels. So the answer "
        "is {1/6*1*1*1/4}.",
        {
            "5/6": (
                "This is the direct part of the slope, which exists only for the same pixel. A different pixel acts "
                "only through the gate."
            ),
            "1/6": "The mean divides by the number of pixels.",
            "5/6 + 1/24": "This is the slope with respect to the same pixel. A different pixel has no direct part.",
            "1/4": "The slope of the hard sigmoid, 1/6, is missing.",
        },
        tolerance=0.005,
    ),
    "07.5": ExerciseAnswer(
        _factors,
        (
            "Each number of b was multiplied by every pixel of its map once. So the gradient of this number is a sum "
            "over all pixels of the map.",
            "The gradient of the first number of b is 0 + 1 + 2 + 3.",
        ),
        "The gradient of each number of b is the sum of dy·a over its map. The two gradients are {(0 + 1 + 2 + 3, 4 + "
        "5 + 6 + 7)}, and their sum is {6 + 22}.",
        {
            "8": "This is the number of pixels. In the sum over the pixels, dy has to be multiplied by a.",
            "22": "This is the gradient for the second channel alone.",
            "6": "This is the gradient for the first channel alone.",
        },
    ),
}
