"""One line of a count: what one call of an operator, or several of them together, costs."""

from dataclasses import dataclass, replace

from ghostnp.ops.cost import Worked

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
        """The row as a dict of plain values, counts with their working beside them."""
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
