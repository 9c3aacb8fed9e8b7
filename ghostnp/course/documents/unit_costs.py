"""What one unit of ResNet, ResNeXt and ShuffleNet costs, in letters: document 001, section 4, and its error.

Maps of h x w pixels, c channels outside a unit, m in the middle, g groups; multiply-adds of the three [1]_:

    ResNet       1x1, 3x3, 1x1                        hw(2cm + 9m²)
    ResNeXt      1x1, 3x3 in g groups, 1x1            hw(2cm + 9m²/g)
    ShuffleNet   1x1 in g, 3x3 depthwise, 1x1 in g    hw(2cm/g + 9m)

Here m is the whole width in the middle, as in ShuffleNet's paper, and m/g is what one group has of it. Document 001
writes m for the one in its first line and for the other in its second; its third is wrong with either.

All functions take positive ints and give a `Worked`. They raise a TypeError or a ValueError for other arguments, and
where g does not divide c and m.

.. [1] X. Zhang et al., "ShuffleNet", CVPR 2018, section 3.2. https://arxiv.org/abs/1707.01083

>>> resnet_unit(56, 56, 256, 64).working
'56·56·(2·256·64 + 9·64·64) = 218,365,952'
>>> resnext_unit(56, 56, 256, 4, 32).working
'56·56·(2·256·128 + 9·128·4) = 219,971,584'
>>> shufflenet_unit(28, 28, 240, 60, 3).working
'28·28·(2·80·60 + 9·60) = 7,949,760'
>>> counted(shufflenet_unit, 28, 28, 240, 60, 3).working
'60·28·28·80·1·1 + 60·28·28·1·3·3 + 240·28·28·20·1·1 = 7,949,760'
"""

from collections.abc import Callable
from typing import NamedTuple

from ghostnp.graph.counting import count
from ghostnp.modules import Module, ShuffleUnit, initializer
from ghostnp.modules.bottleneck import Bottleneck
from ghostnp.ops.checks import check_divides, integer
from ghostnp.ops.cost import Worked


def resnet_unit(h, w, c, m):
    """Multiply-adds of ResNet's bottleneck, hw(2cm + 9m²)."""
    _check(h=h, w=w, c=c, m=m)
    return Worked(f"{h}·{w}·(2·{c}·{m} + 9·{m}·{m})")


def resnext_unit(h, w, c, m_per_group, g):
    """Multiply-adds of ResNeXt's bottleneck, hw(2cm + 9m²/g) with m = g·m_per_group, so that m²/g = m·m_per_group."""
    _check(h=h, w=w, c=c, m_per_group=m_per_group, g=g)
    m = g * m_per_group
    return Worked(f"{h}·{w}·(2·{c}·{m} + 9·{m}·{m_per_group})")


def shufflenet_unit(h, w, c, m, g):
    """Multiply-adds of ShuffleNet's unit of stride 1, hw(2cm/g + 9m); c/g is worked out already."""
    _check_groups(h, w, c, m, g)
    return Worked(f"{h}·{w}·(2·{c // g}·{m} + 9·{m})")


def counted(unit, h, w, c, *middle):
    """Multiply-adds of a `unit`, one of the functions above, as ghostnp builds it: a term for each convolution."""
    if unit not in list(_MODULES):
        known = ", ".join(function.__name__ for function in _MODULES)
        raise ValueError(f"unit={unit!r}: the rule is one of the functions {known}")
    unit(h, w, c, *middle)  # for its errors: they speak of h, w, c, m and g
    with initializer(None):
        module = _MODULES[unit](c, *middle)
    rows = count(module, (1, c, h, w)).rows
    return Worked(" + ".join(row.macs.formula for row in rows if row.macs))


_MODULES: dict[Callable[..., Worked], Callable[..., Module]] = {
    resnet_unit: lambda c, m: Bottleneck(c, m, c),
    resnext_unit: lambda c, m_per_group, g: Bottleneck(c, g * m_per_group, c, groups=g),
    shufflenet_unit: lambda c, m, g: ShuffleUnit(c, c, groups=g, bottleneck_channels=m),
}


# Document 001's lines, term by term as it writes them.


def document_resnet_line(h, w, c, m):
    """Work out document 001's line for ResNet, hwm(1·1·c) + hwm(3·3·m) + hwc(1·1·m): right."""
    _check(h=h, w=w, c=c, m=m)
    return Worked(f"{h}·{w}·{m}·{c} + {h}·{w}·{m}·3·3·{m} + {h}·{w}·{c}·{m}")


def document_resnext_line(h, w, c, m, g):
    """Work out document 001's line for ResNeXt, ghwm(1·1·c) + ghwm(3·3·m) + ghwc(1·1·m): right with m per group."""
    _check(h=h, w=w, c=c, m=m, g=g)
    return Worked(f"{g}·{h}·{w}·{m}·{c} + {g}·{h}·{w}·{m}·3·3·{m} + {g}·{h}·{w}·{c}·{m}")


class ShuffleNetLine(NamedTuple):
    """Document 001's line for ShuffleNet, in both readings, and what it should be."""

    per_group: Worked  # with m per group, as in the line for ResNeXt: its 3x3 term lacks a factor g
    total: Worked  # with m in total, as in the line for ResNet: its 1x1 terms are g times too large
    repaired: Worked  # with m per group: g groups in each of the three terms, and c/g channels outside in the last
    paper: Worked  # hw(2cm/g + 9m), with m in total


def document_shufflenet_line(h, w, c, m, g):
    """Work out document 001's line for ShuffleNet, ghwm(1·1·c/g) + hwm(3·3·1) + ghwc(1·1·m/g); here m is in total.

    In its last term g cancels, whether or not it divides m: ghwc(m/g) = hwcm.

    Examples
    --------
    >>> for name, worked in document_shufflenet_line(28, 28, 240, 60, 3)._asdict().items():
    ...     print(f"{name:9}  {worked.working}")
    per_group  3·28·28·20·80 + 28·28·20·3·3 + 28·28·240·20 = 7,667,520
    total      3·28·28·60·80 + 28·28·60·3·3 + 28·28·240·60 = 23,002,560
    repaired   3·28·28·20·80 + 3·28·28·20·3·3 + 3·28·28·80·20 = 7,949,760
    paper      28·28·(2·80·60 + 9·60) = 7,949,760
    """
    paper = shufflenet_unit(h, w, c, m, g)
    share, own = c // g, m // g

    def line(m):
        return Worked(f"{g}·{h}·{w}·{m}·{share} + {h}·{w}·{m}·3·3 + {h}·{w}·{c}·{m}")

    repaired = Worked(f"{g}·{h}·{w}·{own}·{share} + {g}·{h}·{w}·{own}·3·3 + {g}·{h}·{w}·{share}·{own}")
    return ShuffleNetLine(line(own), line(m), repaired, paper)


def _check(**sizes):
    for name, size in sizes.items():
        integer(name, size, 1)


def _check_groups(h, w, c, m, g):
    _check(h=h, w=w, c=c, m=m, g=g)
    for name, channels in (("c", c), ("m", m)):
        check_divides("g", g, name, channels)
