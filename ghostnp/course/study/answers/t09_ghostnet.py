"""Tutorial 09: GhostNet, official and Keras side by side."""

from functools import cache

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.models import create_model
from ghostnp.modules import Conv2d, Residual, Sequential, initializer


@cache
def _rows(size=224):
    return count(create_model("ghostnet_100", seed=None), (1, 3, size, size)).rows


def _sum(path, measure):
    return int(sum(getattr(row, measure) for row in _rows() if row.path.startswith(path)))


def _through_residuals():
    """A gradient through eleven residual blocks, each a 1x1 convolution with the weight -0.1 beside the identity."""
    with initializer(None, np.float64):
        blocks = Sequential(*(Residual(conv=Conv2d(1, 1, 1, bias=False)) for _ in range(11)))
    for array in blocks.parameters().values():
        array[...] = -0.1
    one = np.ones((1, 1, 1, 1))
    return blocks.backward(one, blocks.forward(one)[1])[0].item()


def _pixels():
    last = [row for row in _rows(320) if row.path.startswith("blocks.8.3")][-1]
    return last.output[2] * last.output[3]


def _second_share():
    xs = (np.zeros((1, 2, 2, 2)),) * 2
    return ops.concat_backward(np.arange(12.0).reshape(1, 3, 2, 2), xs, keep=3)[1].sum()


ANSWERS = {
    "09.1": ExerciseAnswer(
        lambda: _sum("blocks.8.1.", "params"),
        (
            "Two ghost modules with two batch norms each, and two 1x1 convolutions with biases; its "
            "kernel is not used.",
            "Ghost 1 has 160·480 + 480·9 weights and 2·960 numbers of batch norm. Do the same for ghost "
            "2, and add the two 1x1.",
        ),
        "Ghost 1 has {160*480 + 480*9 + 2*960}, squeeze-and-excitation {960*240 + 240 + 240*960 + 960}, ghost "
        "2 {960*80 + 80*9 + 2*160}. The shortcut is x itself. Together {160*480 + 480*9 + 2*960 + 960*240 + "
        "240 + 240*960 + 960 + 960*80 + 80*9 + 2*160}.",
        {
            "160*480 + 480*9 + 2*960 + 960*240 + 240*960 + 960*80 + 80*9 + 2*160": (
                "The convolutions of squeeze-and-excitation have biases."
            ),
            "160*480 + 480*9 + 2*960 + 960*80 + 80*9 + 2*160": "Squeeze-and-excitation is missing.",
            "160*480 + 480*9 + 960*240 + 240 + 240*960 + 960 + 960*80 + 80*9": "The batch norms are missing.",
            "160*480 + 480*9 + 2*960 + 960*240 + 240 + 240*960 + 960 + 960*80 + 80*9 + 2*160 + 960*25 + 2*960": (
                "At stride 1 a bottleneck has no depthwise convolution in the middle."
            ),
        },
    ),
    "09.2": ExerciseAnswer(
        _through_residuals,
        (
            "One block makes dx = a·dy + dy of dy. The next block does the same with that.",
            "Each block multiplies the gradient by 1 + a.",
        ),
        "A block makes dx = a·dy + dy = (1 + a)·dy. So n blocks make (1 + a)^n, here {(1 - 0.1)**11}.",
        {
            "(-0.1)**11": "That is without the shortcuts.",
            "1.1**11": "a is negative.",
            "1 - 11*0.1": "The blocks multiply; their parts do not add up.",
        },
        tolerance=0.005,
    ),
    "09.3": ExerciseAnswer(
        lambda: _sum("blocks.6.3.shortcut", "params"),
        (
            "A depthwise 3x3 and a 1x1, each with a batch norm of 2 numbers a map.",
            "The depthwise 3x3 has 80·9 weights and 2·80 numbers of batch norm.",
        ),
        "A depthwise 3x3 over 80 maps and a 1x1 from 80 to 112, each with a batch norm: {80*9 + 2*80 + 80*112 "
        "+ 2*112}.",
        {
            "80*9 + 80*112": "The batch norms are missing.",
            "80*112 + 2*112": "The shortcut begins with a depthwise convolution.",
            "80*112*9 + 2*112": "The 3x3 convolution is depthwise, and a 1x1 follows.",
        },
    ),
    "09.4": ExerciseAnswer(
        _pixels,
        (
            "The stem strides by 2 and so do four blocks.",
            "Halve 320 five times: that is one side.",
        ),
        "The stem and four blocks halve the side: {320//2**5}. So a map has {10*10} pixels.",
        {
            "7*7": "That is for a photo of 224x224.",
            "10": "That is one side.",
            "20*20": "Five layers stride: the stem and four blocks.",
        },
    ),
    "09.5": ExerciseAnswer(
        _second_share,
        (
            "Of the three channels of dy two belong to the first array; the fourth was cut off.",
            "The second array gets the third channel of dy, whose numbers are 8 to 11.",
        ),
        "The first array has two channels, so the third channel of dy belongs to the second array. The sum is "
        "{8 + 9 + 10 + 11}.",
        {
            "66": "That is the sum of all of dy; the first array gets a part of it.",
            "22": "That is the second channel, which belongs to the first array.",
            "28": "Those are the first two channels, which belong to the first array.",
        },
    ),
}
