import numpy as np
import pytest

from ghostnp.course.pairing import pairing


def test_opposites_find_each_other():
    rng = np.random.default_rng(0)
    filters = rng.standard_normal((4, 3, 3, 3))
    partners, cosines = pairing(np.concatenate([filters, -2 * filters]))
    assert partners.tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    np.testing.assert_allclose(cosines, -1)


def test_cosine_is_that_of_the_angle():
    half = np.sqrt(0.5)
    partners, cosines = pairing(np.array([[1.0, 0], [3, 3], [0, 5]]))
    assert partners.tolist() == [2, 0, 0]
    np.testing.assert_allclose(cosines, [0, half, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones((1, 3)), r"weight has shape \(1, 3\): the rule is two filters or more"),
        (np.ones(3), r"weight has shape \(3,\)"),
        (np.array([[1.0, 0], [0, 0]]), r"weight\[1\] is zero"),
    ],
)
def test_what_has_no_direction_or_no_partner_is_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        pairing(weight)
