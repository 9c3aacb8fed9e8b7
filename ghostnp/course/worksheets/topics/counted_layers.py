"""The layers on which conventions of counting are tried: convolution with bias, batch norm, ReLU, average."""

from ghostnp.course.worksheets.counters import table
from ghostnp.course.worksheets.language import _
from ghostnp.graph.counting.conventions import CONVENTIONS, MEASURES
from ghostnp.modules import BatchNorm2d, Conv2d, GlobalAvgPool2d, ReLU, Sequential
from ghostnp.ops.cost import Worked

NORM = "batch_norm_eval"
SIZES = {"in_channels": (3, 8, 16, 24, 32), "out_channels": (8, 12, 16, 24, 48, 64), "size": (7, 14, 28, 32, 56)}


def layers(in_channels, out_channels, kernel, size):
    """Count of a convolution with bias, batch norm, ReLU and the global average."""

    def build():
        return Sequential(
            Conv2d(in_channels, out_channels, kernel, padding=kernel // 2),
            BatchNorm2d(out_channels),
            ReLU(),
            GlobalAvgPool2d(),
        )

    return table(build, (1, in_channels, size, size))


def asked(in_channels, out_channels, kernel, size):
    """What is given, in words."""
    return _(
        "A {kernel}x{kernel} convolution with bias turns {in_channels} maps of {size}x{size} pixels into "
        "{out_channels} of the same size; a batch norm, a ReLU and a global average pool (the average of "
        "each map) follow.",
        kernel=kernel,
        in_channels=in_channels,
        size=size,
        out_channels=out_channels,
    )


def summed(parts):
    """Parts of a convention's count as one `Worked`."""
    terms = (f"{part.factor}·{part.elements}" if part.factor > 1 else f"{part.elements}" for part in parts)
    return Worked(" + ".join(terms) or "0")


def counted_by(convention, counted):
    """What a convention, by its name, makes of a count: a `Worked`."""
    return summed(CONVENTIONS[convention].parts(counted))


# Whose rules are asked about.
TOOLS = ("fvcore", "ptflops", "ptflops-aten", "thop", "torchinfo")


def rule_of(convention):
    """A convention's rule in words, without what only matters for other layers and in training."""
    return _(plain_rule(convention))


def plain_rule(convention):
    """The same in English."""
    text = CONVENTIONS[convention].text.split("; layers count")[0].split(", 1 (nearest)")[0]
    return text.replace(" in evaluation (5 in training)", "").replace("macs", "multiply-adds")


def plainly(op):
    """An operator's name as people say it: in another language, one that its catalogue has."""
    return _(op.replace("_eval", "").replace("2d", "").replace("_", " ").replace(" (the classifier)", ""))


def measured(part):
    """What is counted of which operator, in words: ``multiply-adds of standard conv``."""
    return _("{measure} of {operator}", measure=_(MEASURES[part.measure]), operator=plainly(part.op))
