"""Which threads run the kernels' loops.

``GHOSTNP_THREADING`` chooses ``omp``, OpenMP's threads, the default wherever Numba has them, or ``serial``, the
calling thread alone. Results are the same bit for bit. ``NUMBA_NUM_THREADS`` and `numba.set_num_threads` say how many
threads there are.

Numba's own pool ("workqueue") is not a choice, since it aborts the program when two threads call kernels at once.
"""

import os

import numba

__all__ = ["choose_layer"]


def choose_layer():
    """Make Numba use the threads that are asked for, and say which: "omp" or "serial"."""
    # Between two kernels OpenMP's threads would spin, and take the cores from whoever else wants them: on a busy
    # machine, or beside another library's threads, that made a whole network a hundred times slower. Asleep, they wake
    # in microseconds. OpenMP reads this when it is loaded; "active" suits a machine with nothing else to do.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    layers = ("omp", "serial") if _has_openmp() else ("serial",)
    layer = os.environ.get("GHOSTNP_THREADING", layers[0])
    if layer not in layers:
        raise ValueError(
            f"GHOSTNP_THREADING={layer!r}: the rule is omp, where this build of Numba has OpenMP, or serial; here "
            f"{' or '.join(layers)} would do"
        )
    if layer == "omp":
        numba.config.THREADING_LAYER = "omp"
    return layer


def _has_openmp():
    try:
        from numba.np.ufunc import omppool  # noqa: F401
    except ImportError:
        return False
    return True
