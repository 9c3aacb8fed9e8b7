"""The team of threads changes no result, whoever calls it and whatever happens to the process."""

import pytest

from ghostnp.kernels.runtime import set_threads, threads
from ghostnp.kernels.runtime.team import asked_for

# Kernels of every kind of loop, on arrays large enough to be shared out.
KERNELS = """
import hashlib, os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from ghostnp import kernels
rng = np.random.default_rng(0)
x, dy = rng.standard_normal((2, 9, 32, 19, 19), dtype=np.float32)
weight, ones = rng.standard_normal((32, 32, 3, 3), dtype=np.float32), np.ones(32, np.float32)
CALLS = [
    lambda: kernels.relu(x),
    lambda: kernels.concat([x, dy]),
    lambda: kernels.global_avg_pool2d(x),
    lambda: kernels.batch_norm_relu_train(x, ones, ones),
    lambda: kernels.batch_norm_train_backward(dy, x, ones, ones, ones),
    lambda: kernels.pointwise_conv2d(x, weight[:, :, :1, :1]),
    lambda: kernels.pointwise_conv2d_backward(dy, x, weight[:, :, :1, :1]),
    lambda: kernels.depthwise_conv2d_backward(dy, x, weight[:, :1], padding=1),
    lambda: kernels.standard_conv2d(x, weight, stride=2),
]

def digest(call):
    result = call()
    arrays = [a for a in (result if isinstance(result, tuple) else [result]) if a is not None]
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()
"""

ALONE = "for call in CALLS: print(digest(call))"

EACH_NUMBER = """
alone = [digest(call) for call in CALLS]
for count in (1, 2, 3, 7, 16, 17, 64):
    kernels.runtime.set_threads(count)
    for _ in range(3):
        assert [digest(call) for call in CALLS] == alone, count
"""

# No kernel is compiled or read from the disk before the callers come.
TOGETHER = """
with ThreadPoolExecutor(4) as callers:
    many = list(callers.map(digest, CALLS * 20))
assert many == [digest(call) for call in CALLS] * 20
"""

# A caller that stays on one core after the other; with one alone, or where nobody can say, there is nothing to do.
PLACES = """
call, all_cores = CALLS[0], os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
kernels.runtime.set_threads(3)
call()
members = [thread.native_id for thread in threading.enumerate() if thread.name == "ghostnp"]
assert len(members) == 2
for core in sorted(all_cores) if len(all_cores) > 1 else ():
    os.sched_setaffinity(0, {core})
    for _ in range(100):
        time.sleep(0.01)  # members sleep
        call()
        if all(os.sched_getaffinity(member) == all_cores - {core} for member in members):
            break
    else:
        raise AssertionError([os.sched_getaffinity(member) for member in members])
"""

# A driver of its own: each launch reads what the one before wrote, in shares that another thread may have done.
REVERSE = """
from ghostnp.kernels.runtime import bounds, driver

@driver
def reverse(share, shares, a, b):
    begin, end = bounds(share, shares, a.size)
    for i in range(begin, end):
        b[i] = a[a.size - 1 - i] + 1
"""

DEPENDENT = """
a, b = np.zeros((2, 4096))
for _ in range(20_000):
    reverse(16, a, b)
    reverse(16, b, a)
assert (a == 40_000).all()
time.sleep(0.01)  # so that members sleep
for _ in range(50):
    reverse(16, a, b)
    time.sleep(0.001)
    reverse(16, b, a)
assert (a == 40_100).all()
"""

CALLERS = """
def count(_):
    a, b = np.zeros((2, 4096))
    for _ in range(2_000):
        reverse(16, a, b)
        reverse(16, b, a)
    return (a == 4_000).all()

with ThreadPoolExecutor(5) as callers:
    assert all(callers.map(count, range(10)))
"""

# From Python 3.12 on a fork beside threads is warned of: it is what this is about.
FORKED = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
alone = [digest(call) for call in CALLS]
busy, failed = True, []

def launch():
    a, b = np.zeros((2, 4096))
    while busy:
        reverse(16, a, b)

def forked(work):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        os._exit(not work())
    failed.append(os.waitpid(child, 0)[1])

if hasattr(os, "fork"):
    beside = threading.Thread(target=launch)
    beside.start()
    for _ in range(20):
        forked(lambda: [digest(call) for call in CALLS] == alone)
    # A fork of a fork.
    forked(lambda: forked(lambda: [digest(call) for call in CALLS] == alone) or not failed[-1])
    busy = False
    beside.join()
    assert [digest(call) for call in CALLS] == alone
assert not any(failed), failed
"""

NO_MEMORY = """
@driver
def ask(share, shares, sizes, out):
    memory = np.empty(sizes[share])
    memory[0] = share
    out[share] = memory[0]

sizes, out = np.full(16, 10), np.zeros(16)
for bad in (0, 7, 15):
    sizes[bad] = 1 << 59
    for _ in range(5):
        try:
            ask(16, sizes, out)
        except MemoryError:
            print("no memory")
    sizes[bad] = 10
ask(16, sizes, out)
assert (out == np.arange(16)).all()
"""

# The signal comes while the main thread is in native code nearly all the time.
INTERRUPTED = """
def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
a, b = np.zeros((2, 1 << 16))
reverse(16, a, b)
for _ in range(10):
    threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        while True:
            reverse(16, a, b)
    except KeyboardInterrupt:
        pass
    a[:] = 0
    reverse(16, a, b)
    reverse(16, b, a)
    assert (a == 2).all()
"""

# The interpreter exits while members spin, and while a thread that it does not wait for is launching.
EXIT = """
def launch():
    a, b = np.zeros((2, 1 << 14))
    while True:
        reverse(16, a, b)

threading.Thread(target=launch, daemon=True).start()
a, b = np.zeros((2, 4096))
reverse(16, a, b)
import atexit
@atexit.register
def late():
    a, b = np.zeros((2, 4096))
    reverse(16, a, b)
    assert (b == 1).all()
    print("late")
"""


def test_the_number_of_threads_changes_no_bit(run_python):
    run_python(KERNELS + EACH_NUMBER)


@pytest.mark.parametrize("variable", ["GHOSTNP_THREADS", "NUMBA_NUM_THREADS"])
def test_a_setting_says_how_many_threads_there_are(variable, run_python):
    code = "from ghostnp.kernels import runtime; print(runtime.threads())"
    assert run_python(code, **{variable: "3"}) == "3\n"
    one, three = (run_python(KERNELS + ALONE, **{variable: count}) for count in "13")
    assert one == three


def test_a_member_that_slept_wakes_up_on_another_core_than_its_caller(run_python):
    run_python(KERNELS + PLACES)


def test_callers_from_several_threads(run_python):
    run_python(KERNELS + TOGETHER, GHOSTNP_THREADS="3")


@pytest.mark.parametrize("count", ["1", "2", "3", "16"])
def test_launches_that_depend_on_each_other_are_exact(count, run_python):
    run_python(KERNELS + REVERSE + DEPENDENT, GHOSTNP_THREADS=count)


@pytest.mark.parametrize("count", ["2", "16"])
def test_launches_of_several_callers_are_exact(count, run_python):
    run_python(KERNELS + REVERSE + CALLERS, GHOSTNP_THREADS=count)


@pytest.mark.parametrize("count", ["1", "3"])
def test_forked_processes_compute_the_same_bits_even_if_forked_during_a_launch(count, run_python):
    run_python(KERNELS + REVERSE + FORKED, GHOSTNP_THREADS=count)


@pytest.mark.parametrize("count", ["1", "3"])
def test_a_share_that_gets_no_memory_is_a_memory_error(count, run_python):
    assert run_python(KERNELS + REVERSE + NO_MEMORY, GHOSTNP_THREADS=count) == "no memory\n" * 15


def test_an_interrupt_between_launches_leaves_the_team_usable(run_python):
    run_python(KERNELS + REVERSE + INTERRUPTED, GHOSTNP_THREADS="3")


def test_the_interpreter_exits_while_members_are_in_native_code(run_python):
    for _ in range(5):
        assert run_python(KERNELS + REVERSE + EXIT, GHOSTNP_THREADS="3") == "late\n"


def test_a_system_that_has_no_more_threads_is_no_error(run_python):
    none = "threading.Thread.start = lambda self: (_ for _ in ()).throw(RuntimeError('no more'))\n"
    assert run_python(KERNELS + none + ALONE, GHOSTNP_THREADS="3") == run_python(KERNELS + ALONE)


def test_importing_sets_no_other_library_s_threads(run_python):
    code = """
import os
before = dict(os.environ)
import numba
layer = numba.config.THREADING_LAYER
from ghostnp import kernels
assert os.environ == before
assert numba.config.THREADING_LAYER == layer
print(kernels.runtime.settings())
"""
    assert "threads: 3" in run_python(code, GHOSTNP_THREADS="3")


@pytest.mark.small
@pytest.mark.parametrize("setting", ["0", "many", "-1", "1025", "1.5", ""])
def test_a_setting_that_is_no_number_of_threads_is_named(setting, monkeypatch):
    monkeypatch.setenv("GHOSTNP_THREADS", setting)
    with pytest.raises(ValueError, match=f"GHOSTNP_THREADS={setting!r}.* from 1 to 1024, such as 2"):
        asked_for()


@pytest.mark.small
def test_a_number_of_threads_that_there_cannot_be_is_named():
    before = threads()
    with pytest.raises(ValueError, match=r"count=0: .* from 1 to 1024"):
        set_threads(0)
    assert threads() == before
