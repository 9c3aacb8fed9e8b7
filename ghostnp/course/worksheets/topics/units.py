"""What one unit of ResNet, ResNeXt and ShuffleNet costs: document 001, section 4."""

from ghostnp.course.documents.unit_costs import (
    counted,
    document_resnet_line,
    document_shufflenet_line,
    resnet_unit,
    resnext_unit,
    shufflenet_unit,
)
from ghostnp.course.worksheets.counters import added, norm_operations, times
from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import Problem, template
from ghostnp.ops.cost import Worked

_SIZES = (7, 14, 28, 56)


def _parts(unit, *arguments):
    """Multiply-adds of the three convolutions, as ghostnp counts them."""
    return [Worked(formula) for formula in counted(unit, *arguments).formula.split(" + ")]


@template("units", 1, lambda size, c, m: m < c, size=_SIZES, c=(64, 128, 256, 512, 1024), m=(16, 32, 64, 128, 256))
def resnet(size, c, m):
    """1x1, 3x3, 1x1."""
    reduce, middle, expand = _parts(resnet_unit, size, size, c, m)
    right = resnet_unit(size, size, c, m)
    return Problem(
        _(
            "ResNet's bottleneck unit on {c} maps of {size}x{size} pixels: a 1x1 convolution to {m} maps, a 3x3 "
            "convolution from {m} to {m} (padded), a 1x1 convolution back to {c}. How many multiply-adds do "
            "the three take?",
            c=c,
            size=size,
            m=m,
        ),
        right,
        _("Two 1x1 convolutions and one of 3x3: h·w·(2·c·m + 9·m·m) ="),
        {
            "FLOPs for MACs": times(2, right),
            "forgot the last 1x1": added(reduce, middle),
            "forgot the 3x3": added(reduce, expand),
            "no bottleneck": resnet_unit(size, size, c, c),
            "depthwise 3x3": shufflenet_unit(size, size, c, m, 1),
            "batch norm counted": added(right, *(norm_operations(channels, size) for channels in (m, m, c))),
        },
    )


@template(
    "units",
    2,
    lambda size, c, m, g: m * g <= c,
    size=_SIZES,
    c=(128, 256, 512, 1024),
    m=(2, 4, 8, 16),
    g=(4, 8, 16, 32),
)
def resnext(size, c, m, g):
    """The 3x3 convolution is grouped; m is the width of one group."""
    reduce, middle, expand = _parts(resnext_unit, size, size, c, m, g)
    right = resnext_unit(size, size, c, m, g)
    return Problem(
        _(
            "ResNeXt's unit on {c} maps of {size}x{size} pixels: a 1x1 convolution to {g} groups of {m} maps "
            "each, a 3x3 convolution in {g} groups (padded), a 1x1 convolution back to {c}. The 1x1 "
            "convolutions are not grouped. How many multiply-adds do the three take?",
            c=c,
            size=size,
            g=g,
            m=m,
        ),
        right,
        _(
            "The middle has g·m = {middle} maps, and a filter there sees m = {m} of them: h·w·(2·c·g·m + 9·g·m·m) =",
            middle=g * m,
            m=m,
        ),
        {
            "forgot /groups": resnet_unit(size, size, c, m * g),
            "one group for the whole middle": document_resnet_line(size, size, c, m),
            "FLOPs for MACs": times(2, right),
            "forgot the last 1x1": added(reduce, middle),
            "forgot the 3x3": added(reduce, expand),
            "depthwise 3x3": shufflenet_unit(size, size, c, m * g, 1),
            "multiplied by groups": times(g, right),
        },
    )


def _shuffles(size, c, m, g):
    return c % g == m % g == 0 and m < c and m > g


@template(
    "units",
    3,
    _shuffles,
    size=_SIZES,
    c=(144, 240, 272, 384, 480, 576, 768, 960),
    m=(36, 48, 60, 96, 120, 144, 192, 240),
    g=(2, 3, 4, 8),
)
def shufflenet(size, c, m, g):
    """The 1x1 convolutions are grouped and the 3x3 one is depthwise."""
    reduce, middle, expand = _parts(shufflenet_unit, size, size, c, m, g)
    right = shufflenet_unit(size, size, c, m, g)
    return Problem(
        _(
            "ShuffleNet's unit of stride 1 on {c} maps of {size}x{size} pixels: a 1x1 convolution in {g} groups "
            "to {m} maps, a 3x3 depthwise convolution (padded), a 1x1 convolution in {g} groups back to {c}. "
            "How many multiply-adds do the three take?",
            c=c,
            size=size,
            g=g,
            m=m,
        ),
        right,
        _("Grouping divides the 1x1 convolutions by g: h·w·(2·(c/g)·m + 9·m) ="),
        {
            "forgot /groups": shufflenet_unit(size, size, c, m, 1),
            "a factor g lost": document_shufflenet_line(size, size, c, m, g).per_group,
            "FLOPs for MACs": times(2, right),
            "forgot the last 1x1": added(reduce, middle),
            "forgot the 3x3": added(reduce, expand),
            "3x3 not depthwise": resnext_unit(size, size, c // g, m, 1),
            "multiplied by groups": times(g, right),
        },
    )


TEMPLATES = (resnet, resnext, shufflenet)
