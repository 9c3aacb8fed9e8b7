"""Document 001, ShuffleNet in Keras: its worked numbers and its formulas for units. It counts no biases."""

from ghostnp.course.documents import unit_costs
from ghostnp.course.documents.claim import claim
from ghostnp.course.documents.probes import IMAGE, network, statistics
from ghostnp.course.documents.verdict import Computed, convention, statement
from ghostnp.graph.counting import count
from ghostnp.ops import grouped_conv2d_cost, standard_conv2d_cost

# The examples of the papers: h, w, c and the width in the middle.
RESNET = (56, 56, 256, 64)
RESNEXT = {"h": 56, "w": 56, "c": 256, "m_per_group": 4, "g": 32}
SHUFFLENET = {"h": 28, "w": 28, "c": 240, "m": 60, "g": 3}


@claim("N09", "001", "3x3x12x6=648")
def standard_convolution():
    """A 3x3 convolution from 12 to 6 channels has 648 parameters.

    Without biases: here document 001 counts otherwise than document 000.
    """
    return statement(Computed("parameters", standard_conv2d_cost((1, 12, 3, 3), (6, 12, 3, 3)).params, 648))


@claim("N10", "001", "3x3x(12/3)x(6/3)x3=216")
def grouped_convolution():
    """A 3x3 convolution from 12 to 6 channels in 3 groups has 216 parameters.

    Each of the 6 filters reads 4 channels instead of 12. Without biases this is exactly a third of the parameters.
    """
    return statement(Computed("parameters", grouped_conv2d_cost((1, 12, 3, 3), (6, 4, 3, 3), groups=3).params, 216))


@claim("N11", "001", "ResNet FLOPs: hwm(1·1·c)+hwm(3·3·m)+hwc(1·1·m)")
def resnet_unit():
    """ResNet's unit costs hwm·c + hwm·9m + hwc·m.

    The paper's hw(2cm + 9m²), written out; m is the whole width in the middle.
    """
    line = unit_costs.document_resnet_line(*RESNET)
    return statement(
        Computed("hw(2cm + 9m²) at 56x56, c = 256, m = 64", unit_costs.resnet_unit(*RESNET), line),
        Computed("counted on the unit", unit_costs.counted(unit_costs.resnet_unit, *RESNET), line),
    )


@claim("N12", "001", "ResNeXt FLOPs: ghwm(1·1·c)+ghwm(3·3·m)+ghwc(1·1·m), m=4")
def resnext_unit():
    """ResNeXt's unit costs ghwm·c + ghwm·9m + ghwc·m.

    The line is right if m, here 4, is the width of one group. In the document's line above it, m is the whole width.
    With that meaning, this line gives far too much.
    """
    h, w, c, m, g = RESNEXT.values()
    paper = unit_costs.resnext_unit(**RESNEXT)
    return statement(
        Computed(
            "the paper's hw(2cm + 9m²/g), and the line with m per group, 4",
            paper,
            unit_costs.document_resnext_line(h, w, c, m, g),
        ),
        Computed(
            "the paper's hw(2cm + 9m²/g), and the line with m in total, 128",
            paper,
            unit_costs.document_resnext_line(h, w, c, g * m, g),
        ),
        Computed("counted on the unit", unit_costs.counted(unit_costs.resnext_unit, *RESNEXT.values())),
    )


@claim("N13", "001", "ShuffleNet FLOPs: ghwm(1·1·c/g)+hwm(3·3·1)+ghwc(1·1·m/g)")
def shufflenet_unit():
    """ShuffleNet's unit costs ghwm·c/g + hwm·9 + ghwc·m/g.

    Its g cancels, which leaves hw(2cm + 9m) however m is read. With m per group, the depthwise term lacks a factor g;
    with m in total, both 1x1 terms are g times too large. The repaired line has g in front of every term.
    """
    line = unit_costs.document_shufflenet_line(**SHUFFLENET)
    return statement(
        Computed("the paper's hw(2cm/g + 9m), and the line with m per group, 20", line.paper, line.per_group),
        Computed("the same, and the line with m in total, 60", line.paper, line.total),
        Computed("counted on the unit", unit_costs.counted(unit_costs.shufflenet_unit, *SHUFFLENET.values())),
        Computed("repaired, with m per group", line.repaired),
    )


@claim("N14", "001", "model ShuffleNetV1(240,480,960,groups=3,numlayers=[3,7,3])")
def parameters_of_shufflenet():
    """The document builds this network and prints its summary.

    It does not quote what was printed. The official network of these widths has fewer parameters: no biases.
    """
    model = network("shufflenetv1_keras")
    return statement(
        Computed("trainable parameters", count(model, IMAGE).params),
        Computed("running statistics", statistics(model)),
        Computed("official network, trainable", count(network("shufflenetv1_g3_1.0x"), IMAGE).params),
    )


@claim("C18", "001", "假设… m (section 4)")
def meaning_of_m():
    """One letter m stands for the width in the middle in all three lines.

    It is the whole width for ResNet and the width of a group for ResNeXt, and for ShuffleNet neither fits.
    """
    resnet = unit_costs.document_resnet_line(*RESNET) == unit_costs.resnet_unit(*RESNET)
    h, w, c, m, g = RESNEXT.values()
    resnext = {
        "in total": unit_costs.document_resnext_line(h, w, c, g * m, g) == unit_costs.resnext_unit(**RESNEXT),
        "per group": unit_costs.document_resnext_line(h, w, c, m, g) == unit_costs.resnext_unit(**RESNEXT),
    }
    line = unit_costs.document_shufflenet_line(**SHUFFLENET)
    shufflenet = {"in total": line.total == line.paper, "per group": line.per_group == line.paper}
    return statement(
        *(
            Computed(f"lines that hold with m {reading}", resnet + resnext[reading] + shufflenet[reading], 3)
            for reading in ("in total", "per group")
        )
    )


@claim("C19", "001", "FLOPs")
def unit_of_counting():
    """The costs of units are called FLOPs.

    They are multiply-adds, of convolutions alone, as in the papers. Counting a product and a sum as two operations
    doubles them.
    """
    line, macs = unit_costs.document_resnet_line(*RESNET), unit_costs.counted(unit_costs.resnet_unit, *RESNET)
    return convention(
        Computed("ResNet's unit in multiply-adds", macs, line),
        Computed("ResNet's unit in floating-point operations", 2 * macs, line),
    )
