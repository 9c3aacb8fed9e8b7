"""Tutorial 03: pointwise, depthwise, separable."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_MAPS = (1, 32, 20, 20)


def _separable(of):
    depthwise = ops.depthwise_conv2d_cost(_MAPS, (32, 1, 5, 5), padding=2)
    pointwise = ops.pointwise_conv2d_cost(_MAPS, (64, 32, 1, 1))
    return of(depthwise) + of(pointwise)


def _share():
    standard = ops.standard_conv2d_cost(_MAPS, (64, 32, 5, 5), padding=2)
    depthwise = ops.depthwise_conv2d_cost(_MAPS, (64, 1, 5, 5), padding=2)
    pointwise = ops.pointwise_conv2d_cost(depthwise.output, (64, 64, 1, 1))
    return (depthwise.macs + pointwise.macs) / standard.macs


def _read_by(channel):
    """The input channel whose gradient is not zero."""
    x, dy = np.zeros((1, 24, 1, 1)), np.zeros((1, 72, 1, 1))
    dy[0, channel] = 1
    return int(ops.depthwise_conv2d_backward(dy, x, np.ones((72, 1, 1, 1))).x.ravel().argmax())


def _mixed():
    filtered = ops.depthwise_conv2d(np.arange(18.0).reshape(1, 2, 3, 3), np.ones((2, 1, 2, 2)))
    return ops.pointwise_conv2d(filtered, np.array([1.0, -1]).reshape(1, 2, 1, 1))[0, 0, 0, 0]


def _two_kernels():
    x, weight = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((2, 1, 2, 2))
    return ops.depthwise_conv2d_backward(np.ones((1, 2, 2, 2)), x, weight).weight.sum()


ANSWERS = {
    "03.1": ExerciseAnswer(
        lambda: int(_separable(lambda cost: cost.params)),
        (
            "One kernel of 5x5 for each of the channels that come in, and then one weight for each pair of channels.",
            "The depthwise half has 32·5·5 weights. The pointwise half has one for each of the 32·64 pairs.",
        ),
        "One kernel for each of the 32 channels, and one weight for each pair of channels: {32*5*5 + 32*64}.",
        {
            "32*64*5*5": "That is a standard convolution.",
            "32*5*5": "The pointwise half is missing.",
            "32*64": "The depthwise half is missing.",
            "64*5*5 + 64*32": (
                "The depthwise half comes first, so it has one kernel for each of the 32 channels that come in."
            ),
            "32*5*5 + 32*64 + 32 + 64": "There are no biases here.",
        },
    ),
    "03.2": ExerciseAnswer(
        _share,
        (
            "There are C·D kernels of k² weights, and the pointwise half has C·D·C_out weights. Divide by C·C_out·k².",
            "Both terms contain C and D. Cancel C: you get D/C_out for the depthwise half. What do you "
            "get for the other?",
        ),
        "(C·D·k² + C·D·C_out) / (C·C_out·k²) = D/C_out + D/k², here {2/64 + 2/5**2}.",
        {
            "1/64 + 1/5**2": "That is without the depth multiplier.",
            "2/64 + 1/5**2": "The pointwise half reads C·D channels: its term has a D too.",
            "1/64 + 2/5**2": "There are C·D kernels: the depthwise term has a D too.",
            "2/64 + 2/5": "A 5x5 kernel has 25 weights.",
            "1/(2/64 + 2/5**2)": "That is how many times cheaper it is; the share was asked for.",
        },
        tolerance=0.005,
    ),
    "03.3": ExerciseAnswer(
        lambda: _read_by(50),
        (
            "Channel c makes the outputs c·D to c·D + D − 1.",
            "Input 0 makes the outputs 0, 1 and 2, and input 1 makes the next three. Divide by three, and round down.",
        ),
        "Input c makes the outputs 3c, 3c + 1 and 3c + 2. Output 50 is made by input {50//3}.",
        {
            "50 % 24": "The outputs of one input channel are neighbours. They are not dealt out in turn.",
            "50//3 + 1": "Channels are counted from 0.",
            "50*3": "The input has only 24 channels: divide, do not multiply.",
        },
    ),
    "03.4": ExerciseAnswer(
        _mixed,
        (
            "The second channel is 9 more than the first at every pixel, and a window adds up four of them.",
            "Each pixel of the result is (sum of four numbers) minus (sum of the same four numbers, each 9 larger).",
        ),
        "A window of the second map adds up four numbers, each 9 larger than in the first map. The difference "
        "is {-4*9}.",
        {
            "-9": "A window adds up four numbers, and each of them differs.",
            "36": "The second map has the weight -1, and its numbers are the larger ones.",
            "-18": "A window of 2x2 has four pixels.",
        },
    ),
    "03.5": ExerciseAnswer(
        _two_kernels,
        (
            "Each tap adds up the four pixels that it reads, 0 + 1 + 3 + 4 for the first one; and there "
            "are two kernels.",
            "The four taps read sums of 8, 12, 20 and 24. How many kernels are there?",
        ),
        "Each tap adds up the pixels that it reads, {(0 + 1 + 3 + 4, 1 + 2 + 4 + 5, 3 + 4 + 6 + 7, 4 + 5 + 7 "
        "+ 8)}. Both kernels get the same, so the sum is {2*(8 + 12 + 20 + 24)}.",
        {
            "8 + 12 + 20 + 24": "That is one kernel; there are two.",
            "2*36": "A pixel in the middle was read by several taps, and counts for each of them.",
            "36": "That is the sum of x. A pixel counts once for each tap that read it.",
        },
    ),
}
