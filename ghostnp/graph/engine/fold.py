"""Folding: the same function in fewer steps.

At inference a batch norm is an affine map of each channel, and so is the end of a convolution. One takes in the other:

    γ·(w∗x + b − μ)/√(σ² + ε) + β  =  (a·w)∗x + (a·(b − μ) + β)      with a = γ/√(σ² + ε), a number for each channel

What clips and does nothing else, such as a ReLU or a ReLU6, costs nothing where the numbers are written that it is
for, so it becomes part of that step: the step's `limits`. Maps side by side are clipped side by side. A
convolution adds its products to the maps that it is added to. A map that is enlarged to be a factor need not be written
out: the product reads the small one. What is never read need not be computed, be it at inference or in a training step
(`needed`).

Maps that are larger than a cache need not be written out either where a depthwise convolution makes them, or reads
them, and a pointwise one is all that follows: the three are one step, which runs a band of rows at a time (see
`ghostnp.kernels.bands`).

All this holds only where nothing else reads the value in between. The tape says who reads a value.
"""

import inspect
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from ghostnp import kernels
from ghostnp.graph.engine.homes import nbytes
from ghostnp.graph.engine.packing import together
from ghostnp.graph.tape import Constant, Result, Step
from ghostnp.kernels.bands import LARGE, Link
from ghostnp.kernels.loops import UNLIMITED
from ghostnp.kernels.windows import is_one_pixel
from ghostnp.ops.geometry import sliding_window


@dataclass(frozen=True, eq=False)
class FoldedStep(Step):
    """A step that does what others did as well.

    Parameters
    ----------
    op, path, arguments, results
        As in `Step`; among the arguments may be a kernel's own ``limits``, ``onto``, ``nearest`` and ``through``.
    absorbed : tuple of Step
        What it took in.
    """

    absorbed: tuple[Step, ...] = ()


def fold(tape, memo):
    """The same tape in fewer steps.

    Parameters
    ----------
    tape : Tape
        Of inference.
    memo : dict
        Weights that were folded before, by the names of what is in them: the tapes of one model share them.

    Returns
    -------
    Tape
        Of `FoldedStep`.
    """
    readers = Counter(number for step in tape.steps for number in step.inputs) + Counter(tape.returned)
    known = set(memo)
    steps: list[FoldedStep] = []
    places: dict[int, int] = {}  # where the step stands that makes a value

    def maker(argument):
        """The step that makes an argument, if it is read once."""
        known = isinstance(argument, Result) and argument.number in places and readers[argument.number] == 1
        return steps[places[argument.number]] if known else None

    for recorded in tape.steps:
        step = FoldedStep(**vars(recorded))
        changed = []
        if step.op == "batch_norm_eval":
            changed = _normalised(maker(step.arguments["x"]), step, memo)
        elif step.operator.limits:
            changed = _clipped(maker(step.arguments["x"]), step, maker)
        elif step.op == "add":
            changed = _added(step, maker, places, tape.values)
        elif step.op == "multiply":
            step = _of_small_maps(maker(step.arguments["b"]), step, tape.values)
        for before, after in changed:
            place = places[before.results[0]]
            steps[place] = after
            places[after.results[0]] = place
        if not changed:
            places |= dict.fromkeys(step.results, len(steps))
            steps.append(step)
    tape = needed(replace(tape, steps=tuple(steps)), tape.returned)
    known_now = [key for key in memo if key not in known]
    tape = replace(tape, steps=tuple(_moved_together(tape.steps, memo, known_now)))
    return needed(replace(tape, steps=tuple(_in_bands(tape))), tape.returned)


def needed(tape, wanted):
    """The same tape without the calls whose results nothing reads.

    Where a layer's input needs no gradient, and its kernel can leave it out, ``no_dx`` is among a call's arguments.

    Parameters
    ----------
    tape : Tape
    wanted : iterable of int
        Numbers of the values that are read once all steps are done.

    Returns
    -------
    Tape
        Of `FoldedStep`.
    """
    wanted, kept = set(wanted), []
    for step in reversed(tape.steps):
        if not wanted.intersection(step.results):
            continue
        no_dx = step.is_backward and step.results[0] not in wanted and takes(step.op, "no_dx")
        kept.append(FoldedStep(**vars(step) | {"arguments": step.arguments | {"no_dx": True}} if no_dx else vars(step)))
        wanted.update(step.reads)
    return replace(tape, steps=tuple(reversed(kept)))


def takes(op, keyword):
    """Whether the kernel has this keyword of its own, such as ``out`` or ``limits``."""
    return keyword in inspect.signature(getattr(kernels, op)).parameters


def convolves(step):
    """Whether it is a convolution with one array of weights and a bias, into which a batch norm can be folded."""
    return step.operator.family == "convolution" and step.operator.trained == ("weight", "bias")


def _in_bands(tape):
    """The steps, with convolutions one behind the other as one where the maps between them are large.

    Those that went into another one are left where they were, and nothing reads them.
    """
    readers = Counter(number for step in tape.steps for number in step.inputs) + Counter(tape.returned)
    makers: dict[int, FoldedStep] = {}

    def before(step):
        """The convolution that makes x, if nothing else reads that."""
        x = step.arguments["x"]
        maker = makers.get(x.number) if isinstance(x, Result) and readers[x.number] == 1 else None
        return maker if maker and _is_plain(maker) and not maker.arguments.keys() & {"onto", "through"} else None

    for step in tape.steps:
        banded = _banded(step, before, tape.values) if takes(step.op, "through") and _is_plain(step) else step
        makers[step.results[0]] = banded
        yield banded


def _banded(step, before, values):
    """The pointwise convolution with those in it that are before it; as it is, where that is not worth it or fails."""
    x, filtering = values[step.arguments["x"].number], before(step)
    window = sliding_window(x.shape[2:], 1, step.arguments["stride"], step.arguments["padding"])
    if filtering is None or filtering.op != "depthwise_conv2d" or not is_one_pixel(window):
        return step
    if x.shape[1] != values[filtering.arguments["x"].number].shape[1]:  # several filters for a channel
        return step
    widening = before(filtering)
    is_dense = widening is not None and takes(widening.op, "onto") and "groups" not in widening.arguments
    chain = [widening, filtering] if is_dense else [filtering]
    if nbytes(values[chain[0].results[0]]) < LARGE:
        return step
    through = tuple(
        tuple(link.arguments.get(name, UNLIMITED if name == "limits" else None) for name in Link._fields)
        for link in chain
    )
    absorbed = (part for link in chain for part in (link, *link.absorbed))
    arguments = step.arguments | {"x": chain[0].arguments["x"], "through": through}
    return replace(step, arguments=arguments, absorbed=(*absorbed, *step.absorbed))


def _is_plain(step):
    """Whether it is a convolution with weights and a bias that stay as they are."""
    return convolves(step) and all(
        argument is None or isinstance(argument, Constant)
        for argument in (step.arguments["weight"], step.arguments["bias"])
    )


def _normalised(conv, norm, memo):
    """The convolution with the batch norm that follows in it, as [(before, after)]; an empty list where that fails."""
    if conv is None or not convolves(conv) or conv.arguments.keys() & {"limits", "onto"}:
        return []
    weight, bias, eps = conv.arguments["weight"], conv.arguments["bias"], norm.arguments["eps"]
    vectors = [norm.arguments[name] for name in ("weight", "bias", "mean", "var")]
    if not all(isinstance(array, Constant) for array in (weight, *vectors)) or isinstance(bias, Result):
        return []
    key = (weight.name, bias and bias.name, *(vector.name for vector in vectors), eps)
    if key not in memo:
        arrays = _folded(
            weight.array, 0 if bias is None else bias.array, *(vector.array for vector in vectors), eps=eps
        )
        memo[key] = [Constant(f"{name} folded", array) for name, array in zip(("weight", "bias"), arrays, strict=True)]
    arguments = conv.arguments | dict(zip(("weight", "bias"), memo[key], strict=True))
    return [(conv, replace(conv, arguments=arguments, results=norm.results, absorbed=(*conv.absorbed, norm)))]


def _folded(weight, bias, gamma, beta, mean, var, *, eps):
    # In float64, so that a float32 network differs by the rounding of its products and by nothing else.
    a = gamma.astype(np.float64) / np.sqrt(var.astype(np.float64) + eps)
    folded = weight * a.reshape(-1, *[1] * (weight.ndim - 1)), a * (bias - mean) + beta
    return [array.astype(weight.dtype) for array in folded]


def _moved_together(steps, memo, new):
    """The steps with all weights that were folded just now in one stretch of memory, and so in the memo."""
    before = [constant for key in new for constant in memo[key]]
    arrays = together(constant.array for constant in before)
    after = {id(old): Constant(old.name, array) for old, array in zip(before, arrays, strict=True)}
    for key in new:
        memo[key] = [after[id(old)] for old in memo[key]]
    for step in steps:
        arguments = {name: after.get(id(value), value) for name, value in step.arguments.items()}
        yield replace(step, arguments=arguments)


def _clipped(step, clip, maker):
    """The step with the clipping that follows in it; in place of maps side by side, the steps that make these."""
    if step is None:
        return []
    if takes(step.op, "limits"):
        return [(step, replace(_within(step, clip), results=clip.results))]
    if step.op != "concat":
        return []
    parts = [maker(x) for x in step.arguments["xs"]]
    if not all(part is not None and takes(part.op, "limits") for part in parts):
        return []
    return [*((part, _within(part, clip)) for part in parts), (step, replace(step, results=clip.results))]


def _within(step, clip):
    """The step within the limits of what follows. Its own limits, if it has any, are clipped by these."""
    low, high = clip.operator.limits
    limits = tuple(min(max(limit, low), high) for limit in step.arguments.get("limits", (low, high)))
    return replace(step, arguments=step.arguments | {"limits": limits}, absorbed=(*step.absorbed, clip))


def _added(step, maker, places, values):
    """The convolution that a sum adds to what was made before, with that in it; of two the later one."""
    for one, other in (("a", "b"), ("b", "a")):
        conv, onto = maker(step.arguments[one]), step.arguments[other]
        if conv is None or not takes(conv.op, "onto") or conv.arguments.keys() & {"limits", "onto"}:
            continue
        is_there = isinstance(onto, Result) and places.get(onto.number, -1) < places[conv.results[0]]
        if is_there and values[onto.number].shape == values[conv.results[0]].shape:
            arguments = conv.arguments | {"onto": onto}
            return [(conv, replace(conv, arguments=arguments, results=step.results, absorbed=(*conv.absorbed, step)))]
    return []


def _of_small_maps(enlargement, product, values):
    """The product, of the small maps if its second factor is an enlargement of them; that is not read any more."""
    if enlargement is None or enlargement.op != "resize_nearest":
        return product
    a, enlarged = product.arguments["a"], values[enlargement.results[0]]
    # A factor of one pixel for each map is no enlargement to the maps of the other one.
    if (values[a.number] if isinstance(a, Result) else a.array).shape != enlarged.shape:
        return product
    arguments = product.arguments | {"b": enlargement.arguments["x"], "nearest": True}
    return replace(product, arguments=arguments, absorbed=(enlargement,))
