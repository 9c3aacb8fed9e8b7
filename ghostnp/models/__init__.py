"""Networks by name: each a table of rows and a few lines that stack them.

As in `ghostnp.modules`, an argument that is not legal is a TypeError or a ValueError, said of each class only where it
has a rule of its own.

A new network is a table and a class in the file of its family (MobileNets in `mobilenet`), and an entry of `_BUILDERS`
below. It takes `num_classes` and `in_channels`. The same network in PyTorch goes into
``tests/models/oracle_comparison.py``, and both are named in `NETWORKS` and `PUBLISHED` of
``tests/models/test_comparison_networks.py``.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from ghostnp.models.ghostnet import DOCUMENT_000, STAGES_V2, GhostNet
from ghostnp.models.googlenet import GoogLeNet
from ghostnp.models.mobilenet import MobileNetV1, MobileNetV2
from ghostnp.models.plain_net import ALEXNET, VGG16, PlainNet
from ghostnp.models.resnet import GhostResNet, ResNet
from ghostnp.models.shufflenet_v1 import WIDTHS as WIDTHS_V1
from ghostnp.models.shufflenet_v1 import ShuffleNetV1
from ghostnp.models.shufflenet_v2 import WIDTHS as WIDTHS_V2
from ghostnp.models.shufflenet_v2 import ShuffleNetV2
from ghostnp.models.squeezenet import SqueezeNet
from ghostnp.modules import Module, initializer
from ghostnp.modules.shuffle_unit import DOCUMENT_001
from ghostnp.ops.checks import nearest, shown

__all__ = ["create_model", "list_models"]

_BUILDERS: dict[str, Callable[..., Module]] = {
    **{f"ghostnet_{100 * width:03.0f}": partial(GhostNet, width=width) for width in (0.5, 1.0, 1.3)},
    **{
        f"ghostnetv2_{100 * width:03.0f}": partial(GhostNet, width=width, stages=STAGES_V2) for width in (1.0, 1.3, 1.6)
    },
    "ghostnet_keras": partial(GhostNet, dropout=0.0, dialect=DOCUMENT_000),
    **{
        f"shufflenetv1_g{groups}_{width}x": partial(ShuffleNetV1, groups=groups, widths=widths)
        for (groups, width), widths in WIDTHS_V1.items()
    },
    "shufflenetv1_keras": partial(ShuffleNetV1, style=DOCUMENT_001, group_first=True, probabilities=True),
    **{f"shufflenetv2_{width}": partial(ShuffleNetV2, widths=row) for width, row in WIDTHS_V2.items()},
    "mobilenetv1_100": MobileNetV1,
    "mobilenetv2_100": MobileNetV2,
    "resnet50": ResNet,
    "ghost_resnet50": GhostResNet,
    "alexnet": partial(PlainNet, ALEXNET),
    "vgg16": partial(PlainNet, VGG16),
    "squeezenet1_0": SqueezeNet,
    "googlenet": GoogLeNet,
}
_BUILDERS["shufflenetv2_2.0x"] = partial(_BUILDERS["shufflenetv2_2.0x"], dropout=0.2)  # the official code: here alone


def list_models():
    """Names that `create_model` knows.

    Returns
    -------
    list of str

    Examples
    --------
    >>> list_models()[:3]
    ['ghostnet_050', 'ghostnet_100', 'ghostnet_130']
    """
    return list(_BUILDERS)


def create_model(name, *, num_classes=1000, seed=0, dtype=np.float32, **keywords):
    """Build a network by name.

    Parameters
    ----------
    name : str
        One of `list_models`.
    num_classes : int, default 1000
        Length of the output.
    seed : int, optional
        Of the first weights, 0 by default; None leaves them at zero, which is enough for counting and for loading.
    dtype : {numpy.float32, numpy.float64}
        Of every parameter; its name, such as ``"float32"``, will do.
    **keywords
        Of that network's class, such as ``in_channels=1`` for images in grey, or ``dropout=0.2``.

    Returns
    -------
    Module

    Raises
    ------
    TypeError, ValueError
        If the name or another argument is not legal; close names are suggested.

    Examples
    --------
    >>> model = create_model("ghostnet_100", seed=None)
    >>> sum(array.size for array in model.parameters().values())
    5182508
    """
    if not isinstance(name, str) or name not in _BUILDERS:
        raise ValueError(
            f"name={shown(name)}: the rule is one of list_models(), nearest first: {nearest(name, _BUILDERS)}"
        )
    with initializer(seed, dtype):
        return _BUILDERS[name](num_classes=num_classes, **keywords)
