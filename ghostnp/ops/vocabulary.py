"""The vocabulary: what each operator is, said once, in one row.

A signature says much of an operator: which arguments it takes, in which order, with which defaults. A row says the
rest: to which family it belongs, in which arguments it is linear, which of its axes are alike, what it may overwrite.
All else asks here: the backends, the tape, the counter, the engine, the conventions, the laws.

>>> VOCABULARY["max_pool2d"].extra, VOCABULARY["depthwise_conv2d"].gradients
(('argmax',), ('x', 'weight', 'bias'))

Argument names mean the same everywhere, so that a row need not repeat them: `x`, `z`, `a`, `b` and `xs` are activations
with the batch first, names with ``weight`` or ``bias`` in them are trained, `mean` and `var` are statistics, and the
`OPTIONS` are no arrays.

`conv2d`, `separable_conv2d` and `batch_norm_relu_train` are no words of the vocabulary. They are compositions, made of
words, and have rows in `COMPOSITIONS`; a backend that lacks one gets it made of its own words.

The table is open: `ghostnp.register` (in `registration`) adds an operator of one's own to it, for this process.
"""

import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any

from ghostnp.ops import (
    activation,
    attention,
    concat,
    convolution,
    depthwise,
    elementwise,
    grouped,
    linear,
    loss,
    normalization,
    pointwise,
    pooling,
    resize,
    shuffle,
    standard,
)
from ghostnp.ops.checks import nearest, shown

OPTIONS = frozenset({"kernel_size", "size", "sizes", "groups"})
STATISTICS = frozenset({"mean", "var"})

signature = lru_cache(maxsize=None)(inspect.signature)


@dataclass(frozen=True)
class Operator:
    """What an operator is.

    Parameters
    ----------
    forward : callable
        Its definition.
    family : str
        Its chapter: "convolution", "linear", "shuffle", "pool", "resize", "activation", "norm", "elementwise",
        "concat", "attention" or "loss".
    backward, cost : callable, optional
        The other two of the triple. For the operators of `ghostnp.ops` they are found in the same chapter.
    linear : tuple of tuple of str
        Groups of arguments in which it is linear, all others held.
    homogeneous : tuple of tuple of str
        Groups of arguments for which twice the argument gives twice the result, where it is not linear.
    alike : tuple of str
        Axes ("images", "channels", "pixels") whose entries may be put in another order, and the result's follow.
    constants : tuple of str
        Arrays that get no gradient; the statistics need not be listed.
    options : tuple of str
        Positional arguments that are no arrays; the `OPTIONS` need not be listed.
    takes : str
        Which shapes it takes: "any", empty ones too; "channels", any that has them as its second axis; by default those
        that its chapter says.
    sees : str
        For convolutions, which input channels a filter sees: "all", those of its "group", or its "own" alone.
    one_tap : bool
        For convolutions, whether the kernel is always 1x1.
    divides : bool
        Whether it divides or blends, so that of whole numbers it does not make whole numbers.
    keeps_constants : bool
        Whether a map of one value all over stays a map of that value.
    limits : tuple of float
        For what clips x and does nothing else, the least and the greatest number that comes out; otherwise empty.
    overwrites : tuple of str
        Arguments whose memory y may take: each number is read before the one in its place is written.
    overwrites_dy : bool
        Whether the first gradient may take the memory of dy in the same way.
    shape_alone : tuple of str
        Arguments of the backward pass that tell it their shape and dtype: it does not read their numbers.
    is_view, is_view_backward : bool
        Whether y only looks at the memory of x; and whether gradients only look at that of dy, where operands have one
        shape and nothing was cut off.
    """

    forward: Callable
    family: str
    backward: Callable | None = None
    cost: Callable | None = None
    linear: tuple[tuple[str, ...], ...] = ()
    homogeneous: tuple[tuple[str, ...], ...] = ()
    alike: tuple[str, ...] = ("images",)
    constants: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    takes: str = ""
    sees: str = ""
    one_tap: bool = False
    divides: bool = False
    keeps_constants: bool = False
    limits: tuple[float, ...] = ()
    overwrites: tuple[str, ...] = ()
    overwrites_dy: bool = False
    shape_alone: tuple[str, ...] = ()
    is_view: bool = False
    is_view_backward: bool = False

    @property
    def name(self):
        """What the definition is called."""
        return self.forward.__name__

    @cached_property
    def positional(self):
        """Names of the arguments before the keywords, in order."""
        parameters = signature(self.forward).parameters.values()
        return tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)

    @cached_property
    def keywords(self):
        """Keyword-only arguments and their defaults."""
        parameters = signature(self.forward).parameters.values()
        return MappingProxyType({p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY})

    @cached_property
    def arrays(self):
        """Names of the positional arguments that are arrays, or sequences of arrays."""
        return tuple(name for name in self.positional if name not in OPTIONS and name not in self.options)

    @cached_property
    def trained(self):
        """Names of the arrays that a layer learns."""
        return tuple(name for name in self.arrays if "weight" in name or name == "bias")

    @cached_property
    def activations(self):
        """Names of the arrays that have the batch as their first axis."""
        return tuple(name for name in self.arrays if name not in self.trained and name not in STATISTICS)

    @cached_property
    def gradients(self):
        """Names of the arrays that its backward pass gives gradients of, in order."""
        return tuple(name for name in self.arrays if name not in STATISTICS and name not in self.constants)

    @cached_property
    def read_backward(self):
        """Names of what its backward pass takes between dy and the keywords: arguments of forward, extra outputs."""
        if self.backward is None:
            return ()
        parameters = list(signature(self.backward).parameters.values())[1:]
        return tuple(p.name for p in parameters if p.kind is not p.KEYWORD_ONLY)

    @cached_property
    def extra(self):
        """Names of its extra outputs: what forward returns after y, for backward to read."""
        return tuple(name for name in self.read_backward if name not in self.positional)

    @property
    def slides(self):
        """Whether it slides a window over maps."""
        return "stride" in self.keywords

    @property
    def multiplies(self):
        """Whether it multiplies activations by weights and adds up: what counters call multiply-adds."""
        return self.family in ("convolution", "linear", "attention")

    @property
    def exact(self):
        """Whether whole numbers give whole numbers, so that float32 is exact."""
        return bool(self.linear or self.homogeneous) and not self.divides

    @property
    def bends(self):
        """Whether it is neither linear nor homogeneous in its first argument."""
        return all(self.positional[0] not in group for group in (*self.linear, *self.homogeneous))

    @property
    def sums_products(self):
        """Whether each number of y is a sum of products, with at most one factor from each of its arguments."""
        return set(self.arrays) - set(self.constants) <= {name for group in self.linear for name in group}

    def bind(self, *args, **keywords):
        """Every argument of a call by name, defaults included."""
        call = signature(self.forward).bind(*args, **keywords)
        call.apply_defaults()
        return call.arguments

    def backward_arguments(self, arguments, extra):
        """What its backward pass takes between dy and the keywords, by name and in order.

        Parameters
        ----------
        arguments : mapping of str to object
            Forward's, by name.
        extra : sequence
            The extra outputs that forward returned.

        Returns
        -------
        dict of str to object
        """
        known = {**arguments, **dict(zip(self.extra, extra, strict=True))}
        return {name: known[name] for name in self.read_backward}

    def cost_of(self, arguments):
        """The cost of a call, from its arguments by name; of arrays nothing but the shapes is read.

        Raises
        ------
        TypeError
            If the operator has no cost function.
        """
        if self.cost is None:
            raise TypeError(f"{self.name} has no cost function: the rule is register(..., cost=...), or like=...")
        return self.cost(**{name: shape(arguments) for name, shape in self._shapes.items()})

    @cached_property
    def _shapes(self):
        """For each argument of the cost function, how it follows from a call's arguments."""

        def shape(name):
            if name == "bias":
                return lambda arguments: arguments["bias"] is not None
            if name.endswith("s_shapes"):
                several = name.removesuffix("_shapes")
                return lambda arguments: [array.shape for array in arguments[several]]
            if name.endswith("_shape"):
                one = name.removesuffix("_shape")
                return lambda arguments: arguments[one].shape
            return lambda arguments: arguments[name]

        return {name: shape(name) for name in signature(self.cost).parameters}


def _row(forward, family, **facts):
    """The row of a definition, whose backward pass and cost function are in the same chapter."""
    chapter = sys.modules[forward.__module__]
    triple = (getattr(chapter, f"{forward.__name__}{ending}") for ending in ("_backward", "_cost"))
    return Operator(forward, family, *triple, **facts)


_IMAGES_AND_CHANNELS, _ALL = ("images", "channels"), ("images", "channels", "pixels")
_BY_WEIGHTS: dict[str, Any] = {"linear": (("x",), ("weight", "bias"))}
_BY_X: dict[str, Any] = {"linear": (("x",),), "shape_alone": ("x",)}  # the slope of a linear map is the same everywhere
_POOL: dict[str, Any] = {"alike": _IMAGES_AND_CHANNELS, "keeps_constants": True}
_GATE: dict[str, Any] = {"alike": _ALL, "takes": "any", "overwrites": ("x",), "overwrites_dy": True}
_PAIR: dict[str, Any] = {"alike": _ALL, "takes": "any", "overwrites": ("a", "b")}
_NORM: dict[str, Any] = {"divides": True}

_ROWS = (
    _row(standard.standard_conv2d, "convolution", sees="all", **_BY_WEIGHTS),
    _row(pointwise.pointwise_conv2d, "convolution", sees="all", one_tap=True, **_BY_WEIGHTS),
    _row(grouped.grouped_conv2d, "convolution", sees="group", **_BY_WEIGHTS),
    _row(depthwise.depthwise_conv2d, "convolution", sees="own", **_BY_WEIGHTS),
    _row(linear.linear, "linear", **_BY_WEIGHTS),
    _row(shuffle.channel_shuffle, "shuffle", alike=("images", "pixels"), **_BY_X),
    _row(pooling.max_pool2d, "pool", homogeneous=(("x",),), shape_alone=("x",), **_POOL),
    _row(pooling.avg_pool2d, "pool", divides=True, **_BY_X, **_POOL),
    _row(pooling.global_avg_pool2d, "pool", divides=True, **_BY_X, **_POOL),
    _row(resize.resize_nearest, "resize", **_BY_X, **_POOL),
    _row(resize.resize_bilinear, "resize", divides=True, **_BY_X, **_POOL),
    _row(activation.relu, "activation", homogeneous=(("x",),), limits=(0.0, math.inf), **_GATE),
    _row(activation.relu6, "activation", limits=(0.0, 6.0), **_GATE),
    _row(activation.clip, "activation", limits=(0.0, 1.0), **_GATE),
    _row(activation.hard_sigmoid, "activation", **_GATE),
    _row(activation.sigmoid, "activation", **_GATE),
    _row(activation.crelu, "activation", homogeneous=(("x",),), alike=("images", "pixels"), takes="channels"),
    _row(activation.softmax, "activation", alike=_ALL, takes="channels"),
    _row(normalization.batch_norm_train, "norm", linear=(("weight", "bias"),), alike=("channels", "pixels"), **_NORM),
    _row(normalization.batch_norm_eval, "norm", alike=_ALL, overwrites=("x",), **_BY_WEIGHTS, **_NORM),
    _row(elementwise.add, "elementwise", linear=(("a", "b"),), shape_alone=("a", "b"), is_view_backward=True, **_PAIR),
    _row(elementwise.multiply, "elementwise", linear=(("a",), ("b",)), overwrites_dy=True, **_PAIR),
    _row(
        concat.concat,
        "concat",
        linear=(("xs",),),
        alike=("images", "pixels"),
        shape_alone=("xs",),
        is_view_backward=True,
    ),
    _row(concat.split, "concat", alike=("images", "pixels"), is_view=True, **_BY_X),
    _row(concat.flatten, "concat", is_view=True, is_view_backward=True, **_BY_X),
    _row(attention.full_attention, "attention", linear=(("z",), ("weight",)), alike=_IMAGES_AND_CHANNELS),
    _row(
        attention.decoupled_attention,
        "attention",
        linear=(("z",), ("weight_h",), ("weight_w",)),
        alike=_IMAGES_AND_CHANNELS,
    ),
    _row(loss.softmax_cross_entropy, "loss", constants=("labels",), alike=(), shape_alone=("logits",)),
)
_COMPOSED = (
    _row(convolution.conv2d, "convolution", sees="group", **_BY_WEIGHTS),
    _row(
        convolution.separable_conv2d,
        "convolution",
        linear=(("x",), ("depthwise_weight",), ("pointwise_weight", "bias")),
        sees="own",
    ),
    _row(normalization.batch_norm_relu_train, "norm", alike=("channels", "pixels"), **_NORM),
)

_words = {row.name: row for row in _ROWS}
VOCABULARY = MappingProxyType(_words)
COMPOSITIONS = MappingProxyType({row.name: row for row in _COMPOSED})
BUILT_IN = frozenset(VOCABULARY) | frozenset(COMPOSITIONS)


def operators(*families):
    """Names of the operators of these families, compositions among them; of all where none is named."""
    rows = (*VOCABULARY.values(), *COMPOSITIONS.values())
    return tuple(row.name for row in rows if not families or row.family in families)


def operator_named(name):
    """The row of an operator or of a composition.

    Raises
    ------
    ValueError
        If there is none of that name; the error names those that come nearest.
    """
    row = (VOCABULARY.get(name) or COMPOSITIONS.get(name)) if isinstance(name, str) else None
    if row is None:
        raise ValueError(
            f"{shown(name)} is not in the vocabulary: the rule is the name of an operator, such as "
            f"{nearest(name, operators())}"
        )
    return row


def function_named(name):
    """The definition of that name (f, f_backward or f_cost), or None."""
    for ending, part in (("", "forward"), ("_backward", "backward"), ("_cost", "cost")):
        row = VOCABULARY.get(name.removesuffix(ending)) or COMPOSITIONS.get(name.removesuffix(ending))
        if row is not None and name.endswith(ending) and (ending or name == row.name):
            return getattr(row, part)
    return None


def function_names():
    """The names of all functions of the vocabulary: of each operator f, f_backward and f_cost, as far as there are."""
    return [name for row in operators() for name in (row, f"{row}_backward", f"{row}_cost") if function_named(name)]


def add_row(row):
    """Add a row to the table, for as long as this process lives."""
    _words[row.name] = row


def remove_row(name):
    """Take a row out of the table."""
    del _words[name]
