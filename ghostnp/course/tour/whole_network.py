"""The last lesson of the tour: a whole GhostNet, forward and backward."""

import re

import numpy as np

from ghostnp.backend import backend
from ghostnp.course.tour.lesson import SEED, Lesson, Picture
from ghostnp.graph.counting import count
from ghostnp.models import create_model
from ghostnp.pictures.costs import network_costs
from ghostnp.pictures.maps import network_gradient, network_maps
from ghostnp.pictures.style import KINDS, kind_of

# The class that is declared to be the right one. To a network with random weights all are alike.
LABEL = 0
LEARNING_RATE = 0.01


def network_lesson(name):
    """The lesson on the network called `name` in `list_models`."""
    return Lesson(
        "network",
        "The whole of GhostNet",
        "Sixteen bottlenecks of two ghost modules each, between a first convolution (the stem) and a head that "
        "classifies. One pass "
        f"forward, the cross-entropy loss with class {LABEL} named as the right one, one pass back. The weights are "
        "random, so it recognises nothing yet, and any class would do; what can be seen is how signals and gradients "
        "run through it, and what it costs.",
        lambda shelf: (create_model(name, seed=SEED), shelf["photo"]),
        _draw,
        _remarks,
        gradient_of=_gradient_of_loss,
        training=True,
    )


def _loss(y):
    loss, probabilities = backend().softmax_cross_entropy(y, np.array([LABEL]))
    return float(loss), probabilities


def _gradient_of_loss(y):
    _, probabilities = _loss(y)
    return backend().softmax_cross_entropy_backward(y.dtype.type(1), y, np.array([LABEL]), probabilities)


def _remarks(seen):
    """What the gradient says, and what following it does."""
    parameters, grads = seen.module.parameters(), seen.comparison.kernel.grads
    classes, before = seen.y.shape[1], _loss(seen.y)[0]
    yield (
        f"The loss is {before:.2f} (guessing blindly among {classes:,} classes gives {np.log(classes):.2f}). The "
        f"parameters, as one long vector, have length {_norm(parameters.values()):.0f}, and the gradient "
        f"{_norm(grads.values()):.1f}."
    )
    kept = {path: parameter.copy() for path, parameter in parameters.items()}
    for path, parameter in parameters.items():
        parameter[...] -= LEARNING_RATE * grads[path]
    after = _loss(seen.module.forward(seen.x, training=True)[0])[0]
    for path, parameter in parameters.items():
        parameter[...] = kept[path]
    yield (
        f"Subtracting {LEARNING_RATE} of the gradient from the parameters takes this photo's loss from {before:.2f} "
        f"to {after:.2f}."
    )


def _draw(seen):
    stages = _stages(seen.module, seen.x)
    yield Picture(
        "network-maps",
        f"The photo on its way through the network: five maps each at {len(stages)} depths. They get smaller and "
        "more numerous. With random weights the first still resemble the photo; further in little is left for an "
        "eye to see.",
        network_maps(stages),
    )
    rows = count(seen.module, seen.x.shape).rows
    blocks = list(dict.fromkeys(_block(row.path) for row in rows if row.params))
    costs = _costs(rows, blocks)
    whole = sum(cost.sum(axis=1) for cost in costs.values())
    pointwise, depthwise = (costs[kind].sum(axis=1) / whole for kind in ("pointwise", "depthwise"))
    yield Picture(
        "network-costs",
        "Where parameters and multiply-adds are, by block and by kind of operator. 1x1 convolutions have "
        f"{pointwise[0]:.0%} of the parameters and {pointwise[1]:.0%} of the multiply-adds; depthwise ones, which "
        f"make the ghosts and shrink the maps, {depthwise[0]:.0%} and {depthwise[1]:.0%}. Early blocks compute much "
        "with few weights, because their maps are large.",
        network_costs(blocks, costs),
    )
    grads = seen.comparison.kernel.grads
    norms = [_norm(g for path, g in grads.items() if _block(path) == block) for block in blocks]
    saliency = np.abs(seen.comparison.kernel.dx[0]).max(axis=0)
    yield Picture(
        "network-gradient",
        "The end of the way back. Above, how strongly the loss depends on each pixel (the largest of its three "
        "colours); in an untrained network that says nothing about the photo's subject. The fine grid comes from "
        "strides of 2, which read some pixels in more windows than others. Below, the length of the gradient in "
        "each block.",
        network_gradient(seen.shelf["colours"], saliency, blocks, norms),
    )


def _stages(model, x):
    """The maps of the stem, and the last ones of each size after it, as [(label, maps)]."""
    for name in ("conv_stem", "bn1"):
        x, _ = getattr(model, name).forward(x, training=True)
    found = {"stem": ("the stem", x)}
    for index, stage in enumerate(list(model.blocks)[:-1]):
        x, _ = stage.forward(x, training=True)
        found[x.shape[2:]] = (f"blocks.{index}", x)
    return [(f"{name}\n{x.shape[1]} maps\n{x.shape[2]}x{x.shape[3]}", x) for name, x in found.values()]


def _block(path):
    """Which bar of a chart a parameter or an operator belongs to."""
    block = re.match(r"blocks\.(\d+\.\d+)", path)
    first = path.split(".")[0]
    return block[1] if block else {"conv_stem": "stem", "bn1": "stem", "conv_head": "head"}.get(first, first)


def _costs(rows, blocks):
    """{kind: (params, macs)}, each a list in the order of `blocks`."""
    costs = {kind: np.zeros((2, len(blocks))) for kind in KINDS}
    for row in rows:
        if row.params:
            costs[kind_of(row.op)][:, blocks.index(_block(row.path))] += row.params, row.macs
    return {kind: cost for kind, cost in costs.items() if cost.any()}


def _norm(arrays):
    return float(np.sqrt(sum(np.vdot(array, array) for array in arrays)))
