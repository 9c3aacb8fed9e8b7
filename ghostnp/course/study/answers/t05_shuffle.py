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
            "Place 100 is p·3 + q: its q says of which group, and its p which place in that group of 80.",
            "100 is 33·3 + 1. So the channel comes from group 1. Which place does it have there?",
        ),
        "100 = 33·3 + 1: the channel has place 33 in group 1, and group 1 begins at channel 80. So it is "
        "channel {1*80 + 33}.",
        {
            "20*3 + 1": "That is where channel 100 goes. Which channel comes to position 100 was asked.",
            "20*3": "That is near where channel 100 goes. Which channel comes to position 100 was asked.",
            "33": "That is the place within its group; add where the group begins.",
            "100": "A shuffle by 3 groups moves this channel.",
            "114": "Channels and groups are counted from 0.",
        },
    ),
    "05.2": ExerciseAnswer(
        lambda: count(ShuffleUnit(480, 960, groups=3, stride=2), (1, 480, 14, 14)).macs,
        (
            "Only the first 1x1 works on 14x14 pixels. The second 1x1 makes just the channels that the "
            "pool does not give.",
            "The three terms are 14·14·240·(480/3), 7·7·240·9 and 7·7·480·(240/3).",
        ),
        "The first 1x1 takes {14*14*240*160}, the depthwise convolution {7*7*240*9} and the second 1x1, which "
        "makes only 960 - 480 maps, {7*7*480*80}. Together {14*14*240*160 + 7*7*240*9 + 7*7*480*80}.",
        {
            "7*7*(240*160 + 240*9 + 480*80)": "The first 1x1 comes before the stride: it works on 14x14 pixels.",
            "14*14*240*160 + 7*7*240*9 + 7*7*960*80": (
                "The pool gives 480 of the 960 channels, so the second 1x1 makes only the others."
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
            "Divide hw(2cm + 9m) by hw(2cm/g + 9m), and cancel hwm. The depthwise convolution costs the same in both.",
            "The factor is (2c + 9) / (2c/g + 9).",
        ),
        "hw(2cm + 9m) / hw(2cm/g + 9m) = (2c + 9) / (2c/g + 9), without h, w and m. For large c it approaches "
        "g. Here it is {(2*480 + 9)/(2*480/3 + 9)}.",
        {
            "3": "That is what it approaches for large c. The depthwise convolution does not become cheaper.",
            "(2*480/3 + 9)/(2*480 + 9)": "That is upside down.",
            "(480 + 9)/(480/3 + 9)": "There are two 1x1 convolutions.",
        },
        tolerance=0.005,
    ),
    "05.4": ExerciseAnswer(
        _period,
        (
            "Follow channel 1: to which place does it go, to which the channel that was there, and so on?",
            "Position k gets channel 4k modulo 11 (only position 11 keeps its own). Which power of 4 is 1 modulo 11?",
        ),
        "Position k gets channel 4k modulo 11. After t shuffles it has channel 4^t·k. The powers of 4 are {(4 "
        "% 11, 4**2 % 11, 4**3 % 11, 4**4 % 11, 4**5 % 11)} modulo 11, and the last of these is 1. So it "
        "takes {5} shuffles.",
        {
            "2": "A shuffle by 3 groups is undone by a shuffle by 4 groups, not by another one by 3.",
            "12": "That is the number of channels; they are back sooner.",
            "10": "After that many shuffles they are back for the second time.",
        },
    ),
    "05.5": ExerciseAnswer(
        _back,
        (
            "Going back through 2 groups is a shuffle by 10 / 2 groups: two shuffles by 5 in a row.",
            "Write down the row after the first shuffle. Deal it by 5 groups of 2 once more, and look at position 4.",
        ),
        "After the first shuffle the row is 0 2 4 6 8 1 3 5 7 9. The way back through 2 groups is a shuffle "
        "by 10/2 groups, {10//2}. It takes the first numbers of the pairs, 0 4 8 3 7, and then the second "
        "ones. At position 4 is {7}.",
        {
            "8": "That is after one shuffle. Going back through the other one is a second shuffle.",
            "4": "A shuffle by 2 groups undoes the one by 5 groups. Here you go backward through it.",
        },
    ),
}
