"""The tape: a network without its modules, as a list of calls.

Each call names where its arguments come from and what it costs. Counting, tracing, the engine's plan and the
translations to PyTorch and ONNX all read this one list, and `Tape.run` is what runs it again. `ghostnp.graph.recording`
is what writes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from ghostnp.ops.cost import Cost
from ghostnp.ops.vocabulary import Operator, operator_named


@dataclass(frozen=True)
class Result:
    """Stands for a value: the inputs are numbered first, and then whatever the calls return, one after the other."""

    number: int

    def __str__(self):
        return f"#{self.number}"


@dataclass(frozen=True, eq=False)
class Constant:
    """A parameter or buffer: its name in `state_dict()`, and the array itself."""

    name: str
    array: Any

    def __str__(self):
        return self.name


@dataclass(frozen=True, eq=False)
class Step:
    """One call of the vocabulary.

    Parameters
    ----------
    op : str
        Name of the function, such as ``"concat"``.
    path : str
        Dotted path of the module that called it.
    arguments : dict of str to object
        Every argument by name, defaults included: a `Result`, a `Constant`, a tuple of these where the function takes a
        sequence of arrays (as concat's xs), or else a plain option, None among them.
    results : tuple of int
        Numbers of what it returned: several where the function returns several (max_pool2d: y and argmax).
    fields : tuple of str
        Names of what it returned, if these have names: a backward pass's gradients, called as the arguments are.
    cost : Cost, optional
        What it costs; None for a backward pass, whose cost is not counted.
    """

    op: str
    path: str
    arguments: dict[str, Any]
    results: tuple[int, ...]
    fields: tuple[str, ...] = ()
    cost: Cost | None = None

    @property
    def operator(self) -> Operator:
        """The row of the operator whose forward or backward pass this is."""
        return operator_named(self.op.removesuffix("_backward"))

    @property
    def is_backward(self):
        """Whether it is a backward pass."""
        return self.op.endswith("_backward")

    @property
    def inputs(self):
        """Numbers of the values that it reads, in the order of its arguments; twice if it reads one twice."""
        return tuple(part.number for part in parts(self.arguments) if isinstance(part, Result))

    @property
    def reads(self):
        """The same without those that tell a backward pass their shape and nothing else."""
        unread = self.operator.shape_alone if self.is_backward else ()
        read = {name: value for name, value in self.arguments.items() if name not in unread}
        return tuple(part.number for part in parts(read) if isinstance(part, Result))

    def __str__(self):
        given = ", ".join(f"{name}={_shown(value)}" for name, value in self.arguments.items())
        return f"{self.op}({given})" + (f"  in {self.path}" if self.path else "")


@dataclass(frozen=True, eq=False)
class Tracked:
    """Running statistics that a batch norm moves in training: running += share · (factor · newest − running).

    Parameters
    ----------
    place : int
        Before which step of the tape.
    running : ndarray
        The module's buffer.
    newest : Result
        The statistics of the batch.
    share, factor : float
    batches : ndarray, optional
        The module's counter of batches, which grows by one; with one of its statistics alone.
    """

    place: int
    running: Any
    newest: Result
    share: float
    factor: float
    batches: Any = None


@dataclass(frozen=True, eq=False)
class Tape:
    """A recorded run: calls, and what they read and gave.

    Parameters
    ----------
    steps : tuple of Step
        In the order of the calls.
    values : tuple of ndarray or Token
        Inputs and results by number: what they were while recording, or at least their `shape` and `dtype`.
    inputs : int
        How many of them are inputs.
    output : Result, Constant or tuple of these
        What the model returned.
    tracked : tuple of Tracked
        Running statistics that batch norms moved, in training.
    """

    steps: tuple[Step, ...]
    values: tuple[Any, ...]
    inputs: int
    output: Any
    tracked: tuple[Tracked, ...] = ()

    @property
    def returned(self):
        """Numbers of the values that the model returned."""
        return tuple(part.number for part in parts({"": self.output}) if isinstance(part, Result))

    def last_reads(self):
        """Place in `steps` of the last call that reads each value, by number; len(steps) for what is returned."""
        last = {number: place for place, step in enumerate(self.steps) for number in step.inputs}
        return last | dict.fromkeys(self.returned, len(self.steps))

    def found(self, argument, values, constant=attrgetter("array")):
        """What an argument of a step stands for, given what each value stands for, by number.

        Parameters
        ----------
        argument : object
            A `Result`, a `Constant`, a tuple of these, or a plain option.
        values : mapping or sequence
            By number.
        constant : callable
            From a `Constant` to what it stands for; by default its array.

        Returns
        -------
        object
        """
        if isinstance(argument, Result):
            return values[argument.number]
        if isinstance(argument, Constant):
            return constant(argument)
        return (
            tuple(self.found(part, values, constant) for part in argument) if isinstance(argument, tuple) else argument
        )

    def prepare(self, namespace, *, constant=attrgetter("array")):
        """The tape as a function of its inputs: all that can be looked up beforehand is.

        Parameters
        ----------
        namespace : module, mapping or object
            Has the functions as attributes, or by name.
        constant : callable
            From a `Constant` to the form in which `namespace` computes; by default its array.

        Returns
        -------
        callable
            From the inputs, in that form, to what `namespace` makes of the output. Values are let go once they are
            read for the last time.
        """
        find: Callable = namespace.__getitem__ if hasattr(namespace, "keys") else lambda name: getattr(namespace, name)
        last, calls = self.last_reads(), []
        held: dict[int, Any] = {}  # constants among results, as in a concat: values with numbers below zero

        def number(part):
            if isinstance(part, Result):
                return part.number
            held[-1 - len(held)] = constant(part)
            return -len(held)

        for place, step in enumerate(self.steps):
            varying = {
                name: tuple(map(number, value)) if isinstance(value, tuple) else number(value)
                for name, value in step.arguments.items()
                if any(isinstance(part, Result) for part in several(value))
            }
            fixed = {
                name: self.found(value, (), constant) for name, value in step.arguments.items() if name not in varying
            }
            dead = [number for number in {*step.inputs, *step.results} if last.get(number, place) <= place]
            calls.append((find(step.op), fixed, varying, step.results, dead))

        def run(*inputs):
            values = held | dict(enumerate(inputs))
            for function, fixed, varying, results, dead in calls:
                given = {
                    name: values[numbers] if isinstance(numbers, int) else tuple(values[n] for n in numbers)
                    for name, numbers in varying.items()
                }
                y = function(**fixed, **given)
                if isinstance(y, tuple | list):
                    values.update(zip(results, y, strict=True))
                else:
                    values[results[0]] = y
                for number in dead:
                    del values[number]
            return self.found(self.output, values, constant)

        return run

    def run(self, namespace, *inputs, constant=attrgetter("array")):
        """Make the same calls again, of another namespace.

        Parameters
        ----------
        namespace, constant
            As in `prepare`.
        *inputs : object
            In place of the recorded inputs, in whatever form `namespace` computes with.

        Returns
        -------
        object
            What `namespace` makes of the output.
        """
        return self.prepare(namespace, constant=constant)(*inputs)

    def __str__(self):
        lines = [f"#{number} {value.shape} {value.dtype}" for number, value in enumerate(self.values[: self.inputs])]
        for step in self.steps:
            results = ", ".join(f"#{number} {self.values[number].shape}" for number in step.results)
            lines.append(f"{results} = {step}")
        return "\n".join([*lines, f"result {_shown(self.output)}"])


def several(y):
    """What a call takes or gives, as a sequence: of one, where it is not one already."""
    return y if isinstance(y, tuple | list) else (y,)


def parts(arguments):
    """The arguments, one by one, and the parts of those that are tuples, and of tuples in these."""
    for value in arguments.values():
        yield from parts(dict(enumerate(value))) if isinstance(value, tuple) else (value,)


def _shown(value):
    return f"({', '.join(map(_shown, value))})" if isinstance(value, tuple) else str(value)
