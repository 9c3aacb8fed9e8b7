"""In what surroundings something was measured: without them a time means nothing."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import ghostnp

PACKAGES = ("numpy", "numba", "torch", "onnx", "onnxruntime")
_STAT = Path("/proc/stat")


def cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def surroundings(threads):
    """Everything that the bench's header says.

    Parameters
    ----------
    threads : int
        That each contender was given.

    Returns
    -------
    dict of str to str
    """
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _processor(),
        "cores": str(cores()),
        "threads": f"{threads} for each contender, each in a process of its own, one at work at a time",
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "not set: passive in ghostnp's process, each peer's own"),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "ghostnp": ghostnp.__version__,
        **{name: installed(name) or "not installed" for name in PACKAGES},
    }


class Others:
    """How much of the machine other programs took meanwhile: where they take much, times are theirs too.

    Known on Linux alone, and complete once this process's children have ended.
    """

    def __init__(self):
        self._start = perf_counter(), _busy(), _own()

    @property
    def text(self):
        """Their share of all cores since the beginning."""
        seconds, busy, own = (
            now - then for now, then in zip((perf_counter(), _busy(), _own()), self._start, strict=True)
        )
        if not busy:
            return "unknown"
        return f"took {max(busy - own, 0) / seconds / (os.cpu_count() or 1):.0%} of the machine meanwhile"


def installed(package):
    """Its version, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()} ({platform.machine()})"


def _busy():
    """Seconds that all cores together have worked since the system began."""
    try:
        user, nice, system, _, _, irq, softirq, *_ = map(
            int, _STAT.read_text(encoding="ascii").split("\n")[0].split()[1:]
        )
    except OSError:
        return 0.0
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _own():
    """Seconds of them that went into this process and its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
