"""Ctrl-C while kernels are compiled: it is raised, and what is compiled afterwards is right."""

import signal
import threading

import pytest

from ghostnp.kernels.runtime.interrupts import uninterrupted

# An interrupt every few milliseconds, until everything is compiled in spite of them.
AGAIN_AND_AGAIN = """
import os, signal, threading, time
import numpy as np
import ghostnp
from ghostnp import kernels, ops

may = done = False
raised = 0

def interrupt(number, frame):
    if may:
        raise KeyboardInterrupt

def send():
    while not done:
        time.sleep(0.03)
        os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, interrupt)
rng = np.random.default_rng(0)
x, weight = (rng.standard_normal(shape, dtype=np.float32) for shape in ((2, 3, 9, 9), (4, 3, 3, 3)))
thread = threading.Thread(target=send, daemon=True)
thread.start()
while not done:
    try:
        may = True
        y = kernels.conv2d(x, weight, padding=1)
        pooled, _ = kernels.max_pool2d(y, 2)
        summed = kernels.relu(kernels.global_avg_pool2d(pooled))
        may, done = False, True
    except KeyboardInterrupt:
        may = False
        raised += 1
thread.join()
expected, _ = ops.max_pool2d(ops.conv2d(x, weight, padding=1), 2)
expected = ops.relu(ops.global_avg_pool2d(expected))
assert np.abs(summed - expected).max() <= 1e-5 * np.abs(expected).max()
print(raised)
"""


def test_interrupted_again_and_again_kernels_are_compiled_and_right(run_python, tmp_path):
    done = run_python(AGAIN_AND_AGAIN, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_DISABLE_JIT="0")
    assert int(done) > 0


@pytest.fixture
def handle():
    """Set what SIGINT does, until the test is over."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_waits_for_the_end(handle):
    handle(signal.default_int_handler)
    came = []

    def interrupted():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            came.append("to the end")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert came == ["to the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_does_what_the_first_has_set(handle):
    came = []

    def first(*given):
        came.append("first")
        handle(lambda *given: came.append("second"))

    handle(first)
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert came == []
    assert came == ["first", "second"]


def test_where_no_handler_can_be_set_nothing_is_put_off(handle, monkeypatch):
    def refuse(*given):
        raise ValueError("signal only works in main thread of the main interpreter")

    handle(signal.default_int_handler)
    monkeypatch.setattr(signal, "signal", refuse)
    with uninterrupted():
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored_and_other_threads_change_nothing(handle):
    handle(signal.SIG_IGN)
    with uninterrupted():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    handle(signal.default_int_handler)
    seen = []

    def look():
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
