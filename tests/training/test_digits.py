import numpy as np
import pytest

from ghostnp.training.digits import load_digits


def test_every_digit_is_dealt_out_once():
    train, test = load_digits(held_out=360, seed=3)
    assert train.images.shape == (1437, 1, 8, 8)
    assert test.images.shape == (360, 1, 8, 8)
    everything = np.concatenate([train.images, test.images]), np.concatenate([train.labels, test.labels])
    # As the data set's own description says: 1797 images, ten classes of these sizes, whole numbers from 0 to 16.
    assert np.bincount(everything[1]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert set(np.unique(everything[0] * 16)) == set(range(17))
    first, second = load_digits(held_out=360, seed=None)
    in_order = np.concatenate([first.images, second.images])
    assert np.array_equal(np.sort(in_order.sum((1, 2, 3))), np.sort(everything[0].sum((1, 2, 3))))


def test_a_seed_deals_as_before_and_another_does_not():
    once, again, other = (load_digits(seed=seed)[1] for seed in (0, 0, 1))
    assert np.array_equal(once.images, again.images)
    assert not np.array_equal(once.labels, other.labels)


@pytest.mark.parametrize("held_out", [0, 1797, -3])
def test_nothing_to_train_on_or_to_test_with_is_refused(held_out):
    with pytest.raises(ValueError, match=f"held_out={held_out}: the rule is"):
        load_digits(held_out=held_out)
