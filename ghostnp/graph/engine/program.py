"""The program of a training step: forward, loss and backward, planned in one stretch of memory; then the update.

What nothing reads is not computed. A call goes, as at inference, if none of its results is read; and where a layer's
weights get a gradient and its input needs none, as with the first layer of all, only the weights' is computed. To be
read means that numbers are: where a backward pass asks an argument for its shape alone (the vocabulary's rows say so),
that argument's memory has long been given to others. And what takes much memory and little time to make is not kept
for its gradient, but made again (see `recompute`).

How a kernel makes its results, it alone knows: in memory that it takes (`ghostnp.kernels.runtime.empty`), or as views
of an argument. So the tape is run twice without computing anything. The first time each kernel is asked what it takes,
and its results are looked for there. With this, `Homes` finds a place for everything that is taken: scratch lives in
one step, an activation until the last call that reads it, and a result that may overwrite dy, or that belongs into a
concat, lies there from the beginning. The second time kernels get what they take at these places, and their launches
are recorded (see `replay`).

Parameters and running statistics change at the very end, in launches that need no memory. Whatever goes wrong before,
such as that a kernel's scratch finds no memory, leaves the model as it was.
"""

import math
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from ghostnp import kernels
from ghostnp.graph.engine.explanation import explanation
from ghostnp.graph.engine.fold import needed
from ghostnp.graph.engine.homes import Homes, Over, Part, View, nbytes, overwrites, parts
from ghostnp.graph.engine.packing import LINE, Life
from ghostnp.graph.engine.plan import planned_memory
from ghostnp.graph.engine.recompute import with_recomputing
from ghostnp.graph.engine.replay import NUMBER_BY_NUMBER, as_maps, copied, joined
from ghostnp.graph.tape import parts as parts_of
from ghostnp.kernels.layout import copy_images, laid_out
from ghostnp.kernels.runtime import Launch, compile_ahead, empty, recording
from ghostnp.kernels.updates import clip, follow, update
from ghostnp.modules.layers import drop_mask
from ghostnp.ops.checks import check_arrays
from ghostnp.ops.loss import check_loss
from ghostnp.ops.vocabulary import STATISTICS, function_named


class TrainingProgram:
    """A recorded training step with memory of its own: print it.

    Parameters
    ----------
    name : str
        Of the model's class.
    tape : Tape
        Of a step that reads images, labels and masks, and returns loss, logits and gradients.
    moves : list of (ndarray, list of ndarray)
        For each gradient the parameter, and what the update remembers of it.
    rule : tuple of (str, ndarray, float or None)
        Which update, its settings as in `ghostnp.kernels.updates`, and to what length gradients are clipped.
    smoothing : float
        ε.
    drops : list of (shape, float)
        Of each mask: its shape and p.

    Attributes
    ----------
    recorded, tape : Tape
        The calls of the step, and those of them that are needed.
    homes : Homes
        Where values live, and, under higher numbers, whatever kernels take.
    work : list of list of Launch, or of callable
        Of what each step consists: launches, none if it has nothing to do, or a call from Python.
    update : list of Launch
        What follows: running statistics move, then parameters.
    """

    def __init__(self, name, tape, moves, rule, smoothing, drops):
        loss, logits, gradients = tape.output
        self.name, self.recorded, self._smoothing, self._drops = name, tape, smoothing, drops
        self._returned = [result.number for result in (loss, *(moved.newest for moved in tape.tracked), *gradients)]
        self.tape = tape = with_recomputing(needed(tape, self._returned))
        self._logits = _shape_alone(tape.values[logits.number])

        def move(array):
            for moved in tape.tracked:
                follow(moved.running, array(moved.newest.number), moved.share, moved.factor)
            kind, settings, most = rule
            if most is not None:
                clip([array(gradient.number) for gradient in gradients], most, settings)
            for gradient, (w, states) in zip(gradients, moves, strict=True):
                update(kind, w, array(gradient.number), states, settings)

        self._forms = {number: _Form.of_maps(value) for number, value in enumerate(tape.values[: tape.inputs])}
        demands = [self._demand(step) for step in self.tape.steps]
        with recording(taken := _Taken(), bind=False) as launches:
            move(lambda number: self._forms[number].array())
        demands.append(_Demand([_Form.of(array) for array in taken.arrays], {}, from_python=False, launches=launches))
        compile_ahead(lambda: [launch for demand in demands for launch in demand.launches])
        # On shapes alone every value has the dtype of the activations, and a pooling's argmax is known only by now.
        forms = tuple(self._forms.get(number, value) for number, value in enumerate(tape.values))
        self.tape = replace(self.tape, values=forms)
        self.homes = self._find_homes(demands)
        memory = np.zeros(self.homes.size + LINE, np.uint8)
        self._memory = memory[-memory.ctypes.data % LINE :][: self.homes.size]
        supply = _Supply(self._memory, self.homes.start, len(tape.values))
        self.work = [
            self._bound(step, demand.from_python, supply)
            for step, demand in zip(self.tape.steps, demands[:-1], strict=True)
        ]
        with recording(supply) as self.update:
            move(self._array)
        self._inputs, self._loss = [self._array(number) for number in range(tape.inputs)], self._array(loss.number)
        self._calls, self._moves = list(joined(self.work)), list(joined([self.update]))

    def __call__(self, images, labels, rng=None):
        """Run the step; the loss. `TrainingStep` is for this, which lets one thread at a time in.

        Where the loss is no finite number, nothing is moved.

        Raises
        ------
        TypeError, ValueError
            If images and labels have not the shapes and dtypes for which memory was laid out, or labels are no classes.
        """
        self._check(images, labels)
        masks = [drop_mask(shape, images.dtype, p, rng) for shape, p in self._drops]
        for value, home in zip((images, labels, *masks), self._inputs, strict=True):
            copy_images(value, home)
        for call in self._calls:
            call()
        loss = float(self._loss)
        if math.isfinite(loss):
            for move in self._moves:
                move()
            for moved in self.tape.tracked:
                if moved.batches is not None:
                    moved.batches[...] += 1
        return loss

    def __reduce__(self):
        raise TypeError(
            "a TrainingProgram is addresses in this process's memory and cannot be copied: the rule is to copy the "
            "step it belongs to, such as copy.deepcopy(ghostnp.compile(model, training=True))"
        )

    @cached_property
    def memory(self):
        """Bytes, a `PlannedMemory`."""
        values, views = self.tape.values, self.homes.views
        bases = {number: view.base for number, view in views.items() if view.base < len(values)}
        lives = {number: life for number, life in self.homes.lives.items() if number < len(values)}
        return planned_memory(values, lives, bases, self.homes.size)

    def __str__(self):
        """All of it, a line for each step."""
        return explanation(self, update=self.update)

    def _check(self, images, labels):
        check_arrays(images=images)
        planned = self.tape.values[0]
        if (images.shape, images.dtype) != (planned.shape, planned.dtype):
            raise TypeError(
                f"images is {images.dtype} {images.shape}: the rule is what this was planned for, {planned.dtype} "
                f"{planned.shape}"
            )
        check_loss(self._logits, labels, self._smoothing)

    def _lives(self):
        """From the step that makes a value to the last one that reads it."""
        births = {number: place for place, step in enumerate(self.tape.steps) for number in step.results}
        deaths = {number: place for place, step in enumerate(self.tape.steps) for number in step.reads}
        deaths |= dict.fromkeys(self._returned, len(self.tape.steps))
        return {number: Life(births.get(number, -1), death) for number, death in deaths.items()}

    def _find_homes(self, demands):
        """Homes of all values and of whatever kernels take."""
        values, lives = self.tape.values, self._lives()
        links: list[View | Part | Over] = []
        sizes = {number: nbytes(value) for number, value in enumerate(values)}
        for place, (step, demand) in enumerate(zip((*self.tape.steps, None), demands, strict=True)):
            first = len(sizes)
            for form in demand.takes:
                lives[len(sizes)] = Life(place, place)
                sizes[len(sizes)] = nbytes(form)
            for result, found in demand.results.items():
                base = first + found.number if found.is_taken else found.number
                links.append(View(result, base, found.at))
                if found.is_taken and result == step.results[0] and sizes[result] == sizes[base]:
                    links += [part._replace(whole=base) for part in parts(step, values)]
                    links += [Over(operand, y) for operand, _ in overwrites(step, values) for y in (result, base)]
        return Homes(sizes, lives, links)

    # Steps: what they take, and their launches

    def _demand(self, step):
        """What a step takes, and where its results lie in that, or in what it reads."""
        for from_python in (False, True):
            given, taken = {number: self._forms[number].array() for number in step.reads}, _Taken()
            with recording(taken, bind=False) as launches:
                results, _ = self._results(step, given, from_python)
            if results is None:
                continue
            found = {number: _found(array, taken.arrays, given) for number, array in results.items() if array.size}
            if None not in found.values():
                break
        self._forms |= {number: _Form.of(array) for number, array in results.items()}
        return _Demand([_Form.of(array) for array in taken.arrays], found, from_python, launches)

    def _bound(self, step, from_python, supply):
        """The launches of a step, or its call from Python."""
        with recording(supply) as launches:
            _, call = self._results(step, {number: self._array(number) for number in step.reads}, from_python)
        return launches if call is None else call

    def _results(self, step, given, from_python):
        """The arrays of a step's results, by number, and the call from Python that makes them.

        If not `from_python` the kernel's drivers make them, and the call is None; both are None where they cannot.
        """
        values, row, kernel = self.tape.values, step.operator, getattr(kernels, step.op)
        unread = {number: _shape_alone(values[number]) for number in step.inputs if number not in given}
        arguments = {name: self.tape.found(value, given | unread) for name, value in step.arguments.items()}
        if from_python:
            fields = step.fields or ("",) * len(step.results)
            results = {
                number: _taken(values[number], is_trained=field in row.trained)
                for number, field in zip(step.results, fields, strict=True)
            }
            return results, partial(copied, kernel, arguments, list(results.values()))
        # What lies otherwise a kernel would lay out anew, but now and never again: parameters, and their gradients.
        has_kernel = kernel is not function_named(step.op) or row.is_view
        if not has_kernel or not all(map(_is_laid_out, self._activations(step, given | unread))):
            return None, None
        if row.family in NUMBER_BY_NUMBER:
            arguments = {name: _as_maps(value) for name, value in arguments.items()}
        y = kernel(**arguments)
        y = y if isinstance(y, tuple | list) else (y,)
        made = {number: array for number, array in zip(step.results, y, strict=True) if array is not None}
        return {number: _in_shape(array, values[number].shape) for number, array in made.items()}, None

    def _activations(self, step, arrays):
        """The arrays that a step is given, but for what a layer has trained."""
        for name, argument in step.arguments.items():
            if name not in (*step.operator.trained, *STATISTICS):
                for part in parts_of({name: argument}):
                    yield self.tape.found(part, arrays)

    def _array(self, number):
        """A value in its home; without numbers, if it has none."""
        form, start = self._forms[number], self.homes.start.get(number)
        return form.array() if start is None else form.array(self._memory, start)


class _Form(NamedTuple):
    """How an array lies in memory."""

    shape: tuple[int, ...]
    dtype: Any
    strides: tuple[int, ...]

    @classmethod
    def of(cls, array):
        return cls(array.shape, array.dtype, array.strides)

    @classmethod
    def of_maps(cls, value):
        """That of a kernel's own layout."""
        return cls.of(laid_out(np.empty(math.prod(value.shape), value.dtype), value.shape))

    def array(self, memory=None, start=0):
        """Such an array, in memory of its own if no other is given."""
        if memory is None:
            memory = (np.zeros if self.dtype.kind == "i" else np.empty)(nbytes(self), np.uint8)
        return np.ndarray(self.shape, self.dtype, memory, start, self.strides)


class _Found(NamedTuple):
    """A result lies in what was taken, or else in a value: the number of that, and its first byte there."""

    is_taken: bool
    number: int
    at: int


class _Demand(NamedTuple):
    """What a step takes, where its results are found, by number, and its launches, which are not bound."""

    takes: list[_Form]
    results: dict[int, _Found]
    from_python: bool
    launches: list[Launch]


class _Taken:
    """Hears what kernels take, and gives them something: a `recording`'s scratch."""

    def __init__(self):
        self.arrays: list[np.ndarray] = []

    def begin_call(self):
        """Every array is a new one."""

    def take(self, shape, dtype):
        # No system gives memory for this before it is written, as it never is. Integers may be looked at.
        self.arrays.append((np.zeros if np.dtype(dtype).kind == "i" else np.empty)(shape, dtype))
        return self.arrays[-1]


class _Supply:
    """Gives kernels what they take the second time, in homes: those of `first` and the following numbers."""

    def __init__(self, memory, start, first):
        self._memory, self._start, self._next = memory, start, first

    def begin_call(self):
        """Each step has homes of its own."""

    def take(self, shape, dtype):
        start, size = self._start[self._next], math.prod(shape) * np.dtype(dtype).itemsize
        self._next += 1
        return self._memory[start : start + size].view(dtype).reshape(shape)


def _found(array, taken, given):
    """Where an array lies; None if it is somewhere else, or in pieces."""
    address = array.ctypes.data
    reach = sum((size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True))
    if reach + array.itemsize != array.nbytes:
        return None
    for is_taken, blocks in ((True, enumerate(taken)), (False, given.items())):
        for number, block in blocks:
            if 0 <= address - block.ctypes.data < block.nbytes:
                return _Found(is_taken, number, address - block.ctypes.data)
    return None


def _taken(value, *, is_trained):
    """An array for a result that is made from Python: as NumPy lays it out, or as kernels do."""
    flat = empty((math.prod(value.shape),), value.dtype)
    return flat.reshape(value.shape) if is_trained else laid_out(flat, value.shape)


def _shape_alone(value):
    """An array that tells a shape and a dtype, and takes no memory."""
    return np.broadcast_to(np.zeros((), value.dtype), value.shape)


def _is_laid_out(value):
    """Whether it is no array of four axes, or one that lies in memory as kernels have it; or has no numbers to read."""
    is_array = isinstance(value, np.ndarray) and value.ndim == 4
    return not is_array or np.moveaxis(value, 0, -1).flags.c_contiguous or not any(value.strides)


def _as_maps(value):
    """An array with the batch innermost as one of four axes: kernels know the memory order of no others."""
    if not isinstance(value, np.ndarray) or value.ndim in (0, 4):
        return value
    if not any(value.strides):
        return np.broadcast_to(value.reshape(-1)[:1].reshape(()), as_maps(value.shape))
    buffer = np.moveaxis(value, 0, -1)
    return laid_out(buffer.reshape(-1), as_maps(value.shape)) if buffer.flags.c_contiguous else value


def _in_shape(array, shape):
    """The inverse of `_as_maps`."""
    return array if array.shape == shape else laid_out(np.moveaxis(array, 0, -1).reshape(-1), shape)
