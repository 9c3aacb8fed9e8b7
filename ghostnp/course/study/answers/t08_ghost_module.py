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
            "Half of the maps are intrinsic maps, and each of them has one ghost with nine weights. A batch norm has "
            "two parameters for each map.",
            "There are 60 intrinsic maps with 40 weights each, and 60 ghosts with 9 weights each. Add the parameters "
            "of the batch norms.",
        ),
        "There are 60 intrinsic maps with 40 weights each, and 60 ghosts with 9 weights each. Each of the 120 maps has "
        "two parameters of batch norm. So the module has {40*60 + 60*9 + 2*120} parameters.",
        {
            "40*60 + 60*9": "The batch norms are missing.",
            "40*120 + 120*9 + 2*120": "With ratio 2, only half of the maps come from the primary convolution.",
            "40*60 + 60*9 + 2*60": "Both steps have a batch norm.",
            "40*60 + 60*60*9 + 2*120": "The cheap operation is depthwise, so each ghost is made from only one map.",
            "40*60 + 60*9 + 4*120": "The running mean and the running variance are not parameters.",
        },
    ),
    "08.2": ExerciseAnswer(
        _first_that_saves,
        (
            "If C·k² = d², the module and the plain convolution have the same number of weights. With one more input "
            "channel, the module has fewer weights.",
            "For two maps, the plain convolution has 2C weights, and the ghost module has C + 5·5 weights.",
        ),
        "For two maps, the plain convolution has 2C weights, and the ghost module has C + 5·5 weights. The ghost "
        "module has fewer if C is more than 5·5. So the smallest number of input channels is {5*5 + 1}.",
        {
            "25": "With 25 input channels, the module and the plain convolution have the same number of weights.",
            "10": "This is the answer for 3x3 cheap kernels.",
            "6": "A 5x5 kernel has 25 weights.",
        },
    ),
    "08.3": ExerciseAnswer(
        _idle,
        (
            "Round the number of intrinsic maps up. How many maps are there in total, before some of them are cut off?",
            "There are 8 intrinsic maps with 3 ghosts each. The output keeps the first 30 maps.",
        ),
        "The number of intrinsic maps is 30/4, rounded up to 8. These 8 maps have {8*3} ghosts. Of the 8 + 24 maps, "
        "the output keeps only 30. The last maps are ghosts, so the number of filters without a gradient is {8 + 24 - "
        "30}.",
        {
            "6": "The intrinsic maps are part of the output, too. So there are 8 + 24 maps.",
            "0": "30 is not a multiple of 4, so more maps are made than are kept.",
            "3": "Not all ghosts of the last intrinsic map are cut off. The first ghost of this map is kept.",
        },
    ),
    "08.4": ExerciseAnswer(
        _limit,
        (
            "The n/s intrinsic maps have C·k² weights each, and the other n - n/s maps have d² weights each. Add up "
            "all weights and divide by n. What remains if 1/s goes to 0? The plain convolution has C·k² weights for "
            "each map.",
            "For large s, d² + (C·k² - d²)/s approaches d². The plain convolution has C·k² weights for each map.",
        ),
        "The n/s intrinsic maps have C·k² weights each, and the other maps have d² weights each. Divided by n, the "
        "number of weights is d² + (C·k² - d²)/s. If C·k² is more than d², this number falls towards d² as s grows. So "
        "the factor grows with s, but stays below C·k²/d². Here this limit is {160/3**2}.",
        {
            "160": "A ghost is not free, because it has d² weights.",
            "160/3": "A 3x3 kernel has 9 weights.",
            "9/160": (
                "This is the inverse. Divide the weights of the plain convolution by the weights of the ghost module."
            ),
        },
        tolerance=0.005,
    ),
    "08.5": ExerciseAnswer(
        _primary_gradient,
        (
            "Each pixel of the intrinsic map is in the output once, and it is in all four windows of the cheap "
            "operation.",
            "So the gradient of each pixel of the intrinsic map is 1 + 4. The primary weight was multiplied by the "
            "pixels 1, 2, 3 and 4.",
        ),
        "Each pixel of the intrinsic map is in the output once and in four windows of the cheap operation. All numbers "
        "are positive, so the ReLUs do not change any gradient. So each pixel of the intrinsic map has the gradient 1 "
        "+ 4. The gradient of the weight is the sum of these gradients, each multiplied by its pixel of x. This sum is "
        "{(1 + 4)*(1 + 2 + 3 + 4)}.",
        {
            "10": "The intrinsic map was used twice, in the output and by the cheap operation.",
            "40": "The intrinsic map is also a part of the output.",
            "20": "With padding, each pixel of the intrinsic map is in all four windows.",
        },
    ),
}
