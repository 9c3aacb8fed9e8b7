"""A contender that computes something else is found out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.bench.same_results import disagreement, tolerance
from ghostnp.bench.tasks import CallTask, NetworkTask

pytestmark = pytest.mark.small
STEP = tolerance(NetworkTask("ghostnet_100", 224, 1, training=True))
INFERENCE = tolerance(NetworkTask("ghostnet_100", 224, 1, training=False))
CALL = CallTask("relu", (("x", (1, 1, 2, 2)),))


def gradients(seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(4, 5)) for name in ("loss", "first.weight", "last.weight")}


@given(st.integers(0, 1000))
def test_rounding_is_allowed_everywhere(seed):
    right = gradients(seed)
    rounded = {name: array.astype(np.float32) for name, array in right.items()}
    for allowed in (STEP, INFERENCE, tolerance(CALL)):
        assert disagreement(right, rounded, allowed) is None


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros_like,
        np.negative,
        lambda a: 2 * a,
        lambda a: a[::-1],
        lambda a: a + 1,
        lambda a: np.full_like(a, np.nan),
    ],
    ids=["forgotten", "sign", "twice", "order", "offset", "NaN"],
)
@pytest.mark.parametrize("allowed", [STEP, INFERENCE], ids=["step", "inference"])
def test_one_wrong_array_among_many_is_named(wrong, allowed):
    right, many = gradients(), {str(number): array for number in range(2000) for array in gradients(number).values()}
    planted = right | many | {"last.weight": wrong(right["last.weight"])}
    assert disagreement(right | many, planted, allowed).startswith("last.weight is off by")
    assert disagreement(planted, right | many, allowed).startswith("last.weight is off by")


def test_many_small_errors_are_too_much_together():
    right = gradients()
    shifted = {name: 1.1 * array for name, array in right.items()}
    assert disagreement(right, shifted, STEP).startswith("everything together is off by 9.1e-02")


def test_one_percent_is_no_rounding_in_a_forward_pass():
    right = gradients()
    shifted = {name: 1.01 * array for name, array in right.items()}
    assert disagreement(right, shifted, INFERENCE) is not None
    assert disagreement(right, shifted, STEP) is None


def test_a_gradient_that_is_zero_in_mathematics_may_be_anything_small():
    right = gradients() | {"bias": np.full(3, 1e-7)}
    noise = right | {"bias": np.full(3, -3e-7)}
    assert disagreement(right, noise, STEP) is None


def test_other_shapes_missing_arrays_and_nothing_at_all():
    right = gradients()
    transposed = right | {"loss": right["loss"].T}
    assert "shape" in disagreement(right, transposed, STEP)
    assert "loss" in disagreement({name: right[name] for name in right if name != "loss"}, right, STEP)
    assert disagreement(right, {}, STEP) is not None


def test_a_contender_that_did_a_corner_is_compared_there():
    right = gradients()
    corner = {"loss": right["loss"][:1, :2]}
    assert disagreement(right, corner, INFERENCE) is None
    assert disagreement(right, {"loss": -corner["loss"]}, INFERENCE) is not None


def test_all_zero_results_agree_with_zeros_alone():
    zeros = {"y": np.zeros(3)}
    assert disagreement(zeros, zeros, INFERENCE) is None
    assert disagreement({"y": np.full(3, 1e-30)}, zeros, INFERENCE) is not None
