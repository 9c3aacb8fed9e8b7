"""The count of a whole network: totals, rows, and the ways to write them down."""

import csv
import io
import json
import textwrap
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ghostnp.graph.counting.conventions import MACS, Convention, convention_named
from ghostnp.graph.counting.rows import CountRow, folded, shape_text
from ghostnp.ops.checks import integer
from ghostnp.ops.cost import NOTHING

LEGEND = (
    "k kernel, s stride, p padding (0:1 is 0 before and 1 after), d dilation, g groups; buffers: statistics that are "
    "not trained; share: of all MACs; other: operations that are no multiply-adds, by the rule in ghostnp.ops.cost; "
    "activations: numbers that come out."
)
_COLUMNS = {
    "path": "path",
    "op": "op",
    "input": "input",
    "output": "output",
    "kernel": "k",
    "stride": "s",
    "padding": "p",
    "dilation": "d",
    "groups": "g",
    "weights": "weights",
    "bias": "bias",
    "buffers": "buffers",
    "params": "params",
    "macs": "MACs",
    "share": "share",
    "other": "other",
    "activations": "activations",
}
_WORDS = ("path", "op", "input", "output")
_SUMS = ("params", "weights", "bias", "buffers", "macs", "other", "activations")
# What a narrow terminal goes without, in this order.
_FIRST_TO_GO = (
    *(
        "dilation",
        "padding",
        "stride",
        "groups",
        "kernel",
        "buffers",
        "activations",
        "bias",
        "weights",
        "input",
        "other",
    ),
    *("share", "output", "op"),
)
_NO_ROW = CountRow("", "", (), (), NOTHING, NOTHING, NOTHING, 0, 0, 0, 0)


class Memory(NamedTuple):
    """Bytes.

    Parameters
    ----------
    state : int
        Of parameters and buffers.
    activations : int
        Of everything that comes out of an operator, if all of it is kept, as for training.
    step : int
        Of what goes into one operator and comes out of it, at the operator where that is most.
    """

    state: int
    activations: int
    step: int


@dataclass(frozen=True)
class Count:
    """What a network costs, operator by operator.

    Parameters
    ----------
    params : int
        Trainable parameters.
    macs : int
        Multiply-adds of convolutions and linear maps, for the whole batch.
    rows : tuple of CountRow
        In the order in which the operators run; they sum to the totals.
    buffers : int
        Numbers of state that are not trained: the statistics of batch norm.
    name : str
        Of the model.
    input : tuple of int
        Shape of its input.
    dtype : dtype
        Of its numbers.
    convention : Convention
        What tables show besides parameters and multiply-adds.
    """

    params: int
    macs: int
    rows: tuple[CountRow, ...]
    buffers: int
    name: str
    input: tuple[int, ...]
    dtype: Any
    convention: Convention = MACS

    def __post_init__(self):
        for total in ("params", "macs", "buffers"):
            assert sum(getattr(row, total) for row in self.rows) == getattr(self, total), f"rows do not sum to {total}"

    @property
    def flops(self):
        """Operations of convolutions and linear maps, where a multiply-add is two."""
        return 2 * self.macs

    @property
    def other(self):
        """Operations that are no multiply-adds (see `ghostnp.ops.cost`)."""
        return sum(row.other for row in self.rows)

    @property
    def activations(self):
        """Numbers that come out of the operators."""
        return sum(row.activations for row in self.rows)

    @property
    def memory(self):
        """Bytes, a `Memory`."""
        step = max((row.alive for row in self.rows), default=0)
        return Memory(*(self.dtype.itemsize * n for n in (self.params + self.buffers, self.activations, step)))

    def folded(self, depth):
        """The same count with one row for all paths that begin alike.

        Parameters
        ----------
        depth : int
            How many parts of a path are kept; 0 leaves one row.

        Returns
        -------
        Count
        """
        depth = integer("depth", depth, 0)
        groups: dict[str, list[CountRow]] = {}
        for row in self.rows:
            groups.setdefault(".".join(row.path.split(".")[:depth]), []).append(row)
        return replace(self, rows=tuple(folded(path, rows) for path, rows in groups.items()))

    def under(self, convention):
        """The same count, whose tables have a column of that convention.

        Parameters
        ----------
        convention : str or Convention
            Such as ``"fvcore"``; see `ghostnp.graph.counting.conventions`.

        Returns
        -------
        Count

        Raises
        ------
        ValueError
            If the convention is unknown, or the rows are folded already.
        """
        convention = convention_named(convention)
        if any(row.is_sum for row in self.rows):
            raise ValueError(
                f"rows are sums, and convention {convention.name} counts operator by operator: the rule is to fold "
                f"last, such as under({convention.name!r}).folded(1)"
            )
        rows = zip(self.rows, convention.of_each(self), strict=True)
        return replace(self, convention=convention, rows=tuple(replace(row, counted=n) for row, n in rows))

    def records(self):
        """The rows as dicts of plain values, and of counts their working."""
        return [row.record() | self._counted(row.counted) for row in self.rows]

    def totals(self):
        """Name, input, convention and all sums, as plain values."""
        return {
            "name": self.name,
            "input": shape_text(self.input),
            "dtype": str(self.dtype),
            "convention": self.convention.name,
            **{name: int(sum(getattr(row, name) for row in self.rows)) for name in _SUMS},
            "flops": self.flops,
            "memory": self.memory._asdict(),
            **self._counted(sum(row.counted for row in self.rows)),
        }

    def _counted(self, number):
        # Multiply-adds have a column in any case.
        return {} if self.convention == MACS else {self.convention.name: number}

    def heading(self):
        """Whose counts these are, by which convention, and what the columns mean: a few lines."""
        memory, convention = self.memory, self.convention
        named = [MACS] if convention == MACS else [MACS, convention]
        return "\n".join(
            [
                f"{self.name}, input {shape_text(self.input)}, {self.dtype}",
                *(f"convention {each.name}: {each.text}" for each in named),
                f"{self.params:,} parameters and {self.buffers:,} buffers; {self.macs:,} MACs = {self.flops:,} FLOPs; "
                f"{self.other:,} other operations; {self.activations:,} activations",
                f"memory in bytes: {memory.state:,} of parameters and buffers, {memory.activations:,} of all "
                f"activations, {memory.step:,} at most in and out of one operator",
                LEGEND,
            ]
        )

    def to_csv(self):
        """The rows as comma-separated values, with a header."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=[*_NO_ROW.record(), *self._counted(0)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records())
        return text.getvalue()

    def to_json(self):
        """Totals and rows as JSON."""
        return json.dumps(self.totals() | {"rows": self.records()}, indent=2)

    def to_markdown(self):
        """The rows and the totals as a Markdown table, and the heading under it."""
        return self._table("github") + "\n\n" + self.heading().replace("\n", "  \n")

    def __str__(self):
        """The heading, and the rows and the totals as a plain table."""
        return self.heading() + "\n\n" + self._table("simple")

    def fitted(self, width):
        """The plain table for a terminal: columns that do not fit are left out, which a line below says.

        Parameters
        ----------
        width : int
            The terminal's columns.

        Returns
        -------
        str
        """
        width = integer("width", width, 1)
        columns = self._columns()
        left_out: list[str] = []
        for key in _FIRST_TO_GO:
            if _wide(text := self._table("simple", columns)) <= width:
                break
            left_out.append(columns.pop(key))
        else:
            text = self._table("simple", columns, longest=max(8, width - _wide(self._table("simple", columns, 0))))
        parts = [textwrap.fill(line, width) for line in self.heading().split("\n")]
        parts += ["", *(line[:width].rstrip() for line in text.split("\n"))]
        if left_out:
            said = f"Left out, for {width} columns are too few: {', '.join(left_out)}. A file or a pipe gets them all."
            parts += ["", textwrap.fill(said, width)]
        return "\n".join(parts)

    def _columns(self):
        return _COLUMNS | {name: name for name in self._counted(0)}

    def _table(self, style, columns=None, longest=None):
        from tabulate import tabulate  # only here: it takes as long to import as NumPy

        columns = self._columns() if columns is None else columns
        total = dict.fromkeys(columns, "") | {"share": sum(row.share for row in self.rows)}
        total |= {key: value for key, value in self.totals().items() if key in _SUMS or key == self.convention.name}
        total["path"] = "total"
        rows = [[_cell(key, record[key]) for key in columns] for record in (*self.records(), total)]
        if longest is not None:  # the end of a path says more than its beginning
            rows = [
                [path if len(path) <= longest else f"..{path[len(path) - longest + 2 :]}", *row] for path, *row in rows
            ]
        align = ["left" if key in _WORDS else "right" for key in columns]
        return tabulate(rows, list(columns.values()), tablefmt=style, colalign=align, disable_numparse=True)


def _wide(text):
    return max(map(len, text.split("\n")))


def _cell(key, value):
    if key == "share":
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else value
