"""A plan in words: a heading, a line for each step, and the memory."""

from collections import Counter
from itertools import groupby

from ghostnp.graph.counting.rows import shape_text
from ghostnp.graph.engine.homes import SIDE_BY_SIDE, nbytes
from ghostnp.graph.tape import Constant
from ghostnp.graph.tape import parts as parts_of
from ghostnp.kernels.runtime import threads

_BAR = 24  # characters that stand for the whole memory
_LEGEND = """\
#n       a value: #0 is the input of the model, and the others are numbered in the order of the calls that made them
home     the place of the value in memory; the width of the column is the whole memory
+ ...    what else the step does: a batch norm is folded into its weights, a ReLU is applied while it writes
in bands the step and the named convolutions before it run together, a few rows at a time: maps in between stay in cache
in #n    written directly into its place in the result of a concat
over #n  overwrites an operand that is not read again
of #n    a view of the same bytes
no dx    the gradient of the step's input is not needed, so it is not computed
again    computed a second time for the gradients that read it, because keeping it would take more memory
bytes    what the step reads and writes, weights included
shares   into how many shares each launch is cut; threads take the shares; "Python" has no kernel
until    the last step that reads the first result of this step; "end" if the model returns it"""


def explanation(plan, *, update=()):
    """Text that explains a `Plan`, or a `TrainingProgram`.

    Parameters
    ----------
    plan : Plan or TrainingProgram
        Of any model.
    update : list of Launch
        What a training program does at the end.

    Returns
    -------
    str
    """
    from tabulate import tabulate  # only here: it takes as long to import as NumPy

    names = ["x"] if not update else ["images", "labels", *["mask"] * (plan.tape.inputs - 2)]
    inputs = list(enumerate(names))
    rows = [["", name, "", *_made(plan, [number]), "", "", "", _until(plan, [number]), ""] for number, name in inputs]
    wholes = _wholes(plan)
    for place, (step, work) in enumerate(zip(plan.tape.steps, plan.work, strict=True), 1):
        reads = " ".join(f"#{number}" for number in dict.fromkeys(step.reads))
        cost = [f"{_moved(plan, step):,}", _shares(work)] if work else ["", ""]
        made, remarks = _made(plan, step.results), _remarks(plan, step, wholes)
        rows.append([place, step.op, reads, *made, remarks, *cost, _until(plan, step.results), step.path])
    columns = ["step", "operator", "reads", "makes", "shape", "home", "notes", "bytes", "shares", "until", "in"]
    align = ["right", *["left"] * 6, "right", "left", "left", "left"]
    table = tabulate(rows, columns, tablefmt="simple", colalign=align, disable_numparse=True)
    return "\n\n".join([_heading(plan, update), table, _LEGEND])


def _heading(plan, update):
    x, memory = plan.recorded.values[0], plan.memory
    absorbed = Counter(step.op for step in {step for folded in plan.tape.steps for step in folded.absorbed})
    idle = sum(not work for work in plan.work)
    # Most first; of as many, by name, or a plan would be explained in other words each time.
    folded = " and ".join(
        f"{number} {op}" for op, number in sorted(absorbed.items(), key=lambda item: (-item[1], item[0]))
    )
    constants = {c for step in plan.tape.steps for c in parts_of(step.arguments) if isinstance(c, Constant)}
    weights = sum({id(constant.array): constant.array.nbytes for constant in constants}.values())
    what = "inputs, all results, and what kernels need on the way" if update else "the input and all results"
    return "\n".join(
        [
            f"{plan.name}, input {shape_text(x.shape)}, {x.dtype}",
            f"{len(plan.recorded.steps)} calls are {len(plan.tape.steps)} steps"
            + (f": {folded} went into others" if folded else "")
            + f"; {idle} of them {'has' if idle == 1 else 'have'} nothing to do",
            f"bytes: {memory.planned:,} for {what}, and {weights:,} of weights",
            f"       {memory.let_go:,} if each result had an array of its own until it is read for the last time",
            f"       {memory.kept:,} if all of these were kept",
            _running(plan, update),
        ]
    )


def _running(plan, update):
    """How the steps run: launches, programs, and calls from Python."""
    works = [*plan.work, update]
    launches = [launch for work in works if not callable(work) for launch in work]
    runs = sum(not is_call for is_call, _ in groupby(callable(work) for work in works if work))
    calls, alone = sum(map(callable, works)), sum(launch.shares == 1 for launch in launches)
    return (
        f"{len(launches)} launches in {runs} native call{'s' * (runs != 1)}"
        + f"; {calls} step{'s are' if calls > 1 else ' is'} called from Python" * (calls > 0)
        + f"; {alone} of them run on one thread of {threads()}, because their work is small"
        * (threads() > 1 and alone > 0)
        + f"; the last {len(update)} move statistics and parameters" * (len(update) > 0)
    )


def _shares(work):
    """Into how many shares each launch of a step is cut."""
    return "Python" if callable(work) else " ".join(str(launch.shares) for launch in work)


def _moved(plan, step):
    """Bytes that a step reads and writes."""
    values = [plan.tape.values[number] for number in {*step.reads, *step.results} if number in plan.homes.start]
    constants = {part for part in parts_of(step.arguments) if isinstance(part, Constant)}
    if step.op in SIDE_BY_SIDE:
        return 2 * sum(part.size for part in _copied(plan, step))
    return sum(map(nbytes, values)) + sum(constant.array.nbytes for constant in constants)


def _until(plan, numbers):
    """The last step that reads the first of these."""
    last = next((plan.homes.lives[number].death for number in numbers if number in plan.homes.start), -1)
    return "" if last < 0 else "end" if last == len(plan.tape.steps) else str(last + 1)


def _made(plan, numbers):
    """The values that something reads of these, their shapes, and where they live."""
    numbers = [number for number in numbers if number in plan.homes.start]
    shapes = " ".join(dict.fromkeys(shape_text(plan.tape.values[number].shape) for number in numbers))
    return " ".join(f"#{n}" for n in numbers), shapes, _bar(plan, numbers)


def _bar(plan, numbers):
    """The whole memory as a row of characters, with the homes of these values filled in."""
    filled: set[int] = set()
    for number in numbers:
        begin, size = plan.homes.start[number], nbytes(plan.tape.values[number])
        if size:
            filled |= set(range(begin * _BAR // plan.homes.size, -(-(begin + size) * _BAR // plan.homes.size)))
    # Of letters that every terminal can write, whatever its code page.
    return "".join("=" if cell in filled else "." for cell in range(_BAR))


def _remarks(plan, step, wholes):
    words = [f"+ {absorbed.op}" for absorbed in step.absorbed]
    words += ["in bands"] * ("through" in step.arguments)
    words += ["no dx"] * ("no_dx" in step.arguments)
    words += ["again"] * (step.results[0] >= len(plan.recorded.values))
    words += [f"of #{base}" for base in _bases(plan, step)]
    words += [f"over #{operand}" for operand in sorted(plan.homes.overwritten(step.results[0]))]
    words += [f"in #{whole}" for result in step.results for whole in wholes.get(result, ())]
    if step.op in SIDE_BY_SIDE:
        copied = len(_copied(plan, step))
        words.append(f"copies {copied} of {len(_parts(plan, step))}" if copied else "is there already")
    return ", ".join(words)


def _bases(plan, step):
    """Values of which the results are views."""
    views = [plan.homes.views[result] for result in step.results if result in plan.homes.views]
    return dict.fromkeys(view.base for view in views if view.base < len(plan.tape.values))


def _parts(plan, step):
    """What a concat puts side by side."""
    return plan.homes.parts(step.results[0]) if step.op in SIDE_BY_SIDE else []


def _copied(plan, step):
    """Those parts of a concat that are not written right into it."""
    return [part for part in _parts(plan, step) if part.size and not plan.homes.in_place(part)]


def _wholes(plan):
    """For each value the concats in whose memory it is written."""
    wholes: dict[int, list[int]] = {}
    for step in plan.tape.steps:
        for part in _parts(plan, step):
            if plan.homes.in_place(part):
                wholes.setdefault(part.value, []).append(step.results[0])
    return wholes
