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
            "The window starts in rows 0, 2 and so on, as long as it fits; count rows and columns, and multiply.",
            "Put h = 7, p = 0, k = 3 and s = 2 into the formula for the size of the output. That is one side.",
        ),
        "Along one side there are {(7 + 2*0 - 3)//2 + 1} positions, so the output has {3*3} pixels.",
        {
            "(7 - 3 + 1)**2": "The window moves by 2 pixels at a time, not by 1.",
            "4**2": "There is no padding: the last window has to fit into the map.",
            "3": "That is one side of the output; all its pixels were asked for.",
        },
    ),
    "01.2": ExerciseAnswer(
        lambda: int(ops.standard_conv2d_cost(**_STEM).params),
        (
            "A filter has a kernel for each channel, and one bias; the photo's size does not matter.",
            "One filter has 3·7·7 weights. Add its bias, and multiply by the number of filters.",
        ),
        "A filter has 3 kernels of 7x7 and one bias. The 64 filters have {64*(3*7*7 + 1)} parameters.",
        {
            "64*3*7*7": "The biases are missing: there is one for each filter.",
            "64*3*(7*7 + 1)": "A filter has one bias, however many channels it sees.",
            "64*(7*7 + 1)": "A filter has a kernel for each of the 3 channels.",
            "64*(3*7 + 1)": "A 7x7 kernel has 7·7 weights.",
        },
    ),
    "01.3": ExerciseAnswer(
        lambda: int(ops.standard_conv2d_cost(**_STEM).macs),
        (
            "Output pixels first: (224 + 2·3 − 7) / 2, rounded down, plus 1 along each side. Biases are "
            "not multiplied.",
            "Each of the 64 filters makes one number for each output pixel, and takes 3·7·7 multiply-adds for it.",
        ),
        "Along one side the output has {(224 + 2*3 - 7)//2 + 1} pixels. Each output number takes 3·7·7 "
        "multiply-adds, so all 64 maps take {64*112*112*3*7*7}.",
        {
            "64*112*112*(3*7*7 + 1)": "Adding a bias takes no multiplication.",
            "64*224*224*3*7*7": "With stride 2 the output has fewer pixels than the photo.",
            "2*64*112*112*3*7*7": "Those are FLOPs: a multiply-add counts once.",
            "112*112*3*7*7": "That is one filter; there are 64.",
            "64*109*109*3*7*7": "The padding is missing: there are 3 zeros on each side.",
        },
    ),
    "01.4": ExerciseAnswer(
        _padding_that_keeps,
        (
            "Set the formula's result to h, with s = 1: which 2p takes back what d(k - 1) takes away?",
            "You get 2p = d(k - 1). Solve it for p, and put the numbers in.",
        ),
        "With s = 1 the formula is h + 2p - d(k - 1) - 1 + 1. It is h if 2p = d(k - 1). So p = d(k - 1)/2, "
        "here {3*(5 - 1)//2}.",
        {
            "(5 - 1)//2": "That is the padding without dilation.",
            "3*(5 - 1)": "That is 2p: the zeros of both sides together.",
            "(3*5 - 1)//2": "k positions have k - 1 gaps, so the window covers d(k - 1) + 1 pixels, not d·k.",
        },
    ),
    "01.5": ExerciseAnswer(
        _ones,
        (
            "With stride 2 and windows of 2x2 each input number is in exactly one window: what is their sum then?",
            "Then the sum of the output is the sum of all numbers from 0 to 47.",
        ),
        "Each input number is in exactly one window, and all weights are 1. So the sum is that of the numbers "
        "from 0 to 47: {47*48/2}.",
        {
            "48*49/2": "The numbers go from 0 to 47, not from 1 to 48.",
            "47*49/2": "The sum of the numbers from 0 to n is n(n + 1)/2.",
            "47": "That is the largest number; the sum was asked for.",
        },
    ),
}
