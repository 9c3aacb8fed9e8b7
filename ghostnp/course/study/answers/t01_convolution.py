"""Tutorial 01: convolution by hand."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_STEM = {"x_shape": (1, 3, 224, 224), "weight_shape": (64, 3, 7, 7), "bias": True, "stride": 2, "padding": 3}


def _ones():
    x = np.arange(48.0).reshape(1, 3, 4, 4)
    return ops.standard_conv2d(x, np.ones((1, 3, 2, 2)), stride=2).sum()


def _padding_that_keeps():
    """The padding with which a 5x5 kernel of dilation 3 keeps the size of a map."""
    sizes = {p: ops.standard_conv2d_cost((1, 1, 20, 20), (1, 1, 5, 5), padding=p, dilation=3).output for p in range(9)}
    return next(p for p, output in sizes.items() if output == (1, 1, 20, 20))


ANSWERS = {
    "01.1": ExerciseAnswer(
        lambda: int(np.prod(ops.standard_conv2d_cost((1, 1, 7, 7), (1, 1, 3, 3), stride=2).output)),
        (
            "The first row of a window is 0, 2 and so on, as long as the window fits into the map. Count these rows, "
            "and the columns in the same way. Then multiply the two counts.",
            "Put h = 7, p = 0, k = 3 and s = 2 into the formula for the size of the output. The result is one side of "
            "the output.",
        ),
        "Along one side, the window has {(7 + 2*0 - 3)//2 + 1} positions, so the output has {3*3} pixels.",
        {
            "(7 - 3 + 1)**2": "The window moves by 2 pixels at a time, not by 1.",
            "4**2": "There is no padding, so the last window has to fit into the map.",
            "3": "This is one side of the output. The question is about all pixels of the output.",
        },
    ),
    "01.2": ExerciseAnswer(
        lambda: int(ops.standard_conv2d_cost(**_STEM).params),
        (
            "A filter has a kernel for each input channel, and one bias. The size of the photo does not matter.",
            "One filter has 3·7·7 weights. Add its bias, and multiply by the number of filters.",
        ),
        "A filter has 3 kernels of 7x7 weights, and one bias. So the 64 filters have {64*(3*7*7 + 1)} parameters.",
        {
            "64*3*7*7": "The biases are missing: there is one for each filter.",
            "64*3*(7*7 + 1)": "A filter has only one bias, even if it reads several channels.",
            "64*(7*7 + 1)": "A filter has a kernel for each of the 3 channels.",
            "64*(3*7 + 1)": "A 7x7 kernel has 7·7 weights.",
        },
    ),
    "01.3": ExerciseAnswer(
        lambda: int(ops.standard_conv2d_cost(**_STEM).macs),
        (
            "First compute the output pixels along one side: (224 + 2·3 − 7) / 2, rounded down, plus 1. Biases take no "
            "multiplication.",
            "Each of the 64 filters makes one number for each output pixel, and takes 3·7·7 multiply-adds for it.",
        ),
        "Along one side, the output has {(224 + 2*3 - 7)//2 + 1} pixels. Each output number takes 3·7·7 "
        "multiply-adds, so all 64 maps take {64*112*112*3*7*7}.",
        {
            "64*112*112*(3*7*7 + 1)": "Adding a bias takes no multiplication.",
            "64*224*224*3*7*7": "With stride 2 the output has fewer pixels than the photo.",
            "2*64*112*112*3*7*7": "This is the number of FLOPs. A multiply-add counts only once.",
            "112*112*3*7*7": "This is the number for one filter, but there are 64 filters.",
            "64*109*109*3*7*7": "The padding is missing. There are 3 zeros on each side.",
        },
    ),
    "01.4": ExerciseAnswer(
        _padding_that_keeps,
        (
            "In the formula, set s = 1 and the result to h. Which 2p is equal to the d(k - 1) that is subtracted?",
            "You get 2p = d(k - 1). Solve this equation for p, and insert the numbers.",
        ),
        "With s = 1, the formula gives h + 2p - d(k - 1) - 1 + 1. This is equal to h if 2p = d(k - 1). So p = "
        "d(k - 1)/2, here {3*(5 - 1)//2}.",
        {
            "(5 - 1)//2": "This is the padding without dilation.",
            "3*(5 - 1)": "This is 2p, the number of zeros on both sides together.",
            "(3*5 - 1)//2": "There are k - 1 gaps between k weights, so the window covers d(k - 1) + 1 pixels.",
        },
    ),
    "01.5": ExerciseAnswer(
        _ones,
        (
            "With stride 2 and windows of 2x2 pixels, each input number is in exactly one window, and its weight is 1. "
            "What does this mean for the sum of the output?",
            "The sum of the output is equal to the sum of the input, which is the sum of all numbers from 0 to 47.",
        ),
        "Each input number is in exactly one window, and all weights are 1. So the sum of the output is the sum of "
        "the numbers from 0 to 47, which is {47*48/2}.",
        {
            "48*49/2": "The numbers go from 0 to 47, not from 1 to 48.",
            "47*49/2": "The sum of the numbers from 0 to n is n(n + 1)/2.",
            "47": "This is the largest number of the input. The question is about the sum of the output.",
        },
    ),
}
