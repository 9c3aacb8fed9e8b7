"""GhostNet is the official network: its names, its logits, and the gradient of every parameter."""

from functools import lru_cache

import numpy as np
import pytest
import torch

import ghostnp
from ghostnp.models import GhostNet
from tests import oracle_networks as oracle
from tests.modules.comparison import arrays, run_ours, run_theirs

# Relative to the largest entry of each array. Float64 leaves 1e-15 after one layer; the way back through 100 layers, of
# which every second divides by a deviation, makes some 1e-13 of it. Wrong padding or a wrong factor gives 1e-3.
TOLERANCE = 1e-10
WIDTHS = {"ghostnet_050": 0.5, "ghostnet_100": 1.0, "ghostnet_130": 1.3}
# Odd sizes all the way down (97, 49, 25, 13, 7, 4 by 75, 38, 19, 10, 5, 3): a stride that rounds the wrong way shows.
SHAPE = (2, 3, 97, 75)
# A constant that goes through 1x1 convolutions alone to the next norm, which takes it away: in training its gradient
# is zero. (Padding would make it more than a constant, and SE weighs it differently in each image.)
LOST_UNDER_A_NORM = {
    *(f"blocks.{place}.shortcut.1.bias" for place in ("1.0", "3.0", "5.0", "6.3", "7.0")),
    *(f"blocks.{place}.bn_dw.bias" for place in ("1.0", "5.0")),
    # Behind the last stride the sum of all blocks goes through 1x1 convolutions alone, up to the norm before the pool.
    *(f"blocks.{place}.ghost2.cheap_operation.1.bias" for place in ("7.0", "8.0", "8.1", "8.2", "8.3")),
    "blocks.7.0.shortcut.3.bias",
}


@lru_cache(maxsize=2)  # of the network that is tested now
def expected(name):
    """The state at the start, x, and PyTorch's eval and training runs with their dy."""
    network = oracle.randomise(oracle.GhostNet(WIDTHS[name], num_classes=10).double(), seed=0)
    rng = np.random.default_rng(0)
    oracle.calibrate(network, torch.tensor(rng.normal(size=SHAPE)))
    state, x = arrays(network.state_dict()), rng.normal(size=SHAPE)
    runs = {}
    for mode in ("eval", "training"):  # in this order, since training moves the running statistics
        network.zero_grad()
        runs[mode] = run_theirs(network, x, training=mode == "training")
    return state, x, runs


def assert_close(actual, wanted, what):
    error, scale = np.abs(actual - wanted).max(), np.abs(wanted).max()
    assert error <= TOLERANCE * scale, f"{what}: off by {error:.3g} at a scale of {scale:.3g}"


@pytest.mark.parametrize("mode", ["eval", "training"])
@pytest.mark.parametrize("name", ["ghostnet_050", "ghostnet_100"])
def test_logits_all_gradients_and_statistics_are_pytorchs(backend, name, mode):
    state, x, runs = expected(name)
    theirs, dy = runs[mode]
    model = ghostnp.create_model(name, num_classes=10, seed=None, dtype=np.float64)
    model.load_state_dict(state)
    ours = run_ours(model, x, dy, backend, training=mode == "training")
    assert_close(ours.y, theirs.y, "logits")
    assert_close(ours.dx, theirs.dx, "dx")
    assert list(ours.grads) == list(theirs.grads)
    lost = LOST_UNDER_A_NORM if mode == "training" else set()
    assert lost <= ours.grads.keys()
    for key, gradient in theirs.grads.items():
        if key in lost:
            assert max(np.abs(gradient).max(), np.abs(ours.grads[key]).max()) < TOLERANCE
        else:
            assert np.abs(gradient).max() > 1e-3
            assert_close(ours.grads[key], gradient, key)
    for key, array in theirs.state.items():
        assert_close(ours.state[key], array, key)


def test_logits_of_a_whole_image_in_float32(backend):
    # The same images in each run: by two of a hundred draws a channel is calibrated on which it hardly varies, up to
    # 1/√eps = 316 times as large then, and its roundings too. There PyTorch itself is 3e-5 away from float64.
    rng = np.random.default_rng(1)
    x, images = (rng.standard_normal((count, 3, 224, 224), np.float32) for count in (1, 2))
    network = oracle.calibrate(oracle.randomise(oracle.GhostNet(), seed=1), torch.tensor(images)).eval()
    model = ghostnp.create_model("ghostnet_100", seed=None)
    model.load_state_dict(arrays(network.state_dict()))
    with torch.no_grad():
        logits = network(torch.tensor(x)).numpy()
        exact = network.double()(torch.tensor(x).double()).numpy()
    assert np.abs(logits - exact).max() <= 5e-6 * np.abs(exact).max()  # no such channel
    with ghostnp.use_backend(backend):
        y = model(x)
    assert y.dtype == np.float32
    # Two float32 networks agree as far as one rounding (6e-8) for each of some 100 layers in a row lets them.
    assert np.abs(y - logits).max() <= 1e-5 * np.abs(logits).max()


@pytest.mark.small
@pytest.mark.parametrize("name", WIDTHS)
def test_names_shapes_and_order_are_those_of_the_official_checkpoint(name):
    ours = ghostnp.create_model(name, seed=None).state_dict()
    theirs = oracle.GhostNet(WIDTHS[name]).state_dict()
    assert [(key, array.shape) for key, array in ours.items()] == [(key, tuple(t.shape)) for key, t in theirs.items()]
    assert ours["bn1.num_batches_tracked"].dtype == np.int64


@pytest.mark.small
@pytest.mark.parametrize(
    "key",
    [
        "conv_stem.weight",
        "blocks.1.0.conv_dw.weight",
        "blocks.1.0.bn_dw.running_mean",
        "blocks.3.0.ghost1.primary_conv.0.weight",
        "blocks.3.0.se.conv_reduce.bias",
        "blocks.6.3.shortcut.2.weight",
        "blocks.8.3.ghost2.cheap_operation.1.num_batches_tracked",
        "blocks.9.0.conv.weight",
        "blocks.9.0.bn1.weight",
        "conv_head.bias",
        "classifier.weight",
    ],
)
def test_official_key_is_there(key):
    assert key in ghostnp.create_model("ghostnet_100", seed=None).state_dict()


@pytest.mark.small
def test_dropout_in_front_of_the_classifier_needs_training_and_an_rng():
    model = ghostnp.create_model("ghostnet_050", num_classes=4, dropout=0.5)
    x = np.random.default_rng(0).standard_normal((2, 3, 32, 32), np.float32)

    def logits(**keywords):
        with ghostnp.use_backend(ghostnp.ops):
            return model.forward(x, **keywords)[0]

    still = logits(training=True)
    assert np.array_equal(logits(training=True), still)
    first, again, other = (logits(training=True, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, still)
    assert np.array_equal(logits(rng=np.random.default_rng(1)), logits())


@pytest.mark.small
def test_a_table_of_ones_own_makes_a_network_of_ones_own():
    from ghostnp.models.ghostnet import BottleneckRow

    model = GhostNet(
        num_classes=5, width=0.5, stages=((BottleneckRow(3, 16, 24, 0.25, 2),), (BottleneckRow(3, 32, 24, 0, 1),))
    )
    with ghostnp.use_backend(ghostnp.ops):
        assert model(np.ones((1, 3, 16, 16), np.float32)).shape == (1, 5)
    assert "blocks.2.0.conv.weight" in model.parameters()
