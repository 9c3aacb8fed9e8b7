"""Conventions of counting: what the tools count besides multiply-adds and weights."""

from ghostnp.course.worksheets.counters import (
    added,
    biases,
    flops,
    macs,
    norm,
    norm_operations,
    one_row,
    parameters,
    times,
)
from ghostnp.course.worksheets.language import _
from ghostnp.course.worksheets.problem import Problem, template
from ghostnp.course.worksheets.topics.counted_layers import (
    NORM,
    SIZES,
    asked,
    counted_by,
    layers,
    measured,
    rule_of,
    summed,
)
from ghostnp.graph.counting.conventions import CONVENTIONS
from ghostnp.ops.cost import Worked


@template("conventions", 1, **SIZES, kernel=(1, 3, 5))
def floating_point_operations(in_channels, out_channels, kernel, size):
    """Two for each multiply-add."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel, "size": size}
    right = flops("standard_conv2d", **sizes, padding="same")
    return Problem(
        _(
            "A {kernel}x{kernel} convolution with bias turns {in_channels} maps of {size}x{size} pixels into "
            "{out_channels} of the same size. How many floating-point operations is that, if a multiply-add is "
            "two and biases are left out?",
            kernel=kernel,
            in_channels=in_channels,
            size=size,
            out_channels=out_channels,
        ),
        right,
        _("Two for each of the C_out·H·W·C_in·k·k multiply-adds:"),
        {
            "MACs for FLOPs": macs("standard_conv2d", **sizes, padding="same"),
            "biases counted": added(right, biases("standard_conv2d", **sizes, padding="same")),
            "doubled twice": times(2, right),
            "kernel not squared": flops("standard_conv2d", **one_row(sizes), padding="same"),
            "batch norm counted": added(right, norm_operations(out_channels, size)),
            "forgot the input channels": flops("standard_conv2d", **sizes | {"in_channels": 1}, padding="same"),
            "parameters for FLOPs": parameters(
                "standard_conv2d", in_channels=in_channels, out_channels=out_channels, kernel_size=kernel, bias=True
            ),
        },
    )


@template("conventions", 2, **SIZES, kernel=(1, 3, 5))
def all_that_keras_counts(in_channels, out_channels, kernel, size):
    """The statistics of batch norm too."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel}
    counted = layers(in_channels, out_channels, kernel, size)
    conv = parameters("standard_conv2d", **sizes, bias=True)
    right = _keras(conv, counted)
    return Problem(
        _(
            "{asked} Keras counts as parameters what is trained and also the moving statistics of the batch "
            "norm. What total does it print?",
            asked=asked(in_channels, out_channels, kernel, size),
        ),
        right,
        _(
            "Filters with biases, then slope and shift, and mean and variance of each channel: C_out·(C_in·k·k "
            "+ 1) + 2·C_out + 2·C_out ="
        ),
        {
            "statistics left out": added(conv, norm(out_channels)),
            "batch norm left out": conv,
            "forgot the bias": _keras(parameters("standard_conv2d", **sizes), counted),
            "a batch norm before it too": added(right, norm(in_channels), norm(in_channels)),
            "a bias for each kernel": _keras(
                added(
                    parameters("standard_conv2d", **sizes),
                    parameters("pointwise_conv2d", in_channels=in_channels, out_channels=out_channels),
                ),
                counted,
            ),
            "MACs for parameters": macs("standard_conv2d", **sizes, size=size, padding="same"),
            "kernel not squared": _keras(parameters("standard_conv2d", **one_row(sizes), bias=True), counted),
        },
    )


def _keras(convolution, counted):
    """A convolution's parameters and all that its batch norm has."""
    (row,) = (row for row in counted.rows if row.op == NORM)
    return added(convolution, row.params, Worked(str(row.buffers)))


# What the tools differ in: the operators, and the misconceptions that leave them out or count them.
_ISSUES = {
    "standard_conv2d": ("biases left out", "biases counted"),
    "pointwise_conv2d": ("biases left out", "biases counted"),
    NORM: ("batch norm left out", "batch norm counted"),
    "relu": ("ReLU left out", "ReLU counted"),
    "global_avg_pool2d": ("average left out", "average counted"),
}


@template(
    "conventions", 3, **SIZES, kernel=(1, 3), convention=("fvcore", "ptflops", "ptflops-aten", "thop", "torchinfo")
)
def totals_of_a_tool(in_channels, out_channels, kernel, size, convention):
    """By the tool's rule in words."""
    counted = layers(in_channels, out_channels, kernel, size)
    parts = CONVENTIONS[convention].parts(counted)
    right = summed(parts)
    bare = counted_by("macs", counted)
    mistakes = {"MACs alone": bare, "multiply-adds doubled": added(right, bare)}
    for row in counted.rows:
        left_out, counted_too = _ISSUES[row.op]
        without = [part for part in parts if part.op.split(" ")[0] != row.op or part.measure == "macs"]
        if len(without) < len(parts):
            mistakes[left_out] = summed(without)
        else:
            mistakes[counted_too] = added(right, row.other)
    return Problem(
        _(
            "{asked} A tool counts: {rule}. What total does it print?",
            asked=asked(in_channels, out_channels, kernel, size),
            rule=rule_of(convention),
        ),
        right,
        _("{terms}:", terms=_words(parts)),
        mistakes,
    )


def _words(parts):
    names = [
        measured(part) if part.factor == 1 else _("{factor} x {measured}", factor=part.factor, measured=measured(part))
        for part in parts
    ]
    return " + ".join(names)


TEMPLATES = (floating_point_operations, all_that_keras_counts, totals_of_a_tool)
