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
            "Each of the 240 filters reads 240 / 3 channels, and has one bias.",
            "A filter has 80·3·3 weights and one bias.",
        ),
        "Each of the 240 filters reads 240/3 = 80 channels and has one bias. So there are {240*(80*3*3 + 1)} "
        "parameters.",
        {
            "240*80*3*3": "The biases are missing.",
            "240*(240*3*3 + 1)": "With 3 groups, a filter reads only a third of the input channels.",
            "80*(80*3*3 + 1)": "This is the number for one group, but there are three groups.",
            "3*240*(80*3*3 + 1)": "There are 240 filters in all, not in each group.",
        },
    ),
    "04.2": ExerciseAnswer(
        _as_expensive_as,
        (
            "An output number takes one multiply-add for each weight of its filter. A filter has 80 weights with "
            "groups, and 240 weights without groups.",
            "Both convolutions have the same number of pixels, so it is enough to compare the weights. There are 60·80 "
            "weights with groups, and n·240 weights without groups.",
        ),
        "60 filters with 80 weights each take as many multiply-adds as n filters with 240 weights each. So n "
        "= {60*80//240}.",
        {
            "60*3": "Without groups, each output channel takes more multiply-adds, so n is smaller than 60.",
            "60": "A filter without groups has three times as many weights as a filter with 3 groups.",
            "80": "This is the number of channels that a filter reads with 3 groups.",
        },
    ),
    "04.3": ExerciseAnswer(
        lambda: _read_by(13),
        (
            "Each group has 4 input channels and 6 output channels. In which group is output channel 13?",
            "Output channel 13 is in the third group. The first group reads input channels 0 to 3, and the second "
            "group reads input channels 4 to 7.",
        ),
        "A group has 18/3 = 6 output channels and 12/3 = 4 input channels. Counted from 0, output channel 13 "
        "is in group {13//6}. So it reads input channels {(2*4, 2*4 + 3)}.",
        {
            "(4, 7)": "This is the second group, which has output channels 6 to 11.",
            "(12, 17)": "These are the output channels of this group. The question is about its input channels.",
            "(9, 12)": "Channels are counted from 0.",
            "(0, 11)": "With groups, an output channel reads only the input channels of its own group.",
        },
    ),
    "04.4": ExerciseAnswer(
        _shrinks,
        (
            "Divide C_out·(C_in·k² + 1) by C_out·(C_in·k²/g + 1). The number of biases stays the same.",
            "Without groups, a filter has 64 weights and one bias. With groups, a filter has 8 weights and one bias.",
        ),
        "The factor is C_out·(C_in·k² + 1) / (C_out·(C_in·k²/g + 1)), in which C_out cancels. Each filter has one "
        "bias with groups and without groups, so the factor is smaller than g. Here it is {(64 + 1)/(64/8 + 1)}.",
        {
            "8": "The number of weights becomes g times smaller, but the number of biases does not.",
            "(64/8 + 1)/(64 + 1)": "This is the inverse. Divide the larger count by the smaller count.",
            "64": "The number of weights is divided by g only once, because the number of filters stays the same.",
        },
        tolerance=0.005,
    ),
    "04.5": ExerciseAnswer(
        _largest,
        (
            "The last two filters read channels 4 and 5. One filter has the weights 9 and 10, and the other has the "
            "weights 11 and 12.",
            "The last filter gives the largest number. It multiplies channel 4 by its first weight, and channel 5 by "
            "its second weight.",
        ),
        "The last filter has the weights 11 and 12. It reads channels 4 and 5, whose numbers are 4 and 5. So the "
        "largest number is {11*4 + 12*5}.",
        {
            "9*4 + 10*5": "This is the number in output channel 4. The number in output channel 5 is larger.",
            "11*5 + 12*4": "The first weight belongs to the first channel of the group.",
            "11*0 + 12*1": "The last group reads the last two channels.",
        },
    ),
}
