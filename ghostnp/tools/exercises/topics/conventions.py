"""Conventions of counting, and numbers that two tools print for one network."""

from functools import lru_cache

from ghostnp.models import create_model
from ghostnp.modules import BatchNorm2d, Conv2d, GlobalAvgPool2d, ReLU, Sequential
from ghostnp.ops.cost import Worked
from ghostnp.tools.conventions import CONVENTIONS, MACS, MEASURES
from ghostnp.tools.counting import count
from ghostnp.tools.exercises.counters import (
    added,
    biases,
    flops,
    macs,
    norm,
    norm_operations,
    parameters,
    table,
    times,
)
from ghostnp.tools.exercises.problem import Named, Problem, template
from ghostnp.tools.reconcile import difference

_NORM = "batch_norm_eval"


def _layers(in_channels, out_channels, kernel, size):
    """Count of a convolution with bias, batch norm, ReLU and the global average."""

    def build():
        return Sequential(
            Conv2d(in_channels, out_channels, kernel, padding=kernel // 2),
            BatchNorm2d(out_channels),
            ReLU(),
            GlobalAvgPool2d(),
        )

    return table(build, (1, in_channels, size, size))


def _asked(in_channels, out_channels, kernel, size):
    return (
        f"A {kernel}x{kernel} convolution with bias turns {in_channels} maps of {size}x{size} pixels into "
        f"{out_channels} of the same size; a batch norm, a ReLU and the average of each map follow."
    )


def _sum(parts):
    """Parts of a convention's count as one `Worked`."""
    terms = (f"{part.factor}·{part.elements}" if part.factor > 1 else f"{part.elements}" for part in parts)
    return Worked(" + ".join(terms) or "0")


def _under(convention, counted):
    return _sum(CONVENTIONS[convention].parts(counted))


_SIZES = {"in_channels": (3, 8, 16, 24, 32), "out_channels": (8, 12, 16, 24, 48, 64), "size": (7, 14, 28, 32, 56)}


@template("conventions", 1, **_SIZES, kernel=(1, 3, 5))
def floating_point_operations(in_channels, out_channels, kernel, size):
    """Two for each multiply-add."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel, "size": size}
    right = flops("standard_conv2d", **sizes, padding="same")
    return Problem(
        f"A {kernel}x{kernel} convolution with bias turns {in_channels} maps of {size}x{size} pixels into "
        f"{out_channels} of the same size. How many floating-point operations is that, if a "
        "multiply-add is two and biases are left out?",
        right,
        "Two for each of the C_out·H·W·C_in·k·k multiply-adds:",
        {
            "MACs for FLOPs": macs("standard_conv2d", **sizes, padding="same"),
            "biases counted as MACs": added(right, biases("standard_conv2d", **sizes, padding="same")),
            "doubled twice": times(2, right),
            "kernel not squared": flops("standard_conv2d", **sizes | {"kernel_size": (kernel, 1)}, padding="same"),
            "batch norm counted": added(right, norm_operations(out_channels, size)),
            "forgot the input channels": flops("standard_conv2d", **sizes | {"in_channels": 1}, padding="same"),
            "parameters for MACs": parameters(
                "standard_conv2d", in_channels=in_channels, out_channels=out_channels, kernel_size=kernel, bias=True
            ),
        },
    )


@template("conventions", 2, **_SIZES, kernel=(1, 3, 5))
def all_that_keras_counts(in_channels, out_channels, kernel, size):
    """The statistics of batch norm too."""
    sizes = {"in_channels": in_channels, "out_channels": out_channels, "kernel_size": kernel}
    counted = _layers(in_channels, out_channels, kernel, size)
    conv = parameters("standard_conv2d", **sizes, bias=True)
    right = _keras(conv, counted)
    return Problem(
        f"{_asked(in_channels, out_channels, kernel, size)} Keras counts as parameters what is trained and also the "
        "moving statistics of the batch norm. What total does it print?",
        right,
        "Filters with biases, then slope and shift, and mean and variance of each channel: C_out·(C_in·k·k + 1) + "
        "2·C_out + 2·C_out =",
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
            "kernel not squared": _keras(
                parameters("standard_conv2d", **sizes | {"kernel_size": (kernel, 1)}, bias=True), counted
            ),
        },
    )


def _keras(convolution, counted):
    """A convolution's parameters and all that its batch norm has."""
    (row,) = (row for row in counted.rows if row.op == _NORM)
    return added(convolution, row.params, Worked(str(row.buffers)))


# What the tools differ in: the operators, and the misconceptions that leave them out or count them.
_ISSUES = {
    "standard_conv2d": ("biases left out", "biases counted as MACs"),
    "pointwise_conv2d": ("biases left out", "biases counted as MACs"),
    _NORM: ("batch norm left out", "batch norm counted"),
    "relu": ("ReLU left out", "ReLU counted"),
    "global_avg_pool2d": ("average left out", "average counted"),
}


@template(
    "conventions", 3, **_SIZES, kernel=(1, 3), convention=("fvcore", "ptflops", "ptflops-aten", "thop", "torchinfo")
)
def totals_of_a_tool(in_channels, out_channels, kernel, size, convention):
    """By the tool's rule in words."""
    counted = _layers(in_channels, out_channels, kernel, size)
    parts = CONVENTIONS[convention].parts(counted)
    right = _sum(parts)
    mistakes = {"MACs alone": _under("macs", counted), "FLOPs for MACs": added(right, _under("macs", counted))}
    for row in counted.rows:
        left_out, counted_too = _ISSUES[row.op]
        without = [part for part in parts if part.op.split(" ")[0] != row.op or part.measure == "macs"]
        if len(without) < len(parts):
            mistakes[left_out] = _sum(without)
        else:
            mistakes[counted_too] = added(right, row.other)
    return Problem(
        f"{_asked(in_channels, out_channels, kernel, size)} A tool counts: {_rule(convention)}. What total does it "
        "print?",
        right,
        f"{_words(parts)}:",
        mistakes,
    )


def _rule(convention):
    return CONVENTIONS[convention].text.split("; layers count")[0].replace("macs", "multiply-adds")


def _words(parts):
    names = [
        f"{'' if part.factor == 1 else f'{part.factor} x '}{MEASURES[part.measure]} of {_plainly(part.op)}"
        for part in parts
    ]
    return " + ".join(names)


def _plainly(op):
    return op.replace("_eval", "").replace("2d", "").replace("_", " ").replace(" (the classifier)", "")


# The rules as far as these layers need them.
_TOOLS = {
    "flops": "2 for each multiply-add, and nothing else",
    "fvcore": "multiply-adds, 2 for each number of a batch norm, 1 for each number that is averaged",
    "ptflops": "multiply-adds, biases, 2 for each number of a batch norm, 1 for each into a ReLU or an average",
    "thop": "multiply-adds, 4 for each number of a batch norm, 1 for each number into and out of an average",
}


@template("reconcile", 1, **_SIZES, kernel=(1, 3, 5), convention=tuple(_TOOLS))
def which_rule(in_channels, out_channels, kernel, size, convention):
    """Two numbers for the same layers."""
    counted = _layers(in_channels, out_channels, kernel, size)

    rules = "; ".join(f"{name} counts {rule}" for name, rule in _TOOLS.items())

    def named(name):
        return Named(name, f"{_under(name, counted).working}: {name}")

    total, lie = _under(convention, counted), difference(counted, MACS, CONVENTIONS[convention])
    apart = " + ".join(
        f"{term.factor}·{term.elements:,} ({MEASURES[term.measure]} of {_plainly(term.op)})" for term in lie.terms
    )
    return Problem(
        f"{_asked(in_channels, out_channels, kernel, size)} One table says {_under('macs', counted):,}, which are the "
        f"multiply-adds alone. Another says {total:,}. By which rule was the other one counted? {rules}.",
        named(convention),
        f"{lie.total:,} lie between them: {apart}.",
        {f"taken for {name}": named(name) for name in _TOOLS if name != convention},
    )


@template("reconcile", 2, **_SIZES, kernel=(1, 3, 5), convention=("fvcore", "ptflops", "thop"))
def batch_norms_share(in_channels, out_channels, kernel, size, convention):
    """Of a difference of which the rule is known."""
    counted = _layers(in_channels, out_channels, kernel, size)
    lie = difference(counted, MACS, CONVENTIONS[convention])
    norms = [term for term in lie.terms if term.op == _NORM]
    others = [term for term in lie.terms if term.op != _NORM]
    right = _sum(norms)
    return Problem(
        f"{_asked(in_channels, out_channels, kernel, size)} Their multiply-adds are {_under('macs', counted):,}. A "
        f"tool says {_under(convention, counted):,}; it counts {_rule(convention)}. How much of the difference is the "
        "batch norm's?",
        right,
        f"{norms[0].elements:,} numbers go through the batch norm, and the rule counts {norms[0].factor} for each:",
        {
            "the whole difference": _sum(lie.terms),
            "another part": _sum(others),
            "the elements alone": Worked(str(norms[0].elements)),
            "two totals for a difference": _under(convention, counted),
            "doubled twice": times(2, right),
            "forgot the channels": _sum([part._replace(elements=size * size) for part in norms]),
        },
    )


@lru_cache(maxsize=64)
def _network(name, size):
    return count(create_model(name, seed=None), (1, 3, size, size), name=name)


_NETWORKS = (
    "ghostnet_050",
    "ghostnet_100",
    "shufflenetv1_g3_1.0x",
    "shufflenetv2_0.5x",
    "shufflenetv2_1.0x",
    "mobilenetv1_100",
    "mobilenetv2_100",
    "resnet50",
)


@template("reconcile", 3, network=_NETWORKS, size=(96, 128, 160, 192, 224), convention=("fvcore", "ptflops", "thop"))
def what_is_left_to_explain(network, size, convention):
    """Of two totals for a whole network."""
    counted = _network(network, size)
    lie = difference(counted, MACS, CONVENTIONS[convention])
    norms = [term for term in lie.terms if term.op == _NORM]
    others = [term for term in lie.terms if term.op != _NORM]
    total, bare, elements = _under(convention, counted), _under("macs", counted), norms[0].elements
    return Problem(
        f"For {network} at {size}x{size} pixels one table says {bare:,}, the multiply-adds alone, and another "
        f"{total:,}. The other counts {_rule(convention)}. {elements:,} numbers go through batch norms. How much of "
        "the difference is left for the other operators?",
        _sum(others),
        f"The difference is {lie.total:,}, of which {_sum(norms).working} is the batch norms'. The rest, by operator "
        f"({', '.join(_plainly(part.op) for part in others)}):",
        {
            "the whole difference": Worked(str(lie.total)),
            "the batch norms' part": _sum(norms),
            "the elements alone": added(*(Worked(str(part.elements)) for part in lie.terms)),
            "two totals for a difference": total,
            "first part only": _sum(others[:1]),
            "numbers out for numbers in": Worked(
                str(sum(row.activations for row in counted.rows if row.op in {part.op for part in others}))
            ),
        },
    )


TEMPLATES = (
    floating_point_operations,
    all_that_keras_counts,
    totals_of_a_tool,
    which_rule,
    batch_norms_share,
    what_is_left_to_explain,
)
