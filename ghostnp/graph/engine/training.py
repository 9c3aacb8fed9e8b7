"""The training step as a program: forward, loss, backward and update are one tape, so they are run like any other.

A step of the layers themselves keeps every activation until its module's backward pass. On the tape it is known which
call reads a value for the last time, so an activation lives until its gradient is made, and no longer.

What dropout draws is an input of the tape, like images and labels: a mask for each layer that drops.
"""

import math
from collections import OrderedDict
from typing import Any

import numpy as np

from ghostnp.graph.engine.locks import Guarded
from ghostnp.graph.engine.program import TrainingProgram
from ghostnp.graph.recording import Token, record
from ghostnp.kernels.updates import RATE, STEP
from ghostnp.modules import Module
from ghostnp.modules.layers import dropping
from ghostnp.ops.checks import check_arrays, fraction, integer, not_negative, positive, sequence
from ghostnp.ops.updates import update_named


class TrainingStep(Guarded):
    """A step of an optimiser, for a classifier; the model itself is trained.

    Parameters
    ----------
    model : Module
        From images to logits. Its parameters and running statistics are changed in place by each step.
    plans : int
        For how many shapes of images memory is kept.
    optimiser : str
        One of `ghostnp.ops.updates.UPDATES`.
    label_smoothing : float
        ε, as in `ghostnp.ops.softmax_cross_entropy`.
    clip : float, optional
        How long all gradients together may be; longer ones are shortened.
    **settings
        Of the update, such as momentum and decay.

    Attributes
    ----------
    states : dict of str to dict of str to ndarray
        What the update remembers, such as ``states["velocity"]``: of each parameter, by name.
    steps : int
        How many there have been.

    Notes
    -----
    To load weights into the model is fine; arrays that take the place of its own are not seen. A copy, by
    `copy.deepcopy` or `pickle`, trains a copy of the model.
    """

    def __init__(self, model, plans, optimiser="sgd", label_smoothing=0.0, clip=None, **settings):
        super().__init__()
        if not isinstance(model, Module):
            raise TypeError(f"model is of type {type(model).__name__}: the rule is a Module, such as create_model(...)")
        self._model: Any = model
        self._most = integer("plans", plans, 1)
        self._smoothing = fraction("label_smoothing", label_smoothing)
        self._update, self._clip = update_named(optimiser), None if clip is None else positive("clip", clip)
        self._given = self._update.settings(**settings)
        self._parameters = model.parameters()
        for name, array in self._parameters.items():
            if not array.flags.carray:
                raise ValueError(f"parameter {name} is not contiguous: the rule is an array as NumPy makes it")
        self.states = {
            state: {name: np.zeros_like(array) for name, array in self._parameters.items()}
            for state in self._update.states
        }
        self.steps = 0
        self._settings = np.array([0.0, 1.0, 1.0, *map(float, self._given.values())])
        self._programs: OrderedDict[tuple, TrainingProgram] = OrderedDict()

    def __reduce__(self):
        self._check_released()
        made = self._model, self._most, self._update.name, self._smoothing, self._clip
        return _step, (made, self._given), (self.steps, self.states)

    def __setstate__(self, state):
        self.steps, states = state
        for name, arrays in states.items():
            for path, array in arrays.items():
                self.states[name][path][...] = array

    @property
    def velocity(self):
        """v of each parameter, by name, where the update has such."""
        return self.states.get("velocity", {})

    def __call__(self, images, labels, *, rate, rng=None):
        """Train on one batch.

        Parameters
        ----------
        images : ndarray, shape (N, C, H, W)
            Of the dtype of the model's weights.
        labels : ndarray of int, shape (N,)
            What they show.
        rate : float
            η, the learning rate.
        rng : numpy.random.Generator, optional
            Where dropout draws its masks, as in `Module.forward`; without one it is the identity.

        Returns
        -------
        loss : float
            Of this batch, before the update. If it is no finite number, the model stays as it was.

        Raises
        ------
        TypeError, ValueError
            If an argument does not fit, or the step was released. The model is then as it was.
        MemoryError
            If there is not enough memory. The model is then as it was, too.
        """
        check_arrays(images=images, **dict(list(self._parameters.items())[:1]))
        rate = not_negative("rate", rate)
        if rng is not None and not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng is of type {type(rng).__name__}: the rule is a generator, such as numpy.random.default_rng(0)"
            )
        with self._lock:
            self._check_released()
            program = self._program(images.shape, images.dtype)
            self._settings[RATE], self._settings[STEP] = rate, self.steps + 1
            loss = program(images, labels, rng)
            self.steps += math.isfinite(loss)
            return loss

    def release(self):
        """Let go of every program, its memory and the states, once a step in another thread is over: for good."""
        with self._lock:
            self._released, self._model, self._parameters, self.states = True, None, {}, {}
            self._programs.clear()

    def program(self, shape):
        """How a step runs for images of this shape: print it.

        Parameters
        ----------
        shape : tuple of int
            Such as (8, 3, 224, 224).

        Returns
        -------
        TrainingProgram
        """
        shape = tuple(integer(f"shape[{i}]", size, 0) for i, size in enumerate(sequence("shape", shape)))
        dtypes = [array.dtype for array in self._parameters.values()]
        with self._lock:
            self._check_released()
            return self._program(shape, dtypes[0] if dtypes else np.dtype(np.float32))

    def _program(self, *key):
        if key not in self._programs:
            images, state = Token(*key), self._model.state_dict()
            try:
                drops = _drops(self._model, images, state)
                tape, names = _recorded(self._model, images, drops, state, smoothing=self._smoothing)
            except (TypeError, ValueError) as error:
                raise type(error)(f"images of shape {images.shape} do not fit the model: {error}") from error
            while len(self._programs) >= self._most:
                self._programs.popitem(last=False)
            moves = [(self._parameters[name], [arrays[name] for arrays in self.states.values()]) for name in names]
            rule, name = (self._update.name, self._settings, self._clip), type(self._model).__name__
            self._programs[key] = TrainingProgram(name, tape, moves, rule, self._smoothing, drops)
        self._programs.move_to_end(key)
        return self._programs[key]


def _step(made, settings):
    """A step from what it was made of."""
    return TrainingStep(*made, **settings)


class _NoGenerator(np.random.Generator):
    """What a recorded model gets as `rng`: numbers drawn from it would be the same in every step."""

    def __init__(self):
        super().__init__(np.random.PCG64(0))

    def __getattribute__(self, name):
        if name.startswith("__"):
            return super().__getattribute__(name)
        raise TypeError(
            f"a module called rng.{name} by itself, and in a compiled step that would draw the same numbers each time: "
            f"the rule is to leave this to a layer, such as Dropout(0.2)"
        )


def _drops(model, images, state):
    """What dropout draws in a step: of each mask, in order, its shape and p."""
    drops: list[tuple] = []

    def forward(b, images):
        return model.forward(images, training=True, rng=_NoGenerator())[0]

    with dropping(lambda x, p, rng: drops.append((x.shape, p))):  # no mask: nothing is dropped
        record(forward, images, state=state)
    return drops


def _recorded(model, images, drops, state, *, smoothing):
    """The tape of a step, which returns loss, logits and gradients; and the names of the parameters of these."""
    names: list[str] = []

    def step(b, images, labels, *masks):
        left = iter(masks)
        with dropping(lambda x, p, rng: next(left)):
            logits, cache = model.forward(images, training=True, rng=_NoGenerator())
        loss, probabilities = b.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
        one = images.dtype.type(1)
        dlogits = b.softmax_cross_entropy_backward(one, logits, labels, probabilities, label_smoothing=smoothing)
        _, grads = model.backward(dlogits, cache)
        names.extend(grads)
        return loss, logits, tuple(grads.values())

    labels = Token(images.shape[:1], np.dtype(np.int64))
    masks = [Token(shape, images.dtype) for shape, _ in drops]
    return record(step, images, labels, *masks, state=state), names
