"""Layers that differ from code to code: document 003's ablations of attention, and the styles of a ShuffleNet unit.

Each is a `Case`, or ours and theirs as a pair.
"""

from functools import partial

import torch.nn.functional as F
from hypothesis import strategies as st

from ghostnp import modules
from ghostnp.modules import shuffle_unit as styles
from ghostnp.modules.conv_norm import KERAS, PYTORCH
from tests import oracle_networks as oracle
from tests import oracle_shufflenet
from tests.modules.comparison import Case
from tests.oracle_keras import keras_conv_bn

POOLS = {"avg": (modules.AvgPool2d, F.avg_pool2d), "max": (modules.MaxPool2d, F.max_pool2d)}


def dfc(kernel_size=5, pool="avg", **keywords):
    """Document 003's ablations of the attention, as ours and theirs."""
    return tuple(
        partial(layer, kernel_size=kernel_size, pool=function, **keywords)
        for layer, function in zip((modules.DFCAttention, oracle.DFCAttention), POOLS[pool], strict=True)
    )


def attention(c_in, c_out, factors, size):
    ours, theirs = factors
    return Case(partial(ours, c_in, c_out), partial(theirs, c_in, c_out), (size[0], c_in, *size[1:]))


def ghost_module_v2(c_in, c_out, factors, size, **ghost):
    ours, theirs = (
        partial(layer, c_in, c_out, attention=made, **ghost)
        for layer, made in zip((modules.GhostModuleV2, oracle.GhostModuleV2), factors, strict=True)
    )
    return Case(ours, theirs, (size[0], c_in, *size[1:]))


def enhanced_bottleneck(c_in, hidden, c_out, factors, enhanced, size, se_hidden=None, **keywords):
    """Document 003's "expressiveness" (widening), "capacity" (narrowing), both or neither."""
    ours, theirs = factors

    def ghost(place, before, after, **own):
        if place in enhanced:
            return modules.GhostModuleV2(before, after, attention=ours, **own)
        return modules.GhostModule(before, after, **own)

    def build():
        return modules.GhostBottleneck(
            *(c_in, hidden, c_out),
            ghost1=ghost("widening", c_in, hidden),
            ghost2=ghost("narrowing", hidden, c_out, relu=False),
            squeeze_excite=modules.SqueezeExcite(hidden, hidden=se_hidden) if se_hidden else None,
            **keywords,
        )

    return Case(
        build,
        partial(
            oracle.GhostBottleneck,
            *(c_in, hidden, c_out),
            widened=theirs if "widening" in enhanced else None,
            narrowed=theirs if "narrowing" in enhanced else None,
            se_hidden=se_hidden,
            **keywords,
        ),
        (size[0], c_in, *size[1:]),
        zero=frozenset({"shortcut.1.bias"} if c_in != c_out or keywords.get("stride", 1) > 1 else ()),
    )


PAPER_STYLE = styles.PAPER, {}


def shuffle_unit(c_in, c_out, groups, first_groups, stride, bottleneck_channels, size, style=PAPER_STYLE):
    ours, theirs = style
    geometry = {"groups": groups, "first_groups": first_groups, "stride": stride}
    # Between the depthwise norm's constant and the next norm is a 1x1 convolution alone; a bias is right under a norm.
    biases = [f"branch_main_{place}.bias" for place in ("1.0", "1.3", "2.0") if ours.conv_norm.bias]
    return Case(
        partial(modules.ShuffleUnit, c_in, c_out, bottleneck_channels=bottleneck_channels, style=ours, **geometry),
        partial(oracle_shufflenet.ShuffleUnit, c_in, c_out, bottleneck=bottleneck_channels, **geometry, **theirs),
        (size[0], c_in, *size[1:]),
        zero=frozenset({"branch_main_1.4.bias", *biases}),
    )


def style_of_ones_own(shuffled, inverse, keras, **flags):
    shuffle = oracle_shufflenet.megvii_shuffle if inverse else oracle_shufflenet.paper_shuffle
    return (
        styles.ShuffleStyle(shuffled=shuffled, inverse=inverse, conv_norm=KERAS if keras else PYTORCH, **flags),
        {"shuffle": shuffle if shuffled else oracle_shufflenet.no_shuffle, **flags}
        | ({"brick": keras_conv_bn} if keras else {}),
    )


attentions = st.builds(
    dfc,
    st.sampled_from([1, 3, 5, 7]),
    st.sampled_from(sorted(POOLS)),
    upsample=st.sampled_from(["nearest", "bilinear"]),
    gate_last=st.booleans(),
)
unit_styles = st.builds(
    style_of_ones_own,
    **{name: st.booleans() for name in styles.ShuffleStyle._fields if name != "conv_norm"},
    keras=st.booleans(),
)
