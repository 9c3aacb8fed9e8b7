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
            "The depthwise half has one 5x5 kernel for each input channel. The pointwise half has one weight for each "
            "pair of channels.",
            "The depthwise half has 32·5·5 weights. The pointwise half has one weight for each of the 32·64 pairs.",
        ),
        "The depthwise half has one kernel for each of the 32 channels, and the pointwise half has one weight for each "
        "pair of channels. Together they have {32*5*5 + 32*64} weights.",
        {
            "32*64*5*5": "This is the number for a standard convolution.",
            "32*5*5": "The pointwise half is missing.",
            "32*64": "The depthwise half is missing.",
            "64*5*5 + 64*32": (
                "The depthwise half comes first, so it has one kernel for each of the 32 input channels."
            ),
            "32*5*5 + 32*64 + 32 + 64": "There are no biases here.",
        },
    ),
    "03.2": ExerciseAnswer(
        _share,
        (
            "There are C·D kernels of k² weights, and the pointwise half has C·D·C_out weights. Divide by C·C_out·k².",
            "Both terms contain C and D. Cancel C. Then the term of the depthwise half is D/C_out. What is the term of "
            "the pointwise half?",
        ),
        "The share is (C·D·k² + C·D·C_out) / (C·C_out·k²) = D/C_out + D/k², here {2/64 + 2/5**2}.",
        {
            "1/64 + 1/5**2": "This is the share without the depth multiplier.",
            "2/64 + 1/5**2": "The pointwise half reads C·D channels, so its term has the factor D too.",
            "1/64 + 2/5**2": "There are C·D kernels, so the term of the depthwise half has the factor D too.",
            "2/64 + 2/5": "A 5x5 kernel has 25 weights.",
            "1/(2/64 + 2/5**2)": "This is how many times cheaper it is. The question is about the share.",
        },
        tolerance=0.005,
    ),
    "03.3": ExerciseAnswer(
        lambda: _read_by(50),
        (
            "The kernels of input channel c make output channels c·D to c·D + D − 1.",
            "From input channel 0 come output channels 0, 1 and 2, and from input channel 1 come the next three. "
            "Divide by three, and round down.",
        ),
        "From input channel c come output channels 3c, 3c + 1 and 3c + 2. So output channel 50 reads input channel "
        "{50//3}.",
        {
            "50 % 24": "The output channels of one input channel are neighbours. They are not 24 channels apart.",
            "50//3 + 1": "Channels are counted from 0.",
            "50*3": "The input has only 24 channels. Divide by 3, do not multiply.",
        },
    ),
    "03.4": ExerciseAnswer(
        _mixed,
        (
            "At every pixel, the second channel is larger than the first channel by 9. A window adds up four pixels.",
            "Each pixel of the result is the sum of four numbers, minus the sum of four numbers that are larger by 9.",
        ),
        "A window of the second map adds up four numbers. Each of them is larger by 9 than the number at the same "
        "position in the first map. So the difference is {-4*9}.",
        {
            "-9": "A window adds up four numbers, and each of these numbers differs by 9.",
            "36": "The second map has the weight -1, and its numbers are larger than the numbers of the first map.",
            "-18": "A window of 2x2 has four pixels.",
        },
    ),
    "03.5": ExerciseAnswer(
        _two_kernels,
        (
            "Since dy consists of ones, the gradient of a weight is the sum of the four pixels that its tap reads. For "
            "the first tap, this is 0 + 1 + 3 + 4. There are two kernels.",
            "The pixels of the four taps have the sums 8, 12, 20 and 24. How many kernels are there?",
        ),
        "The gradient of a weight is the sum of the pixels that its tap reads. For the four taps, these sums are "
        "{(0 + 1 + 3 + 4, 1 + 2 + 4 + 5, 3 + 4 + 6 + 7, 4 + 5 + 7 + 8)}. Both kernels have the same gradient, so the "
        "sum of all numbers is {2*(8 + 12 + 20 + 24)}.",
        {
            "8 + 12 + 20 + 24": "This is the sum for one kernel, but there are two kernels.",
            "2*36": "The pixel in the middle was read by several taps. It counts once for each of these taps.",
            "36": "This is the sum of x. A pixel counts once for each tap that read it.",
        },
    ),
}
