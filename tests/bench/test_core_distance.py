"""How far cores are from each other: a time that a machine can have, and no setting of this thread's is changed."""

import os
import threading

import pytest

from ghostnp.bench.core_distance import core_distance
from ghostnp.kernels.runtime.jit import JIT

pytestmark = pytest.mark.small


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot be told where to run")
def test_it_is_measured_where_there_are_two_cores():
    before, threads = os.sched_getaffinity(0), threading.active_count()
    distance = core_distance()
    assert os.sched_getaffinity(0) == before
    assert threading.active_count() == threads
    if JIT and len(before) > 1:
        assert 1e-9 < distance < 1  # light takes a nanosecond from one end of a computer to the other
    else:
        assert distance is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads cannot be told where to run")
def test_a_single_core_has_no_distance():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert core_distance() is None
    finally:
        os.sched_setaffinity(0, before)
