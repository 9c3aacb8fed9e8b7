import numpy as np
import pytest

from ghostnp.course.redundancy import best_partners, explained

pytestmark = pytest.mark.small


@pytest.fixture
def maps():
    return np.random.default_rng(0).standard_normal((2, 3, 12, 14))


def shifted(maps, rows):
    """Each map moved down, zeros above: a kernel with one weight."""
    moved = np.zeros_like(maps)
    moved[:, :, rows:] = maps[:, :, : maps.shape[2] - rows]
    return moved


def test_a_factor_and_a_constant_are_found_by_one_weight(maps):
    r2 = explained(maps, 1, others=5 - 3 * maps)
    np.testing.assert_allclose(np.diag(r2), 1)
    assert np.nanmax(r2 - np.diag(np.diag(r2))) < 0.1


@pytest.mark.parametrize(("rows", "sizes"), [(1, (1, 3, 5)), (2, (3, 5, 7))])
def test_a_map_that_was_moved_needs_a_kernel_that_reaches_so_far(maps, rows, sizes):
    too_small, *enough = (np.diag(explained(maps, size, others=shifted(maps, rows))) for size in sizes)
    assert (too_small < 0.2).all()
    for found in enough:
        np.testing.assert_allclose(found, 1)


def test_by_hand():
    # Left: a = 0, 1, b = 1, 3, so b = 2a + 1. Right: a = 2, 3 gives 5, 7 for b = 5, 9: 1 - (0 + 4) / (4 + 4).
    a, b = np.array([0.0, 1, 2, 3]).reshape(1, 1, 1, 4), np.array([1.0, 3, 5, 9]).reshape(1, 1, 1, 4)
    np.testing.assert_allclose(explained(a, 1, others=b), [[1 - 4 / 8]])


def test_what_is_learnt_by_heart_does_not_count(maps):
    noise = np.random.default_rng(1).standard_normal(maps.shape)
    assert np.nanmax(explained(maps, 7, others=noise)) < 0  # fifty weights fit the left half's noise


def test_constant_maps_and_the_map_itself_have_no_partner(maps):
    maps[:, 1] = 2.5
    r2 = explained(maps, 3)
    assert np.isnan(r2[1]).all()
    assert np.isnan(r2[:, 1]).all()
    assert np.isnan(np.diag(r2)).all()
    assert sorted(b for _, b in best_partners(r2)) == [0, 2]


def test_best_partners_come_with_the_best_explained_first():
    nan = np.nan
    r2 = np.array([[nan, 0.2, 0.9, nan], [0.5, nan, 0.1, nan], [0.4, 0.3, nan, nan], [nan, nan, nan, nan]])
    assert best_partners(r2) == [(0, 2), (1, 0), (2, 1)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones((1, 2, 4, 4)), 2), ValueError, "kernel_size=2: the rule is an odd number"),
        ((np.ones((1, 2, 4, 4)), 1.5), TypeError, "kernel_size=1.5"),
        ((np.ones((2, 4, 4)), 3), ValueError, "maps"),
        (([[1.0]], 3), TypeError, "maps"),
        ((np.ones((1, 2, 4, 1)), 3), ValueError, "two columns"),
    ],
)
def test_what_is_no_stack_of_maps_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        explained(*arguments)


def test_others_have_to_be_of_the_same_images(maps):
    with pytest.raises(ValueError, match=r"others has shape \(2, 3, 12, 13\): the rule is the images"):
        explained(maps, 3, others=maps[..., :13])
