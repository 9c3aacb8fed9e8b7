"""Where two published codes of one network disagree with each other."""

from functools import partial

import numpy as np

from ghostnp.course.documents.claim import claim
from ghostnp.course.documents.probes import IMAGE, counted, layers, unweighted
from ghostnp.course.documents.verdict import Computed, comparison
from ghostnp.graph.counting import count
from ghostnp.models.ghostnet import OFFICIAL, GhostNet
from ghostnp.models.shufflenet_v2 import ShuffleNetV2
from ghostnp.modules import Clip, Conv2d

# What can be set of the authors' TensorFlow code.
TENSORFLOW = OFFICIAL._replace(gate=Clip, squeeze_divisor=1, head_norm=True)
TORCHVISION = {"even_projection": True, "bias": True}


@claim("C48", "official", "Huawei torch vs TF GhostNet")
def two_ghostnets():
    """GhostNet's authors published it for PyTorch and for TensorFlow.

    The gates of squeeze-and-excitation are different functions and the heads are built differently. The TensorFlow code
    cuts surplus ghosts before the concatenation, and takes a ratio of 1.
    """

    def gate(dialect):
        return tuple(float(value) for value in dialect.gate()(np.array([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1)).ravel())

    def head(dialect):
        rows = counted(lambda: GhostNet(dialect=dialect), IMAGE).rows
        return any(row.path == "bn2" for row in rows)

    return comparison(
        Computed("gate at -1, 0, 1", gate(OFFICIAL), gate(TENSORFLOW)),
        Computed("batch norm behind the 1280 channels", head(OFFICIAL), head(TENSORFLOW)),
        sides=("TensorFlow", "PyTorch"),
    )


@claim("C49", "official", "ShuffleNetV2 Megvii vs torchvision")
def two_shufflenets():
    """ShuffleNetV2 is published by its authors (Megvii) and in torchvision.

    In a striding unit, Megvii's shortcut keeps the channels that came in and the main branch makes the rest;
    torchvision's branches make half each. Its classifier has a bias, and it shuffles at a unit's end instead of dealing
    out even and odd channels at the next one's start.
    """

    def channels(network, branch):
        convolutions = layers(getattr(network.features[0], branch), Conv2d)
        return len(list(convolutions.values())[-1].weight)

    def case(what, ask):
        return Computed(what, ask(megvii), ask(torchvision))

    megvii, torchvision = (unweighted(partial(ShuffleNetV2, **style)) for style in ({}, TORCHVISION))
    return comparison(
        case("first striding unit: channels of the shortcut", lambda network: channels(network, "branch_proj")),
        case("of the main branch", lambda network: channels(network, "branch_main")),
        case("trainable parameters", lambda network: count(network, IMAGE).params),
        sides=("torchvision", "Megvii"),
    )
