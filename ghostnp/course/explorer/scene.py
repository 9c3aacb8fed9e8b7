"""One scene of the page: a tape of a small module, and for each number on it the products that make it.

The tape (`ghostnp.graph.tape`) says which calls there are, what each reads, and what each costs; `asking` takes each
call apart. Where a call pads, the array that it reads gets a rim of padding, so that a reader sees what is read there.
"""

import math
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from ghostnp import ops
from ghostnp.course.explorer.asking import Made, Number, Term, function_of, maximum, sums
from ghostnp.graph.tape import Constant, Result
from ghostnp.ops.geometry import sliding_window

NO_RIM = ((0, 0), (0, 0))


@dataclass
class Array:
    """An array of a scene.

    Parameters
    ----------
    name, role : str
        What it is called; "input", "weight" or "result".
    shape : tuple of int
        Without the rim.
    rim : ((int, int), (int, int))
        Rows above and below, columns left and right, of padding.
    """

    name: str
    role: str
    shape: tuple[int, ...]
    rim: tuple = NO_RIM

    @property
    def padded(self):
        """The shape with the rim."""
        if self.rim == NO_RIM:
            return self.shape
        return (*self.shape[:-2], *(size + sum(edge) for size, edge in zip(self.shape[-2:], self.rim, strict=True)))

    def inside(self):
        """Where each number stands in the flat array with the rim."""
        places = np.arange(math.prod(self.padded)).reshape(self.padded)
        (top, _), (left, _) = self.rim
        if self.rim != NO_RIM:
            places = places[..., top : top + self.shape[-2], left : left + self.shape[-1]]
        return places.ravel()


@dataclass
class Scene:
    """Arrays, and how each that is no input is made: ready to be written into the page."""

    arrays: dict[str, Array] = field(default_factory=dict)
    steps: list[tuple] = field(default_factory=list)
    fill: str = "0"

    def add(self, array):
        """Take in an array, once."""
        self.arrays.setdefault(array.name, array)

    def make(self, result, made, text, op="", cost=None, instead=None):
        """Take in how an array is made, in products and in words.

        An operator that has made it then has its name and its cost here, and the cost of what it is compared with.
        """
        self.steps.append((result, made, f"{result} = {text}", op, cost, instead))

    def written(self):
        """As plain lists and dicts.

        Numbers of all arrays, with their rims, stand one after the other, and a term is two of their places in that
        row: of the weight and of what it multiplies, or of one number and -1.
        """
        offsets, total = {}, 0
        for name, array in self.arrays.items():
            offsets[name] = total
            total += math.prod(array.padded)

        def places(term):
            one, *other = (offsets[name] + place for name, place in term.factors)
            return [one, *(other or [-1])]

        steps = []
        for result, made, title, op, cost, instead in self.steps:
            written = {"title": title, "result": list(self.arrays).index(result)}
            written |= {
                "kind": made.kind,
                "terms": [[*chain.from_iterable(map(places, terms))] for terms in made.terms],
            }
            coefficients = [[term.coefficient for term in terms] for terms in made.terms]
            if any(c != 1 for row in coefficients for c in row):
                written["coefficients"] = coefficients
            if cost is not None:
                counts = {"params": cost.params, "macs": cost.macs, "other": cost.other}
                written["cost"] = {"of": op} | {name: [count, count.working] for name, count in counts.items()}
                if instead is not None:
                    written["cost"]["instead"] = [instead.params.working, instead.macs.working]
            steps.append(written)
        arrays = [
            {"name": array.name, "role": array.role, "shape": array.shape, "rim": array.rim}
            for array in self.arrays.values()
        ]
        return {"arrays": arrays, "steps": steps, "fill": self.fill}


def scene_of(tape, *, inputs=("x",), names=None):
    """The scene of a tape.

    Parameters
    ----------
    tape : Tape
        Recorded on shapes, of one image or of whatever the operators take.
    inputs : sequence of str
        What its inputs are called.
    names : dict of str to str, optional
        What results are called, by the path of the module that made them, and constants, by their names; a constant
        otherwise keeps its name, and the last result is y.

    Returns
    -------
    Scene
    """
    names = {} if names is None else names
    scene = Scene()
    # A batch norm at inference that changes nothing is not worth a row of maps; `ghostnp.compile` folds each of them.
    same = {step.results[0]: step.arguments["x"] for step in tape.steps if _changes_nothing(step)}

    def actual(argument):
        if isinstance(argument, tuple):
            return tuple(map(actual, argument))
        while isinstance(argument, Result) and argument.number in same:
            argument = same[argument.number]
        return argument

    steps = [step for step in tape.steps if step.results[0] not in same]
    known = dict(enumerate(inputs))
    for step in steps:
        known[step.results[0]] = names.get(step.path, "y")
    known[steps[-1].results[0]] = "y"
    rims = {}
    for step in steps:
        if "padding" in step.arguments:
            read = known[actual(step.arguments["x"]).number]
            rims[read] = _window(step, tape).padding
            if step.operator.extra:
                scene.fill = "-inf"
    for number, name in enumerate(inputs):
        scene.add(Array(name, "input", tape.values[number].shape, rims.get(name, NO_RIM)))
    for step in steps:
        arguments = {name: actual(value) for name, value in step.arguments.items()}
        called = {}  # by argument, the array's name in the scene
        for argument, value in arguments.items():
            for at, part in enumerate(value if isinstance(value, tuple) else [value]):
                label = f"{argument}[{at}]" if isinstance(value, tuple) else argument
                if isinstance(part, Constant):
                    called[label] = names.get(part.name, part.name)
                    scene.add(Array(called[label], "weight", part.array.shape))
                elif isinstance(part, Result):
                    called[label] = known[part.number]
        result = known[step.results[0]]
        scene.add(Array(result, "result", tape.values[step.results[0]].shape, rims.get(result, NO_RIM)))
        text = f"{step.op}({', '.join(called.values())})"
        scene.make(
            result, _taken_apart(step, arguments, called, scene), text, step.op, step.cost, _instead(steps, tape)
        )
    return scene


def _instead(steps, tape):
    """What a standard convolution would cost in place of one that sees fewer channels, and is there alone."""
    step = steps[0]
    if len(steps) > 1 or step.operator.family != "convolution" or step.operator.sees == "all":
        return None
    x, weight = (tape.found(step.arguments[name], tape.values).shape for name in ("x", "weight"))
    geometry = {name: step.arguments[name] for name in ("stride", "padding", "dilation")}
    return ops.standard_conv2d_cost(
        x, (weight[0], x[1], *weight[2:]), bias=step.arguments["bias"] is not None, **geometry
    )


def _changes_nothing(step):
    """Whether it is a fresh batch norm: scale 1, shift 0, mean 0 and variance 1, up to eps."""
    if step.operator.family != "norm" or step.operator.extra:
        return False
    scale, shift, mean, var = (step.arguments[name] for name in ("weight", "bias", "mean", "var"))
    if not all(isinstance(part, Constant) for part in (scale, shift, mean, var)):
        return False
    return bool((scale.array == 1).all() and not shift.array.any() and not mean.array.any() and (var.array == 1).all())


def _window(step, tape):
    arguments = step.arguments
    kernel = tape.found(arguments["weight"], tape.values).shape[2:] if "weight" in arguments else None
    kernel = kernel or np.broadcast_to(arguments["kernel_size"], 2).tolist()
    stride = arguments["stride"] if arguments["stride"] is not None else arguments["kernel_size"]
    size = tape.found(arguments["x"], tape.values).shape[2:]
    return sliding_window(size, kernel, stride, arguments["padding"], arguments.get("dilation", 1))


def _taken_apart(step, arguments, called, scene):
    """How each number of the step's result is made, in places of arrays with their rims."""
    row, options = step.operator, {name: value for name, value in arguments.items() if not _is_array(value)}
    function = getattr(ops, step.op)
    padded = "padding" in options
    if padded:  # the rim is there already
        options["padding"] = 0
    shapes = {
        label: scene.arrays[name].padded if padded and label == "x" else scene.arrays[name].shape
        for label, name in called.items()
    }

    def call(**arrays):
        given = dict(options)
        for name, value in arguments.items():
            if isinstance(value, tuple) and _is_array(value):
                given[name] = [arrays[f"{name}[{at}]"] for at in range(len(value))]
            elif _is_array(value):
                given[name] = arrays[name]
        y = function(**given)
        return y[0] if isinstance(y, tuple) else y

    if row.sums_products:
        first, second = (
            {label: shape for label, shape in shapes.items() if label.partition("[")[0] in group}
            for group in (*row.linear, ())[:2]
        )
        made = sums(call, first, second, [label for label in shapes if label.partition("[")[0] in row.activations])
    elif row.family == "activation":
        made = function_of("relu" if row.name == "crelu" else row.name, lambda x: call(x=x), "x", shapes["x"])
    else:
        made = maximum(lambda x: call(x=x), "x", shapes["x"])
    # Where a number stands that was asked for without a rim, in the array with it.
    moves = {label: scene.arrays[name].inside() for label, name in called.items() if not (padded and label == "x")}

    def moved(number):
        place = int(moves[number.array][number.place]) if number.array in moves else number.place
        return Number(called[number.array], place)

    terms = [[Term(c, tuple(map(moved, factors))) for c, factors in terms] for terms in made.terms]
    return Made(made.kind, terms)


def _is_array(value):
    return isinstance(value, Result | Constant) or (isinstance(value, tuple) and any(map(_is_array, value)))
