"""What is measured: a whole network or one call of an operator, as plain data.

A task goes to several processes, and each makes weights and inputs from the same seed: all contenders compute the same.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ghostnp import ops
from ghostnp.backend import use_backend
from ghostnp.graph.counting.rows import shape_text
from ghostnp.graph.recording import Token, record
from ghostnp.graph.tape import Constant, Tape
from ghostnp.models import create_model
from ghostnp.modules import BatchNorm2d
from ghostnp.ops.checks import check_statistics
from ghostnp.ops.vocabulary import operator_named

CLASSES = 1000
# Numbers of a channel, for a batch norm in training.
_ENOUGH = 8
# Arguments that are arrays, of which there may be several.
_LISTS = ("xs",)


@dataclass(frozen=True)
class NetworkTask:
    """A network, forward alone or a training step: forward, cross-entropy, backward.

    Parameters
    ----------
    network : str
        One of `ghostnp.list_models`.
    size, batch : int
        Pixels along each side, and images.
    training : bool
        Whether it is a training step.
    state : dict of str to ndarray, optional
        Weights and statistics.
    tape : Tape, optional
        The network as a recording, for those who do not run its modules.
    """

    network: str
    size: int
    batch: int
    training: bool
    state: dict[str, np.ndarray] | None = field(default=None, compare=False, repr=False)
    tape: Tape | None = field(default=None, compare=False, repr=False)

    def equipped(self):
        """The same with state and tape.

        They are made with the definitions and by whoever asks, so that a peer's process needs neither kernels nor
        activations.

        Raises
        ------
        ValueError
            If the images are too small for the network, or too few and small for its batch norms in training.
        """
        model = create_model(self.network, num_classes=CLASSES, seed=0)
        # A tape is right for every batch; two images, since batch norm needs two numbers where a map is one pixel.
        images = replace(self, batch=2).images()
        with use_backend(ops):
            _settle(model, replace(self, size=max(self.size, 64), batch=4).images())
            # Running statistics are numbers, so training has to compute; otherwise shapes are enough.
            tape = record(model, images if self.training else _token(images), training=self.training)
        for step in tape.steps:
            if step.operator.family == "norm" and step.operator.extra:  # it computes statistics
                check_statistics((self.batch, *tape.values[step.inputs[0]].shape[1:]))
        return replace(self, state=model.state_dict(), tape=replace(tape, values=tuple(map(_token, tape.values))))

    def comparable(self):
        """The same, with images enough for contenders to be held against each other; it has to be equipped.

        A batch norm over two or four numbers turns their rounding into gradients that are anything: in float64 they
        move as much when the images move by the rounding of float32. Over eight numbers they do not.
        """
        assert self.tape is not None
        norms = [step for step in self.tape.steps if step.operator.family == "norm" and step.operator.extra]
        pixels = min((math.prod(self.tape.values[step.inputs[0]].shape[2:]) for step in norms), default=_ENOUGH)
        batch = max(self.batch, math.ceil(_ENOUGH / pixels))
        return self if batch == self.batch else replace(self, batch=batch)

    def model(self):
        """The network itself, with that state."""
        model = create_model(self.network, num_classes=CLASSES, seed=None)
        model.load_state_dict(self.state)
        return model

    def images(self):
        """Shape (batch, 3, size, size)."""
        return np.random.default_rng(1).standard_normal((self.batch, 3, self.size, self.size), dtype=np.float32)

    def labels(self):
        """One for each image."""
        return np.random.default_rng(2).integers(CLASSES, size=self.batch)


@dataclass(frozen=True)
class CallTask:
    """One call of an operator, or of its backward pass.

    Parameters
    ----------
    op : str
        A forward function of the vocabulary.
    shapes : tuple of (str, shape)
        Its array arguments; a tuple of shapes stands for a list of arrays.
    options : tuple of (str, value)
        Its other arguments.
    backward : bool, default False
        Whether the backward pass is meant.
    """

    op: str
    shapes: tuple[tuple[str, Any], ...]
    options: tuple[tuple[str, Any], ...] = ()
    backward: bool = False

    def arrays(self):
        """The array arguments by name: normal numbers, and variances above zero."""
        rng = np.random.default_rng(3)

        def array(name, shape):
            if name in _LISTS:
                return [array("x", part) for part in shape]
            values = rng.standard_normal(shape, dtype=np.float32)
            return 0.5 + np.abs(values) if name == "var" else values

        return {name: array(name, shape) for name, shape in self.shapes}

    def gradient(self, shape):
        """What comes back to a result of this shape."""
        return np.random.default_rng(4).standard_normal(shape, dtype=np.float32)

    def backward_arguments(self, arrays, results):
        """What the backward pass takes after dy, by name: its forward's arguments and what that returned after y."""
        row, given = operator_named(self.op), arrays | dict(self.options)
        taken = row.backward_arguments(given, results[1:] if row.extra else ())
        return taken | {name: given[name] for name in row.keywords}

    @property
    def text(self):
        """What tells this call from another one of its operator: shapes, then the options that are not the usual."""
        usual = dict.fromkeys(operator_named(self.op).positional) | operator_named(self.op).keywords
        shapes = [
            " + ".join(map(shape_text, shape)) if name in _LISTS else shape_text(shape)
            for name, shape in self.shapes
            if len(shape) > 1
        ]
        options = [f"{name}={value}".replace(" ", "") for name, value in self.options if usual[name] != value]
        return " ".join([", ".join(shapes), *options])


def network_calls(network, size, batch):
    """The calls of a training step, each kind once.

    They are taken from a run of the network itself, on two images, and then given the batch.

    Parameters
    ----------
    network : str
        One of `ghostnp.list_models`.
    size, batch : int
        Pixels along each side, and images.

    Returns
    -------
    list of CallTask
        Forward, in the order of the first call.
    """
    tape = NetworkTask(network, size, batch, training=True).equipped().tape
    return list(dict.fromkeys(_call(step, tape.values, batch) for step in tape.steps))


def _token(array):
    return Token(array.shape, array.dtype)


def _settle(model, images):
    """Give batch norm statistics that fit: in a new network signals grow layer by layer, and rounding with them."""
    norms = [module for module in model.tree().values() if isinstance(module, BatchNorm2d)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    model.forward(images, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _call(step, values, batch):
    def shape(value):
        if isinstance(value, tuple):
            return tuple(map(shape, value))
        return value.array.shape if isinstance(value, Constant) else (batch, *values[value.number].shape[1:])

    given = {name: value for name, value in step.arguments.items() if value is not None}
    shapes = [(name, shape(given[name])) for name in step.operator.arrays if name in given]
    options = [(name, value) for name, value in step.arguments.items() if name not in dict(shapes)]
    return CallTask(step.op, tuple(shapes), tuple(options))
