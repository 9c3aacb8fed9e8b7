"""Laws of softmax cross-entropy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ghostnp.testing import Call, assert_gradient, calls, run, run_backward
from tests.ops import oracles

each_call = given(
    calls(
        "softmax_cross_entropy",
        logits=st.tuples(st.integers(1, 6), st.integers(1, 8)),
        label_smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    )
)


def arrays(call, dtype=np.float64):
    """Logits that reach far, and labels."""
    arguments = call.arguments(dtype)
    return arguments | {"logits": arguments["logits"] * np.array(3, dtype)}


@pytest.mark.small
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
@each_call
def test_matches_pytorch(backend, dtype, tolerance, call):
    """In float32 an exponential and a logarithm of numbers up to 18 are good to about 1e-6."""
    arguments = arrays(call, dtype)
    logits, labels = arguments.values()
    expected, pull = oracles.differentiate(
        lambda logits: F.cross_entropy(logits, torch.tensor(labels), label_smoothing=call["label_smoothing"]), logits
    )
    loss, (probabilities,) = run(backend, call, arguments)
    gradient = run_backward(backend, call, dtype(1.5), arguments, (probabilities,))["logits"]
    assert_allclose(loss, expected, rtol=tolerance, atol=tolerance)
    assert_allclose(gradient, pull(np.array(1.5, dtype))[0], rtol=tolerance, atol=tolerance)
    assert_allclose(probabilities, torch.tensor(np.array(logits, order="C")).softmax(1).numpy(), rtol=tolerance)
    assert np.shape(loss) == ()
    assert loss.dtype == probabilities.dtype == gradient.dtype == dtype


@each_call
def test_gradient_sums_to_zero_in_each_row(backend, call):
    """A shift of all logits changes nothing."""
    arguments = arrays(call)
    loss, extra = run(backend, call, arguments)
    gradient = run_backward(backend, call, 1.0, arguments, extra)["logits"]
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-14)
    # A shift of 100 rounds the logits, and the losses that are of their size, at 1e-14.
    shifted, _ = run(backend, call, arguments | {"logits": arguments["logits"] + 100})
    assert_allclose(shifted, loss, rtol=1e-9, atol=1e-12)


@each_call
def test_gradient_is_the_slope(backend, call):
    if call["logits"][1] == 1:  # one class alone is certain, and has no slope
        call = call.replace(logits=(call["logits"][0], 2))
    arguments = arrays(call)
    _, extra = run(backend, call, arguments)
    gradient = run_backward(backend, call, 2.0, arguments, extra)["logits"]
    assert_gradient(
        lambda logits: run(backend, call, arguments | {"logits": logits})[0],
        [arguments["logits"]],
        np.array(2.0),
        [gradient],
        seed=call.seed,
    )


@each_call
def test_probabilities_are_softmax(backend, call):
    logits, labels = arrays(call).values()
    _, probabilities = backend.softmax_cross_entropy(logits, labels)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert_allclose(probabilities, backend.softmax(logits), rtol=1e-12)


@pytest.mark.small
def test_knowing_nothing_costs_the_logarithm_of_the_classes(backend):
    loss, probabilities = backend.softmax_cross_entropy(np.zeros((4, 1000)), np.array([0, 1, 500, 999]))
    assert_allclose(loss, np.log(1000), rtol=1e-14)
    assert_allclose(probabilities, np.full((4, 1000), 1e-3), rtol=1e-14)


@pytest.mark.small
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_certainty_does_not_overflow(backend, dtype):
    """A label with probability e⁻²⁰⁰⁰ costs 2000, not infinity."""
    logits = np.array([[1000.0, -1000.0], [1000.0, -1000.0]], dtype)
    loss, probabilities = backend.softmax_cross_entropy(logits, np.array([0, 1]))
    gradient = backend.softmax_cross_entropy_backward(1.0, logits, np.array([0, 1]), probabilities)
    assert loss == 1000
    assert gradient.tolist() == [[0, 0], [0.5, -0.5]]


@pytest.mark.parametrize("labels", [[0, -1], [4, 0]])
def test_labels_beyond_the_classes_are_told_with_the_last_class(backend, labels):
    said = f"labels runs from {min(labels)} to {max(labels)}: the rule is 0 to 3 for 4 classes"
    with pytest.raises(ValueError, match=said):
        backend.softmax_cross_entropy(np.zeros((2, 4)), np.array(labels))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_takes_labels_of_any_integer_kind(backend, kind):
    logits = Call("softmax_cross_entropy", logits=(5, 4), labels=(5,)).arguments(np.float64)["logits"]
    labels = np.array([0, 1, 2, 3, 1])
    loss, probabilities = backend.softmax_cross_entropy(logits, labels.astype(kind))
    assert loss == backend.softmax_cross_entropy(logits, labels)[0]
    gradient = backend.softmax_cross_entropy_backward(1.0, logits, labels.astype(kind), probabilities)
    assert gradient.any()
