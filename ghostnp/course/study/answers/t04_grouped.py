"""Tutorial 04: grouped convolution."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer

_MAPS = (1, 240, 28, 28)


def _read_by(channel):
    """First and last input channel that a change of this output channel goes back to."""
    dy = np.zeros((1, 18, 1, 1))
    dy[0, channel] = 1
    dx = ops.grouped_conv2d_backward(dy, np.zeros((1, 12, 1, 1)), np.ones((18, 4, 1, 1)), groups=3).x.ravel()
    return int(dx.nonzero()[0][0]), int(dx.nonzero()[0][-1])


def _shrinks():
    one, eight = (
        ops.grouped_conv2d_cost((1, 64, 4, 4), (64, 64 // groups, 1, 1), bias=True, groups=groups) for groups in (1, 8)
    )
    return one.params / eight.params


def _largest():
    x, weight = np.arange(6.0).reshape(1, 6, 1, 1), np.arange(1.0, 13).reshape(6, 2, 1, 1)
    return ops.grouped_conv2d(x, weight, groups=3).max()


def _as_expensive_as():
    """Output channels of a standard 1x1 convolution that costs as much as one to 60 channels in 3 groups."""
    grouped = ops.grouped_conv2d_cost(_MAPS, (60, 80, 1, 1), groups=3)
    return next(n for n in range(1, 61) if ops.pointwise_conv2d_cost(_MAPS, (n, 240, 1, 1)).macs == grouped.macs)


ANSWERS = {
    "04.1": ExerciseAnswer(
        lambda: int(ops.grouped_conv2d_cost(_MAPS, (240, 80, 3, 3), bias=True, padding=1, groups=3).params),
        (
            "Each of the 240 filters sees 240 / 3 channels, and has one bias.",
            "A filter has 80·3·3 weights and a bias.",
        ),
        "Each of the 240 filters sees 240/3 = 80 channels and has one bias: {240*(80*3*3 + 1)}.",
        {
            "240*80*3*3": "The biases are missing.",
            "240*(240*3*3 + 1)": "In 3 groups a filter sees a third of the input channels.",
            "80*(80*3*3 + 1)": "That is one group; all three were asked for.",
            "3*240*(80*3*3 + 1)": "There are 240 filters in all, not in each group.",
        },
    ),
    "04.2": ExerciseAnswer(
        _as_expensive_as,
        (
            "An output number takes a multiply-add for each weight of its filter: 80 with groups, 240 without.",
            "Both have the same pixels, so compare the weights: 60·80 with groups, n·240 without.",
        ),
        "60 filters with 80 weights each take as many multiply-adds as n filters with 240 weights each. So n "
        "= {60*80//240}.",
        {
            "60*3": "With groups the work is smaller, so the same work gives fewer channels without groups.",
            "60": "A filter without groups has three times as many weights.",
            "80": "That is how many channels a filter sees with 3 groups.",
        },
    ),
    "04.3": ExerciseAnswer(
        lambda: _read_by(13),
        (
            "There are 6 outputs and 4 inputs to a group: which group is output 13 in?",
            "Output 13 is in the third group. The first group reads the inputs 0 to 3, the second one 4 to 7.",
        ),
        "A group has 18/3 = 6 outputs and 12/3 = 4 inputs. Output 13 is in group 13//6, which is {13//6}. It "
        "reads the inputs {(2*4, 2*4 + 3)}.",
        {
            "(4, 7)": "That is the second group. It has the outputs 6 to 11.",
            "(12, 17)": "Those are the outputs of this group; its inputs were asked for.",
            "(9, 12)": "Channels are counted from 0.",
            "(0, 11)": "With groups, an output reads only the inputs of its own group.",
        },
    ),
    "04.4": ExerciseAnswer(
        _shrinks,
        (
            "Divide C_out·(C_in·k² + 1) by C_out·(C_in·k²/g + 1): the biases do not shrink.",
            "Without groups a filter has 64 weights and a bias, with groups 8 weights and a bias.",
        ),
        "C_out·(C_in·k² + 1) / (C_out·(C_in·k²/g + 1)): C_out cancels. Each filter has one bias with and "
        "without groups, so the factor is smaller than g. Here it is {(64 + 1)/(64/8 + 1)}.",
        {
            "8": "The weights become fewer by g, but the biases do not.",
            "(64/8 + 1)/(64 + 1)": "That is upside down: divide the larger count by the smaller one.",
            "64": "g divides once: there are as many filters as before.",
        },
        tolerance=0.005,
    ),
    "04.5": ExerciseAnswer(
        _largest,
        (
            "The last two filters read the channels 4 and 5; their weights are 9, 10 and 11, 12.",
            "The last filter is the largest one: it multiplies channel 4 by its first weight and channel "
            "5 by its second.",
        ),
        "The last filter has the weights 11 and 12. It reads the channels 4 and 5, whose numbers are 4 and 5: "
        "{11*4 + 12*5}.",
        {
            "9*4 + 10*5": "That is the last output but one.",
            "11*5 + 12*4": "The first weight belongs to the first channel of the group.",
            "11*0 + 12*1": "The last group reads the last two channels.",
        },
    ),
}
