"""How much memory a task takes at most.

What is measured is the process's resident memory, as the operating system counts it: weights, activations, gradients,
work space, and blocks that a library keeps for later. Libraries and compiled kernels are not in it: a small task runs
first, and what the process holds then is taken off.
"""

import gc
import sys
from pathlib import Path

_RUNS = 3
_PROC = Path("/proc/self")


def peak(prepare, variant, small, task, threads):
    """Bytes that `task` takes at most, over a few runs, after a small one; in a process that has done nothing else."""
    ready = prepare(small, variant, threads)
    ready.run()
    del ready
    gc.collect()
    before = _since_now()
    ready = prepare(task, variant, threads)
    for _ in range(_RUNS):
        ready.run()
    return _highest() - before


def _since_now():
    """Forget the highest mark, where the system allows it, and say how much memory is resident."""
    try:
        (_PROC / "clear_refs").write_text("5")
    except OSError:
        return _highest()
    return _status("VmRSS")


def _highest():
    try:
        return _status("VmHWM")
    except OSError:
        import resource  # not on every system

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


def _status(name):
    lines = (_PROC / "status").read_text(encoding="ascii").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
