"""Laws of softmax cross-entropy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from ghostnp.testing import MEMORY, MapCase
from tests.ops import oracles

batches = st.builds(
    MapCase,
    st.tuples(st.integers(1, 6), st.integers(1, 8)),
    memory=st.sampled_from(MEMORY),
    seed=st.integers(0, 2**16),
)
smoothings = st.sampled_from([0.0, 0.1, 1.0])


def arrays(case, dtype=np.float64):
    labels = np.random.default_rng(case.seed).integers(case.x[1], size=case.x[0])
    return case.input(dtype) * np.array(3, dtype), labels


@pytest.mark.small
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
@given(case=batches, smoothing=smoothings)
def test_matches_pytorch(backend, dtype, tolerance, case, smoothing):
    """In float32 an exponential and a logarithm of numbers up to 18 are good to about 1e-6."""
    logits, labels = arrays(case, dtype)
    expected, pull = oracles.differentiate(
        lambda logits: F.cross_entropy(logits, torch.tensor(labels), label_smoothing=smoothing), logits
    )
    loss, probabilities = backend.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
    gradient = backend.softmax_cross_entropy_backward(
        dtype(1.5), logits, labels, probabilities, label_smoothing=smoothing
    )
    assert_allclose(loss, expected, rtol=tolerance, atol=tolerance)
    assert_allclose(gradient, pull(np.array(1.5, dtype))[0], rtol=tolerance, atol=tolerance)
    assert_allclose(probabilities, torch.tensor(np.array(logits, order="C")).softmax(1).numpy(), rtol=tolerance)
    assert np.shape(loss) == ()
    assert loss.dtype == probabilities.dtype == gradient.dtype == dtype


@given(case=batches, smoothing=smoothings)
def test_gradient_sums_to_zero_in_each_row(backend, case, smoothing):
    """A shift of all logits changes nothing."""
    logits, labels = arrays(case)
    loss, probabilities = backend.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
    gradient = backend.softmax_cross_entropy_backward(1.0, logits, labels, probabilities, label_smoothing=smoothing)
    assert_allclose(gradient.sum(axis=1), 0, atol=1e-14)
    assert_allclose(backend.softmax_cross_entropy(logits + 100, labels, label_smoothing=smoothing)[0], loss, rtol=1e-9)


@given(case=batches, smoothing=smoothings)
def test_gradient_is_the_slope(backend, case, smoothing):
    logits, labels = arrays(case)
    if case.x[1] == 1:
        logits = np.concatenate([logits, logits + 1], axis=1)  # one class alone is certain, and has no slope

    def loss(logits):
        return backend.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)[0]

    _, probabilities = backend.softmax_cross_entropy(logits, labels, label_smoothing=smoothing)
    gradient = backend.softmax_cross_entropy_backward(2.0, logits, labels, probabilities, label_smoothing=smoothing)
    # A confident row has a slope of 1e-8, and a loss whose rounding hides it: hence no narrower scale than 1.
    assert gradient.any()
    rng = np.random.default_rng(case.seed)
    direction = rng.normal(size=logits.shape)
    slope = (loss(logits + 1e-5 * direction) - loss(logits - 1e-5 * direction)) / 2e-5
    assert_allclose((gradient * direction).sum(), 2 * slope, atol=1e-8)


@given(case=batches)
def test_probabilities_are_softmax(backend, case):
    logits, labels = arrays(case)
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


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_takes_labels_of_any_integer_kind(backend, kind):
    logits = MapCase((5, 4)).input(np.float64)
    labels = np.array([0, 1, 2, 3, 1])
    loss, probabilities = backend.softmax_cross_entropy(logits, labels.astype(kind))
    assert loss == backend.softmax_cross_entropy(logits, labels)[0]
    gradient = backend.softmax_cross_entropy_backward(1.0, logits, labels.astype(kind), probabilities)
    assert gradient.any()
