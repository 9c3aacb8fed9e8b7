"""Training: batch after batch, forward, backward, and a step of an optimiser; and a GhostNet small enough for it.

The optimisers' formulas are in `ghostnp.ops.updates`, what may be chosen is a `Recipe`. What is drawn at random in a
step depends on the seed and the number of the step alone. So a training that is stopped can be continued with the same
numbers, bit for bit.
"""

import copy
import math
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from ghostnp.backend import backend
from ghostnp.modules import (
    BatchNorm2d,
    Conv2d,
    Flatten,
    GhostBottleneck,
    GhostModule,
    GhostModuleV2,
    GlobalAvgPool2d,
    Linear,
    Module,
    Sequential,
    SqueezeExcite,
    initializer,
)
from ghostnp.ops.checks import flag, integer, shown
from ghostnp.ops.updates import average, clipping, update_named
from ghostnp.training.augment import augmented
from ghostnp.training.dataset import DataSet
from ghostnp.training.recipe import Recipe

_ORDER, _CHANGES, _DROPOUT = range(3)  # what is drawn, each from a generator of its own
_AVERAGED = "averaged."


def tiny_ghostnet(*, num_classes=10, in_channels=1, attention=False, seed=0, dtype=np.float32):
    """A GhostNet for 8x8 digits: a stem, three ghost bottlenecks, and a classifier.

    Parameters
    ----------
    num_classes, in_channels : int
        Of the data.
    attention : bool, default False
        Whether the widening ghost modules have DFC attention, as in GhostNetV2.
    seed : int, default 0
        Of the initial weights.
    dtype : dtype, default float32
        Of all arrays.

    Returns
    -------
    Sequential
    """
    ghost = GhostModuleV2 if attention else GhostModule
    with initializer(seed, dtype=dtype):
        return Sequential(
            conv_stem=Conv2d(in_channels, 16, 3, padding=1, bias=False),
            bn1=BatchNorm2d(16, relu=True),
            blocks=Sequential(
                GhostBottleneck(16, 32, 16, kernel_size=3, stride=1, ghost1=ghost(16, 32)),
                GhostBottleneck(16, 48, 24, kernel_size=3, stride=2, ghost1=ghost(16, 48)),
                GhostBottleneck(
                    24, 72, 24, kernel_size=3, stride=1, ghost1=ghost(24, 72), squeeze_excite=SqueezeExcite(72)
                ),
            ),
            global_pool=GlobalAvgPool2d(),
            flatten=Flatten(),
            classifier=Linear(24, num_classes),
        )


def train(model, images, labels, **recipe):
    """Train a classifier, and report after each epoch.

    Parameters
    ----------
    model : Module
        From images to logits; its parameters and running statistics are changed in place.
    images : ndarray, shape (N, C, H, W)
        What it learns from.
    labels : ndarray of int, shape (N,)
        What they show.
    **recipe
        As in `Recipe`, and the optimiser's settings: ``epochs=15, batch=64, rate=0.1, momentum=0.9, decay=1e-4``.

    Yields
    ------
    float
        Mean loss of the epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal, or there are fewer images than one batch.
    FloatingPointError
        If the loss is no finite number.
    """
    training = Training(model, images, labels, Recipe.of(**recipe))
    for _ in range(training.recipe.epochs):
        yield training.epoch()
    training.finish()


@dataclass
class History:
    """What a training has come to, epoch by epoch.

    Parameters
    ----------
    compiled : bool
        Whether the compiled program of a step was run.
    losses : list of float
        Mean loss of each epoch.
    accuracies : list of float
        The share of test images that were right after it.
    seconds : list of float
        How long its steps took, without the test.
    """

    compiled: bool
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    @property
    def accuracy(self):
        """The last one."""
        return self.accuracies[-1]


def fit(model, data, recipe=None, *, compiled=None, **changes):
    """Train a model on a data set, and test it after each epoch.

    Parameters
    ----------
    model : Module
        From images to logits; it is trained in place.
    data : DataSet
        As `ghostnp.training.data.load_data` gives it.
    recipe : Recipe, optional
        By default one of `changes`.
    compiled : bool, optional
        As in `Training`.
    **changes
        The recipe's fields and the optimiser's settings by name, in the place of a recipe.

    Returns
    -------
    History

    Examples
    --------
    ::

        data = load_data("digits")
        history = fit(tiny_ghostnet(seed=1), data, epochs=10, optimiser="adamw", rate=0.01, decay=0.05, seed=1)
        print(history.accuracy)
    """
    if not isinstance(data, DataSet):
        raise TypeError(f"data={shown(data)}: the rule is a DataSet, such as load_data('digits')")
    if recipe is not None and changes:
        raise TypeError(f"{next(iter(changes))} and recipe: the rule is one of them, such as Recipe.of(epochs=3)")
    training = Training(model, *data.train, Recipe.of(**changes) if recipe is None else recipe, compiled=compiled)
    history = History(training.compiled)
    for _ in range(training.recipe.epochs):
        start = perf_counter()
        history.losses.append(training.epoch())
        history.seconds.append(perf_counter() - start)
        history.accuracies.append(accuracy(training.tested(), *data.test))
    training.finish()
    return history


class Training:
    """A training that is under way: each call of `step` sees one batch.

    Parameters
    ----------
    model : Module
        From images to logits; it is trained in place.
    images, labels : ndarray
        What it learns from.
    recipe : Recipe
        How.
    compiled : bool, optional
        Whether a step runs as a compiled program (`ghostnp.compile`), or by the layers' own passes on the backend in
        force. By default it does so where the model allows it and no other backend than the kernels was chosen.

    Attributes
    ----------
    compiled : bool
        Whether it does.
    reason : str
        Why it does not.
    done, steps, per_epoch : int
        How many steps there have been, how many there will be, and how many there are in an epoch. The last batch of an
        epoch has the images that are left; a single one, of which batch norm could not take a variance, goes with the
        batch before.
    averaged : dict of str to ndarray
        The averaged weights, if the recipe asks for them, and there has been a step.

    Raises
    ------
    TypeError, ValueError
        If an argument is not legal, or there are fewer images than one batch.
    """

    def __init__(self, model, images, labels, recipe, *, compiled=None):
        if not isinstance(model, Module):
            raise TypeError(f"model={shown(model)}: the rule is a Module, such as create_model(...)")
        if not isinstance(recipe, Recipe):
            raise TypeError(f"recipe={shown(recipe)}: the rule is a Recipe, such as Recipe(epochs=3)")
        count, batch = len(labels), recipe.batch
        if batch > count:
            raise ValueError(f"batch={batch}: the rule is 1 to the {count} images that there are, such as {count}")
        self.model, self.recipe, self.images = model, recipe, images
        self.labels = labels.astype(np.int64, copy=False)
        self.cuts = [cut for cut in range(batch, count, batch) if count - cut > 1 or batch == 1]
        self.per_epoch = len(self.cuts) + 1
        self.done, self.steps, self._total = 0, recipe.epochs * self.per_epoch, 0.0
        self.averaged: dict[str, np.ndarray] = {}
        self._step, self.reason = _step_of(model, recipe, (batch, *images.shape[1:]), compiled)
        self.compiled = not isinstance(self._step, StepByLayers)
        self._order: tuple[int, list] = (-1, [])

    def step(self):
        """Train on the next batch: its loss, and how many images it has.

        Raises
        ------
        FloatingPointError
            If the loss is no finite number. The model is as it was before this step.
        """
        images, labels = self.batch()
        rate = self.recipe.rate_of(self.done, self.per_epoch)
        loss = self._step(images, labels, rate=rate, rng=self.dropout())
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss of step {self.done + 1} is {loss}")
        self._total = loss * len(labels) + (self._total if self.done % self.per_epoch else 0.0)
        self.done += 1
        if self.recipe.average is not None:
            self._average()
        return loss, len(labels)

    def epoch(self):
        """Train until the end of the epoch; the mean loss of its images."""
        self.step()
        while self.done % self.per_epoch:
            self.step()
        return self.mean_loss

    @property
    def mean_loss(self):
        """The mean loss of the images of this epoch that were seen."""
        batches = self.done % self.per_epoch
        return self._total / (self.cuts[batches - 1] if batches else len(self.labels))

    def batch(self):
        """The images and labels of the next step."""
        epoch, place = divmod(self.done, self.per_epoch)
        if self._order[0] != epoch:
            order = self._generator(_ORDER, epoch).permutation(len(self.labels))
            self._order = epoch, np.split(order, self.cuts)
        chosen, recipe = self._order[1][place], self.recipe
        images = self.images[chosen]
        if recipe.flip or recipe.shift or recipe.crop < 1:
            rng = self._generator(_CHANGES, self.done)
            images = augmented(images, rng, flip=recipe.flip, shift=recipe.shift, crop=recipe.crop)
        return images, self.labels[chosen]

    def dropout(self):
        """Where dropout draws in the next step."""
        return self._generator(_DROPOUT, self.done)

    def _generator(self, what, number):
        return np.random.default_rng([self.recipe.seed, what, number])

    def _average(self):
        newest = _floats(self.model.state_dict())
        if not self.averaged:
            self.averaged = {name: array.copy() for name, array in newest.items()}
        for name, array in newest.items():
            self.averaged[name][...] = average(self.averaged[name], array, keep=self.recipe.average)

    def tested(self):
        """The model to be tested: the one that is trained, or a copy of it with the averaged weights."""
        if not self.averaged:
            return self.model
        model = copy.deepcopy(self.model)
        model.load_state_dict(model.state_dict() | self.averaged)
        return model

    def finish(self):
        """Leave the averaged weights in the model, if there are such."""
        if self.averaged:
            self.model.load_state_dict(self.model.state_dict() | self.averaged)

    def state(self):
        """All that changes while it trains, as arrays by name; live ones.

        Returns
        -------
        dict of str to ndarray
        """
        found = {f"model.{name}": array for name, array in self.model.state_dict().items()}
        for state, arrays in self._step.states.items():
            found |= {f"{state}.{name}": array for name, array in arrays.items()}
        found |= {f"{_AVERAGED}{name}": array for name, array in self.averaged.items()}
        return found | {"done": np.array(self.done), "total": np.array(self._total)}

    def load_state(self, state):
        """Go on from what `state` gave, in a training with the same model, images and recipe.

        Raises
        ------
        ValueError
            If it is that of another one. Nothing has changed then.
        """
        own = {name: array for name, array in self.state().items() if not name.startswith(_AVERAGED)}
        averaged = {name: array for name, array in state.items() if name.startswith(_AVERAGED)}
        expected = dict(own)
        if averaged and self.recipe.average is not None:  # there are none before the first step
            expected |= {f"{_AVERAGED}{name}": array for name, array in _floats(self.model.state_dict()).items()}
        for name in sorted(state.keys() ^ expected.keys()):
            raise ValueError(f"state has {name} on one side alone: the rule is a state of the same training")
        for name, array in expected.items():
            if (state[name].shape, state[name].dtype) != (array.shape, array.dtype):
                raise ValueError(
                    f"state[{name!r}] is {state[name].dtype} {state[name].shape}: the rule is that of the training, "
                    f"{array.dtype} {array.shape}"
                )
        done = integer("state['done']", int(state["done"]), 0)
        for name, array in own.items():
            array[...] = state[name]
        self.averaged = {name.removeprefix(_AVERAGED): array.copy() for name, array in averaged.items()}
        self.done = self._step.steps = done
        self._total = float(state["total"])


def _floats(state):
    return {name: array for name, array in state.items() if array.dtype.kind == "f"}


def _step_of(model, recipe, shape, compiled):
    """A step as a compiled program if that can be, or by layers; and why it is not compiled."""
    chosen = {"label_smoothing": recipe.label_smoothing, "clip": recipe.clip, **recipe.settings}
    if compiled is None or flag("compiled", compiled):
        name = backend().__name__
        reason = "" if compiled or name == "ghostnp.kernels" else f"the backend {name} was chosen"
        try:
            if not reason:
                from ghostnp.graph.engine import compile  # brings Numba

                step = compile(model, training=True, optimiser=recipe.optimiser, **chosen)
                step.program(shape)
                return step, ""
        except (TypeError, ValueError) as error:
            if compiled:
                raise
            reason = str(error)
    else:
        reason = "it was asked for"
    return StepByLayers(model, recipe.optimiser, **chosen), reason


class StepByLayers:
    """A step by the layers' own passes and the definition of the update; otherwise as `TrainingStep`.

    Parameters
    ----------
    model : Module
        From images to logits.
    optimiser : str
        One of `ghostnp.ops.updates.UPDATES`.
    label_smoothing : float
        ε.
    clip : float, optional
        How long all gradients together may be.
    **settings
        Of the update.
    """

    def __init__(self, model, optimiser, *, label_smoothing=0.0, clip=None, **settings):
        self._update, self._model = update_named(optimiser), model
        self._smoothing, self._clip, self._settings = label_smoothing, clip, self._update.settings(**settings)
        zeros = {name: np.zeros_like(array) for name, array in model.parameters().items()}
        self.states = {state: copy.deepcopy(zeros) for state in self._update.states}
        self.steps = 0

    def __call__(self, images, labels, *, rate, rng=None):
        """Train on one batch; the loss, before the update. If it is no finite number, the model stays as it was."""
        parameters = self._model.parameters()
        buffers = {name: array.copy() for name, array in self._model.state_dict().items() if name not in parameters}
        loss, grads = gradients(self._model, images, labels, label_smoothing=self._smoothing, rng=rng)
        if not math.isfinite(loss):
            self._model.load_state_dict(self._model.state_dict() | buffers)
            return float(loss)
        self.steps += 1
        shorter = 1.0 if self._clip is None else clipping(list(grads.values()), self._clip)
        step = {"step": self.steps} if self._update.counts else {}
        for name, w in parameters.items():
            remembered = [arrays[name] for arrays in self.states.values()]
            moved = self._update.definition(w, shorter * grads[name], *remembered, rate=rate, **step, **self._settings)
            for array, value in zip((w, *remembered), moved, strict=True):
                array[...] = value
        return float(loss)


def gradients(model, images, labels, *, label_smoothing=0.0, rng=None):
    """The loss of a batch and its gradients: one step forward and back.

    What the layers remembered in between is let go when this function returns. In a loop that calls forward and
    backward itself, the old cache lives on while the next forward fills a new one.

    Parameters
    ----------
    model : Module
        From images to logits.
    images : ndarray, shape (N, C, H, W)
    labels : ndarray of int, shape (N,)
    label_smoothing : float, default 0.0
        ε.
    rng : numpy.random.Generator, optional
        Where dropout draws; without it is the identity.

    Returns
    -------
    loss : float
    grads : dict of str to ndarray
        As from `Module.backward`.
    """
    logits, cache = model.forward(images, training=True, rng=rng)
    loss, probabilities = backend().softmax_cross_entropy(logits, labels, label_smoothing=label_smoothing)
    dlogits = backend().softmax_cross_entropy_backward(
        logits.dtype.type(1), logits, labels, probabilities, label_smoothing=label_smoothing
    )
    return loss, model.backward(dlogits, cache)[1]


def accuracy(model, images, labels, *, batch=500):
    """The share of images whose largest logit is that of their label.

    Parameters
    ----------
    model : Module
        From images to logits.
    images : ndarray, shape (N, C, H, W)
    labels : ndarray of int, shape (N,)
    batch : int, default 500
        How many images at a time, for the sake of memory.

    Returns
    -------
    float
        From 0 to 1.
    """
    batch = integer("batch", batch, 1)
    answers = [model(images[first : first + batch]).argmax(axis=1) for first in range(0, len(images), batch)]
    return float((np.concatenate(answers) == labels).mean())
