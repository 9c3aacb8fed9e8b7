"""Replay: the steps of a plan as a list of calls without arguments, bound to their homes."""

from functools import partial

import numpy as np

from ghostnp import kernels
from ghostnp.graph.engine.fold import convolves, takes
from ghostnp.graph.engine.homes import nbytes, views
from ghostnp.graph.engine.packing import LINE
from ghostnp.graph.tape import Constant, Result
from ghostnp.kernels.convolution import convolve
from ghostnp.kernels.layout import copy_images, laid_out
from ghostnp.ops.geometry import conv2d_window
from ghostnp.ops.vocabulary import function_named


class Replay:
    """A planned tape with memory of its own, which runs for one x at a time.

    Parameters
    ----------
    tape : Tape
        Folded.
    homes : Homes
        Of that tape.
    """

    def __init__(self, tape, homes):
        memory = np.empty(homes.size + LINE, np.uint8)
        memory = memory[-memory.ctypes.data % LINE :][: homes.size]
        self._arrays = {
            number: laid_out(memory[start : start + nbytes(value)].view(value.dtype), value.shape)
            for number, start in homes.start.items()
            for value in [tape.values[number]]
        }
        self._homes, self._output = homes, tape.output
        self._x = self._arrays.get(0)
        self._calls = [call for step in tape.steps for call in self._bound(step, tape.values)]

    def __call__(self, x):
        """What the model returns for `x`, in an array of its own."""
        if self._x is not None:
            copy_images(x, self._x)
        for call in self._calls:
            call()
        return self._returned(self._output)

    def _returned(self, output):
        if isinstance(output, tuple):
            return tuple(self._returned(part) for part in output)
        return np.copy(self._found(output))

    def _found(self, argument):
        if isinstance(argument, Result):
            return self._arrays[argument.number]
        if isinstance(argument, Constant):
            return argument.array
        return [self._found(part) for part in argument] if isinstance(argument, tuple) else argument

    def _bound(self, step, values):
        """The calls that a step takes: none for a view, for a concat a copy of each part that is not written there."""
        if any(views(step, values)):
            return
        if step.op == "concat":
            yield from self._copies(step)
            return
        kernel = _kernel(step, {name: self._found(value) for name, value in step.arguments.items()})
        homes = [self._arrays.get(number) for number in step.results]
        if takes(step.op, "out") and homes[0] is not None and (homes[0].ndim == 4 or step.op == "linear"):
            yield partial(kernel, out=homes[0])
        else:
            yield partial(_copied, kernel, homes)

    def _copies(self, step):
        y = self._arrays[step.results[0]]
        for x, at, size in self._homes.copied_parts(step):
            first, last = (n * y.shape[1] // y.nbytes for n in (at, at + size))
            yield partial(np.copyto, y[:, first:last], self._found(x)[:, : last - first])


def _kernel(step, arguments):
    """The call, without what a public function checks each time where that takes long."""
    if not convolves(step) or getattr(kernels, step.op) is function_named(step.op):
        return partial(getattr(kernels, step.op), **arguments)
    x, weight, bias, relu = (arguments.get(name) for name in ("x", "weight", "bias", "relu"))
    groups = x.shape[1] // weight.shape[1]
    geometry = {name: arguments[name] for name in ("stride", "padding", "dilation")}
    window = conv2d_window(x.shape, weight.shape, groups=groups, **geometry)
    return partial(convolve, x, weight, bias, window, groups, relu=bool(relu))


def _copied(kernel, homes):
    y = kernel()
    for home, value in zip(homes, y if isinstance(y, tuple | list) else (y,), strict=True):
        if home is not None:
            np.copyto(home, value)
