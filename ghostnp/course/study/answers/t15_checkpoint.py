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
    "15.1": ExerciseAnswer(
        _saved,
        (
            "For each channel, the batch norm has two learnt numbers and two running statistics.",
            "There are 16·24 weights. γ and β are learnt, but the running mean and the running variance are not.",
        ),
        "There are 16·24 weights, and two learnt numbers of batch norm for each of the 24 channels. The running "
        "statistics are a mean and a variance for each channel. So the answer is {(16*24 + 2*24, 2*24)}.",
        {
            "(16*24, 4*24)": "The scale and the shift of a batch norm are learnt.",
            "(16*24 + 4*24, 0)": "The running mean and the running variance are not learnt.",
            "(16*24 + 2*24, 24)": "Each channel has a mean and a variance.",
        },
    ),
    "15.2": ExerciseAnswer(
        _normalised_twice,
        (
            "The result of the first normalisation is normalised again. So subtract 0.406 from it, and divide by "
            "0.225.",
            "255 divided by 255 is 1. After the first normalisation, this number is (1 - 0.406) / 0.225.",
        ),
        "After the first normalisation, the number is {(1 - 0.406)/0.225}. After the second normalisation, it is {((1 "
        "- 0.406)/0.225 - 0.406)/0.225}.",
        {
            "(1 - 0.406)/0.225": "This is the number after the first normalisation.",
            "(255 - 0.406)/0.225": "The photo was divided by 255 first.",
            "1": "This is the number before the first normalisation.",
        },
        tolerance=0.005,
    ),
    "15.3": ExerciseAnswer(
        lambda: np.empty((5, 5, 12, 2)).transpose(2, 3, 0, 1).reshape(12 * 2, 1, 5, 5).shape,
        (
            "In ghostnp, the shape begins with the number of filters. Each channel has several filters, and each "
            "filter reads only one channel.",
            "There are 12 channels with 2 filters each.",
        ),
        "There are 12 channels with 2 filters each, and each filter reads only one channel. So the shape is {(12*2, 1, "
        "5, 5)}.",
        {
            "(2, 12, 5, 5)": "Each filter reads only one channel.",
            "(12, 2, 5, 5)": "Each filter reads only one channel, and the shape begins with the number of all filters.",
            "(24, 12, 5, 5)": "In a depthwise convolution, each filter reads only one channel.",
            "(5, 5, 24, 1)": "In ghostnp, the shape begins with the number of filters.",
        },
    ),
    "15.4": ExerciseAnswer(
        lambda: _place(7),
        (
            "Is official channel 7 an intrinsic map or a ghost? Which number does this map have among the maps of its "
            "kind, counted from 0?",
            "In the official order, channels 0 to 4 are the intrinsic maps, and channels 5 to 9 are the ghosts. "
            "Document 000 begins with the ghosts.",
        ),
        "Official channel 7 is ghost number 7 - 5, counted from 0. In document 000, the ghosts come first. So the "
        "number of the channel is {7 - 5}.",
        {
            "7": "Document 000 concatenates the ghosts first.",
            "3": "Ghosts are counted from 0.",
            "12": "There are only 10 channels.",
        },
    ),
    "15.5": ExerciseAnswer(
        _variance,
        (
            "The factor is the square root of (v + 0.001) / (v + 0.00001). Set the square of the factor to 4, and "
            "solve for v.",
            "Solve v + 0.001 = 4·(v + 0.00001) for v.",
        ),
        "The factor is √((v + 0.001) / (v + 0.00001)). It falls as v grows, so it is largest at v = 0. Its value at v "
        "= 0 is √100 = 10. The factor is 2 if v + 0.001 = 4·(v + 0.00001). So v = {(0.001 - 4*0.00001)/3}.",
        {
            "0.001 - 2*0.00001": "The factor is a square root, so its square is 4.",
            "(0.001 - 0.00001)/3": "Multiply both v and 0.00001 by 4.",
            "(0.001 + 4*0.00001)/3": "If 4·0.00001 moves to the other side, its sign changes.",
        },
        tolerance=0.005,
    ),
}
