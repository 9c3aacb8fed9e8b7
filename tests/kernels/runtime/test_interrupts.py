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
thread = threading.Thread(target=send)
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


def test_an_interrupt_waits_for_the_end():
    came = []

    def interrupted():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            came.append("to the end")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert came == ["to the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored_and_other_threads_change_nothing():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    seen = []

    def look():
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
