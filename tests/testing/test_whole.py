"""Whole modules against PyTorch's: the same ones pass, and of others the first layer that differs is named."""

import numpy as np
import pytest
import torch
from torch import nn

import ghostnp
from ghostnp import modules
from ghostnp.testing import assert_same_module
from tests import oracle_networks as oracle


class Theirs(nn.Module):
    """Convolution, batch norm, ReLU, and a second convolution that sees the sum."""

    def __init__(self, activation=nn.ReLU, eps=1e-5):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4, eps=eps), activation())
        self.drop = nn.Dropout(0.5)
        self.second = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.second(self.drop(self.first(x)))


def ours(first="first"):
    layers = modules.Sequential(modules.Conv2d(3, 4, 3, padding=1), modules.BatchNorm2d(4), modules.ReLU())
    return modules.Sequential(**{first: layers, "second": modules.Conv2d(4, 2, 1)})


X = (2, 3, 5, 4)


@pytest.mark.small
def test_what_is_the_same_passes_and_is_left_alone():
    theirs, mine = Theirs(), ours()
    before = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    started = {name: array.copy() for name, array in mine.state_dict().items()}
    assert_same_module(theirs, mine, x=X)
    assert_same_module(theirs, mine, x=np.ones(X), training=True)
    assert all(torch.equal(tensor, before[name]) for name, tensor in theirs.state_dict().items())
    assert all(np.array_equal(array, started[name]) for name, array in mine.state_dict().items())
    assert "forward" not in vars(mine)


@pytest.mark.parametrize(
    "names", [{"first": "stem"}, lambda path: path.replace("first", "stem")], ids=["dict", "function"]
)
def test_names_that_differ(names):
    assert_same_module(Theirs(), ours("stem"), x=X, names=names)
    with pytest.raises(ValueError, match=r"missing: stem\.0\.weight"):
        assert_same_module(Theirs(), ours("stem"), x=X)


@pytest.mark.small
@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        (Theirs(activation=nn.Sigmoid), r"they part at the output of first\.2, in evaluation"),
        (Theirs(eps=1e-3), r"they part at the output of first\.1, in evaluation"),
    ],
)
def test_the_first_layer_that_differs_is_named(theirs, says):
    with pytest.raises(AssertionError, match=says):
        assert_same_module(theirs, ours(), x=X)


@pytest.mark.small
def test_a_wrong_gradient_and_a_wrong_statistic_are_named():
    class ForgetsTheBias(modules.Conv2d):
        def backward(self, dy, cache):
            dx, grads = super().backward(dy, cache)
            return dx, grads | {"bias": grads["bias"] / 2}

    mine = ours()
    mine.second = ForgetsTheBias(4, 2, 1)
    with pytest.raises(AssertionError, match=r"they part at the gradient of second\.bias, in evaluation"):
        assert_same_module(Theirs(), mine, x=X)
    mine = ours()
    getattr(mine.first, "1").momentum = 0.5
    with pytest.raises(AssertionError, match=r"they part at first\.1\.running_mean afterwards, in training"):
        assert_same_module(Theirs(), mine, x=X)


def test_a_ghost_module_and_a_whole_network():
    assert_same_module(oracle.GhostModule(6, 10), modules.GhostModule(6, 10), x=(2, 6, 7, 5))
    theirs = oracle.GhostNet(0.5, num_classes=7)
    assert_same_module(theirs, ghostnp.create_model("ghostnet_050", num_classes=7), x=(2, 3, 64, 64))
