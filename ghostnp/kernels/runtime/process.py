"""What importing the kernels changes in the process, in one place: to be applied, and to be printed."""

from ghostnp.kernels.runtime.memory import keep_freed_memory
from ghostnp.kernels.runtime.team import threads, watch_process

__all__ = ["apply_settings", "settings"]

_kept = 0  # megabytes


def apply_settings():
    """Make all changes: how the C library keeps memory, and what happens to the team at a fork and at exit."""
    global _kept
    _kept = keep_freed_memory()
    watch_process()


def settings():
    """Say what importing the kernels has changed in this process, and what they run with."""
    return (
        f"threads: {threads()}, started by the first large kernel, anew after a fork, and stopped at exit "
        f"(GHOSTNP_THREADS, NUMBA_NUM_THREADS)\n"
        f"freed memory that stays with the program: {f'up to {_kept} MB' if _kept else 'as the C library likes'} "
        f"(GHOSTNP_MEMORY)"
    )
