"""Tutorial 15: an official checkpoint, and a photo."""

import numpy as np

from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.modules import GhostModule
from ghostnp.modules.conv_norm import KERAS, PYTORCH
from ghostnp.photo import normalise


def _saved():
    layers = PYTORCH(16, 24, 1)
    statistics = sum(array.size for name, array in layers.state_dict().items() if "running" in name)
    return sum(array.size for array in layers.parameters().values()), statistics


def _place(channel):
    """Where document 000 has an official channel; each channel is a number of its own here, so it can be told."""
    made = []
    for ghosts_first in (False, True):
        module = GhostModule(1, 10, ghosts_first=ghosts_first, relu=False)
        module.primary_conv.tree()["0"].weight[...] = np.arange(1.0, 6).reshape(5, 1, 1, 1)
        module.cheap_operation.tree()["0"].weight[...] = 0
        module.cheap_operation.tree()["0"].weight[:, 0, 1, 1] = 10
        made.append(module(np.ones((1, 1, 1, 1), np.float32)).ravel().tolist())
    official, document = made
    return document.index(official[channel])


def _normalised_twice():
    once = normalise(np.ones((1, 1, 3), np.float32))[0, :, 0, 0]
    return float(normalise(once[None, None])[0, 2, 0, 0])


def _variance(factor=2.0):
    """Where (v + KERAS.eps) / (v + PYTORCH.eps) is the square of the factor."""
    return (KERAS.eps - factor**2 * PYTORCH.eps) / (factor**2 - 1)


ANSWERS = {
    "15.1": ExerciseAnswer(_saved, "The batch norm learns two numbers for each channel, and counts two."),
    "15.2": ExerciseAnswer(
        _normalised_twice, "What comes out of the first time goes in again: minus 0.406, over 0.225.", tolerance=0.005
    ),
    "15.3": ExerciseAnswer(
        lambda: np.empty((5, 5, 12, 2)).transpose(2, 3, 0, 1).reshape(12 * 2, 1, 5, 5).shape,
        "Filters come first here, several for each channel, and each of them sees one channel.",
    ),
    "15.4": ExerciseAnswer(
        lambda: _place(7), "Is official channel 7 an intrinsic map or a ghost, and which of its kind, counted from 0?"
    ),
    "15.5": ExerciseAnswer(
        _variance,
        "The factor is the root of (v + 0.001) / (v + 0.00001); make its square 4 and solve for v.",
        tolerance=0.005,
    ),
}
