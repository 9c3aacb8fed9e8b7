"""One operator alone, from channels and sizes: the worked counts that a textbook prints."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ghostnp.graph.counting.conventions import MACS, convention_named
from ghostnp.graph.counting.rows import CountRow, Ledger, rows_of, shape_text
from ghostnp.graph.counting.table import Count
from ghostnp.graph.recording import Token, record
from ghostnp.ops.checks import check_divides, flag, float_dtype, integer, nearest, pair, shown
from ghostnp.ops.cost import Worked, each
from ghostnp.ops.vocabulary import STATISTICS, operator_named, operators, signature


@dataclass(frozen=True)
class OperatorCount:
    """What one operator costs, every number with its working.

    Parameters
    ----------
    table : Count
        The same as a table of one row.
    """

    table: Count

    @property
    def row(self) -> CountRow:
        """The only row."""
        return self.table.rows[0]

    @property
    def lines(self):
        """The worked counts by name, each a `Worked`."""
        row, size = self.row, self.table.dtype.itemsize
        went_in, came_out = each(row.input), Worked(each(row.output).formula)
        state = row.params.formula if not row.buffers else f"{row.params.formula} + {row.buffers}"
        return {
            "parameters": row.params,
            **({"buffers": Worked(str(row.buffers))} if row.buffers else {}),
            "MACs": row.macs,
            "FLOPs": Worked(f"2·{_grouped(row.macs.formula)}"),
            "other operations": row.other,
            "activations": came_out,
            "bytes of parameters": Worked(f"{size}·{_grouped(state)}"),
            "bytes of input and output": Worked(f"{size}·({went_in.formula} + {came_out.formula})"),
        }

    def __str__(self):
        """A heading, and one line for each count."""
        row = self.row
        head = f"{row.op}: {shape_text(row.input)} to {shape_text(row.output)}, {self.table.dtype}"
        if row.kernel is not None:
            window = {key: value for key, value in row.record().items() if key in _WINDOW and value != ""}
            head += "\n" + ", ".join(f"{key} {value}" for key, value in window.items())
        lines = {name: worked.working for name, worked in self.lines.items()}
        if self.table.convention != MACS:
            convention = self.table.convention
            lines[convention.name] = f"{self.table.totals()[convention.name]:,} ({convention.text})"
        width = max(map(len, lines))
        return "\n".join([head, *(f"{name:{width}}  {text}" for name, text in lines.items())])


_WINDOW = ("kernel", "stride", "padding", "dilation", "groups")


def _grouped(formula):
    return f"({formula})" if "+" in formula else formula


def count_operator(operator, *, size=1, batch=1, dtype=np.float32, convention=MACS, **keywords):
    """Count one operator alone, from its sizes.

    Parameters
    ----------
    operator : str
        A key of `OPERATORS`, such as ``"conv2d"``.
    size : int or (int, int), default 1
        Height and width of the input; those with features instead of maps (`linear`) have none.
    batch : int, default 1
        Images.
    dtype : {numpy.float32, numpy.float64}
        Of every number.
    convention : str or Convention, default MACS
        Another rule by which to count as well.
    **keywords
        Those that the operator has, as listed in `OPERATORS`: `in_channels`, `out_channels`, `kernel_size`, `stride`,
        `padding`, `dilation`, `groups`, `bias`, `multiplier`.

    Returns
    -------
    OperatorCount
        Print it.

    Raises
    ------
    TypeError, ValueError
        If the operator or a keyword is unknown or missing, or the geometry is impossible.

    Examples
    --------
    >>> counted = count_operator(
    ...     "conv2d", in_channels=256, out_channels=256, kernel_size=5, groups=32, bias=True, size=64, padding=2
    ... )
    >>> counted.lines["parameters"].working
    '256·(8·5·5 + 1) = 51,456'
    >>> counted.lines["MACs"].working
    '256·64·64·8·5·5 = 209,715,200'
    """
    builds = OPERATORS
    if not isinstance(operator, str) or operator not in builds:
        builds = OPERATORS | _without_weights()  # those that were registered since are there too
    if not isinstance(operator, str) or operator not in builds:
        raise ValueError(
            f"operator={shown(operator)}: the rule is one of OPERATORS, nearest first: {nearest(operator, builds)}"
        )
    build = builds[operator]
    _check_keywords(operator, build, keywords)
    convention = convention_named(convention)
    channels = integer("in_channels", keywords["in_channels"], 1)
    name, has_maps, state, options = build(**keywords)
    shape = (integer("batch", batch, 1), channels, *(pair("size", size, 1) if has_maps else ()))
    dtype = float_dtype("dtype", dtype)
    tokens = {key: Token(shape_of, dtype) for key, shape_of in state.items()}
    statistics = [token for key, token in tokens.items() if key in STATISTICS]
    weights = [token for key, token in tokens.items() if key not in STATISTICS]
    tape = record(lambda words, x: getattr(words, name)(x, **tokens, **options), Token(shape, dtype), state=tokens)
    (row,) = rows_of(tape, Ledger(weights, statistics))
    return OperatorCount(
        Count(int(row.params), int(row.macs), (row,), row.buffers, name, shape, dtype).under(convention)
    )


def _check_keywords(operator, build, given):
    takes = signature(build).parameters
    for name in given:
        if name not in takes:
            raise TypeError(f"{operator} has no {name}: the rule is one of {', '.join(takes)}")
    for name, parameter in takes.items():
        if parameter.default is parameter.empty and name not in given:
            raise TypeError(f"{operator} needs {name}: the rule is an int of 1 or more, such as {name}=16")


# What to call, whether it takes maps, the shapes of weights and statistics, and keywords.


def _conv2d(in_channels, out_channels, kernel_size, groups=1, bias=False, stride=1, padding=0, dilation=1):
    groups = check_divides("groups", groups, "in_channels", integer("in_channels", in_channels, 1))
    window = {"groups": groups, "stride": stride, "padding": padding, "dilation": dilation}
    return _convolution("conv2d", in_channels // groups, out_channels, kernel_size, bias, window)


def _standard_conv2d(in_channels, out_channels, kernel_size, bias=False, stride=1, padding=0, dilation=1):
    window = {"stride": stride, "padding": padding, "dilation": dilation}
    return _convolution("standard_conv2d", in_channels, out_channels, kernel_size, bias, window)


def _grouped_conv2d(in_channels, out_channels, kernel_size, groups, bias=False, stride=1, padding=0, dilation=1):
    _, *rest = _conv2d(in_channels, out_channels, kernel_size, groups, bias, stride, padding, dilation)
    return "grouped_conv2d", *rest


def _depthwise_conv2d(in_channels, kernel_size, out_channels=None, bias=False, stride=1, padding=0, dilation=1):
    window = {"stride": stride, "padding": padding, "dilation": dilation}
    return _convolution(
        "depthwise_conv2d", 1, in_channels if out_channels is None else out_channels, kernel_size, bias, window
    )


def _pointwise_conv2d(in_channels, out_channels, bias=False, stride=1, padding=0):
    return _convolution("pointwise_conv2d", in_channels, out_channels, 1, bias, {"stride": stride, "padding": padding})


def _separable_conv2d(
    in_channels, out_channels, kernel_size, bias=False, stride=1, padding=0, dilation=1, multiplier=1
):
    middle = integer("in_channels", in_channels, 1) * integer("multiplier", multiplier, 1)
    shapes = {
        "depthwise_weight": (middle, 1, *pair("kernel_size", kernel_size, 1)),
        "pointwise_weight": (integer("out_channels", out_channels, 1), middle, 1, 1),
    } | ({"bias": (out_channels,)} if flag("bias", bias) else {})
    return "separable_conv2d", True, shapes, {"stride": stride, "padding": padding, "dilation": dilation}


def _convolution(name, channels_seen, out_channels, kernel_size, bias, window):
    shape = (integer("out_channels", out_channels, 1), channels_seen, *pair("kernel_size", kernel_size, 1))
    return name, True, {"weight": shape} | ({"bias": shape[:1]} if flag("bias", bias) else {}), window


def _linear(in_channels, out_channels, bias=False):
    shape = (integer("out_channels", out_channels, 1), in_channels)
    return "linear", False, {"weight": shape} | ({"bias": shape[:1]} if flag("bias", bias) else {}), {}


def _batch_norm(in_channels):
    return "batch_norm_eval", True, dict.fromkeys(("weight", "bias", "mean", "var"), (in_channels,)), {}


def _batch_norm_train(in_channels):
    return "batch_norm_train", True, dict.fromkeys(("weight", "bias"), (in_channels,)), {}


def _channel_shuffle(in_channels, groups):
    return "channel_shuffle", True, {}, {"groups": groups}


@cache
def _pool(name):
    def build(in_channels, kernel_size, stride=None, padding=0):
        return name, True, {}, {"kernel_size": kernel_size, "stride": stride, "padding": padding}

    return build


@cache
def _plain(name):
    def build(in_channels):
        return name, True, {}, {}

    return build


def _without_weights():
    """Those that read maps and no weights, from the vocabulary's signatures."""
    rows = {name: operator_named(name).positional for name in operators()}
    plain = {name: _plain(name) for name, positional in rows.items() if positional == ("x",)}
    return plain | {name: _pool(name) for name, positional in rows.items() if positional == ("x", "kernel_size")}


OPERATORS: dict[str, Callable[..., tuple[str, bool, dict[str, tuple[int, ...]], dict[str, Any]]]] = {
    "conv2d": _conv2d,
    "standard_conv2d": _standard_conv2d,
    "pointwise_conv2d": _pointwise_conv2d,
    "grouped_conv2d": _grouped_conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "separable_conv2d": _separable_conv2d,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "batch_norm_train": _batch_norm_train,
    "channel_shuffle": _channel_shuffle,
    **_without_weights(),
}
