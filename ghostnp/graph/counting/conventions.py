"""Conventions of counting: why two tools give two numbers for one network, as data.

A convention says, for each operator, how often it counts which of the call's sizes: multiply-adds, biases added,
numbers in, numbers out. All are whole numbers, so a difference between two conventions is explained to the last unit.

The rules of the tools were measured with the versions named here, on single layers and on whole networks; the figures
and the script that made them are `tests/oracles/counts_elsewhere.json` and `count_elsewhere.py`. fvcore, ptflops, thop
and torchinfo look at how a network is written and not only at what it computes. Here every layer counts as a module of
PyTorch, the global average as nn.AdaptiveAvgPool2d, a hard sigmoid as F.relu6(x + 3) / 6 and resizing as F.interpolate,
which is how the released GhostNet and torchvision's ResNet are written, and so their counts are reproduced exactly.
Released codes that write F.relu, F.avg_pool2d, x.mean() or nn.AvgPool2d(7) for the global average (GhostNetV2's
attention, ShuffleNet, MobileNetV2) are counted differently just there.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from ghostnp.ops.checks import nearest, shown
from ghostnp.ops.vocabulary import COMPOSITIONS, VOCABULARY

# What can be counted of a row, and in words.
MEASURES = {
    "macs": "multiply-adds",
    "biases": "biases added",
    "inputs": "numbers in",
    "outputs": "numbers out",
    "pixels": "pixels out",
    "params": "parameters",
    "buffers": "statistics that are not trained",
}
# Stands for every operator.
_ALL = "everything"


class Term(NamedTuple):
    """A factor, and one of `MEASURES`."""

    factor: int
    measure: str


class Part(NamedTuple):
    """What a convention counts of one kind of operator in a whole network: factor · elements of a measure."""

    op: str
    measure: str
    factor: int
    elements: int


class Convention(NamedTuple):
    """A rule of counting.

    Parameters
    ----------
    name : str
        Short.
    counts : {"operations", "parameters"}
        What of a network.
    text, source : str
        The rule in words, and where it comes from.
    rules : dict of str to tuple of Term
        What is added up, by operator or by family (see `ghostnp.ops.vocabulary`); the operator goes first. What is
        missing counts nothing.
    classifier : bool
        Whether the last operator with multiply-adds is counted too.
    """

    name: str
    counts: str
    text: str
    source: str
    rules: Mapping[str, tuple[Term, ...]]
    classifier: bool = True

    def of_each(self, count):
        """What each row of a `Count` counts."""
        last = None if self.classifier else classifier(count.rows)
        return [
            0 if row is last else sum(term.factor * measured(row, term.measure) for term in self.terms(row.op))
            for row in count.rows
        ]

    def parts(self, count):
        """The total of a `Count`, taken apart into a list of `Part`; the classifier is an operator of its own."""
        last = classifier(count.rows)
        sizes: dict[tuple[str, str], tuple[int, int]] = {}
        for row in count.rows:
            op = f"{row.op} (the classifier)" if row is last else row.op
            for factor, measure in self.terms(row.op) if self.classifier or row is not last else ():
                elements = sizes.get((op, measure), (factor, 0))[1] + measured(row, measure)
                sizes[op, measure] = factor, elements
        return [Part(op, measure, factor, n) for (op, measure), (factor, n) in sizes.items() if n]

    def terms(self, op):
        """What is added up for one operator."""
        row = VOCABULARY.get(op) or COMPOSITIONS.get(op)
        keys = (op, row.family if row else "", _ALL)
        return next((self.rules[key] for key in keys if key in self.rules), ())


def classifier(rows):
    """The last row that has multiply-adds, or None."""
    return next((row for row in reversed(rows) if row.macs), None)


def measured(row, measure):
    """One of `MEASURES` of a `CountRow`."""
    if measure in ("macs", "params", "buffers"):
        return int(getattr(row, measure))
    if measure == "biases":
        return int(row.other)  # the other operations of a convolution or a linear map are just these
    if measure == "inputs":
        return math.prod(row.input)
    return row.activations if measure == "outputs" else row.activations // row.output[1]


def _rules(**rules):
    """Rules by operator or family, from these or groups of families, and pairs of factor and measure."""
    multiplying = {row.family for row in VOCABULARY.values() if row.multiplies}
    groups = {"multiplying": sorted(multiplying), "weighted": ("convolution", "linear")}
    return {op: tuple(Term(*term) for term in terms) for key, terms in rules.items() for op in groups.get(key, (key,))}


_IN, _OUT = (1, "inputs"), (1, "outputs")
_BIASED = {"weighted": [(1, "macs"), (1, "biases")]}
_MODULES = "layers count as modules of PyTorch"

MACS = Convention(
    "macs",
    "operations",
    "multiply-adds of convolutions and linear maps; a product and its addition are 1; biases, batch norm, activations "
    "and pooling are left out",
    "what the papers of GhostNet and of ShuffleNetV2 print and call FLOPs",
    _rules(multiplying=[(1, "macs")]),
)
CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention("params", "parameters", "trainable parameters", "PyTorch", _rules(everything=[(1, "params")])),
        Convention(
            "keras-total",
            "parameters",
            "all parameters, the moving statistics of batch norm among them",
            "Keras 3.15.1, Model.count_params and the line Total params of Model.summary",
            _rules(everything=[(1, "params"), (1, "buffers")]),
        ),
        MACS,
        Convention(
            "without-classifier",
            "operations",
            "macs, and the last layer is left out",
            "the totals printed in the paper of ShuffleNet (X. Zhang et al., CVPR 2018, table 1)",
            MACS.rules,
            classifier=False,
        ),
        Convention(
            "flops",
            "operations",
            "2 for each multiply-add of convolutions and linear maps",
            "torch.utils.flop_counter of PyTorch 2.13.0",
            _rules(multiplying=[(2, "macs")]),
        ),
        Convention(
            "fvcore",
            "operations",
            "macs, 2 for each number of a batch norm in evaluation (5 in training), 1 for each number into a global "
            "average pool, 1 (nearest) or 4 (bilinear) for each number out of a resize",
            "fvcore 0.1.5, FlopCountAnalysis",
            _rules(
                weighted=[(1, "macs")],
                batch_norm_eval=[(2, "inputs")],
                batch_norm_train=[(5, "inputs")],
                batch_norm_relu_train=[(5, "inputs")],
                global_avg_pool2d=[_IN],
                resize_nearest=[_OUT],
                resize_bilinear=[(4, "outputs")],
            ),
        ),
        Convention(
            "ptflops",
            "operations",
            f"macs and biases, 2 for each number of a batch norm, 1 for each number into a ReLU or a pool; {_MODULES}",
            "ptflops 0.7.5 with count_functional=False, which is what ptflops before 0.7 did",
            _rules(
                **_BIASED,
                norm=[(2, "inputs")],
                relu=[_IN],
                relu6=[_IN],
                pool=[_IN],
            ),
        ),
        Convention(
            "ptflops-0.7",
            "operations",
            f"ptflops and what it counts a second time, ReLUs and pools inside of their modules; {_MODULES}",
            "ptflops 0.7.5 as it comes, get_model_complexity_info(backend='pytorch')",
            _rules(
                **_BIASED,
                norm=[(2, "inputs")],
                relu=[(2, "inputs")],
                pool=[(2, "inputs")],
                relu6=[_IN],
                hard_sigmoid=[_IN],
                softmax=[_IN],
                resize=[_OUT],
            ),
        ),
        Convention(
            "ptflops-aten",
            "operations",
            "macs and biases",
            "ptflops 0.7.5, get_model_complexity_info(backend='aten')",
            _rules(**_BIASED),
        ),
        Convention(
            "thop",
            "operations",
            "macs, 4 for each number of a batch norm, 1 for each number out of an average pool, and for the global one "
            f"1 for each number in and out; {_MODULES}",
            "thop 0.1.1, profile",
            _rules(
                weighted=[(1, "macs")],
                norm=[(4, "inputs")],
                avg_pool2d=[_OUT],
                global_avg_pool2d=[_IN, _OUT],
                softmax=[(3, "inputs"), (-1, "pixels")],
            ),
        ),
        Convention(
            "torchinfo",
            "operations",
            f"macs and biases, and 2 for each channel of a batch norm, its trainable parameters; {_MODULES}",
            "torchinfo 1.8.0, summary(...).total_mult_adds, for one image",
            _rules(**_BIASED, norm=[(1, "params")]),
        ),
    )
}


def convention_named(name):
    """A convention by its name; a `Convention` is handed back.

    Raises
    ------
    ValueError
        If there is none of that name; the error lists the nearest.
    """
    if isinstance(name, Convention):
        return name
    if not isinstance(name, str) or name not in CONVENTIONS:
        raise ValueError(
            f"convention={shown(name)}: the rule is one of CONVENTIONS, nearest first: {nearest(name, CONVENTIONS)}"
        )
    return CONVENTIONS[name]
