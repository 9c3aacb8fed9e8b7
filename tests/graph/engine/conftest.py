"""What tests of the engine share."""

import pytest

from ghostnp.kernels.runtime import set_threads, threads


@pytest.fixture
def count_threads():
    """A function that sets the number of threads, for this test."""
    before = threads()
    yield set_threads
    set_threads(before)
