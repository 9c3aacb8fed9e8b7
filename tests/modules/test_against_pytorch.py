"""Every layer is the layer that PyTorch builds: outputs, all gradients, running statistics, names and their order."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ghostnp import modules
from tests.modules.cases import FIXED, ONE_OPERATOR, RANDOM, one_operator
from tests.modules.comparison import assert_agree, assert_close, run_ours, twins

in_both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])


@pytest.mark.small
@in_both_modes
@pytest.mark.parametrize("name", FIXED)
def test_layer_is_pytorchs(backend, name, training):
    gradients = assert_agree(FIXED[name], backend, training=training)
    without = {key for key, gradient in gradients.items() if np.abs(gradient).max() < 1e-9}
    # A constant reaches nothing through a norm in training, and everything else reaches something always.
    assert without == (FIXED[name].zero if training else set())


@pytest.mark.small
@in_both_modes
@pytest.mark.parametrize("name", ONE_OPERATOR)
def test_layer_of_one_operator_is_pytorchs(backend, name, training):
    assert_agree(one_operator(name), backend, training=training)


@pytest.mark.small
@pytest.mark.parametrize("name", RANDOM)
@given(data=st.data(), training=st.booleans(), seed=st.integers(0, 2**16))
def test_layer_is_pytorchs_whatever_the_geometry(backend, name, data, training, seed):
    assert_agree(data.draw(RANDOM[name]), backend, training=training, seed=seed)


@pytest.mark.small
@in_both_modes
def test_filters_of_ghosts_that_were_cut_off_get_no_gradient(backend, training):
    """Ratio 3, 10 channels: 4 intrinsic maps, 8 ghosts, 12 together, of which the last 2 are cut off."""
    ours, _ = twins(FIXED["GhostModule, 3 does not divide 10"])
    rng = np.random.default_rng(2)
    run = run_ours(ours, rng.normal(size=(2, 3, 9, 7)), rng.normal(size=(2, 10, 5, 4)), backend, training)
    for name in ("cheap_operation.0.weight", "cheap_operation.1.weight", "cheap_operation.1.bias"):
        reached = np.abs(run.grads[name]).reshape(8, -1).max(axis=1) > 0
        assert reached.tolist() == [True] * 6 + [False] * 2


@pytest.mark.small
def test_statistics_follow_pytorch_through_three_batches(backend):
    ours, theirs = twins(FIXED["BatchNorm2d"])
    for seed in range(3):
        x = np.random.default_rng(seed).normal(seed, 1 + seed, (2, 3, 4, 5))
        run = run_ours(ours, x, np.ones_like(x), backend, training=True)
        theirs.train()(torch.tensor(x))
        for name, tensor in theirs.state_dict().items():
            assert_close(run.state[name], tensor.numpy(), name)
    assert ours.num_batches_tracked == 7 + 3


@pytest.mark.small
def test_running_variance_of_keras_is_the_biased_one(backend):
    layer = modules.BatchNorm2d(1, momentum=1.0, unbiased=False).astype(np.float64)
    x = np.array([1.0, 2.0, 3.0, 6.0]).reshape(1, 1, 2, 2)
    run_ours(layer, x, np.ones_like(x), backend, training=True)
    # The squares of -2, -1, 0 and 3 sum to 14.
    assert layer.running_mean == 3
    assert layer.running_var == 14 / 4
