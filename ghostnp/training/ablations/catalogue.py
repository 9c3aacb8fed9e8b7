"""The six ablations of ``ghostnp ablate``, and how one is found by name.

Each is in miniature what a table of a paper is at large: small networks, small images, minutes. What is learnt from
them is how such a question is asked, and how wide the spread over seeds is; an answer for ImageNet they are not.
"""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType

from ghostnp.modules import Clip, GhostModule, HardSigmoid, MaxPool2d, Sigmoid
from ghostnp.ops.checks import nearest, shown
from ghostnp.training.ablations.grid import Ablation, AblationRow, TaskData
from ghostnp.training.ablations.networks import attentive, crelu_net, excited, ghost_net, shuffle_net, unit_net
from ghostnp.training.data import load_data
from ghostnp.training.recipe import Recipe

# Few to learn from, so that networks differ, and many to test with, so that the differences are seen.
DIGITS = TaskData("digits", lambda seed: load_data("digits", held_out=1297, seed=seed))
MIXED_GROUPS = TaskData("mixed-groups", lambda seed: load_data("mixed-groups", count=1000, held_out=1000, seed=seed))
FAR_PIXELS = TaskData("far-pixels", lambda seed: load_data("far-pixels", count=1000, held_out=1000, size=16, seed=seed))
STATISTIC = TaskData(
    "global-statistic", lambda seed: load_data("global-statistic", count=1000, held_out=1000, size=12, seed=seed)
)
RECIPE = Recipe(epochs=20, batch=32)
# The documents' own tables are pictures that were lost, and only their words are left.
_SOURCE = "What is said of a paper alone was not compared with its tables."

# Widths at which a network takes about 92,000 and 231,000 multiply-adds.
_UNITS = {
    "standard": (10, 16),
    "separable": (24, 42),
    "ghost": (13, 22),
    "ghost bottleneck": (14, 25),
    "shuffle": (28, 48),
}
_SIZES = ("small", "large")

UNITS = Ablation(
    "units",
    "At equal multiply-adds, which unit classifies best, and which is fastest?",
    "ShuffleNet, its comparison with other units at equal cost, and document 001, its third comparison; GhostNet, its "
    f"Ghost-VGG-16 and Ghost-ResNet-56 on CIFAR-10. {_SOURCE}",
    "Document 001: ShuffleNet is much better than the others. GhostNet: a ghost module keeps the accuracy of a "
    "convolution at half of the cost.",
    tuple(
        AblationRow(
            f"{name}, {size}", unit_net(name, widths[place]), None if name == "standard" else f"standard, {size}"
        )
        for place, size in enumerate(_SIZES)
        for name, widths in _UNITS.items()
    ),
    (DIGITS,),
    RECIPE,
    ("macs", "params", "microseconds"),
)

SHUFFLE = Ablation(
    "shuffle",
    "Does channel shuffle help, and for which number of groups?",
    "ShuffleNet, its tables with and without shuffle and of the number of groups, and document 001, its comparisons 1 "
    f"and 2. {_SOURCE}",
    "Document 001: with shuffle it is much better than without, for narrow networks too; and more groups are better, "
    "clearly so for narrow networks.",
    (
        AblationRow("g=1", shuffle_net(1, shuffled=False)),
        *(
            AblationRow(
                f"g={groups}, {'shuffled' if shuffled else 'not shuffled'}",
                shuffle_net(groups, shuffled=shuffled),
                f"g={groups}, not shuffled" if shuffled else "g=1",
            )
            for groups in (2, 3, 4, 8)
            for shuffled in (False, True)
        ),
    ),
    (DIGITS, MIXED_GROUPS),
    RECIPE,
)

_V2 = attentive()
_WHERE = {
    "in narrowing modules": {"ghost2": _V2},
    "in both modules": {"ghost1": _V2, "ghost2": _V2},
    "in block 1 alone": {"ghost1": (_V2, GhostModule, GhostModule)},
    "in block 3 alone": {"ghost1": (GhostModule, GhostModule, _V2)},
}
_HOW: dict[str, dict] = {
    "kernel 3": {"kernel_size": 3},
    "kernel 7": {"kernel_size": 7},
    "max pooling": {"pool": MaxPool2d},
    "bilinear": {"upsample": "bilinear"},
    "max pooling, bilinear": {"pool": MaxPool2d, "upsample": "bilinear"},
    "bilinear, sigmoid last": {"upsample": "bilinear", "gate_last": True},
}
_USUAL = "DFC as usual"  # in the widening modules; kernel 5, average pooling, nearest neighbour, as in the code

DFC = Ablation(
    "dfc",
    "Does DFC attention help, where, and do its details matter?",
    "GhostNetV2, its ablations on kernel size, location, scaling function, expressiveness or capacity, and resizing; "
    f"document 003, its section on ablations, repeats them in words. {_SOURCE}",
    "Document 003: attention helps in every stage; larger kernels are better; in the widening module it helps more "
    "than in the narrowing one, and in both most, at a higher cost; where the sigmoid stands, and how maps are pooled "
    "and enlarged, hardly matters.",
    (
        AblationRow("no attention", ghost_net()),
        AblationRow(_USUAL, ghost_net(ghost1=_V2), "no attention"),
        *(AblationRow(name, ghost_net(**where), _USUAL) for name, where in _WHERE.items()),
        *(AblationRow(name, ghost_net(ghost1=attentive(**how)), _USUAL) for name, how in _HOW.items()),
    ),
    (DIGITS, FAR_PIXELS),
    RECIPE,
)


def _ghosts(**keywords):
    made = partial(GhostModule, **keywords)
    return ghost_net(ghost1=made, ghost2=made)


GHOST = Ablation(
    "ghost",
    "How many ghosts to an intrinsic map, and how large a cheap kernel?",
    f"GhostNet, its tables of kernel size d and ratio s for VGG-16 on CIFAR-10; no document has them. {_SOURCE}",
    "d = 3 is better than 1, 5 and 7. With a larger s the cost falls to nearly 1/s, and the accuracy falls gradually.",
    (
        AblationRow("s=1, no ghosts", _ghosts(ratio=1)),
        AblationRow("s=2, d=3", _ghosts(), "s=1, no ghosts"),
        *(AblationRow(f"s={s}, d=3", _ghosts(ratio=s), "s=2, d=3") for s in (3, 4)),
        *(AblationRow(f"s=2, d={d}", _ghosts(cheap_kernel_size=d), "s=2, d=3") for d in (1, 5, 7)),
    ),
    (DIGITS,),
    RECIPE,
    ("macs",),
)

SE = Ablation(
    "se",
    "Does squeeze-and-excitation help, and does its gate matter?",
    "MobileNetV2 with SE and with other attentions in GhostNetV2 (document 003 repeats it); the three gates are those "
    f"of the published codes of GhostNet (document 000 has the sigmoid). {_SOURCE}",
    "Document 003: of the attentions that are compared, DFC gives the highest accuracy, and SE is among the others. "
    "None says which gate is better.",
    (
        AblationRow("no SE", ghost_net()),
        AblationRow("hard sigmoid", ghost_net(squeeze_excite=excited(gate=HardSigmoid)), "no SE"),
        AblationRow("sigmoid", ghost_net(squeeze_excite=excited(gate=Sigmoid)), "hard sigmoid"),
        AblationRow("clip", ghost_net(squeeze_excite=excited(gate=Clip)), "hard sigmoid"),
    ),
    (DIGITS, STATISTIC),
    RECIPE,
)

CRELU = Ablation(
    "crelu",
    "Does CReLU in the first layers save filters, or help?",
    "CReLU, its tables for CIFAR-10 and CIFAR-100 (ReLU, CReLU with as many filters, and with half of them), and "
    f"document 004. {_SOURCE}",
    "CReLU's abstract: better with fewer parameters. Document 004 wants it in the first layers only, since pairs of "
    "opposite filters become rare with depth.",
    (
        AblationRow("ReLU", crelu_net(0)),
        *(AblationRow(f"CReLU in {count}, half the filters", crelu_net(count), "ReLU") for count in (1, 2, 4)),
        *(AblationRow(f"CReLU in {count}, all filters", crelu_net(count, filters=16), "ReLU") for count in (1, 2)),
        AblationRow("ReLU, half the filters in 2", crelu_net(0, narrow=2), "ReLU"),
    ),
    (DIGITS,),
    RECIPE,
    ("params",),
)

ABLATIONS: Mapping[str, Ablation] = MappingProxyType(
    {found.name: found for found in (UNITS, SHUFFLE, DFC, GHOST, SE, CRELU)}
)


def find_ablation(name):
    """An ablation by its name, or one of your own by module and name.

    Parameters
    ----------
    name : str
        One of `ABLATIONS`, or "module:NAME".

    Returns
    -------
    Ablation

    Raises
    ------
    ValueError
        If there is none.
    """
    if isinstance(name, str) and name in ABLATIONS:
        return ABLATIONS[name]
    rule = f"the rule is one of {', '.join(ABLATIONS)}, or module:NAME"
    if not isinstance(name, str) or name.count(":") != 1:
        raise ValueError(f"name={shown(name)}: {rule}; nearest: {nearest(name, ABLATIONS)}")
    module, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise ValueError(f"name={shown(name)}: {rule}, such as my_module:MINE")
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError as error:
        raise ValueError(f"name={shown(name)}: {error}; {rule}") from None
    if not isinstance(found, Ablation):
        raise ValueError(f"name={shown(name)}: {module} has no Ablation of that name; {rule}")
    return found
