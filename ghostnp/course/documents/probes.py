"""What the checks ask of networks and operators: which numbers depend on which, and what is where in a network."""

import math

import numpy as np

from ghostnp.graph.counting import count
from ghostnp.models import create_model
from ghostnp.modules import initializer

IMAGE = (1, 3, 224, 224)


def network(name):
    """A network without weights: enough for counting it and looking at its layers."""
    return create_model(name, seed=None)


def unweighted(layer):
    """The module that ``layer()`` makes, with zeros for weights."""
    with initializer(None):
        return layer()


def counted(layer, shape):
    """Count the module that ``layer()`` makes."""
    return count(unweighted(layer), shape)


def seeded(layer):
    """The module that ``layer()`` makes, in float64 and with the same random weights each time."""
    with initializer(0, np.float64):
        return layer()


def statistics(model):
    """How many running means and variances a network has."""
    return sum(array.size for key, array in model.state_dict().items() if "running" in key)


def layers(model, kind):
    """The layers of one kind, by path."""
    return {path: module for path, module in model.tree().items() if isinstance(module, kind)}


def has_operator(table, op):
    """Whether a count has a row of that operator."""
    return any(row.op == op for row in table.rows)


def dependence(function, shape):
    """Which output numbers change with which input numbers.

    Parameters
    ----------
    function : callable
        From images (N, C, H, W) to images.
    shape : (int, int, int)
        C, H and W.

    Returns
    -------
    ndarray of bool
        With the axes of one output image, then those of one input image.
    """
    inputs = math.prod(shape)
    one_each = np.eye(inputs).reshape(inputs, *shape)
    changed = function(one_each) != function(np.zeros((1, *shape)))
    return np.moveaxis(changed, 0, -1).reshape(*changed.shape[1:], *shape)


def normal(*shape, seed=0):
    """Normal numbers, the same each time."""
    return np.random.default_rng(seed).standard_normal(shape)
