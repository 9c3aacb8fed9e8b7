"""Recording: one more interpretation of the vocabulary, which computes as another one does and writes down each call.

A tape is a network without its modules: a list of calls, each of which names where its arguments come from.

>>> from ghostnp.modules import Conv2d, ReLU, Sequential
>>> import numpy as np
>>> tape = record(Sequential(Conv2d(3, 4, 3), ReLU()), np.ones((1, 3, 8, 8), np.float32))
>>> print(tape)
#0 (1, 3, 8, 8) float32
#1 (1, 4, 6, 6) = standard_conv2d(x=#0, weight=0.weight, bias=0.bias, stride=1, padding=0, dilation=1)  in 0
#2 (1, 4, 6, 6) = relu(x=#1)  in 1
result #2
"""

import inspect
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

from ghostnp import ops
from ghostnp.backend import backend, overlay, use_backend
from ghostnp.graph.counting import Tally, Token
from ghostnp.modules import Module, current_path

_signature = lru_cache(inspect.signature)


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
    array: np.ndarray

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
    """

    op: str
    path: str
    arguments: dict[str, Any]
    results: tuple[int, ...]
    fields: tuple[str, ...] = ()

    @property
    def inputs(self):
        """Numbers of the values that it reads, in the order of its arguments; twice if it reads one twice."""
        return tuple(part.number for part in _parts(self.arguments) if isinstance(part, Result))

    def __str__(self):
        given = ", ".join(f"{name}={_shown(value)}" for name, value in self.arguments.items())
        return f"{self.op}({given})" + (f"  in {self.path}" if self.path else "")


@dataclass(frozen=True, eq=False)
class Tape:
    """What `record` heard.

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
    """

    steps: tuple[Step, ...]
    values: tuple[Any, ...]
    inputs: int
    output: Any

    @property
    def returned(self):
        """Numbers of the values that the model returned."""
        return tuple(part.number for part in _parts({"": self.output}) if isinstance(part, Result))

    def last_reads(self):
        """Place in `steps` of the last call that reads each value, by number; len(steps) for what is returned."""
        last = {number: place for place, step in enumerate(self.steps) for number in step.inputs}
        return last | dict.fromkeys(self.returned, len(self.steps))

    def run(self, namespace, *inputs, constant=attrgetter("array")):
        """Make the same calls again, of another namespace.

        Parameters
        ----------
        namespace : module or object
            Has the functions as attributes.
        *inputs : object
            In place of the recorded inputs, in whatever form `namespace` computes with.
        constant : callable
            From a `Constant` to that form; by default its array.

        Returns
        -------
        object
            What `namespace` makes of the output. Values are let go once they are read for the last time.
        """
        values, last = dict(enumerate(inputs)), self.last_reads()

        def found(argument):
            if isinstance(argument, Result):
                return values[argument.number]
            if isinstance(argument, Constant):
                return constant(argument)
            return tuple(map(found, argument)) if isinstance(argument, tuple) else argument

        for place, step in enumerate(self.steps):
            y = getattr(namespace, step.op)(**{name: found(value) for name, value in step.arguments.items()})
            values |= zip(step.results, _sequence(y), strict=True)
            for number in {*step.inputs, *step.results}:
                if last.get(number, place) <= place:
                    del values[number]
        return found(self.output)

    def __str__(self):
        lines = [f"#{number} {value.shape} {value.dtype}" for number, value in enumerate(self.values[: self.inputs])]
        for step in self.steps:
            results = ", ".join(f"#{number} {self.values[number].shape}" for number in step.results)
            lines.append(f"{results} = {step}")
        return "\n".join([*lines, f"result {_shown(self.output)}"])


def record(model, *inputs, training=False, rng=None, state=None):
    """Run a model once, on the backend in force, and write down each call.

    Parameters
    ----------
    model : Module or callable
        A function gets the recording backend and then the inputs: ``record(lambda b, x: b.relu(x), x)``.
    *inputs : ndarray or Token
        What it reads; a Module reads one. With a `Token` of a shape and a dtype nothing is computed.
    training, rng
        As in `Module.forward`, for a Module: training moves its running statistics, as always.
    state : dict of str to ndarray, optional
        Arrays that may occur as constants, by name; by default the Module's `state_dict()`.

    Returns
    -------
    Tape

    Raises
    ------
    TypeError
        If `model` cannot be called so, or a Token meets NumPy.
    ValueError
        If a call is handed an array that is neither an input, nor an earlier result, nor in `state`: on the tape it
        would be frozen as it is now, and the tape wrong for any other input.
    """
    is_module = isinstance(model, Module)
    if not is_module and (isinstance(model, type) or not callable(model)):
        raise TypeError(
            f"model is of type {type(model).__name__}: the rule is a Module or a function of a backend and arrays, "
            f"such as create_model(...)"
        )
    if not is_module and (training or rng is not None):
        raise TypeError("training and rng are for a Module: the rule for a function is to hand them on by itself")
    if is_module and len(inputs) != 1:
        raise TypeError(f"{len(inputs)} inputs were given: the rule for a Module is one, such as record(model, x)")
    state = (model.state_dict() if is_module else {}) if state is None else state
    on_shapes = any(isinstance(value, Token) for value in inputs)
    recorder = _Recorder(overlay(Tally()) if on_shapes else backend(), inputs, state)
    with use_backend(recorder) as namespace:
        if not is_module:
            y = model(namespace, *inputs)
        elif training:
            y, _ = model.forward(*inputs, training=True, rng=rng)
        else:
            y = model(*inputs)
    output = recorder.known(y, "what the model returned")
    return Tape(tuple(recorder.steps), tuple(recorder.values), len(inputs), output)


class _Recorder:
    """A backend that computes with `namespace` and remembers each call."""

    def __init__(self, namespace, inputs, state):
        self.namespace, self.steps = namespace, []
        self.values = list(inputs)  # this keeps them alive, so that an identity stays what it is
        self._numbers = {id(value): number for number, value in enumerate(inputs)}
        self._constants: dict[int, Constant] = {}
        for name, array in state.items():
            self._constants.setdefault(id(array), Constant(name, array))

    def __getattr__(self, name):
        function = getattr(self.namespace, name)
        if name not in ops.__all__ or name.endswith("_cost") or not inspect.isroutine(function):
            return function

        def recorded(*args, **keywords):
            call = _signature(getattr(ops, name)).bind(*args, **keywords)
            call.apply_defaults()
            where = f"{name} in {path}" if (path := current_path()) else name
            arguments = {
                key: self.known(value, f"{where}: argument {key}") for key, value in call.arguments.items()
            }  # before the call, which may not be able to make anything of what is unknown
            y = function(*args, **keywords)
            results = [self._numbered(value) for value in _sequence(y)]
            self.steps.append(Step(name, path, arguments, tuple(results), getattr(y, "_fields", ())))
            return y

        setattr(self, name, recorded)  # so that the next call finds it without asking here
        return recorded

    def known(self, value, what):
        """What stands for `value` on the tape."""
        if id(value) in self._numbers:
            return Result(self._numbers[id(value)])
        if id(value) in self._constants:
            return self._constants[id(value)]
        if isinstance(value, tuple | list):
            return tuple(self.known(part, what) for part in value)
        if isinstance(value, np.ndarray | Token):
            raise ValueError(
                f"{what} is an array of {value.dtype} {value.shape} that is neither an input, nor the result of an "
                f"earlier call, nor in state_dict(), so it would be frozen as it is now: the rule is to compute it "
                f"with the backend, such as backend().add(a, b), or to name it in parameter_names or buffer_names"
            )
        return value

    def _numbered(self, value):
        self.values.append(value)
        self._numbers[id(value)] = len(self.values) - 1
        return len(self.values) - 1


def _sequence(y):
    return y if isinstance(y, tuple | list) else (y,)


def _parts(arguments):
    """The arguments, one by one, and the parts of those that are tuples."""
    for value in arguments.values():
        yield from value if isinstance(value, tuple) else (value,)


def _shown(value):
    return f"({', '.join(map(_shown, value))})" if isinstance(value, tuple) else str(value)
