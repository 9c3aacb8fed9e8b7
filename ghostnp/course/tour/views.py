"""What the lessons on single layers show: their pictures, each with its caption, and remarks with measured figures."""

import numpy as np

from ghostnp import ops
from ghostnp.course.tour import filters
from ghostnp.course.tour.lesson import Picture
from ghostnp.graph.counting import count
from ghostnp.modules import Conv2d, GhostModule
from ghostnp.pictures import block_maps, convolution_maps, costs


def draw_standard(seen):
    """Six filters and their maps; and the gradient of a single output pixel."""
    yield Picture(
        "standard",
        "Above each map stands its filter: three 3x3 kernels, over red, over green and over blue (purple: "
        "negative, white: zero, orange: positive). Each slides over its own channel, and the three results are "
        "added.",
        convolution_maps.filters_and_maps(list(filters.STANDARD), seen.module.weight, seen.y),
    )
    margin = 2
    inside = np.abs(seen.y[0, 0, margin:-margin, margin:-margin])
    i, j = (int(k) + margin for k in np.unravel_index(inside.argmax(), inside.shape))
    dy = np.zeros_like(seen.y)
    dy[0, 0, i, j] = 1
    grads = ops.standard_conv2d_backward(dy, seen.x, seen.module.weight, **seen.module.keywords)
    around = (0, 0, slice(i - margin, i + margin + 1), slice(j - margin, j + margin + 1))
    yield Picture(
        "standard-backward",
        "Backward, for a single pixel. Let the loss depend on one pixel of map 1 alone (dy is 1 there). The "
        "gradient of the input is then the filter, laid where the window was; the gradient of the filter is what "
        "the window saw of the photo. Shown is the red channel. Every other output pixel adds its own share in the "
        "same way.",
        convolution_maps.one_pixel_backward(dy[around], grads.x[around], seen.x[around], grads.weight[0, 0]),
    )


def draw_grouped(seen):
    """Which channels see which."""
    yield Picture(
        "grouped",
        "Each row is a group: two maps go in, four come out, and a row never reads from another. On the right the "
        "same as a matrix: a standard convolution would fill all of it.",
        convolution_maps.grouped_maps(seen.x, seen.y, seen.module.keywords["groups"]),
    )


def draw_shuffle(seen):
    """Channels before and after the shuffle."""
    yield Picture(
        "shuffle",
        "The channels before (above) and after the shuffle (below), numbered group.place. Follow the lines: after "
        "the shuffle, the first four channels come from all three groups, and so do the next four and the last.",
        convolution_maps.shuffled(seen.x, seen.y, seen.module.keywords["groups"]),
    )


def draw_depthwise(seen):
    """Each channel and its kernel."""
    yield Picture(
        "depthwise",
        "One column, one channel: its map, its only kernel, and what comes out. Nothing crosses from column to column.",
        convolution_maps.each_channel_alone(list(filters.DEPTHWISE), seen.x, seen.module.weight, seen.y),
    )


def draw_pointwise(seen):
    """Mixtures of colours; and what each kind of convolution costs."""
    yield Picture(
        "pointwise",
        "The bars are a filter: how much of red, green and blue goes into the map below. Edges stay as sharp as "
        "they were, because no pixel looks at its neighbours.",
        convolution_maps.colour_mixes(list(filters.POINTWISE), seen.module.weight, seen.y),
    )
    kinds = _kinds(32, 3, 56, groups=4)
    shares = {label: float(kind[1] / kinds["standard"][1]) for label, kind in kinds.items()}
    yield Picture(
        "costs",
        "One layer, 32 channels to 32 at 56x56 pixels without biases, in each kind. Four groups divide the "
        "standard convolution's cost by 4, as many groups as channels (depthwise) by 32. Depthwise and then "
        f"pointwise together, called depthwise separable, cost 1/32 + 1/9 = {shares['depthwise + pointwise']:.0%} "
        "of the standard one.",
        costs.cost_bars(kinds),
    )


def _kinds(channels, kernel, size, groups):
    """{label: (params, macs, kind)} of the kinds of convolution at one shape, by the definitions' cost functions."""
    x, tap = (1, channels, size, size), (kernel, kernel)
    same = {"padding": kernel // 2}
    standard = ops.standard_conv2d_cost(x, (channels, channels, *tap), **same)
    grouped = ops.grouped_conv2d_cost(x, (channels, channels // groups, *tap), groups=groups, **same)
    pointwise = ops.pointwise_conv2d_cost(x, (channels, channels, 1, 1))
    depthwise = ops.depthwise_conv2d_cost(x, (channels, 1, *tap), **same)
    return {
        "standard": (standard.params, standard.macs, "standard"),
        f"grouped, {groups} groups": (grouped.params, grouped.macs, "grouped"),
        "pointwise": (pointwise.params, pointwise.macs, "pointwise"),
        "depthwise": (depthwise.params, depthwise.macs, "depthwise"),
        "depthwise + pointwise": (depthwise.params + pointwise.params, depthwise.macs + pointwise.macs, "separable"),
    }


def draw_squeeze_excite(seen):
    """The gates, and what they do to two maps."""
    yield Picture(
        "squeeze-excite",
        "The gate of each channel, and the two maps that were kept most and least, before and after on one scale "
        "of grey.",
        block_maps.gates_and_maps(seen.x, seen.comparison.kernel.cache.factors, seen.y),
    )


def gates_in_words(seen):
    """Between which numbers the gates lie."""
    gates = seen.comparison.kernel.cache.factors
    yield f"The gates of this photo run from {gates.min():.2f} to {gates.max():.2f}."


def draw_ghost(seen):
    """Intrinsic maps and their ghosts; and when these save weights."""
    intrinsic, ghost_maps = seen.comparison.kernel.cache.maps
    names = list(zip(filters.INTRINSIC, filters.CHEAP, strict=True))
    yield Picture(
        "ghost",
        "Blue frames: the intrinsic maps, mixtures of red, green and blue. Below each the one kernel that is laid "
        "over it, and its ghost in orange. Both end in a ReLU, which keeps what is above zero.",
        block_maps.ghosts(names, intrinsic, seen.module.cheap_operation[0].weight, ghost_maps),
    )
    channels = range(1, 33)
    plain = [_weights(Conv2d(c, 64, 1, bias=False), c) for c in channels]
    ghost = [_weights(GhostModule(c, 64), c) for c in channels]
    yield Picture(
        "ghost-cost",
        "When does a ghost module save weights? For 64 maps a plain 1x1 convolution has 64·C of them, a ghost module "
        "32·C + 32·9: they meet at 9 channels. From the 3 channels of a photo the ghost module costs more, 384 "
        "against 192.",
        costs.break_even(channels, {"plain 1x1": ("pointwise", plain), "ghost module": ("depthwise", ghost)}, 3, 9),
    )


def _weights(module, in_channels):
    """Weights of a module's convolutions, batch norm left out."""
    return sum(row.params for row in count(module, (1, in_channels, 8, 8)).rows if "conv2d" in row.op)


def ghost_in_words(seen):
    """The module's weights against a plain convolution's."""
    ghost, plain = (_weights(m, 3) for m in (seen.module, Conv2d(3, seen.y.shape[1], 1, bias=False)))
    yield (
        f"Its convolutions have {ghost} weights; a plain 1x1 convolution to as many maps has {plain}. From three "
        "channels a ghost module costs more. It saves from 10 on, and inside GhostNet it is given 16 to 960."
    )


def draw_dfc(seen):
    """The attention over the photo, and what one factor has read."""
    dy = np.zeros_like(seen.y)
    dy[0, 0, dy.shape[2] // 2, dy.shape[3] // 2] = 1
    dx, _ = seen.module.backward(dy, seen.comparison.kernel.cache)
    photo = seen.shelf["colours"]
    yield Picture(
        "dfc",
        "The factors of two channels as heat over the photo, from 0 (dark) to 1 (bright), in blocks because the "
        "attention is computed at half size. On the right, found by running backward from a single factor, all "
        "that it has read: a column of five places that have each read a row of five, so a square, here a third of "
        "the photo wide.",
        block_maps.attention(photo, seen.y, np.abs(dx[0]).sum(axis=0)),
    )
