"""What the page offers: operators, the options of each, and the words that go with them.

A new operator is an entry of `OFFERS`: a function from its options to a scene, the options, and what to say of it. Its
numbers are compared with `ghostnp.ops` by an entry in ``tests/course/explorer/definitions.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ghostnp.course.explorer.normalizing import norm_scene
from ghostnp.course.explorer.scene import Scene, scene_of
from ghostnp.graph.recording import Token, record
from ghostnp.modules import (
    ChannelShuffle,
    Conv2d,
    CReLU,
    DFCAttention,
    GhostModule,
    HardSigmoid,
    Sequential,
    Sigmoid,
    SqueezeExcite,
    initializer,
)


@dataclass(frozen=True, eq=False)
class Offer:
    """An operator of the page.

    Parameters
    ----------
    name, title : str
        For links and headings.
    text : str
        What to look for, in a few sentences.
    forward, backward : tuple of str
        The formulas, a line each, in the letters of the definitions.
    options : dict of str to tuple
        What may be chosen, the first of each at the start.
    build : callable
        From the options to a scene; it raises ValueError where they do not fit together.
    unit : float
        What weights are multiples of: of a quarter where a gate would otherwise be shut or open throughout.
    """

    name: str
    title: str
    text: str
    forward: tuple[str, ...]
    backward: tuple[str, ...]
    options: dict[str, tuple]
    build: Callable[..., Scene]
    unit: float = 1.0


def _module(shape, build, *, names=None):
    with initializer(0):
        module = build()
    tape = record(module, Token((1, *shape), np.dtype(np.float32)))
    return scene_of(tape, names={"weight": "w", "bias": "b"} | (names or {}))


def _function(shape, name, *arguments, **keywords):
    def run(backend, x):
        result = getattr(backend, name)(x, *arguments, **keywords)
        return result[0] if isinstance(result, tuple) else result

    return scene_of(record(run, Token((1, *shape), np.dtype(np.float32))))


def _standard(kernel, stride, padding, dilation):
    return _module((2, 5, 5), lambda: Conv2d(2, 2, kernel, stride=stride, padding=padding, dilation=dilation))


def _grouped(groups, kernel, stride, padding, dilation):
    return _module(
        (4, 4, 4),
        lambda: Conv2d(4, 4, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=False),
    )


def _depthwise(multiplier, kernel, stride, padding, dilation):
    return _module(
        (2, 5, 5),
        lambda: Conv2d(
            2, 2 * multiplier, kernel, stride=stride, padding=padding, dilation=dilation, groups=2, bias=False
        ),
    )


def _pointwise(filters, stride):
    return _module((3, 4, 4), lambda: Conv2d(3, filters, 1, stride=stride))


def _shuffle(groups):
    return _module((6, 2, 2), lambda: ChannelShuffle(groups))


def _ghost(ratio, cheap_kernel, relu):
    names = {"primary_conv.0": "primary", "primary_conv.1": "intrinsic", "cheap_operation.0": "cheap"}
    names |= {"cheap_operation.1": "ghosts"}
    if relu == "no":
        names |= {"primary_conv.0": "intrinsic", "cheap_operation.0": "ghosts"}
    names |= {"primary_conv.0.weight": "w′", "cheap_operation.0.weight": "Φ"}
    return _module(
        (3, 4, 4),
        lambda: GhostModule(3, 4, ratio=ratio, cheap_kernel_size=cheap_kernel, relu=relu == "yes"),
        names=names,
    )


def _squeeze_excite(hidden, gate):
    names = {"squeeze": "squeezed", "conv_reduce": "reduced", "act1": "hidden", "conv_expand": "expanded"}
    names |= {"gate": "gate", "conv_reduce.weight": "W₁", "conv_reduce.bias": "b₁"}
    names |= {"conv_expand.weight": "W₂", "conv_expand.bias": "b₂"}
    kind = {"hard sigmoid": HardSigmoid, "sigmoid": Sigmoid}[gate]
    return _module((4, 3, 3), lambda: SqueezeExcite(4, hidden=hidden, gate=kind), names=names)


def _dfc(kernel, upsample):
    names = {"pool": "pooled", "0": "mixed", "2": "along rows", "4": "along columns", "gate": "small gate"}
    names |= {"0.weight": "W", "2.weight": "w_row", "4.weight": "w_col"}
    return _module((2, 6, 6), lambda: DFCAttention(2, 2, kernel_size=kernel, upsample=upsample), names=names)


def _crelu(kernel):
    names = {"0": "z", "0.weight": "w"}
    return _module(
        (2, 4, 4),
        lambda: Sequential(Conv2d(2, 2, kernel, padding=kernel // 2, bias=False), CReLU()),
        names=names,
    )


def _pooling(kind, kernel, stride, padding):
    if kind == "global average":
        return _function((2, 4, 4), "global_avg_pool2d")
    name = {"max": "max_pool2d", "average": "avg_pool2d"}[kind]
    return _function((2, 4, 4), name, kernel, stride=stride, padding=padding)


def _resizing(kind, size, corners):
    if kind == "nearest":
        if corners == "aligned":
            raise ValueError("corners are for bilinear resizing")
        return _function((1, 3, 3), "resize_nearest", size)
    return _function((1, 3, 3), "resize_bilinear", size, align_corners=corners == "aligned")


def _batch_norm(mode, images):
    return norm_scene(images, training=mode == "training")


WINDOW = {"kernel": (3, 1, 5), "stride": (1, 2), "padding": (1, 0, 2), "dilation": (1, 2)}

OFFERS = (
    Offer(
        "standard",
        "Standard convolution",
        "Every number of y reads a small window of every input channel. Each filter has a weight for each number of "
        "the window, and their products are added up.",
        ("y[o, i, j] = b[o] + Σ w[o, c, u, v] · x̄[c, i·s + u·d, j·s + v·d]",),
        (
            "dx̄[c, i·s + u·d, j·s + v·d] += w[o, c, u, v] · dy[o, i, j]",
            "dw[o, c, u, v] = Σ dy[o, i, j] · x̄[c, i·s + u·d, j·s + v·d]",
            "db[o] = Σ dy[o, i, j]",
        ),
        WINDOW,
        _standard,
    ),
    Offer(
        "grouped",
        "Grouped convolution",
        "Channels are divided into groups, and a filter reads the channels of its own group alone. With g groups "
        "there are g times fewer weights and multiply-adds. The matrix shows who reads whom.",
        (
            "y[o, i, j] = Σ w[o, p, u, v] · x̄[(o // Q)·P + p, i·s + u·d, j·s + v·d]",
            "P = C_in / g,  Q = C_out / g",
        ),
        (
            "dx̄[(o // Q)·P + p, i·s + u·d, j·s + v·d] += w[o, p, u, v] · dy[o, i, j]",
            "dw[o, p, u, v] = Σ dy[o, i, j] · x̄[(o // Q)·P + p, i·s + u·d, j·s + v·d]",
        ),
        {"groups": (2, 1, 4), "kernel": (3, 1), "stride": (1, 2), "padding": (1, 0), "dilation": (1, 2)},
        _grouped,
    ),
    Offer(
        "depthwise",
        "Depthwise convolution",
        "Each channel is filtered alone, and channels never mix. With a multiplier m, each channel has m filters of "
        "its own, and each of them makes a map.",
        ("y[o, i, j] = Σ w[o, 0, u, v] · x̄[o // m, i·s + u·d, j·s + v·d]",),
        (
            "dx̄[o // m, i·s + u·d, j·s + v·d] += w[o, 0, u, v] · dy[o, i, j]",
            "dw[o, 0, u, v] = Σ dy[o, i, j] · x̄[o // m, i·s + u·d, j·s + v·d]",
        ),
        {"multiplier": (1, 2), "kernel": (3, 1, 5), "stride": (1, 2), "padding": (1, 0, 2), "dilation": (1, 2)},
        _depthwise,
    ),
    Offer(
        "pointwise",
        "Pointwise convolution",
        "The window is a single pixel, in all channels: each number of y is a weighted sum of the numbers at the same "
        "place in all channels. Pixels never mix.",
        ("y[o, i, j] = b[o] + Σ w[o, c] · x[c, i·s, j·s]",),
        (
            "dx[c, i·s, j·s] += w[o, c] · dy[o, i, j]",
            "dw[o, c] = Σ dy[o, i, j] · x[c, i·s, j·s]",
            "db[o] = Σ dy[o, i, j]",
        ),
        {"filters": (2, 3), "stride": (1, 2)},
        _pointwise,
    ),
    Offer(
        "shuffle",
        "Channel shuffle",
        "Nothing is computed: channels change places, so that the next grouped convolution finds one channel of each "
        "group in each of its own. Follow the lines. Backward, each number returns to where it came from.",
        ("y[k·g + j] = x[j·(C/g) + k]",),
        ("dx[j·(C/g) + k] = dy[k·g + j]",),
        {"groups": (3, 2, 6, 1)},
        _shuffle,
    ),
    Offer(
        "ghost",
        "Ghost module",
        "A few intrinsic maps come from a full (here pointwise) convolution; cheap depthwise filters Φ make the other "
        "maps, the ghosts, out of those. The intrinsic maps are used twice, so their gradient is a sum of two. The "
        "batch norms, which are part of the convolutions at inference, are left out here, and not counted.",
        (
            "intrinsic = relu(w′ ∗ x)",
            "ghosts = relu(Φ ∗ intrinsic), channel by channel",
            "y = [intrinsic, ghosts]",
        ),
        ("d(intrinsic) = dy's first maps + what comes back through Φ from its last maps",),
        {"ratio": (2, 4, 1), "cheap kernel": (3, 1, 5), "relu": ("yes", "no")},
        _ghost,
    ),
    Offer(
        "squeeze-excite",
        "Squeeze-and-excitation",
        "Each map is squeezed into its mean. Two small layers make a factor between 0 and 1 of the means, and the map "
        "is multiplied by it. So each pixel of x has a part in each number of y: point at one and see.",
        (
            "s = mean of each map of x",
            "g = gate(W₂ · relu(W₁ · s + b₁) + b₂)",
            "y[c] = g[c] · x[c]",
        ),
        ("dx = g · dy, and besides what comes back through g: dg[c] = Σ dy[c, i, j] · x[c, i, j]",),
        {"hidden": (2, 1), "gate": ("hard sigmoid", "sigmoid")},
        _squeeze_excite,
        unit=0.25,
    ),
    Offer(
        "dfc",
        "DFC attention",
        "Half the size, a pointwise convolution, a long kernel along the rows, another along the columns: after two "
        "steps a number has seen a whole neighbourhood. The gate is enlarged again, and in GhostNetV2 the ghost "
        "module's maps are multiplied by it. The batch norms, which are part of the convolutions at inference, are "
        "left out.",
        (
            "z = pool(x)",
            "a = w_col ∗ (w_row ∗ (W · z))",
            "y = enlarge(sigmoid(a))",
        ),
        ("dx: dy goes back through each step, from the last to the first",),
        {"kernel": (5, 3), "upsample": ("nearest", "bilinear")},
        _dfc,
        unit=0.25,
    ),
    Offer(
        "crelu",
        "CReLU",
        "Filters of a first layer come in pairs of opposite sign. So half of them suffice, if both the positive and "
        "the negative part of each map are kept: twice the channels, without one more weight.",
        (
            "y = [relu(z), relu(−z)]",
            "z = w ∗ x",
        ),
        ("dz = dy₁ where z > 0, and −dy₂ where z < 0",),
        {"kernel": (3, 1)},
        _crelu,
    ),
    Offer(
        "pooling",
        "Pooling",
        "A window is summed up in one number, its largest or its mean. Backward, the largest takes all of dy (the "
        "first, among equals), and a mean shares it out equally. A maximum never takes a padded pixel.",
        (
            "max: y[c, i, j] = max x̄[c, i·s + u, j·s + v]",
            "average: y[c, i, j] = Σ x̄[c, i·s + u, j·s + v] / k²",
        ),
        ("max: dx̄ += dy at the largest", "average: dx̄ += dy / k² everywhere in the window"),
        {"kind": ("max", "average", "global average"), "kernel": (2, 3), "stride": (2, 1), "padding": (0, 1)},
        _pooling,
    ),
    Offer(
        "resizing",
        "Resizing",
        "A map is drawn with another number of pixels. Nearest copies one source pixel; bilinear blends up to four, "
        "the nearer ones with larger weights. Backward, a source pixel gathers from all who read it, by the same "
        "weights.",
        (
            "nearest: y[i] = x[⌊i·in / out⌋]",
            "bilinear: y[i] = (1 − t)·x[k] + t·x[k + 1], first along rows, then columns",
        ),
        ("dx[k] += (1 − t)·dy[i]", "dx[k + 1] += t·dy[i]"),
        {"kind": ("bilinear", "nearest"), "size": (6, 4, 2, 5), "corners": ("not aligned", "aligned")},
        _resizing,
    ),
    Offer(
        "batch-norm",
        "Batch norm",
        "Every channel is brought to mean 0 and variance 1, then scaled and shifted by two numbers that are learnt. "
        "In training, mean and variance are made of all pixels and images of the channel, so each x has three ways to "
        "y. Follow dx back through them: its sum over a channel is 0.",
        (
            "x̂ = (x − mean) / √(var + ε)",
            "y = weight · x̂ + bias",
        ),
        ("training: dx = weight / √(var + ε) · (dy − mean of dy − x̂ · mean of dy · x̂)",),
        {"mode": ("training", "evaluation"), "images": (2, 1)},
        _batch_norm,
        unit=0.5,
    ),
)
