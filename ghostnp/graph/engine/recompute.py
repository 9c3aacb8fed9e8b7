"""Recomputing: what is cheap to make again need not be kept until its gradient is made.

Between a convolution and the next one stands a batch norm, and a training step keeps two arrays for their gradients:

    x, which the norm's gradient reads        y = relu(γ·(x − μ)/√(σ² + ε) + β), which the next convolution's reads

But y is one pass over x, once μ and σ² are known. So the largest of them are let go after the forward pass, and made
again where the first gradient reads them. That takes some memory's bandwidth, and next to no arithmetic. Maps that a
concat makes of such y are made again with it.
"""

import math
from dataclasses import replace

from ghostnp.graph.engine.fold import FoldedStep
from ghostnp.graph.engine.homes import nbytes
from ghostnp.graph.tape import Result

# What a batch norm in training let through, which is then what it lets through with the same statistics.
_LIMITS = {"batch_norm_train": (-math.inf, math.inf), "batch_norm_relu_train": (0.0, math.inf)}
# A result is worth it that has at least so large a part of the bytes of all results: a handful, in each network.
_PART = 1 / 256


def with_recomputing(tape):
    """The same tape, in which backward passes read some results that were made again.

    Parameters
    ----------
    tape : Tape
        Of a training step. Made-again values get numbers of their own, above all others.

    Returns
    -------
    Tape
    """
    makers = {number: step for step in tape.steps for number in step.results}
    least = _PART * sum(nbytes(tape.values[number]) for number in makers)
    values, steps, again = list(tape.values), [], {}

    def can(number):
        step = makers.get(number)
        if step is None or number != step.results[0]:
            return False
        if step.op == "concat":
            return all(isinstance(x, Result) and can(x.number) for x in step.arguments["xs"])
        return step.op in _LIMITS and nbytes(tape.values[number]) >= least

    def make(number):
        """The number of the same result, made again by what is added to the steps."""
        if number not in again:
            step = makers[number]
            if step.op == "concat":
                op = step.op
                arguments = step.arguments | {"xs": tuple(Result(make(x.number)) for x in step.arguments["xs"])}
            else:
                op = "batch_norm_eval"
                statistics = dict(zip(("mean", "var"), map(Result, step.results[1:]), strict=True))
                arguments = step.arguments | statistics | {"limits": _LIMITS[step.op]}
            values.append(tape.values[number])
            again[number] = len(values) - 1
            steps.append(FoldedStep(op, step.path, arguments, (again[number],)))
        return again[number]

    for step in tape.steps:
        found = {number: make(number) for number in step.reads if step.is_backward and can(number)}
        steps.append(replace(step, arguments=_exchanged(step, found)) if found else step)
    return replace(tape, steps=tuple(steps), values=tuple(values))


def _exchanged(step, found):
    """The step's arguments, where those that it reads are what was found for them."""

    def exchange(argument):
        if isinstance(argument, Result):
            return Result(found.get(argument.number, argument.number))
        return tuple(map(exchange, argument)) if isinstance(argument, tuple) else argument

    unread = step.operator.shape_alone
    return {name: value if name in unread else exchange(value) for name, value in step.arguments.items()}
