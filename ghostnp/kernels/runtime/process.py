"""What importing the kernels changes in the process, in one place: to be applied, and to be printed."""

from ghostnp.kernels.runtime.memory import keep_freed_memory
from ghostnp.kernels.runtime.progress import listen
from ghostnp.kernels.runtime.team import threads, watch_process

__all__ = ["apply_settings", "settings"]

_applied: dict[str, str] = {}


def apply_settings():
    """Make all changes.

    They are how the C library keeps memory, what becomes of the team at a fork and at exit, and that Numba says when it
    compiles. `atomics` tells LLVM of C functions when it is imported.
    """
    kept = keep_freed_memory()
    watch_process()
    listen()
    _applied["freed memory"] = f"up to {kept} MB of it stay with the program" if kept else "as the C library likes"
    _applied["at a fork"] = "the new process starts threads of its own"
    _applied["at exit"] = "threads are stopped"
    _applied["Numba"] = "says when it compiles a kernel, for the log"
    _applied["LLVM"] = "knows by name the C functions with which threads sleep and wake"


def settings():
    """Say what importing the kernels has changed in this process, and how many threads run them."""
    lines = {"threads": f"{threads()}, started by the first large kernel", **_applied}
    return "\n".join(f"{name}: {value}" for name, value in lines.items())
