"""Geometries of every layer, each with the torch.nn build of the same."""

from functools import partial

import torch.nn.functional as F
from hypothesis import strategies as st
from torch import nn

from ghostnp import modules
from ghostnp.modules import shuffle_unit as styles
from tests import oracle_networks as oracle
from tests import oracle_shufflenet
from tests.modules.comparison import Case
from tests.modules.variants import (
    attention,
    attentions,
    dfc,
    enhanced_bottleneck,
    ghost_module_v2,
    shuffle_unit,
    unit_styles,
)

GATES = {"Sigmoid": F.sigmoid, "HardSigmoid": oracle.hard_sigmoid, "Clip": oracle.clip}
ONE_OPERATOR = {  # ours and theirs; each of them takes maps of 6 channels
    "ReLU": (modules.ReLU, F.relu),
    "ReLU6": (modules.ReLU6, F.relu6),
    "Sigmoid": (modules.Sigmoid, F.sigmoid),
    "HardSigmoid": (modules.HardSigmoid, oracle.hard_sigmoid),
    "Clip": (modules.Clip, oracle.clip),
    "CReLU": (modules.CReLU, oracle.crelu),
    "GlobalAvgPool2d": (modules.GlobalAvgPool2d, lambda x: x.mean((2, 3), keepdim=True)),
    "Flatten": (modules.Flatten, lambda x: x.flatten(1)),
    "Dropout": (lambda: modules.Dropout(0.5), lambda x: x * 1),  # without an rng it is the identity
    "Sequential": (modules.Sequential, lambda x: x * 1),
    "ChannelShuffle": (lambda: modules.ChannelShuffle(3), lambda x: oracle_shufflenet.paper_shuffle(x, 3)),
    "MaxPool2d": (
        lambda: modules.MaxPool2d((3, 2), stride=2, padding=1),
        lambda x: F.max_pool2d(x, (3, 2), stride=2, padding=1),
    ),
    "AvgPool2d": (
        lambda: modules.AvgPool2d(3, stride=2, padding=1),
        lambda x: F.avg_pool2d(x, 3, 2, 1),
    ),
    "AvgPool2d without padding": (
        lambda: modules.AvgPool2d(3, stride=2, padding=1, count_include_pad=False),
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    ),
}


def one_operator(name, shape=(2, 6, 5, 7)):
    ours, theirs = ONE_OPERATOR[name]
    return Case(ours, lambda: oracle.Apply(theirs), shape)


def same(ours, theirs, *args, shape, **keywords):
    """Both take the same arguments under the same names."""
    return Case(partial(ours, *args, **keywords), partial(theirs, *args, **keywords), shape)


def linear(c_in, c_out, bias, batch):
    return same(modules.Linear, nn.Linear, c_in, c_out, bias=bias, shape=(batch, c_in))


def squeeze_excite(channels, hidden, gate, size):
    return Case(
        lambda: modules.SqueezeExcite(channels, hidden=hidden, gate=getattr(modules, gate)),
        lambda: oracle.SqueezeExcite(channels, hidden, GATES[gate]),
        (size[0], channels, *size[1:]),
    )


def bottleneck(c_in, hidden, c_out, se_hidden, size, **keywords):
    """The shortcut's first norm sits under a 1x1 convolution and another norm."""
    projected = c_in != c_out or keywords.get("stride", 1) > 1
    return Case(
        lambda: modules.GhostBottleneck(
            c_in,
            hidden,
            c_out,
            squeeze_excite=modules.SqueezeExcite(hidden, hidden=se_hidden) if se_hidden else None,
            **keywords,
        ),
        lambda: oracle.GhostBottleneck(c_in, hidden, c_out, se_hidden=se_hidden, **keywords),
        (size[0], c_in, *size[1:]),
        zero=frozenset({"shortcut.1.bias"} if projected else ()),
    )


def biased_under_norm(c_in, c_out, size):
    """Document 000's layer: what its bias adds, batch norm takes away, so in training its gradient is zero."""
    return Case(
        lambda: modules.Sequential(modules.Conv2d(c_in, c_out, 3, padding=1), modules.BatchNorm2d(c_out, relu=True)),
        lambda: nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU()),
        (size[0], c_in, *size[1:]),
        zero=frozenset({"0.bias"}),
    )


# Nothing is too small to show a mistake here, and every parameter reaches the output.
FIXED = {
    "Conv2d": same(modules.Conv2d, nn.Conv2d, 3, 4, (3, 2), stride=2, padding=(1, 0), shape=(2, 3, 7, 6)),
    "Conv2d grouped": same(modules.Conv2d, nn.Conv2d, 6, 4, 3, groups=2, dilation=2, shape=(2, 6, 7, 8)),
    "Conv2d pointwise": same(modules.Conv2d, nn.Conv2d, 3, 4, 1, bias=False, shape=(2, 3, 5, 4)),
    "Conv2d depthwise": same(modules.Conv2d, nn.Conv2d, 3, 6, 3, groups=3, padding=1, shape=(2, 3, 5, 4)),
    "Linear": linear(5, 3, True, 4),
    "BatchNorm2d": same(modules.BatchNorm2d, nn.BatchNorm2d, 3, eps=1e-3, momentum=0.01, shape=(2, 3, 4, 5)),
    "BatchNorm2d and ReLU": Case(
        lambda: modules.Sequential(modules.BatchNorm2d(3), modules.ReLU()),
        lambda: nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()),
        (2, 3, 4, 5),
    ),
    "BatchNorm2d with ReLU": Case(
        lambda: modules.Sequential(modules.BatchNorm2d(3, relu=True)),
        lambda: nn.Sequential(nn.BatchNorm2d(3), nn.ReLU()),
        (2, 3, 4, 5),
    ),
    "SeparableConv2d": same(
        modules.SeparableConv2d, oracle.separable_conv2d, 3, 4, 3, padding=1, multiplier=2, shape=(2, 3, 6, 5)
    ),
    "SqueezeExcite, sigmoid": squeeze_excite(8, 4, "Sigmoid", (3, 4, 5)),
    "SqueezeExcite, hard sigmoid": squeeze_excite(8, 4, "HardSigmoid", (3, 4, 5)),
    "SqueezeExcite, clip": squeeze_excite(8, 4, "Clip", (3, 4, 5)),
    "GhostModule": same(modules.GhostModule, oracle.GhostModule, 3, 8, shape=(2, 3, 6, 5)),
    "GhostModule, 3 does not divide 10": same(
        modules.GhostModule, oracle.GhostModule, 3, 10, ratio=3, kernel_size=3, stride=2, shape=(2, 3, 9, 7)
    ),
    "GhostModule, ratio 1": same(modules.GhostModule, oracle.GhostModule, 3, 8, ratio=1, shape=(2, 3, 6, 5)),
    "GhostBottleneck": bottleneck(6, 12, 6, None, (2, 5, 6)),
    "GhostBottleneck, stride and SE": bottleneck(4, 10, 6, 4, (2, 7, 9), kernel_size=5, stride=2),
    "GhostBottleneck, wider": bottleneck(4, 10, 6, None, (2, 5, 6)),
    "DFCAttention": same(modules.DFCAttention, oracle.DFCAttention, 3, 4, shape=(2, 3, 7, 7)),
    "DFCAttention, document 003's words": attention(3, 4, dfc(pool="max", upsample="bilinear"), (2, 7, 9)),
    "DFCAttention, gate last": attention(3, 4, dfc(upsample="bilinear", gate_last=True), (2, 9, 7)),
    "GhostModuleV2": same(modules.GhostModuleV2, oracle.GhostModuleV2, 3, 8, shape=(2, 3, 9, 7)),
    "GhostBottleneck, V2": enhanced_bottleneck(4, 10, 6, dfc(), {"widening"}, (2, 7, 9), se_hidden=4, stride=2),
    "GhostBottleneck, V2, narrowing": enhanced_bottleneck(4, 10, 6, dfc(), {"narrowing"}, (2, 7, 9)),
    "GhostBottleneck, V2, both": enhanced_bottleneck(4, 10, 4, dfc(7), {"widening", "narrowing"}, (2, 7, 9)),
    "ShuffleUnit (a)": shuffle_unit(8, 8, 1, None, 1, None, (2, 5, 4)),
    "ShuffleUnit (b)": shuffle_unit(12, 12, 3, None, 1, 6, (2, 5, 4)),
    "ShuffleUnit (c)": shuffle_unit(6, 24, 3, None, 2, 6, (2, 7, 5)),
    "ShuffleUnit (c), first not grouped": shuffle_unit(4, 16, 3, 1, 2, 6, (2, 7, 5)),
    **{
        f"ShuffleUnit ({unit}), {name}": shuffle_unit(*geometry, (2, 6, 8), style)
        for unit, geometry in {"b": (12, 12, 3, None, 1, 6), "c": (6, 24, 3, None, 2, 12)}.items()
        for name, style in {
            "Megvii's": (styles.MEGVII, oracle_shufflenet.MEGVII),
            "document 001's": (styles.DOCUMENT_001, oracle_shufflenet.DOCUMENT_001),
            "without shuffle": (styles.ShuffleStyle(shuffled=False), {"shuffle": oracle_shufflenet.no_shuffle}),
        }.items()
    },
    "Conv2d with bias under BatchNorm2d": biased_under_norm(3, 4, (2, 5, 4)),
}

counts = st.integers(1, 6)
kernels = st.sampled_from([1, 3, 5])
strides = st.integers(1, 3)
# Batch and pixels: enough that a batch norm has four values or more, whatever the stride.
sizes = st.tuples(st.integers(2, 3), st.integers(4, 9), st.integers(4, 9))
# The same behind a stride and an attention's pool.
large_sizes = st.tuples(st.integers(2, 3), st.integers(7, 12), st.integers(7, 12))


@st.composite
def convolutions(draw, layer=modules.Conv2d, theirs=nn.Conv2d):
    groups = draw(st.integers(1, 4))
    c_in, c_out = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    batch, height, width = draw(sizes)
    keywords = {
        "stride": draw(strides),
        "padding": draw(st.integers(0, 4)),
        "dilation": draw(st.integers(1, 2)),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    kernel = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)) | st.just((3, 3)))
    return same(layer, theirs, c_in, c_out, kernel, shape=(batch, c_in, height + 1, width + 1), **keywords)


@st.composite
def ghosts(draw, name, **keywords):
    c_in, c_out = draw(counts), draw(st.integers(1, 12))
    batch, height, width = draw(sizes)
    given = {keyword: draw(values) for keyword, values in keywords.items()}
    shape = (batch, c_in, height, width)
    return same(getattr(modules, name), getattr(oracle, name), c_in, c_out, shape=shape, **given)


@st.composite
def shuffle_units(draw):
    groups, stride = draw(st.integers(1, 4)), draw(strides)
    c_in, main, middle = (groups * draw(st.integers(1, 3)) for _ in range(3))
    c_out = c_in if stride == 1 else c_in + main
    first_groups, size, style = draw(st.sampled_from([None, 1])), draw(sizes), draw(unit_styles)
    return shuffle_unit(c_in, c_out, groups, first_groups, stride, middle, size, style)


RANDOM = {
    "Conv2d": convolutions(),
    "SeparableConv2d": st.builds(
        lambda c_in, c_out, kernel, multiplier, bias, size, stride: same(
            modules.SeparableConv2d,
            oracle.separable_conv2d,
            c_in,
            c_out,
            kernel,
            multiplier=multiplier,
            bias=bias,
            stride=stride,
            shape=(size[0], c_in, *size[1:]),
        ),
        counts,
        counts,
        st.integers(1, 4),
        st.integers(1, 3),
        st.booleans(),
        sizes,
        strides,
    ),
    "Linear": st.builds(linear, counts, counts, st.booleans(), st.integers(1, 4)),
    "one operator": st.builds(
        lambda name, size: one_operator(name, (size[0], 6, *size[1:])), st.sampled_from(sorted(ONE_OPERATOR)), sizes
    ),
    "SqueezeExcite": st.builds(squeeze_excite, counts, counts, st.sampled_from(sorted(GATES)), sizes),
    "GhostModule": ghosts(
        "GhostModule",
        kernel_size=kernels,
        ratio=st.integers(1, 4),
        cheap_kernel_size=kernels,
        stride=st.integers(1, 2),
        relu=st.booleans(),
    ),
    "GhostBottleneck": st.builds(
        bottleneck,
        *(counts, counts, counts),
        st.none() | counts,
        sizes,
        kernel_size=kernels,
        stride=st.integers(1, 2),
    ),
    "DFCAttention": st.builds(attention, counts, counts, attentions, sizes),
    "GhostModuleV2": st.builds(
        ghost_module_v2, counts, st.integers(1, 12), attentions, sizes, ratio=st.integers(1, 3), relu=st.booleans()
    ),
    # With fewer channels inside, a ReLU may silence all; the norms of the second attention then divide rounding by
    # sqrt(eps) three times, and PyTorch itself moves by 1e-9 when its input moves by the last bit.
    "GhostBottleneck, V2": st.builds(
        enhanced_bottleneck,
        *(counts, st.integers(4, 8), counts),
        attentions,
        st.sets(st.sampled_from(["widening", "narrowing"])),
        large_sizes,
        se_hidden=st.none() | counts,
        kernel_size=kernels,
        stride=st.integers(1, 2),
    ),
    "ShuffleUnit": shuffle_units(),
    "biased under norm": st.builds(biased_under_norm, counts, counts, sizes),
}
