import math

import numpy as np
import pytest
from scipy import stats

from ghostnp.training.ablations import paired_t_test
from ghostnp.training.ablations.paired import two_tails

pytestmark = pytest.mark.small


@pytest.mark.parametrize("count", range(2, 14))
def test_it_is_scipy_s(count):
    rng = np.random.default_rng(count)
    for shift in (0, 0.3, 2, 10):
        first, second = rng.standard_normal((2, count))
        expected = stats.ttest_rel(first + shift, second).pvalue
        assert paired_t_test((first + shift).tolist(), second.tolist()) == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 99, 400])
def test_both_tails_of_the_distribution(freedom):
    for t in (0, 0.01, 1, 2.5, 7):
        assert two_tails(-t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-9, abs=1e-13)


def test_by_hand():
    # Differences 1 and 3: mean 2, s = √2, t = 2 / (√2 / √2) = 2; one degree of freedom: p = 1 - 2/π · arctan 2.
    assert paired_t_test([1, 5], [0, 2]) == pytest.approx(1 - 2 / math.pi * math.atan(2))


def test_what_no_test_can_tell():
    assert math.isnan(paired_t_test([0.5], [0.4]))
    assert math.isnan(paired_t_test([], []))
    assert paired_t_test([0.5, 0.6], [0.5, 0.6]) == 1
    assert paired_t_test([1.5, 2.5], [1.0, 2.0]) == 0


@pytest.mark.parametrize(
    ("first", "second", "error", "message"),
    [
        ([1, 2], [1], ValueError, "first has 2 numbers and second 1"),
        ([1, math.inf], [1, 2], ValueError, r"first\[1\]=inf"),
        ([1, 2], ["a", "b"], TypeError, r"second\[0\]"),
        (3, [1], TypeError, "first is of type int"),
        ("ab", "cd", TypeError, "first is of type str"),
    ],
)
def test_what_is_no_pairs_of_numbers_is_refused(first, second, error, message):
    with pytest.raises(error, match=message):
        paired_t_test(first, second)
