"""What a second process compiles is the same code, and whatever becomes of it, the first one goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import pytest

import ghostnp
from ghostnp import kernels
from ghostnp.graph.engine.replay import launches_of
from ghostnp.kernels.runtime import ahead, compile_ahead, recording, set_threads, threads
from ghostnp.kernels.runtime.drivers import kernels_of

# Every kernel is left to the second process, or there is none. How many were read from the disk, and what they compute.
CODE = """
import hashlib, sys, time
import numpy as np
from ghostnp import kernels
from ghostnp.graph.engine.replay import launches_of
from ghostnp.kernels.runtime import ahead, compile_ahead, recording, set_threads
from ghostnp.kernels.runtime.drivers import kernels_of

def wait(queue):
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not all(map(ahead._is_ready, kernels_of(launches))):
        time.sleep(0.02)
    return ()

set_threads(2)
ahead.numba.config.NUMBA_DEFAULT_NUM_THREADS = 2
if TOGETHER:
    ahead._taken = wait
else:
    sys.executable = ""
x = np.random.default_rng(0).standard_normal((2, 4, 30, 30), dtype=np.float32)
def run():
    return kernels.sigmoid(x), kernels.hard_sigmoid(x), kernels.channel_shuffle(x, 2)
with recording(bind=False) as launches:
    run()
compile_ahead(lambda: launches)
results = run()
print(sum(sum(kernel.dispatcher.stats.cache_hits.values()) for kernel in kernels_of(launches)))
print(*(hashlib.sha256(y.tobytes()).hexdigest() for y in results))
"""


def test_what_the_second_process_compiles_is_read_and_computes_the_same_bits(run_python, tmp_path):
    hits, results = {}, {}
    for together in (False, True):
        folder = tmp_path / str(together)
        code = CODE.replace("TOGETHER", str(together))
        hits[together], results[together] = run_python(code, NUMBA_CACHE_DIR=str(folder)).splitlines()
    assert hits == {False: "0", True: "3"}
    assert results[False] == results[True]


def some_launches():
    x = np.zeros((2, 4, 3, 3), np.float32)
    with recording(bind=False) as launches:
        kernels.sigmoid(x), kernels.relu(x), kernels.channel_shuffle(x, 2)
    return launches


def test_what_is_noted_is_what_is_bound():
    model = ghostnp.create_model("ghostnet_050", num_classes=10)
    engine = ghostnp.compile(model)
    engine(np.zeros((2, 3, 64, 64), np.float32))
    noted = set(kernels_of(launches_of(engine.plan((2, 3, 64, 64)).work)))
    assert len(noted) > 5
    for kernel in noted:
        assert tuple(ahead._type(json.loads(json.dumps(ahead._spelled(kind)))) for kind in kernel.types) == kernel.types
        assert kernel.types in kernel.dispatcher.overloads


class Stub(NamedTuple):
    """In a kernel's place: the first one takes a while."""

    number: int
    interrupted: bool = False
    types = ()
    module = name = "stub"

    @property
    def dispatcher(self):
        return self

    def compile(self, types):
        if self.interrupted:
            raise KeyboardInterrupt
        COMPILED.append(self.number)
        time.sleep(0.3 if self.number == 0 else 0)


COMPILED: list[int] = []


@pytest.fixture
def started(monkeypatch):
    """All processes that were started."""
    processes = []

    class Noted(subprocess.Popen):
        def __init__(self, *arguments, **keywords):
            super().__init__(*arguments, **keywords)
            processes.append(self)

    COMPILED.clear()
    monkeypatch.setattr(ahead.subprocess, "Popen", Noted)
    return processes


@pytest.fixture
def python(monkeypatch, tmp_path):
    """Have a shell script be Python."""

    def be(script):
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(path))

    return be


@pytest.mark.parametrize(
    ("script", "taken"),
    [
        ("exit 1", 0),
        ("exec sleep 600", 0),
        ("head -c 1; kill -9 $$", 1),  # dies with the kernel that it took
        ("cat", 9),  # takes all of them, and compiles none
        ("cat; exec sleep 600", 9),  # and does not end
    ],
)
def test_a_second_process_that_fails_is_no_error(python, started, script, taken):
    python(script)
    ahead._compile_with_another([Stub(number) for number in range(9)])
    assert [process.poll() is None for process in started] == [False]
    assert 9 - taken <= len(COMPILED) <= 9
    assert sorted(COMPILED) == COMPILED


def test_an_interrupt_ends_the_second_process_too(python, started):
    python("exec sleep 600")
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(KeyboardInterrupt):
        ahead._compile_with_another([Stub(0), Stub(1, interrupted=True), Stub(2)])
    assert [process.returncode for process in started] == [-signal.SIGKILL]
    assert COMPILED == [0]
    assert len(os.listdir("/dev/fd")) == before


@pytest.fixture
def cold(monkeypatch):
    """Nothing has been compiled, and there are two cores."""
    before = threads()
    set_threads(2)
    monkeypatch.setattr(ahead.numba.config, "NUMBA_DEFAULT_NUM_THREADS", 2)
    monkeypatch.setattr(ahead, "_is_ready", lambda kernel: False)
    yield monkeypatch
    set_threads(before)


@pytest.mark.parametrize("name", ["", None, "/usr/bin/uwsgi", "/nowhere/python3"])
def test_without_python_no_second_process_is_started(cold, started, name):
    cold.setattr(sys, "executable", name)
    compile_ahead(some_launches)
    assert started == []


@pytest.mark.parametrize("why", ["thread", "core", "folder", "much to do", "lock"])
def test_where_it_cannot_help_no_second_process_is_started(cold, started, why):
    launches = some_launches()
    if why == "thread":
        set_threads(1)
    elif why == "core":
        cold.setattr(ahead.numba.config, "NUMBA_DEFAULT_NUM_THREADS", 1)
    elif why == "folder":
        cold.setattr(ahead, "is_kept", lambda compiled: False)
    elif why == "much to do":
        launches = launches[:2]
    with ahead._one_at_a_time if why == "lock" else nullcontext():
        compile_ahead(lambda: launches)
    assert started == []


def test_one_thread_notes_nothing(cold):
    set_threads(1)
    compile_ahead(lambda: pytest.fail("it was asked for launches"))


def test_without_a_free_file_each_kernel_is_compiled_here(cold, started):
    def none():
        raise OSError(24, "Too many open files")

    cold.setattr(ahead.os, "pipe", none)
    compile_ahead(some_launches)
    assert started == []
    assert not ahead._one_at_a_time.locked()


def test_an_interrupt_while_it_is_started_ends_it(python, started, monkeypatch):
    python("exec sleep 600")
    start = ahead._second_process

    def interrupted(*given):
        process = start(*given)
        signal.raise_signal(signal.SIGINT)
        return process

    monkeypatch.setattr(ahead, "_second_process", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            ahead._compile_with_another([Stub(0), Stub(1)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert COMPILED == []
    assert [process.poll() is None for process in started] == [False]


def test_two_cores_and_nothing_compiled_start_one(cold, started, python):
    python("exit 1")
    compile_ahead(some_launches)
    assert [process.poll() is None for process in started] == [False]
