"""Step through a network or an operator: every intermediate, what made it, and what that cost.

A trace is the tape of one run (see `ghostnp.graph.tape`) and its count. Modules do not know of it.
"""

import io
from dataclasses import dataclass

import numpy as np

from ghostnp import ops
from ghostnp.backend import use_backend
from ghostnp.graph.counting.rows import Ledger, rows_of, shape_text
from ghostnp.graph.recording import record
from ghostnp.graph.tape import Tape
from ghostnp.graph.tracing import products
from ghostnp.modules import Module
from ghostnp.ops import checks
from ghostnp.ops.checks import shown
from ghostnp.ops.cost import Worked
from ghostnp.ops.vocabulary import function_named, operator_named, signature


@dataclass(frozen=True)
class TraceRow:
    """One intermediate result.

    Parameters
    ----------
    number : int
        Its name on the tape; 0 is the input.
    op : str
        What made it, and of a backward pass which gradient it is; empty for an input.
    path : str
        Of the module that called that.
    shape : tuple of int
        Of the result.
    made_from : tuple of int
        Numbers of the results that it was made from.
    params, macs : Worked or None
        What that cost, with the working; None for an input and for a backward pass, whose cost is not counted.
    """

    number: int
    op: str
    path: str
    shape: tuple[int, ...]
    made_from: tuple[int, ...]
    params: Worked | None
    macs: Worked | None


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened in one run.

    ``print(trace)`` lists it, a notebook draws it, ``trace[3]`` is intermediate result 3.

    Parameters
    ----------
    tape : Tape
        The calls, and the arrays.
    rows : tuple of TraceRow
        One for each input and each result.
    inputs : tuple of str
        What each input is called: x and dy, or xs[0], xs[1] ... where a function takes several arrays as one argument.
    """

    tape: Tape
    rows: tuple[TraceRow, ...]
    inputs: tuple[str, ...]

    def __getitem__(self, number):
        """The array of that number, (N, C, H, W) for maps."""
        if not isinstance(number, int) or not 0 <= number < len(self.tape.values):
            last = len(self.tape.values) - 1
            raise KeyError(f"{number!r}: the rule is a number from 0 to {last}, as in print(trace)")
        return self.tape.values[number]

    def pixel(self, number, index):
        """Each multiplication that made one number of a convolution's, or a linear map's, result.

        Parameters
        ----------
        number : int
            Of the result, as in ``print(trace)``.
        index : tuple of int
            (n, o, i, j), or (n, o) for a linear map.

        Returns
        -------
        Sum
            ``print`` shows it product by product.

        Raises
        ------
        KeyError, ValueError
            If there is no such result or pixel, or it was not made by multiplying weights.
        """
        arguments = self._arguments(number, "", {"x", "weight", "bias"})
        return products.of_pixel(index, arguments["x"], arguments["weight"], arguments["bias"], **_geometry(arguments))

    def weight(self, number, index):
        """Each contribution to one weight's gradient.

        Parameters
        ----------
        number : int
            Of any gradient that the convolution's backward pass gave, as in ``print(trace)``.
        index : tuple of int
            (o, k, u, v), or (o, k) for a linear map.

        Returns
        -------
        Sum

        Raises
        ------
        KeyError, ValueError
            If there is no such gradient or weight, or no backward pass was traced.
        """
        arguments = self._arguments(number, "_backward", {"dy", "x", "weight"})
        return products.of_weight(index, arguments["dy"], arguments["x"], arguments["weight"], **_geometry(arguments))

    def picture(self, *, rows=12, maps=8):
        """Each intermediate as a row of maps; of a weight's gradient, the kernels of all filters one after the other.

        Parameters
        ----------
        rows, maps : int, default 12 and 8
            How many are drawn, at most.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from ghostnp.pictures import intermediates

        drawn = [row for row in self.rows if len(row.shape) in {2, 4}][:rows]
        gradients = self._gradients()
        steps = [(self._label(row), self._maps(row), row.number in gradients) for row in drawn]
        return intermediates(steps, maps=maps)

    def _repr_png_(self):
        drawn = io.BytesIO()
        self.picture().savefig(drawn, format="png", dpi=80)
        return drawn.getvalue()

    def _maps(self, row):
        """A result as maps, image by image; a weight's gradient, which has filters in place of images, as one image."""
        values = self.tape.values[row.number]
        return values.reshape(1, -1, *values.shape[2:]) if row.op.endswith(".weight") else values

    def _gradients(self):
        """Numbers of what went backward: dy, and what was made from it."""
        gradients = {number for number, name in enumerate(self.inputs) if name.startswith("dy")}
        for row in self.rows:
            if gradients.intersection(row.made_from):
                gradients.add(row.number)
        return gradients

    def _label(self, row):
        words = [f"#{row.number} {row.op or self.inputs[row.number]}", row.path, shape_text(row.shape)]
        if row.macs:
            words.append(f"{row.params:,} parameters, {row.macs:,} MACs" if row.params else f"{row.macs:,} MACs")
        return "\n".join(word for word in words if word)

    def _arguments(self, number, ending, wanted):
        """What the call got that made this result: of a convolution or a linear map, forward or backward."""
        self[number]
        fitting = {
            number: step
            for step in self.tape.steps
            for number in step.results
            if step.is_backward is bool(ending) and wanted <= step.arguments.keys() and _multiplies(step)
        }
        if number not in fitting:
            made = next(row.op for row in self.rows if row.number == number) or "nothing: it was put in"
            raise ValueError(
                f"#{number} was made by {made}: the rule is what a convolution or a linear map gave in its "
                f"{'backward' if ending else 'forward'} pass, one of {sorted(fitting)}"
            )
        return {name: self.tape.found(value, self.tape.values) for name, value in fitting[number].arguments.items()}

    def __str__(self):
        from tabulate import tabulate  # slow to import, and only needed to print

        table = []
        for row in self.rows:
            made = " ".join(f"#{number}" for number in row.made_from)
            counts = ["" if count is None else f"{count:,}" for count in (row.params, row.macs)]
            maker = row.op or self.inputs[row.number]
            table.append([f"#{row.number}", maker, made, shape_text(row.shape), *counts, row.path])
        headers = ["", "made by", "from", "shape", "params", "MACs", "in"]
        align = ("right", "left", "left", "right", "right", "right", "left")
        text = tabulate(table, headers, tablefmt="simple", colalign=align, disable_numparse=True)
        return "\n".join(line.rstrip() for line in text.splitlines())


def trace(model_or_op, x, *arguments, dy=None, training=False, rng=None, **options):
    """Run a model or an operator, forward and on demand backward, and list every intermediate.

    Parameters
    ----------
    model_or_op : Module or function
        A module of yours, or a function of the vocabulary, such as ``ghostnp.ops.depthwise_conv2d``.
    x : ndarray or sequence of ndarray
        What goes in; a sequence where the function takes one, such as concat.
    *arguments, **options
        For a function: the rest of its arguments.
    dy : ndarray, number or sequence of ndarray, optional
        The gradient of the result, in the form of the result. With it the backward pass is traced as well.
    training, rng
        As in `Module.forward`.

    Returns
    -------
    Trace
        It keeps every array.

    Raises
    ------
    TypeError, ValueError
        If `model_or_op` is neither, or refuses its arguments.

    Examples
    --------
    >>> import ghostnp
    >>> import numpy as np
    >>> x, weight = np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2))
    >>> steps = ghostnp.trace(ghostnp.ops.standard_conv2d, x, weight)
    >>> print(steps.pixel(1, (0, 0, 0, 1)))
    y[0, 0, 0, 1] = 12
      w[0, 0, 0, 0] · x[0, 0, 0, 1] = 1 · 1 = 1
      w[0, 0, 0, 1] · x[0, 0, 0, 2] = 1 · 2 = 2
      w[0, 0, 1, 0] · x[0, 0, 1, 1] = 1 · 4 = 4
      w[0, 0, 1, 1] · x[0, 0, 1, 2] = 1 · 5 = 5
    """
    if isinstance(dy, float | int):  # a loss's gradient: as an input it has a shape, ()
        dy = np.float64(checks.number("dy", dy, "the rule is an array, or for a loss a real number, such as 1.0"))
    if isinstance(model_or_op, Module):
        if arguments or options:
            raise TypeError("a module reads x alone: the rule is trace(model, x)")
        run, state = _module_run(model_or_op, training, rng), model_or_op.state_dict()
        parameters = model_or_op.parameters().values()
        inputs = {"x": x} if dy is None else {"x": x, "dy": dy}
    else:
        bound = _bound(model_or_op, x, arguments, options)
        held = dict(bound.arguments)
        state = {name: value for name, value in held.items() if isinstance(value, np.ndarray) and value is not x}
        parameters = [array for name, array in state.items() if name == "bias" or "weight" in name]
        inputs = _parts(next(iter(held)), x) | ({} if dy is None else _parts("dy", dy))
        run = _op_run(model_or_op.__name__, bound, dy)
    with use_backend(ops):
        tape = record(run, *inputs.values(), state=state)
    return Trace(tape, tuple(_rows(tape, parameters)), tuple(inputs))


def _parts(name, value):
    """The arrays of an argument by name: a sequence has one for each of its parts."""
    if isinstance(value, tuple | list):
        return {f"{name}[{number}]": part for number, part in enumerate(value)}
    return {name: value}


def _module_run(model, training, rng):
    def run(backend, x, dy=None):
        y, cache = model.forward(x, training=training, rng=rng)
        if dy is None:
            return y
        dx, _ = model.backward(dy, cache)
        return y, dx

    return run


def _op_run(name, bound, dy):
    """What runs an operator forward and, on the arguments that its row names, backward."""
    row, keywords = operator_named(name), bound.kwargs

    def run(backend, *inputs):
        result = getattr(backend, name)(*bound.args, **keywords)
        y, extra = (result[0], result[1:]) if row.extra else (result, ())
        if dy is None:
            return y
        taken = row.backward_arguments(bound.arguments, extra).values()
        return y, getattr(backend, f"{name}_backward")(dy, *taken, **keywords)

    return run


def _bound(op, x, arguments, options):
    name = getattr(op, "__name__", "")
    if not callable(op) or function_named(f"{name}_backward") is None:
        raise TypeError(
            f"model_or_op={shown(op)}: the rule is a Module, or a function of the vocabulary that has a backward pass, "
            f"such as ghostnp.ops.depthwise_conv2d"
        )
    return signature(function_named(name)).bind(x, *arguments, **options)


def _rows(tape, parameters):
    """The inputs, and then each result with the cost of the call that made it."""
    for place, value in enumerate(tape.values[: tape.inputs]):
        yield TraceRow(place, "", "", value.shape, (), None, None)
    counted = rows_of(tape, Ledger(parameters))
    for step in tape.steps:
        row = None if step.cost is None else next(counted)
        params, macs = (row.params, row.macs) if row else (None, None)
        fields = [f".{field}" for field in step.fields] or [""] * len(step.results)
        for place, field in zip(step.results, fields, strict=True):
            shape = tape.values[place].shape
            yield TraceRow(place, step.op + field, step.path, shape, step.inputs, params, macs)
            params = macs = None  # what a call costs is listed once


def _multiplies(step):
    """Whether it is a convolution or a linear map, whose result is sums of one weight times one number."""
    return step.operator.family in ("convolution", "linear") and "weight" in step.arguments


def _geometry(arguments):
    return {name: arguments[name] for name in ("stride", "padding", "dilation") if name in arguments}
