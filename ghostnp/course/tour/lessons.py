"""The lessons of the tour, as data: what runs, on what, what there is to say about it, and how it is drawn.

A lesson's input is the photo or what an earlier lesson made; the shelf keeps both, by name.
"""

import numpy as np

from ghostnp import ops
from ghostnp.course.tour import filters, views
from ghostnp.course.tour.lesson import SEED, Lesson
from ghostnp.modules import ChannelShuffle, Conv2d, DFCAttention, GhostModule, SqueezeExcite, initializer

GROUPS = 3
# DFC attention works on small maps, as it does inside GhostNetV2: the photo's maps are averaged over 8x8 pixels.
SHRINK = 8


def _set(module, **weights):
    """Put weights into a module by their paths, with two underscores for each dot; all others stay as they are."""
    state = module.state_dict()
    for path, weight in weights.items():
        state[path.replace("__", ".")][...] = weight
    return module


def _standard(shelf):
    module = Conv2d(3, len(filters.STANDARD), 3, padding=1, bias=False)
    return _set(module, weight=filters.outer(filters.STANDARD.values())), shelf["photo"]


def _grouped(shelf):
    maps = shelf["standard"]
    module = Conv2d(maps.shape[1], 4 * GROUPS, 3, padding=1, groups=GROUPS, bias=False)
    return _set(module, weight=filters.grouped(GROUPS)), maps


def _depthwise(shelf):
    module = Conv2d(3, 3, 3, padding=1, groups=3, bias=False)
    return _set(module, weight=np.stack(list(filters.DEPTHWISE.values()))[:, None]), shelf["photo"]


def _pointwise(shelf):
    module = Conv2d(3, len(filters.POINTWISE), 1, bias=False)
    return _set(module, weight=np.stack(list(filters.POINTWISE.values()))[:, :, None, None]), shelf["photo"]


def _squeeze_excite(shelf):
    maps = shelf["shuffle"]
    channels = maps.shape[1]
    with initializer(SEED):
        module = SqueezeExcite(channels)
    module.conv_expand.weight *= 3  # fresh gates all lie near 0.5; like this they differ enough to be seen
    one, zero = np.ones(channels, maps.dtype), np.zeros(channels, maps.dtype)
    return module, ops.relu(ops.batch_norm_train(maps, one, zero)[0])


def _ghost(shelf):
    module = GhostModule(3, 2 * len(filters.INTRINSIC))
    return _set(
        module,
        primary_conv__0__weight=np.stack(list(filters.INTRINSIC.values()))[:, :, None, None],
        cheap_operation__0__weight=np.stack(list(filters.CHEAP.values()))[:, None],
    ), shelf["photo"]


def _dfc(shelf):
    maps = ops.avg_pool2d(shelf["ghost"], SHRINK)
    with initializer(SEED):
        module = DFCAttention(maps.shape[1], maps.shape[1])
    weights = module.parameters()
    weights["0.weight"] *= 3  # so that the factors leave 0.5 far enough to be seen
    weights["2.weight"][...] = weights["4.weight"][...] = 1 / 5
    return module, maps


LESSONS = (
    Lesson(
        "standard",
        "Standard convolution",
        "Every output pixel is a weighted sum over a small window of every input channel. These six filters are "
        "set by hand, so that each map shows something with a name: edges, shades, fine detail, contrasts of "
        "colour.",
        _standard,
        views.draw_standard,
    ),
    Lesson(
        "grouped",
        "Grouped convolution",
        "The six maps are shared out among three groups of two, and each group is a standard convolution of its "
        "own. Weights and multiply-adds shrink to a third. The price: no output sees beyond its group.",
        _grouped,
        views.draw_grouped,
    ),
    Lesson(
        "shuffle",
        "Channel shuffle",
        "However many grouped convolutions are stacked, their groups never meet. A shuffle deals the channels out "
        "like cards: one of each group, then the next of each. It has no weights and multiplies nothing; backward "
        "it only deals the gradient back.",
        lambda shelf: (ChannelShuffle(GROUPS), shelf["grouped"]),
        views.draw_shuffle,
    ),
    Lesson(
        "depthwise",
        "Depthwise convolution",
        "As many groups as channels: each channel has a kernel of its own, and channels never mix. It is often "
        "called depthwise separable, but that is the name of a depthwise convolution followed by a pointwise one.",
        _depthwise,
        views.draw_depthwise,
    ),
    Lesson(
        "pointwise",
        "Pointwise convolution",
        "The window is a single pixel, so all that is left is to mix channels: the other half of the work.",
        _pointwise,
        views.draw_pointwise,
    ),
    Lesson(
        "squeeze-excite",
        "Squeeze-and-excitation",
        "In go the twelve shuffled maps, after batch norm and ReLU. Each is squeezed to its mean, two small layers "
        "turn all means into one gate for each channel, from 0 to 1, and each map is multiplied by its gate. The "
        "weights here are random, so which maps are kept means nothing; that each gate depends on all the maps is "
        "the point.",
        _squeeze_excite,
        views.draw_squeeze_excite,
        views.gates_in_words,
    ),
    Lesson(
        "ghost",
        "Ghost module",
        "Half of the maps, the intrinsic ones, come from a 1x1 convolution. The other half are their ghosts: a "
        "cheap 3x3 depthwise convolution of the intrinsic maps. Nothing is split: the first sees every input "
        "channel, the second all that the first has made. The filters are set by hand once more.",
        _ghost,
        views.draw_ghost,
        views.ghost_in_words,
    ),
    Lesson(
        "dfc",
        "DFC attention",
        "Convolutions see only what is near. GhostNetV2 therefore multiplies each pixel of each map by a factor "
        "between 0 and 1 that has looked along its row and its column: halve height and width, mix channels, "
        "filter 1x5 and then 5x1, squash by a sigmoid, enlarge again. In go the ghost module's maps, averaged down "
        "to an eighth of the side. Here the mixture is random and the two long filters are plain averages.",
        _dfc,
        views.draw_dfc,
    ),
)
