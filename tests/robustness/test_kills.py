"""The short form of the kills: whoever is killed while it writes leaves what was finished."""

import random

import pytest

from tests.robustness.kills import WRITERS, check

pytestmark = pytest.mark.small


@pytest.mark.parametrize("writer", WRITERS)
def test_a_killed_writer_leaves_what_was_finished(tmp_path, writer):
    rng = random.Random(0)
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(writer, rng.expovariate(10), folder)
