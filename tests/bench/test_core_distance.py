"""How far cores are from each other: a time that a machine can have, and no setting of this thread's is changed."""

import os
import threading

import pytest

from ghostnp.bench.core_distance import core_distance
from ghostnp.kernels.runtime.jit import JIT

pytestmark = pytest.mark.small


def cores():
    """Where this thread may run; empty where a system does not say it."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def test_it_is_measured_where_there_are_two_cores():
    before, threads = cores(), threading.active_count()
    distance = core_distance()
    assert cores() == before
    assert threading.active_count() == threads
    if JIT and len(before) > 1:
        assert 1e-9 < distance < 1  # light takes a nanosecond from one end of a computer to the other
    else:
        assert distance is None


@pytest.mark.parametrize("told", [{0}, None])
def test_without_two_cores_that_a_thread_can_be_sent_to_there_is_no_distance(monkeypatch, told):
    if told is None:  # as on macOS and Windows
        monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: told, raising=False)
    assert core_distance() is None
