"""The networks of documents 000 and 001 are what Keras makes of them: stored by `tests/oracles/make_keras.py`.

Keras's gradients are large, so two numbers stand for each: its length, and its inner product with a random direction.
One rule (`tests.oracles.seeded`) gives both sides their weights, their images and these directions.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import ghostnp
from ghostnp.modules.conv_norm import KERAS
from tests.oracles import seeded

ORACLES = Path(__file__).parents[1] / "oracles"
FILES = {"ghostnet_keras": "keras_ghostnet.npz", "shufflenetv1_keras": "keras_shufflenet.npz"}
# Measured: at most 5e-13 of an array's length on the way back in training, 1e-14 in inference. Padding on the other
# side, the unbiased variance or an exchanged channel gives 1e-3 and more.
TOLERANCE = 1e-10
# A norm's bias that meets nothing but 1x1 convolutions before the next norm, without a ReLU or padding: it is taken
# away again, like the bias of every convolution in front of a norm, and in training its gradient is zero.
LOST = {"ghostnet_keras": "ghost2.cheap_operation.1.bias", "shufflenetv1_keras": "branch_main_1.4.bias"}


@cache
def stored(name):
    with np.load(ORACLES / FILES[name]) as archive:
        return dict(archive)


def seeded_model(name):
    model = ghostnp.create_model(name, seed=None, dtype=np.float64)
    gain = stored(name)["gain"].item()
    model.load_state_dict({key: seeded.parameter(key, old.shape, gain) for key, old in model.state_dict().items()})
    return model


def lost_under_a_norm(name, parameters):
    """Parameters whose gradient is zero in training; of all convolutions, no norm follows those of SE."""
    convolutions = {key.removesuffix("weight") for key, array in parameters.items() if array.ndim == 4}
    return {
        key
        for key in parameters
        if key.endswith(LOST[name]) or (key.removesuffix("bias") in convolutions and ".se." not in key)
    }


def assert_close(what, actual, expected, scale):
    error = np.abs(actual - expected).max()
    assert error <= TOLERANCE * scale, f"{what}: off by {error:.3g} at a scale of {scale:.3g}"


def assert_summary(what, array, expected):
    """Both numbers relative to the length: an inner product may be small by chance."""
    assert_close(what, seeded.summary(what, array), expected, scale=expected[0])


@pytest.mark.parametrize("mode", ["inference", "training"])
@pytest.mark.parametrize("name", FILES)
def test_probabilities_loss_all_gradients_and_statistics_are_keras(backend, name, mode):
    keras, model = stored(name), seeded_model(name)
    x = seeded.images("batch", tuple(keras["batch_shape"]))
    labelled = np.arange(len(x)), keras["labels"]
    with ghostnp.use_backend(backend):
        probabilities, remembered = model.forward(x, training=mode == "training")
        # The loss is the mean of -log p over the images, so a label's p has the gradient -1 / (N p).
        dprobabilities = np.zeros_like(probabilities)
        dprobabilities[labelled] = -1 / (len(x) * probabilities[labelled])
        dx, grads = model.backward(dprobabilities, remembered)
    grads = {"x": dx} | grads

    np.testing.assert_allclose(probabilities, keras[f"{mode}_probabilities"], rtol=TOLERANCE)
    np.testing.assert_allclose(-np.log(probabilities[labelled]).mean(), keras[f"{mode}_loss"], rtol=TOLERANCE)
    assert sorted(grads) == sorted(keras["gradients"])
    lost = lost_under_a_norm(name, model.parameters()) if mode == "training" else set()
    for key, expected in zip(keras["gradients"], keras[f"{mode}_gradients"], strict=True):
        if key in lost:
            assert max(expected[0], np.abs(grads[key]).max()) < TOLERANCE
        else:
            assert expected[0] > 1e-3
            assert_summary(key, grads[key], expected)
    in_full = [key for key in keras if key.startswith(f"{mode}_gradient/")]
    assert in_full
    for place in in_full:
        key, expected = place.removeprefix(f"{mode}_gradient/"), keras[place]
        assert_close(key, grads[key].reshape(expected.shape), expected, scale=np.abs(expected).max())
    if mode == "training":
        state = model.state_dict()
        for key, expected in zip(keras["statistics"], keras["moved_statistics"], strict=True):
            assert_summary(key, state[key], expected)


@pytest.mark.parametrize("name", FILES)
def test_probabilities_of_a_whole_image(name):
    """At 224x224, where document 000's average pooling over 7x7 is the mean of all pixels."""
    keras = stored(name)
    probabilities = seeded_model(name)(seeded.images("whole", tuple(keras["whole_shape"])))
    np.testing.assert_allclose(probabilities, keras["whole_probabilities"], rtol=TOLERANCE)


@pytest.mark.small
@pytest.mark.parametrize(
    ("name", "trainable", "statistics"), [("ghostnet_keras", 5157168, 23152), ("shufflenetv1_keras", 1877008, 24480)]
)
def test_parameters_and_shapes_are_keras(name, trainable, statistics):
    keras, model = stored(name), ghostnp.create_model(name, seed=None)
    table = ghostnp.count(model, tuple(keras["whole_shape"]))
    assert table.params == keras["trainable"] == trainable
    parameters = model.parameters()
    buffers = {key: array for key, array in model.state_dict().items() if key not in parameters and array.ndim}
    assert sorted(buffers) == sorted(keras["statistics"])
    assert sum(array.size for array in buffers.values()) == keras["non_trainable"] == statistics
    # Document 000 classifies by a 1x1 convolution: its answer has axes of length 1 at the end, and ours has not.
    shapes = {row.path: (*row.output, 1, 1)[:4] for row in table.rows}
    assert {layer: shapes[layer] for layer in keras["maps"]} == {
        layer: tuple(shape) for layer, shape in zip(keras["maps"], keras["shapes"], strict=True)
    }


@pytest.mark.small
def test_batch_norm_has_keras_constants():
    with np.load(ORACLES / "keras_layers.npz") as archive:
        assert archive["batch_norm/eps"] == KERAS.eps
        assert 1 - archive["batch_norm/momentum"] == pytest.approx(KERAS.momentum, rel=1e-14)
    assert not KERAS.unbiased
