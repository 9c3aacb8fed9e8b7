"""Single layers as Keras computes them: stored by `tests/oracles/make_keras.py`.

Convolutions and maxima were taken of small integers, so ours are equal and not only close.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ghostnp.ops.vocabulary import operators

pytestmark = pytest.mark.small

with np.load(Path(__file__).parents[1] / "oracles" / "keras_layers.npz") as archive:
    STORED = dict(archive)


def branch(prefix):
    """The arrays under a prefix, by the rest of their names."""
    return {key.removeprefix(prefix): array for key, array in STORED.items() if key.startswith(prefix)}


def cases(*names):
    """One for each stored answer of these operators: its arrays, and the keywords in Python's own numbers."""
    found = []
    for name in sorted({"/".join(key.split("/")[:2]) for key in STORED}):
        number, _, operator = name.partition("/")
        if operator in names:
            arrays = branch(f"{name}/")
            keywords = {key: arrays.pop(f"keywords/{key}").item() for key in branch(f"{name}/keywords/")}
            found.append(pytest.param(operator, arrays, keywords | {"padding": "same"}, id=f"{operator}-{number}"))
    return found


@pytest.mark.parametrize(("operator", "arrays", "keywords"), cases(*operators("convolution")))
def test_convolution(backend, operator, arrays, keywords):
    """'same' padding with strides and dilation; the order of filters in groups, and under a depth multiplier."""
    x, weight, bias = arrays["x"], arrays["weight"], arrays["bias"]
    assert_array_equal(getattr(backend, operator)(x, weight, bias, **keywords), arrays["y"])
    grads = getattr(backend, f"{operator}_backward")(arrays["dy"], x, weight, **keywords)
    for name in ("x", "weight", "bias"):
        assert arrays[f"d{name}"].any()
        assert_array_equal(getattr(grads, name), arrays[f"d{name}"])


@pytest.mark.parametrize(("operator", "arrays", "keywords"), cases("max_pool2d"))
def test_max_pool(backend, operator, arrays, keywords):
    y, argmax = backend.max_pool2d(arrays["x"], **keywords)
    assert_array_equal(y, arrays["y"])
    assert arrays["dx"].any()
    assert_array_equal(backend.max_pool2d_backward(arrays["dy"], arrays["x"], argmax=argmax, **keywords), arrays["dx"])


@pytest.mark.parametrize(("operator", "arrays", "keywords"), cases("avg_pool2d"))
def test_average_pool_leaves_padding_out_of_the_mean(backend, operator, arrays, keywords):
    keywords |= {"count_include_pad": False}
    assert arrays["dx"].any()
    # Sums of integers are exact; a mean is rounded once, and a gradient adds up to nine of them.
    close = {"rtol": 1e-14, "atol": 1e-14}
    assert_allclose(backend.avg_pool2d(arrays["x"], **keywords), arrays["y"], **close)
    assert_allclose(backend.avg_pool2d_backward(arrays["dy"], arrays["x"], **keywords), arrays["dx"], **close)


def test_batch_norm(backend):
    """One step in training; the moving statistics gather the biased variance; then the answer in inference."""
    keras = branch("batch_norm/")
    x, weight, bias, eps = keras["x"], keras["weight"], keras["bias"], keras["eps"].item()
    # Both sum 72 numbers of size 1 to 10 in some order of their own: a few roundings of 2e-16.
    close = {"rtol": 1e-13, "atol": 1e-13}
    y, mean, var = backend.batch_norm_train(x, weight, bias, eps=eps)
    assert_allclose(y, keras["y"], **close)
    moving = {
        name: keras["momentum"] * keras[f"start_{name}"] + (1 - keras["momentum"]) * batch
        for name, batch in (("mean", mean), ("var", var))
    }
    for name, array in moving.items():
        assert_allclose(array, keras[f"moving_{name}"], **close)
    # Not the unbiased one, which is by 1/71 larger.
    unbiased = keras["start_var"] + (1 - keras["momentum"]) * (var * 72 / 71 - keras["start_var"])
    assert np.abs(unbiased - keras["moving_var"]).min() > 1e-4
    y = backend.batch_norm_eval(x, weight, bias, keras["moving_mean"], keras["moving_var"], eps=eps)
    assert_allclose(y, keras["y_inference"], **close)
    grads = backend.batch_norm_train_backward(keras["dy"], x, weight, mean, var, eps=eps)
    for name in ("x", "weight", "bias"):
        assert keras[f"d{name}"].any()
        assert_allclose(getattr(grads, name), keras[f"d{name}"], **close)


@pytest.mark.parametrize(
    ("claim", "operator", "x", "weight", "keywords"),
    [
        ("N01", "standard_conv2d", (1, 256, 64, 64), (256, 256, 5, 5), {}),
        ("N02", "grouped_conv2d", (1, 256, 64, 64), (256, 8, 5, 5), {"groups": 32}),
        ("N04", "standard_conv2d", (1, 1024, 8, 8), (1024, 1024, 5, 5), {}),
        ("N05", "depthwise_conv2d", (1, 1024, 8, 8), (1024, 1, 5, 5), {}),
    ],
)
def test_parameters(backend, claim, operator, x, weight, keywords):
    """Document 000's layers, counted by Keras."""
    cost = getattr(backend, f"{operator}_cost")(x, weight, bias=True, padding="same", **keywords)
    assert cost.params == STORED[f"count_params/{claim}"]
