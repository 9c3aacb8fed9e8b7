"""Tutorial 15: an official checkpoint, and a photo."""

import numpy as np

from ghostnp import ops
from ghostnp.course.study.answer import ExerciseAnswer
from ghostnp.modules import GhostModule
from ghostnp.modules.conv_norm import PYTORCH
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


def _cut():
    parts = [np.zeros((1, channels, 1, 1)) for channels in (2, 3)]
    return ops.concat_backward(np.arange(4.0).reshape(1, 4, 1, 1), parts, keep=4)[1].ravel()


ANSWERS = {
    "15.1": ExerciseAnswer(_saved, "The batch norm learns two numbers for each channel, and counts two."),
    "15.2": ExerciseAnswer(
        lambda: float(normalise(np.ones((1, 1, 3), np.float32))[0, 2, 0, 0]),
        "Divide by 255 first; then take the mean away, then divide by the deviation.",
        tolerance=0.005,
    ),
    "15.3": ExerciseAnswer(
        lambda: np.empty((5, 5, 12, 2)).transpose(2, 3, 0, 1).reshape(12 * 2, 1, 5, 5).shape,
        "Filters come first here, several for each channel, and each of them sees one channel.",
    ),
    "15.4": ExerciseAnswer(
        lambda: _place(7), "Is official channel 7 an intrinsic map or a ghost, and which of its kind, counted from 0?"
    ),
    "15.5": ExerciseAnswer(_cut, "Four channels were kept of five: one channel of the second part reached no output."),
}
