"""Tutorial 08: redundancy of feature maps and the ghost module."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.graph.counting import count
from ghostnp.modules import GhostModule, initializer
from ghostnp.modules.bottleneck import GhostConv2d


def _counted(in_channels, out_channels, size):
    with initializer(None):
        module = GhostModule(in_channels, out_channels)
    return count(module, (1, in_channels, size, size))


def _first_that_saves():
    channels = 1
    while _primary_and_cheap(channels) >= ops.pointwise_conv2d_cost((1, channels, 8, 8), (2, channels, 1, 1)).params:
        channels += 1
    return channels


def _primary_and_cheap(channels):
    primary = ops.pointwise_conv2d_cost((1, channels, 8, 8), (1, channels, 1, 1))
    return primary.params + ops.depthwise_conv2d_cost((1, 1, 8, 8), (1, 1, 5, 5)).params


def _limit():
    """What no ratio can pass: with a huge one, nearly all maps are ghosts."""
    maps = 10**6
    plain = ops.pointwise_conv2d_cost((1, 160, 1, 1), (maps, 160, 1, 1)).params
    primary = ops.pointwise_conv2d_cost((1, 160, 1, 1), (1, 160, 1, 1)).params
    return plain / (primary + ops.depthwise_conv2d_cost((1, 1, 3, 3), (maps - 1, 1, 3, 3)).params)


def _idle():
    with initializer(0, np.float64):
        module = GhostModule(2, 30, ratio=4, relu=False)
    y, cache = module.forward(np.random.default_rng(0).standard_normal((2, 2, 4, 4)), training=True)
    _, grads = module.backward(np.random.default_rng(1).standard_normal(y.shape), cache)
    return int((~grads["cheap_operation.0.weight"].any(axis=(1, 2, 3))).sum())


def _primary_gradient():
    with initializer(None, np.float64):
        module = GhostConv2d(1, 2, 1)  # all numbers of this example are positive: ReLUs would do nothing
    module.conv1.weight[...], module.conv2.weight[...] = 2, 1
    _, cache = module.forward(np.arange(1.0, 5).reshape(1, 1, 2, 2))
    return module.backward(np.ones((1, 2, 2, 2)), cache)[1]["conv1.weight"].item()


ANSWERS = {
    "08.1": ExerciseAnswer(
        lambda: int(_counted(40, 120, 4).params),
        (
            "Half of the maps are intrinsic; each has one ghost of nine weights. A batch norm has two numbers a map.",
            "There are 60 intrinsic maps, with 40 weights each, and 60 ghosts, with 9 each. Do not forget "
            "the batch norms.",
        ),
        "60 intrinsic maps and 60 ghosts, and two numbers of batch norm for each of the 120 maps: {40*60 + "
        "60*9 + 2*120}.",
        {
            "40*60 + 60*9": "The batch norms are missing.",
            "40*120 + 120*9 + 2*120": "With ratio 2 only half of the maps come from the primary convolution.",
            "40*60 + 60*9 + 2*60": "Both steps have a batch norm.",
            "40*60 + 60*60*9 + 2*120": "The cheap operation is depthwise: a ghost is made from one map.",
            "40*60 + 60*9 + 4*120": "The running mean and variance are not parameters.",
        },
    ),
    "08.2": ExerciseAnswer(
        _first_that_saves,
        (
            "Where C·k² = d² both cost the same; one channel more is needed.",
            "For two maps: the plain convolution has 2C weights, the ghost module C + 5·5.",
        ),
        "C + 5·5 is less than 2C if C is more than 5·5. The smallest such number is {5*5 + 1}.",
        {
            "25": "There both have the same number of weights.",
            "10": "That is for 3x3 cheap kernels.",
            "6": "A 5x5 kernel has 25 weights.",
        },
    ),
    "08.3": ExerciseAnswer(
        _idle,
        (
            "How many intrinsic maps are there, rounded up, and how many maps in all before the cut?",
            "There are 8 intrinsic maps with 3 ghosts each. The output keeps the first 30 maps.",
        ),
        "30/4 is rounded up to 8 intrinsic maps, which have {8*3} ghosts. Of the 8 + 24 maps, 30 are kept: {8 "
        "+ 24 - 30} are cut off, and both are ghosts.",
        {
            "6": "The intrinsic maps are part of the output too: there are 8 + 24 maps.",
            "0": "30 is no multiple of 4: more maps are made than are kept.",
            "3": "Not all ghosts of the last map are cut off: its first one is kept.",
        },
    ),
    "08.4": ExerciseAnswer(
        _limit,
        (
            "n/s maps cost C·k² weights each, the other n - n/s cost d² each. What is left of it when 1/s "
            "goes to 0, and how much is the plain convolution's C·k² for each map against that?",
            "d² + (C·k² - d²)/s approaches d². The plain convolution has C·k² weights for each map.",
        ),
        "The n/s intrinsic maps have C·k² weights each and the others d² each. Divided by n, that is d² + "
        "(C·k² - d²)/s. If C·k² is more than d², this falls towards d² as s grows. So the factor grows, but "
        "stays below C·k²/d², here {160/3**2}.",
        {
            "160": "A ghost is not free: it has d² weights.",
            "160/3": "A 3x3 kernel has 9 weights.",
            "9/160": "That is upside down.",
        },
        tolerance=0.005,
    ),
    "08.5": ExerciseAnswer(
        _primary_gradient,
        (
            "Each pixel of the intrinsic map is in the output once and in all four windows of the cheap operation.",
            "So each pixel of the intrinsic map gets 1 + 4. The primary weight multiplied the pixels 1, 2, 3 and 4.",
        ),
        "Each pixel of the intrinsic map is in the output once and in four windows of the cheap operation, "
        "and all ReLUs let it pass. So its gradient is 1 + 4. The weight's gradient is the sum of these times "
        "the pixels that it multiplied: {(1 + 4)*(1 + 2 + 3 + 4)}.",
        {
            "10": "The intrinsic map was used twice: in the output, and by the cheap operation.",
            "40": "The intrinsic map is also in the output itself.",
            "20": "With padding, each pixel of this map is in all four windows.",
        },
    ),
}
