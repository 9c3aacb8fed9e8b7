"""A plan in words: a heading, a line for each step, and the memory."""

from collections import Counter
from itertools import groupby

from ghostnp.graph.counting.rows import shape_text
from ghostnp.graph.engine.homes import nbytes, parts, views
from ghostnp.graph.tape import Constant, Result
from ghostnp.graph.tape import parts as tape_parts
from ghostnp.kernels.runtime import threads

_BAR = 24  # characters that stand for the whole memory
_LEGEND = """\
#n       a value: #0 is what the model reads, and its calls made the others in this order
home     where in the memory it lies, which is as wide as the column
+ ...    what else the step does: a batch norm is in its weights, a ReLU is done while it writes
in #n    written right where a concat puts it
over #n  overwrites an operand that is not read again
of #n    a view of the same bytes
bytes    that the step reads and writes, its weights among them
shares   into how many shares each launch is cut, which threads then take; "Python" has no kernel"""


def explanation(plan):
    """Text that explains a `Plan`.

    Parameters
    ----------
    plan : Plan
        Of any model.

    Returns
    -------
    str
    """
    from tabulate import tabulate  # only here: it takes as long to import as NumPy

    rows = [["", "x", "", *_made(plan, range(plan.tape.inputs)), "", "", "", ""]]
    wholes = _wholes(plan)
    for place, (step, work) in enumerate(zip(plan.tape.steps, plan.work, strict=True), 1):
        reads = " ".join(f"#{number}" for number in dict.fromkeys(step.inputs))
        cost = [f"{_moved(plan, step):,}", _shares(work)] if work else ["", ""]
        made, remarks = _made(plan, step.results), _remarks(plan, step, wholes)
        rows.append([place, step.op, reads, *made, remarks, *cost, step.path])
    columns = ["step", "operator", "reads", "makes", "shape", "home", "notes", "bytes", "shares", "in"]
    align = ["right", *["left"] * 6, "right", "left", "left"]
    table = tabulate(rows, columns, tablefmt="simple", colalign=align, disable_numparse=True)
    return "\n\n".join([_heading(plan), table, _LEGEND])


def _heading(plan):
    x, memory = plan.recorded.values[0], plan.memory
    absorbed = Counter(step.op for step in {step for folded in plan.tape.steps for step in folded.absorbed})
    idle = sum(_is_idle(plan, step) for step in plan.tape.steps)
    folded = " and ".join(f"{number} {op}" for op, number in absorbed.most_common())
    constants = {c for step in plan.tape.steps for c in step.arguments.values() if isinstance(c, Constant)}
    weights = sum({id(constant.array): constant.array.nbytes for constant in constants}.values())
    return "\n".join(
        [
            f"{plan.name}, input {shape_text(x.shape)}, {x.dtype}",
            f"{len(plan.recorded.steps)} calls are {len(plan.tape.steps)} steps"
            + (f": {folded} went into others" if folded else "")
            + f"; {idle} of them have nothing to do",
            f"bytes: {memory.planned:,} for the input and all results, and {weights:,} of weights",
            f"       {memory.let_go:,} if each result had an array of its own until it is read for the last time",
            f"       {memory.kept:,} if all of these were kept",
            _running(plan),
        ]
    )


def _running(plan):
    """How the steps run: launches, programs, and calls from Python."""
    launches = [launch for work in plan.work if not callable(work) for launch in work]
    runs = sum(not is_call for is_call, _ in groupby(callable(work) for work in plan.work if work))
    calls, alone = sum(map(callable, plan.work)), sum(launch.shares == 1 for launch in launches)
    return (
        f"{len(launches)} launches in {runs} native call{'s' * (runs != 1)}"
        + f"; {calls} steps are called from Python" * (calls > 0)
        + f"; {alone} launches are too little work for more than one of {threads()} threads" * (threads() > 1)
    )


def _shares(work):
    """Into how many shares each launch of a step is cut."""
    return "Python" if callable(work) else " ".join(str(launch.shares) for launch in work)


def _moved(plan, step):
    """Bytes that a step reads and writes."""
    values = [plan.tape.values[number] for number in {*step.inputs, *step.results} if number in plan.homes.start]
    constants = {part for part in tape_parts(step.arguments) if isinstance(part, Constant)}
    if step.op == "concat":
        return 2 * sum(size for _, _, size in plan.homes.copied_parts(step))
    return sum(map(nbytes, values)) + sum(constant.array.nbytes for constant in constants)


def _made(plan, numbers):
    """The values that something reads of these, their shapes, and where they live."""
    numbers = [number for number in numbers if number in plan.homes.start]
    shapes = " ".join(dict.fromkeys(shape_text(plan.tape.values[number].shape) for number in numbers))
    return " ".join(f"#{n}" for n in numbers), shapes, _bar(plan, numbers)


def _bar(plan, numbers):
    """The whole memory as a row of characters, with the homes of these values filled in."""
    filled: set[int] = set()
    if plan.homes.size == 0:  # an empty batch
        return "·" * _BAR
    for number in numbers:
        begin, size = plan.homes.start[number], nbytes(plan.tape.values[number])
        filled |= set(range(begin * _BAR // plan.homes.size, -(-(begin + size) * _BAR // plan.homes.size)))
    return "".join("█" if cell in filled else "·" for cell in range(_BAR))


def _remarks(plan, step, wholes):
    words = [f"+ {absorbed.op}" for absorbed in step.absorbed]
    words += [f"of #{base}" for base in {base: None for _, base, _ in views(step, plan.tape.values)}]
    words += [f"over #{operand}" for operand in sorted(plan.homes.overwritten(step))]
    words += [f"in #{whole}" for result in step.results for whole in wholes.get(result, ())]
    if step.op == "concat":
        copied = len(plan.homes.copied_parts(step))
        words.append(f"copies {copied} of {len(step.arguments['xs'])}" if copied else "is there already")
    return ", ".join(words)


def _wholes(plan):
    """For each value the concats in whose memory it is written."""
    wholes: dict[int, list[int]] = {}
    for step in plan.tape.steps:
        if step.op == "concat":
            copied = {id(x) for x, _, _ in plan.homes.copied_parts(step)}
            for x, _, _ in parts(step, plan.tape.values):
                if isinstance(x, Result) and id(x) not in copied:
                    wholes.setdefault(x.number, []).append(step.results[0])
    return wholes


def _is_idle(plan, step):
    return any(views(step, plan.tape.values)) or (step.op == "concat" and not plan.homes.copied_parts(step))
