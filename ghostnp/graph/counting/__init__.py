"""Counting: run a model's real forward on shapes, and write down what each operator costs.

The model runs on a *token*, a stand-in for an array that has only a shape and a dtype (see
`ghostnp.graph.recording`). Each call is written down with what its cost function says, and the count has one line for
each of them. A token refuses every NumPy function and operator, so a model that goes past the backend fails instead of
being undercounted.

Read them in this order: `rows` (a tape read as lines), `conventions` (the rules of other counters, as data), `table`
(the whole, and how it is written down), `operator` (one operator alone), `reconcile` (which convention gives a number).

A new convention is an entry of `CONVENTIONS` in `conventions`. If it counts something that is none of `MEASURES`, that
is a new measure, with its line in `measured` and its Chinese name in the worksheets' catalogue. The tool is measured
first, by ``tests/oracles/count_elsewhere.py``, and `TOOLS` in ``tests/graph/counting/test_conventions.py`` names the
two together.
"""

from dataclasses import replace

import numpy as np

from ghostnp.graph.counting.operator import OPERATORS, OperatorCount, count_operator
from ghostnp.graph.counting.rows import CountRow, Ledger, rows_of, unused_row
from ghostnp.graph.counting.table import Count, Memory
from ghostnp.graph.recording import Token, record
from ghostnp.modules import Module
from ghostnp.ops.checks import integer, sequence

__all__ = ["OPERATORS", "Count", "CountRow", "Memory", "OperatorCount", "count", "count_operator"]


def count(model, input_shape, *, name=None):
    """Count what a model costs at one input size.

    Parameters
    ----------
    model : Module
        Any module, with weights or without.
    input_shape : tuple of int
        Shape of its input, such as (1, 3, 224, 224).
    name : str, optional
        Written over tables; the model's class by default.

    Returns
    -------
    Count
        `params` (trainable), `macs` (of convolutions and linear maps, for the whole batch), `rows` and more; print it.

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
    # A module or an array that stands in two places of the tree is one, and counts once.
    modules: dict[Module, str] = {}
    for path, module in model.tree().items():
        modules.setdefault(module, path)
    parameters = _arrays(modules, "parameter_names")
    # The statistics of batch norm; how many batches there were is no number of the network's.
    buffers = [array for array in _arrays(modules, "buffer_names") if array.dtype.kind == "f"]
    dtype = parameters[0].dtype if parameters else np.dtype(np.float32)
    ledger = Ledger(parameters, buffers)
    rows = list(rows_of(record(model, Token(shape, dtype), strict=False), ledger))
    for module, path in modules.items():
        held = {name: getattr(module, name) for name in module.parameter_names + module.buffer_names}
        rows += filter(None, [unused_row(path, held, ledger)])
    macs = int(sum(row.macs for row in rows))
    return Count(
        params=sum(array.size for array in parameters),
        macs=macs,
        rows=tuple(replace(row, share=row.macs / macs if macs else 0.0) for row in rows),
        buffers=sum(array.size for array in buffers),
        name=type(model).__name__ if name is None else name,
        input=shape,
        dtype=dtype,
    )


def _arrays(modules, names):
    arrays = (getattr(module, name) for module in modules for name in getattr(module, names))
    return list({id(array): array for array in arrays if array is not None}.values())
