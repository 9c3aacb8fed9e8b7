"""In what surroundings something was measured: without them a time means nothing."""

import os
import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import ghostnp

PACKAGES = ("numpy", "numba", "torch", "onnx", "onnxruntime", "openvino")
_PROC = Path("/proc")


def cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def surroundings(threads):
    """Everything that the bench's header says.

    Parameters
    ----------
    threads : str
        How many each contender was given.

    Returns
    -------
    dict of str to str
    """
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{processor()} ({platform.machine()})",
        "cores": str(cores()),
        "threads": f"{threads} for each contender, each in a process of its own, one at work at a time",
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "not set: each peer's own"),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "ghostnp": ghostnp.__version__,
        **{name: installed(name) or "not installed" for name in PACKAGES},
    }


class Others:
    """How much of the machine other programs took since the beginning: where they take much, times are theirs too.

    Parameters
    ----------
    processes : iterable of int
        Numbers of this process's children that are still alive; their time is no one else's.

    Notes
    -----
    Known on Linux alone.
    """

    def __init__(self, processes=()):
        self._processes = tuple(processes)
        self._start = self._now()

    @property
    def share(self):
        """Of all cores, from 0 to 1; None where it is not known."""
        seconds, busy, own = (now - then for now, then in zip(self._now(), self._start, strict=True))
        return max(busy - own, 0.0) / seconds / (os.cpu_count() or 1) if busy else None

    def _now(self):
        """The time; seconds that all cores together have worked; seconds of them that were ours."""
        times = os.times()
        own = times.user + times.system + times.children_user + times.children_system
        try:
            first = (_PROC / "stat").read_text(encoding="ascii").splitlines()[0]
            user, nice, system, _, _, interrupts, soft_interrupts, *_ = map(int, first.split()[1:])
            alive = sum(map(_worked, self._processes))
        except OSError:
            return perf_counter(), 0.0, own
        second = os.sysconf("SC_CLK_TCK")
        return perf_counter(), (user + nice + system + interrupts + soft_interrupts) / second, own + alive / second


def installed(package):
    """The version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def processor():
    """The processor's name, its family and model (a virtual machine's name may hide them), and its widest vectors."""
    try:
        lines = (_PROC / "cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    number = f"{said['cpu family']}/{said['model']}" if {"cpu family", "model"} <= said.keys() else ""
    flags = said.get("flags", "").split()
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    return " ".join(filter(None, (said.get("model name", platform.machine()), number, vectors)))


def _worked(process):
    """Clock ticks that a process has worked."""
    # Its name, in parentheses, may hold anything.
    _, _, fields = (_PROC / str(process) / "stat").read_text(encoding="utf-8").rpartition(")")
    user, system = fields.split()[11:13]
    return int(user) + int(system)
