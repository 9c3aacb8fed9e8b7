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
    return ops.channel_shuffle_backward(dy, dy, 2)[0, 3, 0, 0]


ANSWERS = {
    "05.1": ExerciseAnswer(
        lambda: int(ops.channel_shuffle(_channels(240), 3)[0, 100, 0, 0]),
        "Place 100 is p·3 + q: its q says of which group, and its p which place in that group of 80.",
    ),
    "05.2": ExerciseAnswer(
        lambda: count(ShuffleUnit(480, 960, groups=3, stride=2), (1, 480, 14, 14)).macs,
        "Only the first 1x1 works on 14x14 pixels. The second 1x1 makes just the channels that the pool does not give.",
    ),
    "05.3": ExerciseAnswer(
        lambda: shufflenet_unit(14, 14, 480, 120, 1) / shufflenet_unit(14, 14, 480, 120, 3),
        "Divide hw(2cm + 9m) by hw(2cm/g + 9m), and cancel hwm. The depthwise convolution costs the same in both.",
        tolerance=0.005,
    ),
    "05.4": ExerciseAnswer(
        _period, "Follow channel 1: to which place does it go, to which the channel that was there, and so on?"
    ),
    "05.5": ExerciseAnswer(
        _back, "Going back through 2 groups is a shuffle by 10 / 2 groups: two shuffles by 5 in a row."
    ),
}
