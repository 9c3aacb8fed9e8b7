"""The short form of killed trainings: the weights are those of a training that nobody killed."""

import random

from tests.robustness.training_kills import TRAININGS, finish, survive


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path):
    words = [*TRAININGS["everything"], "--epochs", "3"]
    expected = finish(tmp_path / "whole", *words)
    found, _ = survive(tmp_path / "killed", words, 2, random.Random(1), 2.5)
    assert found == expected
