"""Small modules to step through: few channels and pixels, so that every number fits on a page."""

import numpy as np

from ghostnp.modules import (
    ChannelShuffle,
    Conv2d,
    CReLU,
    DFCAttention,
    GhostBottleneck,
    GhostModule,
    GhostModuleV2,
    SeparableConv2d,
    Sequential,
    ShuffleUnit,
    SqueezeExcite,
    initializer,
)

EXAMPLES = {
    "standard": ((2, 4, 4), lambda: Conv2d(2, 2, 3, padding=1)),
    "grouped": ((4, 4, 4), lambda: Conv2d(4, 4, 3, padding=1, groups=2, bias=False)),
    "depthwise": ((2, 4, 4), lambda: Conv2d(2, 2, 3, padding=1, groups=2, bias=False)),
    "pointwise": ((3, 4, 4), lambda: Conv2d(3, 2, 1, bias=False)),
    "separable": ((3, 4, 4), lambda: SeparableConv2d(3, 4, 3, padding=1)),
    "crelu": ((2, 4, 4), lambda: Sequential(Conv2d(2, 2, 3, padding=1), CReLU())),
    "shuffle": ((6, 2, 2), lambda: ChannelShuffle(3)),
    "squeeze-excite": ((8, 4, 4), lambda: SqueezeExcite(8)),
    "ghost-module": ((2, 4, 4), lambda: GhostModule(2, 4)),
    "ghost-bottleneck": ((4, 4, 4), lambda: GhostBottleneck(4, 8, 4, kernel_size=3, stride=1)),
    "dfc": ((2, 6, 6), lambda: DFCAttention(2, 2)),
    "ghost-module-v2": ((2, 6, 6), lambda: GhostModuleV2(2, 4)),
    "shuffle-unit": ((12, 4, 4), lambda: ShuffleUnit(12, 12, groups=3)),
}


def example(name, seed=0):
    """A small module and its input.

    Parameters
    ----------
    name : str
        One of `EXAMPLES`.
    seed : int, default 0
        Of the weights and of the input, whole numbers from -3 to 3.

    Returns
    -------
    Module, ndarray
    """
    shape, build = EXAMPLES[name]
    with initializer(seed):
        module = build()
    x = np.random.default_rng(seed).integers(-3, 4, (1, *shape)).astype(np.float32)
    return module, x
