"""In what surroundings something was measured: without them a time means nothing."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("ghostnp", "numpy", "numba", "torch", "onnx", "onnxruntime")


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
        **{name: installed(name) or "not installed" for name in PACKAGES},
    }


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
