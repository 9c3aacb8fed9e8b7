"""Counting: run a model's real forward on shapes, and write down what each operator costs.

The tally is one more interpretation of the vocabulary. Each function of it computes nothing: it asks the definition's
cost function, notes the answer under the path of the module that called, and gives back a token with the output's
shape. A token is no array and refuses every NumPy function and operator, so a model that goes past the backend fails
instead of being undercounted.
"""

import csv
import inspect
import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ghostnp import ops
from ghostnp.backend import use_backend
from ghostnp.modules import Module, current_path
from ghostnp.ops.checks import integer, sequence


@dataclass(frozen=True, eq=False)
class Token(NDArrayOperatorsMixin):
    """Stands for an array of which only shape and dtype are known."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def _refuse(self, *args, **kwargs):
        raise TypeError(
            "a module computed with its activations past the backend while it was being counted: the rule is that "
            "everything goes through the backend, such as backend().add(a, b)"
        )

    # Conversions, ufuncs and operators (which the mixin makes ufuncs), other NumPy functions, indexing.
    __array__ = __array_ufunc__ = __array_function__ = __getitem__ = __iter__ = _refuse

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._refuse()

    def __len__(self):
        return self.shape[0]


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
        Shapes.
    params, macs : Worked
        Counts with their working.
    """

    path: str
    op: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    params: ops.cost.Worked
    macs: ops.cost.Worked


_FIELDS = ["path", "op", "input", "output", "params", "params_formula", "macs", "macs_formula"]


@dataclass(frozen=True)
class Count:
    """Parameters and multiply-adds of a network, operator by operator.

    Parameters
    ----------
    params : int
        Trainable parameters.
    macs : int
        Multiply-adds of convolutions and linear maps.
    rows : tuple of CountRow
        In the order in which the operators run.
    """

    params: int
    macs: int
    rows: tuple[CountRow, ...]

    def records(self):
        """The rows as dicts of plain values, counts with their working beside them."""
        return [
            {
                "path": row.path,
                "op": row.op,
                "input": "x".join(map(str, row.input)),
                "output": "x".join(map(str, row.output)),
                "params": int(row.params),
                "params_formula": row.params.formula,
                "macs": int(row.macs),
                "macs_formula": row.macs.formula,
            }
            for row in self.rows
        ]

    def to_csv(self):
        """The rows as comma-separated values, with a header."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=_FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records())
        return text.getvalue()

    def to_json(self):
        """Totals and rows as JSON."""
        return json.dumps({"params": self.params, "macs": self.macs, "rows": self.records()}, indent=2)

    def to_markdown(self):
        """The rows and the totals as a Markdown table."""
        return self._table("github")

    def __str__(self):
        """The rows and the totals as a plain table."""
        return self._table("simple")

    def _table(self, style):
        from tabulate import tabulate  # only here: it takes as long to import as NumPy

        rows = [
            [r["path"], r["op"], r["input"], r["output"], f"{r['params']:,}", f"{r['macs']:,}"] for r in self.records()
        ]
        rows.append(["total", "", "", "", f"{self.params:,}", f"{self.macs:,}"])
        headers = ["path", "op", "input", "output", "params", "MACs"]
        align = ["left"] * 4 + ["right"] * 2
        return tabulate(rows, headers, tablefmt=style, colalign=align, disable_numparse=True)


def count(model, input_shape):
    """Count a model's parameters and multiply-adds at one input size.

    Parameters
    ----------
    model : Module
        Any module, with weights or without.
    input_shape : tuple of int
        Shape of its input, such as (1, 3, 224, 224).

    Returns
    -------
    Count
        `params` (trainable), `macs` (of convolutions and linear maps, for the whole batch) and `rows`.

    Raises
    ------
    TypeError, ValueError
        If the arguments are not legal, or the model goes past the backend.

    Examples
    --------
    >>> from ghostnp.modules import Conv2d
    >>> count(Conv2d(256, 256, 5, padding=2, groups=32), (1, 256, 64, 64)).rows[0].params.working
    '256·(8·5·5 + 1) = 51,456'
    """
    if not isinstance(model, Module):
        raise TypeError(f"model is of type {type(model).__name__}: the rule is a Module, such as create_model(...)")
    shape = tuple(integer(f"input_shape[{i}]", size, 0) for i, size in enumerate(sequence("input_shape", input_shape)))
    parameters = model.parameters()
    dtype = next((array.dtype for array in parameters.values()), np.dtype(np.float32))
    tally = Tally()
    with use_backend(tally):
        model(Token(shape, dtype))
    return Count(
        params=sum(array.size for array in parameters.values()),
        macs=sum(row.macs for row in tally.rows),
        rows=tuple(tally.rows),
    )


class Tally:
    """The backend that counts: every function of the vocabulary, on shapes."""

    def __init__(self):
        self.rows = []

    def __getattr__(self, name):
        if not hasattr(ops, f"{name}_cost"):
            raise AttributeError(f"the tally has no {name}: the rule is a function of the vocabulary with a cost")
        cost_of = getattr(ops, f"{name}_cost")
        forward, shapes = inspect.signature(getattr(ops, name)), inspect.signature(cost_of)

        def counted(*args, **keywords):
            given = forward.bind(*args, **keywords).arguments
            cost = cost_of(**_shapes(given, shapes))
            tokens = [value for value in given.values() if isinstance(value, Token)]
            tokens += [value for values in given.values() if isinstance(values, tuple | list) for value in values]
            first = next(token for token in tokens if isinstance(token, Token))
            several = isinstance(cost.output, list)
            output = cost.output[0] if several else cost.output
            self.rows.append(CountRow(current_path(), name, first.shape, output, cost.params, cost.macs))
            if several:
                return [Token(shape, first.dtype) for shape in cost.output]
            results = tuple(Token(shape, first.dtype) for shape in (cost.output, *cost.extra))
            return results if cost.extra else results[0]

        setattr(self, name, counted)  # so that the next call finds it without asking here
        return counted


def _shapes(given, signature):
    """Arguments of a cost function, from those of its forward: arrays become shapes, a bias whether there is one."""
    wanted: dict[str, Any] = {}
    for name in signature.parameters:
        if name == "bias":
            wanted[name] = given.get("bias") is not None
        elif name.endswith("s_shapes"):
            wanted[name] = [array.shape for array in given[name.removesuffix("_shapes")]]
        elif name.endswith("_shape"):
            wanted[name] = given[name.removesuffix("_shape")].shape
        elif name in given:
            wanted[name] = given[name]
    return wanted
