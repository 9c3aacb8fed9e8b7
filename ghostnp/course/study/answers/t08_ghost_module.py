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
        "Half of the maps are intrinsic; each has one ghost of nine weights. A batch norm has two numbers a map.",
    ),
    "08.2": ExerciseAnswer(_first_that_saves, "Where C·k² = d² both cost the same; one channel more is needed."),
    "08.3": ExerciseAnswer(
        _idle, "How many intrinsic maps are there, rounded up, and how many maps in all before the cut?"
    ),
    "08.4": ExerciseAnswer(
        _limit,
        "n/s maps cost C·k² weights each, the other n - n/s cost d² each. What is left of it when 1/s goes to 0, and "
        "how much is the plain convolution's C·k² for each map against that?",
        tolerance=0.005,
    ),
    "08.5": ExerciseAnswer(
        _primary_gradient,
        "Each pixel of the intrinsic map is in the output once and in all four windows of the cheap operation.",
    ),
}
