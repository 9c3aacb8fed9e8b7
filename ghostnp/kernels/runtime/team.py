"""Which threads run the kernels' loops.

``GHOSTNP_THREADING`` chooses:

- ``omp``, OpenMP's threads, the default wherever Numba has them: they start on a loop within microseconds;
- ``pool``, threads of Python's own, the default elsewhere: a loop costs some ten microseconds more, which small maps
  feel and large ones do not;
- ``serial``, the calling thread alone.

Results are the same bit for bit. ``NUMBA_NUM_THREADS`` and `numba.set_num_threads` say how many threads there are.

Numba's own pool ("workqueue") is not a choice, since it aborts the program when two threads call kernels at once.

A forked process, such as a worker of Python's `multiprocessing`, inherits OpenMP's state and none of its threads: there
kernels run on the calling thread alone. The pool is made anew.
"""

import os
from ctypes import CFUNCTYPE, c_int

import numba

__all__ = ["choose_layer", "has_openmp"]


def choose_layer():
    """Make Numba use the threads that are asked for, and say which: "omp", "pool" or "serial"."""
    # Between two kernels OpenMP's threads would spin, and take the cores from whoever else wants them: on a busy
    # machine, or beside another library's threads, that made a whole network a hundred times slower. Asleep, they wake
    # in microseconds. OpenMP reads this when it is loaded; "active" suits a machine with nothing else to do.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    layers = ("omp", "pool", "serial") if has_openmp() else ("pool", "serial")
    layer = os.environ.get("GHOSTNP_THREADING", layers[0])
    if layer not in layers:
        raise ValueError(
            f"GHOSTNP_THREADING={layer!r}: the rule is omp, where this build of Numba has OpenMP, pool, or serial; "
            f"here {' or '.join(layers)} would do"
        )
    if layer == "pool":
        from ghostnp.kernels.pool import use_pool

        use_pool()
    if layer == "omp":
        numba.config.THREADING_LAYER = "omp"
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_stay_on_one_thread)
    return layer


def _stay_on_one_thread():
    """Make OpenMP usable in a forked process: with one thread it starts no other, and misses none."""
    try:
        numba.threading_layer()
    except ValueError:  # OpenMP has not been started, so that nothing was inherited
        return
    from numba.np.ufunc import omppool

    # Numba ends a process that uses GNU's OpenMP and whose parent started it; now it is this process that did.
    CFUNCTYPE(None, c_int)(omppool.launch_threads)(1)
    numba.set_num_threads(1)


def has_openmp():
    """Whether this build of Numba can use OpenMP on this machine."""
    try:
        from numba.np.ufunc import omppool  # noqa: F401
    except ImportError:
        return False
    return True
