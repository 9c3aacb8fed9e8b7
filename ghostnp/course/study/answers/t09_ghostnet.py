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
            "There are two ghost modules with two batch norms each, and the two 1x1 convolutions of SE with biases. At "
            "stride 1, there is no depthwise convolution in the middle.",
            "Ghost 1 has 160·480 + 480·9 weights, and its batch norms have 2·960 parameters. Count ghost 2 in the same "
            "way, and add the two 1x1 convolutions of SE.",
        ),
        "Ghost 1 has {160*480 + 480*9 + 2*960} parameters, SE has {960*240 + 240 + 240*960 + 960}, and ghost 2 has "
        "{960*80 + 80*9 + 2*160}. The shortcut is x itself and has no parameters. The sum is {160*480 + 480*9 + 2*960 "
        "+ 960*240 + 240 + 240*960 + 960 + 960*80 + 80*9 + 2*160}.",
        {
            "160*480 + 480*9 + 2*960 + 960*240 + 240*960 + 960*80 + 80*9 + 2*160": (
                "The two 1x1 convolutions of SE have biases."
            ),
            "160*480 + 480*9 + 2*960 + 960*80 + 80*9 + 2*160": "SE is missing.",
            "160*480 + 480*9 + 960*240 + 240 + 240*960 + 960 + 960*80 + 80*9": "The batch norms are missing.",
            "160*480 + 480*9 + 2*960 + 960*240 + 240 + 240*960 + 960 + 960*80 + 80*9 + 2*160 + 960*25 + 2*960": (
                "At stride 1, a bottleneck has no depthwise convolution in the middle."
            ),
        },
    ),
    "09.2": ExerciseAnswer(
        _through_residuals,
        (
            "Each block returns dx = a·dy + dy. This dx is the dy of the block before it.",
            "Each block multiplies the gradient by 1 + a.",
        ),
        "Each block returns dx = a·dy + dy = (1 + a)·dy. So n blocks multiply the gradient by (1 + a)^n, which is {(1 "
        "- 0.1)**11} here.",
        {
            "(-0.1)**11": "This is the factor without the shortcuts.",
            "1.1**11": "The number a is negative.",
            "1 - 11*0.1": "The factors of the blocks are multiplied, not added.",
        },
        tolerance=0.005,
    ),
    "09.3": ExerciseAnswer(
        lambda: _sum("blocks.6.3.shortcut", "params"),
        (
            "The shortcut has a depthwise 3x3 convolution and a 1x1 convolution, each with a batch norm. A batch norm "
            "has 2 parameters for each map.",
            "The depthwise 3x3 convolution has 80·9 weights, and its batch norm has 2·80 parameters.",
        ),
        "The shortcut has a depthwise 3x3 convolution of 80 maps and a 1x1 convolution from 80 to 112 maps, each with "
        "a batch norm. Together they have {80*9 + 2*80 + 80*112 + 2*112} parameters.",
        {
            "80*9 + 80*112": "The batch norms are missing.",
            "80*112 + 2*112": "The shortcut begins with a depthwise convolution.",
            "80*112*9 + 2*112": "The 3x3 convolution is depthwise, and a 1x1 convolution follows.",
        },
    ),
    "09.4": ExerciseAnswer(
        _pixels,
        (
            "The stem and four of the blocks have stride 2.",
            "Halve 320 five times. The result is one side of the map.",
        ),
        "The stem and four blocks halve the side of the maps, so the side is {320//2**5}. A map has {10*10} pixels.",
        {
            "7*7": "This is the answer for a photo of 224x224 pixels.",
            "10": "This is one side. The question is about all pixels of a map.",
            "20*20": "The side is halved five times, once by the stem and once by each of four blocks.",
        },
    ),
    "09.5": ExerciseAnswer(
        _second_share,
        (
            "Of the three channels of dy, two belong to the first array. The fourth channel of the concatenation was "
            "cut off.",
            "The second array gets the third channel of dy, whose numbers are 8 to 11.",
        ),
        "The first array has two channels, so the third channel of dy belongs to the second array. The other channel "
        "of the second array was cut off, so its gradient is zero. The sum is {8 + 9 + 10 + 11}.",
        {
            "66": "This is the sum of all numbers of dy, but a part of dy belongs to the first array.",
            "22": "This is the sum of the second channel of dy, which belongs to the first array.",
            "28": "This is the sum of the first two channels of dy, which belong to the first array.",
        },
    ),
}
