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
        (
            "Weights, biases, and four numbers for each channel of the batch norm: two are trained, two are not.",
            "The convolution has 16·(3·25 + 1), and Keras counts the running statistics too.",
        ),
        "The convolution has {16*(3*5*5 + 1)} parameters, and the batch norm 4 numbers for each channel, of "
        "which 2 are trained. Together {16*(3*5*5 + 1) + 4*16}.",
        {
            "16*(3*25 + 1) + 2*16": "Keras's total includes the moving mean and variance.",
            "16*3*25 + 4*16": "The biases are missing.",
            "16*(3*25 + 1)": "The batch norm is missing.",
        },
    ),
    "11.2": ExerciseAnswer(
        _ptflops,
        (
            "The multiply-adds, 2 for each number that goes into the batch norm, and 1 for each that goes "
            "into the ReLU.",
            "There are 8·16·100 multiply-adds, and 16·100 numbers go into the batch norm.",
        ),
        "{8*16*100} multiply-adds, {2*16*100} for the batch norm and {16*100} for the ReLU. Together "
        "{8*16*100 + 2*16*100 + 16*100}.",
        {
            "8*16*100": "ptflops counts the batch norm and the ReLU too.",
            "8*16*100 + 2*16*100": "ptflops counts the ReLU too.",
            "8*16*100 + 2*16*100 + 2*16*100": "This version counts a ReLU once for each number.",
            "2*8*16*100 + 3*16*100": "ptflops counts a multiply-add once.",
        },
    ),
    "11.3": ExerciseAnswer(
        _share_of_padding,
        (
            "Along one axis a row of H pixels has k·H products. The first window meets (k - 1)/2 zeros, "
            "the next one less.",
            "Along one axis 2·(1 + 2) of 5·14 products have a zero. In two dimensions a product is real "
            "if it is real along both axes.",
        ),
        "Along one axis k·H products are counted. The first window has (k - 1)/2 zeros, the next one less, "
        "and so at both ends: (k - 1)/2·((k - 1)/2 + 1) in all, which is {2*(1 + 2)} of {5*14}. A product "
        "with a real pixel is real along both axes. So the share with a zero is {1 - (64/70)**2}.",
        {
            "6/70": "That is along one axis.",
            "(64/70)**2": "That is the share with a pixel of the image.",
            "2*6/70": "At the corners, the products with a zero along both axes were counted twice.",
        },
        tolerance=0.005,
    ),
    "11.4": ExerciseAnswer(
        _intensity,
        (
            "32·14·14 numbers go in and as many come out, and there are 32·9 weights, all of 4 bytes; 9 "
            "multiply-adds for each number out.",
            "Multiply-adds: 32·14·14·9. Bytes: 4 times (32·14·14 + 32·14·14 + 32·9).",
        ),
        "{32*14*14*9} multiply-adds, and {4*(2*32*14*14 + 32*9)} bytes. The quotient is "
        "{32*14*14*9/(4*(2*32*14*14 + 32*9))}.",
        {
            "9/8": "The weights move bytes too; on maps this small they count.",
            "32*14*14*9/(2*32*14*14 + 32*9)": "A float32 has 4 bytes.",
            "32*14*14*9/(4*(32*14*14 + 32*9))": "The maps go in and come out.",
            "4*(2*32*14*14 + 32*9)/(32*14*14*9)": "That is upside down.",
        },
        tolerance=0.005,
    ),
    "11.5": ExerciseAnswer(
        _training_step,
        (
            "Forward, dx and dw take as many multiply-adds each; which of the three does the first layer not need?",
            "The first layer takes 8·100·27 forward and as many for dw. The second layer takes 16·100·8 three times.",
        ),
        "The first layer needs no dx, so it takes two passes of {8*100*27}. The second one takes three of "
        "{16*100*8}. Together {2*8*100*27 + 3*16*100*8}.",
        {
            "3*(8*100*27 + 16*100*8)": "The gradient of the image is not computed.",
            "2*(8*100*27 + 16*100*8)": "The second layer needs dx, because the first one gets it as its dy.",
            "8*100*27 + 16*100*8": "That is the forward pass alone.",
        },
    ),
}
