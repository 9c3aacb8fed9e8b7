"""The lines of a count: what one call of an operator, or several of them together, costs; and a tape read as lines."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ghostnp.graph.tape import Constant, Result, parts
from ghostnp.ops.cost import NOTHING, Worked
from ghostnp.ops.geometry import sliding_window

_SEVERAL = " operators"


@dataclass(frozen=True)
class CountRow:
    """What one call of an operator costs.

    Parameters
    ----------
    path : str
        Of the module that called it.
    op : str
        The operator.
    input, output : tuple of int
        Shapes; where several arrays go in or come out, the first one's.
    params, macs, other : Worked
        Trainable parameters, multiply-adds and other operations (see `ghostnp.ops.cost`), with their working. An array
        that several calls share counts at the first.
    bias : int
        How many of the parameters are biases; the others are weights.
    buffers : int
        Numbers of the module's state that are used and not trained: the statistics of batch norm.
    activations : int
        Numbers that come out.
    alive : int
        Numbers that go in and numbers that come out: they have to be in memory together.
    kernel, stride, dilation : tuple of int, optional
        (rows, columns) of a sliding window.
    padding : tuple of tuple of int, optional
        ((top, bottom), (left, right)) of a sliding window; "same" is resolved.
    groups : int, optional
        Of a convolution or a shuffle.
    share : float
        Of the multiply-adds of the whole, 0 to 1.
    counted : int
        What the count's convention counts.
    """

    path: str
    op: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    params: Worked
    macs: Worked
    other: Worked
    bias: int
    buffers: int
    activations: int
    alive: int
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    padding: tuple[tuple[int, int], tuple[int, int]] | None = None
    dilation: tuple[int, int] | None = None
    groups: int | None = None
    share: float = 0.0
    counted: int = 0

    @property
    def is_sum(self):
        """Whether this stands for several calls, whose operators are no longer known."""
        return self.op.endswith(_SEVERAL)

    @property
    def weights(self):
        """Parameters that are no biases."""
        return self.params - self.bias

    def record(self):
        """The row as a dict of plain values, and of counts their working."""
        sides = self.padding and tuple(a if a == b else f"{a}:{b}" for a, b in self.padding)
        return {
            "path": self.path,
            "op": self.op,
            "input": shape_text(self.input),
            "output": shape_text(self.output),
            "kernel": shape_text(self.kernel),
            "stride": _pair_text(self.stride),
            "padding": _pair_text(sides),
            "dilation": _pair_text(self.dilation),
            "groups": "" if self.groups is None else self.groups,
            "weights": int(self.weights),
            "bias": self.bias,
            "params": int(self.params),
            "params_formula": self.params.formula,
            "buffers": self.buffers,
            "macs": int(self.macs),
            "macs_formula": self.macs.formula,
            "share": round(self.share, 6),
            "other": int(self.other),
            "other_formula": self.other.formula,
            "activations": self.activations,
        }


class Ledger:
    """Parameters and buffers, each of which counts once: in the line of the first call that reads it.

    Parameters
    ----------
    parameters, buffers : iterable of array
        What belongs to the model that is counted.
    """

    def __init__(self, parameters, buffers=()):
        self._parameters = {id(array): math.prod(array.shape) for array in parameters}
        self._buffers = {id(array): math.prod(array.shape) for array in buffers}
        self._left = {id(array) for array in (*parameters, *buffers)}

    def take(self, arrays):
        """Take these arrays (a dict by argument) off: how many parameters they are, biases among them, and buffers."""
        params = bias = buffers = 0
        for name, array in arrays.items():
            if id(array) not in self._left:
                continue
            self._left.remove(id(array))
            size = self._parameters.get(id(array), 0)
            params += size
            bias += size if name == "bias" else 0
            buffers += self._buffers.get(id(array), 0)
        return params, bias, buffers


def rows_of(tape, ledger) -> Iterator[CountRow]:
    """A line for each call on a tape that has a cost: a backward pass has none, nor an operator without cost function.

    Parameters
    ----------
    tape : Tape
        As it was recorded.
    ledger : Ledger
        Of the model's arrays.

    Yields
    ------
    CountRow
    """
    for step in tape.steps:
        if step.cost is not None:
            yield _row(tape, step, ledger)


def unused_row(path, arrays, ledger):
    """A line for arrays (a dict by name) that the module at `path` holds and no call read; None if there are none."""
    params, bias, buffers = ledger.take(arrays)
    if not params and not buffers:
        return None
    return CountRow(path, "(no operator)", (), (), Worked(str(params)), NOTHING, NOTHING, bias, buffers, 0, 0)


def _row(tape, step, ledger):
    cost = step.cost
    given = {name: tape.found(value, tape.values) for name, value in step.arguments.items()}
    constants = {name: value.array for name, value in step.arguments.items() if isinstance(value, Constant)}
    params, bias, buffers = ledger.take(constants)
    read = [tape.values[part.number].shape for part in parts(step.arguments) if isinstance(part, Result)]
    outputs = cost.output if isinstance(cost.output, list) else [cost.output]
    activations = sum(map(math.prod, outputs))
    return CountRow(
        step.path,
        step.op,
        read[0] if read else next(iter(constants.values())).shape,  # all that a call reads may be parameters
        outputs[0],
        cost.params if params == cost.params else Worked(str(params)),
        cost.macs,
        cost.other,
        bias,
        buffers,
        activations,
        alive=sum(map(math.prod, read)) + activations,
        **_window(given),
    )


def _window(given):
    """Kernel, stride, padding, dilation and groups of a call, as far as it has any."""
    if "kernel_size" in given:
        kernel, weight, dilation = given["kernel_size"], None, 1
    elif "dilation" in given:
        weight = given["depthwise_weight"] if "depthwise_weight" in given else given["weight"]
        kernel, dilation = weight.shape[2:], given["dilation"]
    else:
        return {"groups": given["groups"]} if "groups" in given else {}
    stride = kernel if given["stride"] is None else given["stride"]
    window = sliding_window(given["x"].shape[2:], kernel, stride, given["padding"], dilation)
    return {
        "kernel": window.kernel,
        "stride": window.stride,
        "padding": window.padding,
        "dilation": None if weight is None else window.dilation,
        # Each filter sees C_in / groups channels, which is the second axis of every convolution's weights.
        "groups": None if weight is None else given["x"].shape[1] // weight.shape[1],
    }


def folded(path, rows):
    """Several rows as one: counts are added up, and of shapes the first input and the last output are kept."""
    if len(rows) == 1:
        return replace(rows[0], path=path)
    return CountRow(
        path,
        f"{len(rows)}{_SEVERAL}",
        rows[0].input,
        rows[-1].output,
        params=Worked(str(sum(row.params for row in rows))),
        macs=Worked(str(sum(row.macs for row in rows))),
        other=Worked(str(sum(row.other for row in rows))),
        bias=sum(row.bias for row in rows),
        buffers=sum(row.buffers for row in rows),
        activations=sum(row.activations for row in rows),
        alive=max(row.alive for row in rows),
        share=sum(row.share for row in rows),
        counted=sum(row.counted for row in rows),
    )


def shape_text(shape):
    """``"1x3x224x224"``; nothing for no shape."""
    return "x".join(map(str, shape or ()))


def _pair_text(pair):
    # One number stands for both axes, as in what the caller wrote.
    return shape_text(pair[:1] if pair and pair[0] == pair[1] else pair)
