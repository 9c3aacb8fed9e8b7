"""The training step as a program: forward, loss, backward and update are one tape, so they are run like any other.

A step of the layers themselves keeps every activation until its module's backward pass, and every gradient until the
optimiser comes. On the tape it is known which call reads a value for the last time: an activation lives until its
gradient is made, and a parameter is updated as soon as its gradient is there and nothing reads the old one any more.

Memory is found by running the tape twice without computing anything: the first time each kernel says which arrays it
needs, and the second time it gets them, at places that blocks of other lives may share (`packing`). The second time,
its launches are recorded (see `replay`).
"""

import math
from collections import OrderedDict
from functools import partial
from itertools import groupby

import numpy as np

from ghostnp import kernels
from ghostnp.graph.engine.homes import nbytes
from ghostnp.graph.engine.locks import Guarded
from ghostnp.graph.engine.packing import LINE, Life, pack
from ghostnp.graph.engine.replay import as_maps, copied, joined
from ghostnp.graph.tape import Constant, Token, parts, record
from ghostnp.kernels.layout import copy_images, laid_out
from ghostnp.kernels.runtime import recording
from ghostnp.kernels.updates import descend, follow
from ghostnp.modules import Module
from ghostnp.ops.checks import check_arrays, fraction, integer, not_negative
from ghostnp.ops.loss import check_loss
from ghostnp.ops.vocabulary import STATISTICS, function_named


class TrainingStep(Guarded):
    """A step of stochastic gradient descent with momentum, for a classifier; the model itself is trained.

    Parameters
    ----------
    model : Module
        From images to logits. Its parameters and running statistics are changed in place by each step.
    plans : int
        For how many shapes of images memory is kept.
    momentum, decay, label_smoothing : float
        μ and λ, as in `ghostnp.training.loop`, and ε, as in `ghostnp.ops.softmax_cross_entropy`.

    Attributes
    ----------
    velocity : dict of str to ndarray
        v of each parameter, by name.

    Notes
    -----
    Dropout is the identity, as in every forward pass without `rng`. To load weights into the model is fine; arrays that
    take the place of its own are not seen. A step that ends in an error, for want of memory say, may have moved some of
    the parameters already.
    """

    def __init__(self, model, plans, momentum, decay, label_smoothing):
        super().__init__()
        if not isinstance(model, Module):
            raise TypeError(f"model is of type {type(model).__name__}: the rule is a Module, such as create_model(...)")
        self._model, self._most = model, integer("plans", plans, 1)
        self._smoothing = fraction("label_smoothing", label_smoothing)
        self._parameters = model.parameters()
        for name, array in self._parameters.items():
            if not array.flags.carray:
                raise ValueError(f"parameter {name} is not contiguous: the rule is an array as NumPy makes it")
        self.velocity = {name: np.zeros_like(array) for name, array in self._parameters.items()}
        self._settings = np.array([0.0, fraction("momentum", momentum), not_negative("decay", decay)])
        self._programs: OrderedDict[tuple, TrainingProgram] = OrderedDict()

    def __call__(self, images, labels, *, rate):
        """Train on one batch.

        Parameters
        ----------
        images : ndarray, shape (N, C, H, W)
            Of the dtype of the model's weights.
        labels : ndarray of int, shape (N,)
            What they show.
        rate : float
            η, the learning rate.

        Returns
        -------
        loss : float
            Of this batch, before the update.

        Raises
        ------
        TypeError, ValueError
            If images or labels do not fit. The model is then as it was.
        """
        check_arrays(images=images, **dict(list(self._parameters.items())[:1]))
        rate = not_negative("rate", rate)
        with self._lock:
            self._settings[0] = rate
            return self._program(images.shape, images.dtype)(images, labels)

    def program(self, shape):
        """The program for images of this shape, a `TrainingProgram`."""
        dtypes = [array.dtype for array in self._parameters.values()]
        with self._lock:
            return self._program(tuple(shape), dtypes[0] if dtypes else np.dtype(np.float32))

    def _program(self, *key):
        if key not in self._programs:
            while len(self._programs) >= self._most:
                self._programs.popitem(last=False)
            tape, names = _recorded(self._model, *key, smoothing=self._smoothing)
            updates = {name: (self._parameters[name], self.velocity[name]) for name in names}
            self._programs[key] = TrainingProgram(tape, updates, self._settings, self._smoothing)
        self._programs.move_to_end(key)
        return self._programs[key]


def _recorded(model, shape, dtype, *, smoothing):
    """The tape of a step, which returns loss, logits and gradients; and the names of the parameters of these."""
    names: list[str] = []

    def step(b, images, labels):
        logits, cache = model.forward(images, training=True)
        loss, probabilities = b.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
        one = dtype.type(1)
        dlogits = b.softmax_cross_entropy_backward(one, logits, labels, probabilities, label_smoothing=smoothing)
        _, grads = model.backward(dlogits, cache)
        names.extend(grads)
        return loss, logits, tuple(grads.values())

    inputs = Token(shape, dtype), Token(shape[:1], np.dtype(np.int64))
    return record(step, *inputs, state=model.state_dict()), names


class TrainingProgram:
    """A recorded training step with memory of its own.

    Parameters
    ----------
    tape : Tape
        Of a step that returns loss, logits and gradients.
    updates : dict of str to (ndarray, ndarray)
        For each gradient the parameter and its velocity, in order.
    settings : ndarray
        As in `descend`.
    smoothing : float
        ε.

    Attributes
    ----------
    size : int
        Bytes of memory.
    work : list
        What runs, in order: a list of launches, or a call from Python.
    """

    def __init__(self, tape, updates, settings, smoothing):
        self._tape, self._settings, self._smoothing = tape, settings, smoothing
        loss, _, gradients = tape.output
        self._labels = np.zeros(tape.values[1].shape, np.int64)
        self._last = {number: place for place, step in enumerate(tape.steps) for number in step.inputs}
        self._last |= {tracked.newest.number: tracked.place for tracked in tape.tracked} | self._last
        self._last[loss.number] = len(tape.steps)
        self._updates = self._due(gradients, updates)
        demand = _Demand()
        self._build(demand, bind=False)
        supply = _Supply(demand)
        self.size, self.work = supply.size, self._build(supply, bind=True)
        self._calls = list(joined(self.work))

    def __call__(self, images, labels):
        """Run the step; the loss."""
        check_loss(self._logits, labels, self._smoothing)
        copy_images(images, self._images)
        self._labels[...] = labels
        for call in self._calls:
            call()
        for tracked in self._tape.tracked:
            if tracked.batches is not None:
                tracked.batches[...] += 1
        return float(self._loss)

    def __str__(self):
        launches = [launch for work in self.work if not callable(work) for launch in work]
        kept = sum(nbytes(self._tape.values[n]) for step in self._tape.steps for n in step.results)
        programs = sum(not is_call for is_call, _ in groupby(callable(work) for work in self.work if work))
        return (
            f"{len(self._tape.steps)} calls and their updates are {len(launches)} launches in {programs} native calls, "
            f"with {sum(map(callable, self.work))} calls from Python between them\n"
            f"bytes: {self.size:,} for all results and gradients, {kept:,} if all of them were kept"
        )

    def _due(self, gradients, updates):
        """After which step each parameter is updated: its gradient is there, and nothing reads the old values."""
        made = {number: place for place, step in enumerate(self._tape.steps) for number in step.results}
        reads: dict[int, int] = {}
        for place, step in enumerate(self._tape.steps):
            reads |= {id(part.array): place for part in parts(step.arguments) if isinstance(part, Constant)}
        due: dict[int, list] = {}
        for gradient, (w, velocity) in zip(gradients, updates.values(), strict=True):
            place = max(made[gradient.number], reads.get(id(w), 0))
            self._last[gradient.number] = max(self._last.get(gradient.number, 0), place)
            due.setdefault(place, []).append((w, gradient.number, velocity))
        return due

    def _build(self, memory, bind):
        """The work of all steps, with arrays from `memory`."""
        tape, work = self._tape, []
        tracked = {place: tuple(group) for place, group in groupby(tape.tracked, lambda item: item.place - 1)}
        memory.begin_step(-1)
        self._images = self._array(memory, tape.values[0])
        memory.keep(self._images, self._last.get(0, -1))
        values = {0: self._images, 1: self._labels}
        for place, step in enumerate(tape.steps):
            memory.begin_step(place)
            with recording(memory, bind=bind) as launches:
                results, call = self._results(step, values, memory)
                for number, array in zip(step.results, results, strict=True):
                    values[number] = array
                    memory.keep(array, self._last.get(number, place))
                if number == tape.output[1].number:
                    self._logits = array
            work.append(launches if call is None else call)
            with recording(memory, bind=bind) as launches:
                for item in tracked.get(place, ()):
                    follow(item.running, values[item.newest.number], item.share, item.factor)
                from_python = []
                for w, gradient, velocity in self._updates.get(place, ()):
                    update = partial(descend, w, values[gradient], velocity, self._settings)
                    # The gradient of a parameter in the place of maps lies as maps do: that takes a copy each time.
                    is_copied = not values[gradient].flags.c_contiguous
                    from_python.append(update) if is_copied else update()
            work += [launches, *from_python]
            for number in [number for number in values if number > 1 and self._last.get(number, place) <= place]:
                del values[number]
        self._loss = values[tape.output[0].number]
        return work

    def _results(self, step, values, memory):
        """The arrays of a step's results, and the call from Python that makes them, or None if launches do."""
        row, kernel = step.operator, getattr(kernels, step.op)
        arguments = {name: self._tape.found(value, values) for name, value in step.arguments.items()}
        shapes = [self._tape.values[number].shape for number in step.results]
        has_kernel = kernel is not function_named(step.op) or row.is_view
        # What lies otherwise a kernel would lay out anew, but now and never again: parameters, and their gradients.
        if has_kernel and all(_is_laid_out(array) for array in self._activations(step, values)):
            by_number = row.family in ("activation", "elementwise")
            y = kernel(**{name: _as_maps(value) for name, value in arguments.items()} if by_number else arguments)
            y = y if isinstance(y, tuple | list) else (y,)
            return [_in_shape(array, shape) for array, shape in zip(y, shapes, strict=True)], None
        fields = step.fields or ("",) * len(shapes)
        results = [
            self._array(memory, self._tape.values[number], "C" if field in row.trained else "batch innermost")
            for number, field in zip(step.results, fields, strict=True)
        ]
        return results, partial(copied, kernel, arguments, results)

    def _activations(self, step, values):
        """The arrays that a step reads, but for what a layer has trained."""
        for name, argument in step.arguments.items():
            if name not in (*step.operator.trained, *STATISTICS):
                for part in parts({name: argument}):
                    yield self._tape.found(part, values)

    def _array(self, memory, value, order="batch innermost"):
        flat = memory.take((math.prod(value.shape),), value.dtype)
        return flat.reshape(value.shape) if order == "C" else laid_out(flat, value.shape)


class _Demand:
    """Says of each array that is taken how large it is and from which step to which it is needed."""

    def __init__(self):
        self.blocks, self._place = {}, -1
        self._arrays: dict[int, np.ndarray] = {}  # those that live

    def begin_call(self):
        """Arrays live for as long as `keep` says, not for a call alone."""

    def begin_step(self, place):
        self._place = place
        self._arrays = {
            number: array for number, array in self._arrays.items() if self.blocks[number][0].death >= place
        }

    def take(self, shape, dtype):
        # Nothing is computed, so nothing is written: a system gives no memory for this. Integers may be looked at.
        array = (np.zeros if np.dtype(dtype).kind == "i" else np.empty)(shape, dtype)
        self._arrays[len(self.blocks)] = array
        self.blocks[len(self.blocks)] = Life(self._place, self._place), array.nbytes
        return array

    def keep(self, array, death):
        """Keep the block in which the array lies until that step."""
        for number, block in self._arrays.items():
            if 0 <= array.ctypes.data - block.ctypes.data < block.nbytes:
                life, size = self.blocks[number]
                self.blocks[number] = life._replace(death=max(life.death, death)), size


class _Supply:
    """Gives the arrays that a `_Demand` was asked for, in the same order, in one stretch of memory."""

    def __init__(self, demand):
        self._blocks, (self._starts, self.size) = demand.blocks, pack(demand.blocks)
        memory = np.zeros(self.size + LINE, np.uint8)
        self._memory, self._taken = memory[-memory.ctypes.data % LINE :][: self.size], 0

    def begin_call(self):
        """As in `_Demand`."""

    def begin_step(self, place):
        """The same: it is known from the first time."""

    def keep(self, array, death):
        """The same."""

    def take(self, shape, dtype):
        start, (_, size) = self._starts[self._taken], self._blocks[self._taken]
        self._taken += 1
        return self._memory[start : start + size].view(dtype).reshape(shape)


def _is_laid_out(value):
    """Whether it is no array of four axes, or one that lies in memory as kernels have it."""
    is_array = isinstance(value, np.ndarray) and value.ndim == 4
    return not is_array or np.moveaxis(value, 0, -1).flags.c_contiguous


def _as_maps(value):
    """An array with the batch innermost as one of four axes: kernels know the memory order of no others."""
    if not isinstance(value, np.ndarray) or value.ndim in (0, 4):
        return value
    buffer = np.moveaxis(value, 0, -1)
    return laid_out(buffer.reshape(-1), as_maps(value.shape)) if buffer.flags.c_contiguous else value


def _in_shape(array, shape):
    """The inverse of `_as_maps`."""
    return array if array.shape == shape else laid_out(np.moveaxis(array, 0, -1).reshape(-1), shape)
