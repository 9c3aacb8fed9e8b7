"""Replay: a plan with memory becomes a program, an array of launches that one native call walks.

A step of a few microseconds is soon outweighed by what surrounds it: Python that finds the function, checks arguments
that it has checked before, and asks for a team of threads. But all of this is known beforehand. So each step's kernel
is called once, on the homes of its operands, while a recording is on: its drivers' calls are noted and not run. What is
left is a list of addresses, and between two of them nothing happens. What a kernel does on the way without a driver,
such as to lay out weights, is done then, and never again.

A step that has no kernel, such as an operator of one's own, stays a call from Python, between two programs.
"""

from functools import partial

import numpy as np

from ghostnp import kernels
from ghostnp.graph.engine.fold import takes
from ghostnp.graph.engine.homes import nbytes
from ghostnp.graph.engine.packing import LINE
from ghostnp.graph.tape import Constant, Result
from ghostnp.kernels.layout import copy_images, laid_out
from ghostnp.kernels.runtime import Launch, Program, Scratch, recording

# Their results have the shape of their operands, whatever that is, or twice as many channels.
NUMBER_BY_NUMBER = ("activation", "elementwise")


class Replay:
    """A planned tape with memory of its own, which runs for one x at a time.

    Parameters
    ----------
    tape : Tape
        Folded.
    homes : Homes
        Of that tape.
    bind : bool, default True
        Whether it is to run. Otherwise it only says of what each step consists, and nothing is compiled.

    Attributes
    ----------
    work : list of list of Launch, or of callable
        Of what each step consists: launches, none if it has nothing to do, or a call from Python.
    """

    def __init__(self, tape, homes, *, bind=True):
        memory = np.empty(homes.size + LINE, np.uint8)
        memory = memory[-memory.ctypes.data % LINE :][: homes.size]
        self._flat = {
            number: memory[start : start + nbytes(value)].view(value.dtype)
            for number, start in homes.start.items()
            for value in [tape.values[number]]
        }
        self._arrays = {number: laid_out(flat, tape.values[number].shape) for number, flat in self._flat.items()}
        self._homes, self._tape, self._x = homes, tape, self._arrays.get(0)
        self._scratch, self._bind = Scratch(), bind
        self.work = [self._work(step) for step in tape.steps]
        self._calls = list(joined(self.work)) if bind else []

    def __call__(self, x):
        """What the model returns for `x`, in an array of its own.

        Raises
        ------
        TypeError
            If `x` has not the shape and dtype for which memory was laid out.
        """
        planned = self._tape.values[0]
        if (x.shape, x.dtype) != (planned.shape, planned.dtype):
            raise TypeError(
                f"x is {x.dtype} {x.shape}: the rule is what this was planned for, {planned.dtype} {planned.shape}"
            )
        if self._x is not None:
            copy_images(x, self._x)
        for call in self._calls:
            call()
        return self._returned(self._tape.output)

    def _returned(self, output):
        if isinstance(output, tuple):
            return tuple(self._returned(part) for part in output)
        if isinstance(output, Constant):
            return np.copy(output.array)
        home = self._arrays[output.number]
        y = laid_out(np.empty(home.size, home.dtype), home.shape)
        copy_images(home, y)
        return y

    def _found(self, argument):
        return self._tape.found(argument, self._arrays)

    def _work(self, step):
        if any(result in self._homes.views for result in step.results):
            return []
        kernel, arguments = getattr(kernels, step.op), step.arguments
        homes = [self._arrays.get(number) for number in step.results]
        # A kernel that lays out weights does so once, while it is recorded: before these are computed, if they are.
        is_computed = any(isinstance(arguments[name], Result) for name in step.operator.trained)
        has_out = takes(step.op, "out") and homes[0] is not None and all(home is None for home in homes[1:])
        if is_computed or not has_out or self._homes.overlaps(step.results[0]):
            return partial(copied, kernel, {name: self._found(value) for name, value in arguments.items()}, homes)
        find = self._maps if step.operator.family in NUMBER_BY_NUMBER else self._found
        found = {name: find(value) for name, value in arguments.items()}
        return self._recorded(partial(kernel, **found, out=find(Result(step.results[0]))))

    def _recorded(self, call):
        with recording(self._scratch, bind=self._bind) as launches:
            call()
        return launches

    def _maps(self, argument):
        """As `_found`, but arrays of any number of axes as maps: kernels know the memory order of no others."""
        if isinstance(argument, Result):
            return laid_out(self._flat[argument.number], as_maps(self._tape.values[argument.number].shape))
        return argument.array.reshape(as_maps(argument.array.shape)) if isinstance(argument, Constant) else argument


def joined(works):
    """The work of all steps as few calls: a program for each run of launches."""
    launches: list[Launch] = []
    for work in works:
        if callable(work):
            yield from [Program(launches)] if launches else []
            yield work
            launches = []
        else:
            launches += work
    yield from [Program(launches)] if launches else []


def launches_of(works):
    """All launches of all steps, in their order."""
    return [launch for work in works if not callable(work) for launch in work]


def as_maps(shape):
    """The same numbers in four axes, the first two as they are."""
    four = (*shape, 1, 1, 1, 1)[: max(4, len(shape))]
    return (*four[:3], int(np.prod(four[3:])))


def copied(kernel, arguments, homes):
    """Call a kernel, and copy what it returns to where it is read, if it is."""
    y = kernel(**arguments)
    for home, value in zip(homes, y if isinstance(y, tuple | list) else (y,), strict=True):
        if home is not None:
            np.copyto(home, value)
