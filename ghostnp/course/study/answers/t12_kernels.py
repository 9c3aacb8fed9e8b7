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
            "Three arrays, each number once, and a float32 is 4 bytes.",
            "64·14·14 numbers go in and 128·14·14 come out. There is a weight for each pair of channels.",
        ),
        "Maps in, weights and maps out are {64*14*14 + 64*128 + 128*14*14} numbers of 4 bytes: {4*(64*14*14 + "
        "64*128 + 128*14*14)}.",
        {
            "64*14*14 + 64*128 + 128*14*14": "Those are numbers; each has 4 bytes.",
            "4*(64*14*14 + 128*14*14)": "The weights have to be read too.",
            "4*(64*14*14 + 64*128)": "The result has to be written too.",
            "64*128*14*14": "Those are the multiply-adds.",
        },
    ),
    "12.2": ExerciseAnswer(
        _balanced,
        (
            "For each pixel, C·D multiply-adds and C + D numbers of 4 bytes. The weights are read once for all pixels.",
            "You get C·D / (4·(C + D)). Set it to 5, with C = 24, and solve for D.",
        ),
        "For P pixels there are C·D·P multiply-adds, and 4·(C + D)·P bytes besides the weights. So I = C·D / "
        "(4·(C + D)), which is less than C/4 for any D: with C = 20 it stays below 5. It is 5 if C·D = 20·C + "
        "20·D, so D = 20·C / (C - 20), here {20*24//(24 - 20)}.",
        {
            "40": "That is for as many channels out as in.",
            "20*24/24": "What comes out moves bytes too: C + D numbers for each pixel.",
            "30": "A float32 has 4 bytes.",
        },
    ),
    "12.3": ExerciseAnswer(
        _folded,
        (
            "a is γ divided by the root; it multiplies the weight, and what is left of b after the mean.",
            "a is 6/4. The new weight is a·w, the new bias a·(b - μ) + β.",
        ),
        "a = γ/√(σ² + ε) = {6/sqrt(16)}. The weight becomes a·w and the bias a·(b - μ) + β: {(1.5*0.5, 1.5*(2 "
        "- 1) - 1)}.",
        {
            "(1.5*0.5, 1.5*2 - 1)": "The mean is subtracted from b before the multiplication.",
            "(1.5*0.5, 1.5*(2 - 1))": "β is added at the end.",
            "(6/16*0.5, 6/16*(2 - 1) - 1)": "Divide by the root, not by σ² + ε.",
        },
        tolerance=1e-9,
    ),
    "12.4": ExerciseAnswer(
        lambda: np.empty((32, 14, 14, 8), np.float32).strides[1],
        (
            "A row of pixels lies in between, and each pixel is there once for every image.",
            "A row has 14 pixels of 8 images each, and a number has 4 bytes.",
        ),
        "Innermost are the 8 images of a pixel, then come the 14 pixels of a row: {14*8*4} bytes to the row below.",
        {
            "14*4": "Each pixel is there once for every image.",
            "14*8": "Those are numbers; each has 4 bytes.",
            "8*4": "That is the pixel to the right.",
            "14*14*8*4": "That is the same pixel of the next channel.",
        },
    ),
    "12.5": ExerciseAnswer(
        _pooled,
        (
            "Which windows have their largest number there? Each sends its dy to that pixel alone.",
            "The largest number of each window is in its lower right corner, so the four windows chose "
            "[2, 2], [2, 3], [3, 2] and [3, 3].",
        ),
        "Only the upper right window has its largest number at [2, 3]. Its y is x[2, 3], and dy = y: {4*2 + 3}.",
        {
            "11 + 15": "The lower right window has its largest number at [3, 3].",
            "15": "That is the last pixel of the last row.",
            "10": "That is the third pixel of the row; the last one was asked for.",
        },
    ),
}
