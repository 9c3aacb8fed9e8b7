"""Tutorial 12: from formula to fast kernel."""

from math import prod

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_MAPS, _FILTERS = (1, 64, 14, 14), (128, 64, 1, 1)


def _pointwise():
    return ops.pointwise_conv2d_cost(_MAPS, _FILTERS)


def _balanced():
    """Channels out of a pointwise convolution with 24 in that does 5 multiply-adds for each byte of its maps."""
    pixels = (1, 24, 100, 100)

    def intensity(channels):
        cost = ops.pointwise_conv2d_cost(pixels, (channels, 24, 1, 1))
        return cost.macs / (4 * (prod(pixels) + prod(cost.output)))

    return next(channels for channels in range(1, 1000) if intensity(channels) >= 5)


def _folded():
    """What the convolution and its batch norm do to 0 and to 1 gives bias and slope."""
    x = np.array([0.0, 1]).reshape(2, 1, 1, 1)
    filtered = ops.pointwise_conv2d(x, np.full((1, 1, 1, 1), 0.5), np.array([2.0]))
    norm = [np.array([value]) for value in (6.0, -1.0, 1.0, 15.0)]
    at_zero, at_one = ops.batch_norm_eval(filtered, *norm, eps=1.0).ravel()
    return at_one - at_zero, at_zero


def _pooled():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    y, argmax = ops.max_pool2d(x, 3, stride=1)
    return ops.max_pool2d_backward(y, x, 3, argmax, stride=1)[0, 0, 2, 3]


ANSWERS = {
    "12.1": ExerciseAnswer(
        lambda: 4 * (prod(_MAPS) + int(_pointwise().params) + prod(_pointwise().output)),
        (
            "Count the numbers of the three arrays, each number once. A float32 has 4 bytes.",
            "The input maps have 64·14·14 numbers, and the output maps have 128·14·14 numbers. There is one weight for "
            "each pair of channels.",
        ),
        "The input maps, the weights and the output maps have {64*14*14 + 64*128 + 128*14*14} numbers together. With 4 "
        "bytes for each number, these are {4*(64*14*14 + 64*128 + 128*14*14)} bytes.",
        {
            "64*14*14 + 64*128 + 128*14*14": "This is the count of numbers, but each number has 4 bytes.",
            "4*(64*14*14 + 128*14*14)": "The weights have to be read, too.",
            "4*(64*14*14 + 64*128)": "The output maps have to be written, too.",
            "64*128*14*14": "This is the number of multiply-adds.",
        },
    ),
    "12.2": ExerciseAnswer(
        _balanced,
        (
            "For each pixel, there are C·D multiply-adds, and C + D numbers of 4 bytes.",
            "The intensity is C·D / (4·(C + D)). Set this equal to 5 with C = 24, and solve the equation for D.",
        ),
        "For P pixels, there are C·D·P multiply-adds, and 4·(C + D)·P bytes without the weights. So the intensity is I "
        "= C·D / (4·(C + D)), which is less than C/4 for any D. Therefore I is always below 5 if C is 20 or less. I is "
        "exactly 5 if C·D = 20·C + 20·D. So D = 20·C / (C - 20), which is {20*24//(24 - 20)} here.",
        {
            "40": "This is the answer for a convolution with as many output channels as input channels.",
            "20*24/24": "The output maps have bytes, too. For each pixel, there are C + D numbers.",
            "30": "A float32 has 4 bytes.",
        },
    ),
    "12.3": ExerciseAnswer(
        _folded,
        (
            "The factor a is γ divided by the square root of v + ε. The weight is multiplied by a, and so is b - μ.",
            "The factor a is 6/4. The new weight is a·w, and the new bias is a·(b - μ) + β.",
        ),
        "The factor is a = γ/√(v + ε) = {6/sqrt(16)}. The new weight is a·w, and the new bias is a·(b - μ) + β. So the "
        "answer is {(1.5*0.5, 1.5*(2 - 1) - 1)}.",
        {
            "(1.5*0.5, 1.5*2 - 1)": "Subtract the mean from b before you multiply by a.",
            "(1.5*0.5, 1.5*(2 - 1))": "Add β at the end.",
            "(6/16*0.5, 6/16*(2 - 1) - 1)": "Divide by the square root of v + ε, not by v + ε.",
        },
        tolerance=1e-9,
    ),
    "12.4": ExerciseAnswer(
        lambda: np.empty((32, 14, 14, 8), np.float32).strides[1],
        (
            "The distance is one row of pixels. Each pixel of this row is stored once for every image.",
            "A row has 14 pixels of 8 images each, and each number has 4 bytes.",
        ),
        "The innermost axis has the 8 images of a pixel, and the next axis has the 14 pixels of a row. So the distance "
        "to the pixel below is {14*8*4} bytes.",
        {
            "14*4": "Each pixel is stored once for every image.",
            "14*8": "This is the distance in numbers, but each number has 4 bytes.",
            "8*4": "This is the distance to the pixel on the right.",
            "14*14*8*4": "This is the distance to the same pixel of the next channel.",
        },
    ),
    "12.5": ExerciseAnswer(
        _pooled,
        (
            "Which windows have their largest number at this pixel? Each window adds its dy only to the pixel with the "
            "largest number.",
            "The largest number of each window is in its lower right corner. So the largest numbers of the four "
            "windows are at [2, 2], [2, 3], [3, 2] and [3, 3].",
        ),
        "Only the upper right window has its largest number at [2, 3]. Its y is x[2, 3], and dy is equal to y. So the "
        "gradient is {4*2 + 3}.",
        {
            "11 + 15": "The lower right window has its largest number at [3, 3].",
            "15": "This is the gradient of the last pixel of the last row.",
            "10": "This is the gradient of the third pixel of the row. The question is about the last pixel.",
        },
    ),
}
