"""Tutorial 05: channel shuffle and the ShuffleNet units."""

import numpy as np

from ghostnp import ops
from ghostnp.course.documents.unit_costs import shufflenet_unit
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.modules import ShuffleUnit


def _channels(count):
    return np.arange(float(count)).reshape(1, count, 1, 1)


def _period():
    start = _channels(12)
    x, times = ops.channel_shuffle(start, 3), 1
    while not np.array_equal(x, start):
        x, times = ops.channel_shuffle(x, 3), times + 1
    return times


def _back():
    dy = ops.channel_shuffle(_channels(10), 5)
    return ops.channel_shuffle_backward(dy, dy, 2)[0, 4, 0, 0]


ANSWERS = {
    "05.1": ExerciseAnswer(
        lambda: int(ops.channel_shuffle(_channels(240), 3)[0, 100, 0, 0]),
        (
            "Write 100 as p·3 + q. Then q is the group of the channel, and p is its position in this group of 80 "
            "channels.",
            "100 is 33·3 + 1. So the channel comes from group 1. Which position does it have in this group?",
        ),
        "100 = 33·3 + 1, so the channel has position 33 in group 1. This group begins at channel 80, so the "
        "channel is {1*80 + 33}.",
        {
            "20*3 + 1": "This is the position to which channel 100 moves. Which channel moves to position 100?",
            "20*3": "This is near the position to which channel 100 moves. Which channel moves to position 100?",
            "33": "This is the position within the group. Add the first channel of the group.",
            "100": "A shuffle by 3 groups moves channel 100 to another position.",
            "114": "Channels and groups are counted from 0.",
        },
    ),
    "05.2": ExerciseAnswer(
        lambda: count(ShuffleUnit(480, 960, groups=3, stride=2), (1, 480, 14, 14)).macs,
        (
            "Only the first 1x1 convolution has an output of 14x14 pixels. The second 1x1 convolution makes only the "
            "channels that do not come from the pool.",
            "The three terms are 14·14·240·(480/3), 7·7·240·9 and 7·7·480·(240/3).",
        ),
        "The first 1x1 convolution takes {14*14*240*160} multiply-adds, and the depthwise convolution takes "
        "{7*7*240*9}. The second 1x1 convolution makes only 960 - 480 maps and takes {7*7*480*80}. The sum is "
        "{14*14*240*160 + 7*7*240*9 + 7*7*480*80}.",
        {
            "7*7*(240*160 + 240*9 + 480*80)": (
                "The first 1x1 convolution comes before the stride, so its output has 14x14 pixels."
            ),
            "14*14*240*160 + 7*7*240*9 + 7*7*960*80": (
                "480 of the 960 channels come from the pool, so the second 1x1 convolution makes only the other 480."
            ),
            "14*14*240*480 + 7*7*240*9 + 7*7*480*240": "Both 1x1 convolutions have 3 groups.",
            "14*14*(240*160 + 240*9) + 7*7*480*80": (
                "The depthwise convolution has stride 2, so its output has 7x7 pixels."
            ),
        },
    ),
    "05.3": ExerciseAnswer(
        lambda: shufflenet_unit(14, 14, 480, 120, 1) / shufflenet_unit(14, 14, 480, 120, 3),
        (
            "Divide hw(2cm + 9m) by hw(2cm/g + 9m), and cancel hwm. The depthwise convolution costs the same in both "
            "units.",
            "The factor is (2c + 9) / (2c/g + 9).",
        ),
        "The factor is hw(2cm + 9m) / (hw(2cm/g + 9m)) = (2c + 9) / (2c/g + 9), which does not contain h, w or m. For "
        "large c, the factor approaches g. Here it is {(2*480 + 9)/(2*480/3 + 9)}.",
        {
            "3": "The factor approaches this value for large c. But the depthwise convolution does not become cheaper.",
            "(2*480/3 + 9)/(2*480 + 9)": "This is the inverse. Divide the cost of unit (a) by the cost of unit (b).",
            "(480 + 9)/(480/3 + 9)": "There are two 1x1 convolutions.",
        },
        tolerance=0.005,
    ),
    "05.4": ExerciseAnswer(
        _period,
        (
            "Follow channel 1. To which position does the first shuffle move it, to which position does the second "
            "shuffle move it, and so on?",
            "Position k receives channel 4k modulo 11, except that position 11 keeps its channel. Which power of 4 is "
            "equal to 1 modulo 11?",
        ),
        "Position k receives channel 4k modulo 11, so after t shuffles it has channel 4^t·k modulo 11. Modulo 11, the "
        "powers of 4 are {(4 % 11, 4**2 % 11, 4**3 % 11, 4**4 % 11, 4**5 % 11)}. The last of these numbers is 1, so it "
        "takes {5} shuffles.",
        {
            "2": "A shuffle by 3 groups is undone by a shuffle by 4 groups, not by a second shuffle by 3 groups.",
            "12": "This is the number of channels, but the channels are at their first positions earlier.",
            "10": "After this number of shuffles, the channels are at their first positions for the second time.",
        },
    ),
    "05.5": ExerciseAnswer(
        _back,
        (
            "The backward pass of a shuffle by 2 groups is a shuffle by 10 / 2 groups. So there are two shuffles by 5 "
            "groups in sequence.",
            "Write down the row after the first shuffle. Shuffle this row by 5 groups again, and look at position 4.",
        ),
        "After the first shuffle, the row is 0 2 4 6 8 1 3 5 7 9. The backward pass of a shuffle by 2 groups is a "
        "shuffle by {10//2} groups of two numbers. It takes the first number of each group, 0 4 8 3 7, and then "
        "the second number of each group. So the number at position 4 is {7}.",
        {
            "8": "This is the number after the first shuffle. The backward pass is a second shuffle.",
            "4": "A forward shuffle by 2 groups undoes the shuffle by 5 groups. But dx needs the backward pass.",
        },
    ),
}
