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
            "Count the weights, the biases, and four numbers for each channel of the batch norm. Two of the four "
            "numbers are trained, and the other two are not.",
            "The convolution has 16·(3·25 + 1) parameters. Keras also counts the running statistics of the batch norm.",
        ),
        "The convolution has {16*(3*5*5 + 1)} parameters. The batch norm has 4 numbers for each channel, of which 2 "
        "are trained. Keras counts all of them, so the total is {16*(3*5*5 + 1) + 4*16}.",
        {
            "16*(3*25 + 1) + 2*16": "The total of Keras includes the moving mean and the moving variance.",
            "16*3*25 + 4*16": "The biases are missing.",
            "16*(3*25 + 1)": "The batch norm is missing.",
        },
    ),
    "11.2": ExerciseAnswer(
        _ptflops,
        (
            "ptflops counts the multiply-adds, 2 for each input number of the batch norm, and 1 for each input number "
            "of the ReLU.",
            "There are 8·16·100 multiply-adds, and the input of the batch norm has 16·100 numbers.",
        ),
        "ptflops counts {8*16*100} multiply-adds, {2*16*100} for the batch norm and {16*100} for the ReLU. The sum is "
        "{8*16*100 + 2*16*100 + 16*100}.",
        {
            "8*16*100": "ptflops also counts the batch norm and the ReLU.",
            "8*16*100 + 2*16*100": "ptflops also counts the ReLU.",
            "8*16*100 + 2*16*100 + 2*16*100": "This version of ptflops counts a ReLU only once for each number.",
            "2*8*16*100 + 3*16*100": "ptflops counts a multiply-add only once.",
        },
    ),
    "11.3": ExerciseAnswer(
        _share_of_padding,
        (
            "Along one axis, a row of H pixels has k·H products. The first window reads (k - 1)/2 zeros, and the next "
            "window reads one zero less.",
            "Along one axis, 2·(1 + 2) of the 5·14 products have a zero as a factor. In two dimensions, a product has "
            "a real pixel only if it has a real pixel along both axes.",
        ),
        "Along one axis, k·H products are counted. The first window reads (k - 1)/2 zeros, the next window reads one "
        "zero less, and so on. The same holds at the other end of the row. So (k - 1)/2·((k - 1)/2 + 1) products have "
        "a zero. Here these are {2*(1 + 2)} of {5*14} products. In two dimensions, a product has a real pixel only if "
        "it has a real pixel along both axes. So the share of the products with a zero is {1 - (64/70)**2}.",
        {
            "6/70": "This is the share along one axis.",
            "(64/70)**2": "This is the share of the products with a real pixel.",
            "2*6/70": "At the corners, the products with a zero along both axes were counted twice.",
        },
        tolerance=0.005,
    ),
    "11.4": ExerciseAnswer(
        _intensity,
        (
            "The input has 32·14·14 numbers, and so has the output. There are 32·9 weights. Each number has 4 bytes, "
            "and each output number takes 9 multiply-adds.",
            "There are 32·14·14·9 multiply-adds. The number of bytes is 4 times (32·14·14 + 32·14·14 + 32·9).",
        ),
        "There are {32*14*14*9} multiply-adds and {4*(2*32*14*14 + 32*9)} bytes. The quotient is "
        "{32*14*14*9/(4*(2*32*14*14 + 32*9))}.",
        {
            "9/8": "The bytes of the weights are missing. For maps as small as these, the weights change the result.",
            "32*14*14*9/(2*32*14*14 + 32*9)": "A float32 has 4 bytes.",
            "32*14*14*9/(4*(32*14*14 + 32*9))": "Count the bytes of the input and the bytes of the output.",
            "4*(2*32*14*14 + 32*9)/(32*14*14*9)": "This is the inverse. Divide the multiply-adds by the bytes.",
        },
        tolerance=0.005,
    ),
    "11.5": ExerciseAnswer(
        _training_step,
        (
            "The forward pass, dx and dw take the same number of multiply-adds. Which of the three does the first "
            "layer not need?",
            "The first layer takes 8·100·27 multiply-adds for the forward pass, and as many for dw. The second layer "
            "takes 16·100·8 multiply-adds three times.",
        ),
        "The first layer needs no dx, so it takes {8*100*27} multiply-adds two times. The second layer takes "
        "{16*100*8} multiply-adds three times. Together they take {2*8*100*27 + 3*16*100*8} multiply-adds.",
        {
            "3*(8*100*27 + 16*100*8)": "The gradient of the image is not computed.",
            "2*(8*100*27 + 16*100*8)": "The second layer needs dx, because its dx is the dy of the first layer.",
            "8*100*27 + 16*100*8": "This is the forward pass alone.",
        },
    ),
}
