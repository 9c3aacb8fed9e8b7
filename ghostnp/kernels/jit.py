"""The one home of compiler flags, cache policy and threads.

Two kinds of compiled function make up the kernels:

- a *leaf* is a loop over contiguous rows. It allocates nothing and holds no references, so Numba's reference counting
  is left out of it (worth a factor 1.7 on short rows);
- a *driver* shares channels or blocks out among threads and calls leaves. Its work is cut into a fixed number of
  shares, whatever the number of threads, and partial sums are added in a fixed order: results are equal bit for bit
  from run to run and with any number of threads.

Three things that cost speed without a word, for whoever writes another one: a literal number handed to a leaf compiles
it a second time (hand over ``dtype.type(0)``), a leaf whose output is also an input is not vectorised, and neither is
one that indexes ``row[first + p]`` (slice first, then count from 0).
"""

import os
import warnings
from functools import cache
from pathlib import Path

import numba
from numba import prange

__all__ = ["SHARES", "driver", "leaf", "prange"]

# Sums may be reordered and contracted, which is what lets a reduction use vector registers. "nnan" and "ninf" are left
# out on purpose: NaN and infinity have to come through a kernel as they come through its definition.
_FLAGS = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}

# Into how many shares a driver cuts its work: a few for each core of a laptop, so that uneven shares even out.
SHARES = 16


# Between two kernels OpenMP's threads would spin, and take the cores from whoever else wants them: on a busy machine,
# or beside another library's threads, that made a whole network a hundred times slower. Asleep, they wake in
# microseconds. OpenMP reads this when it is loaded; set OMP_WAIT_POLICY=active on a machine with nothing else to do.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _has_openmp():
    try:
        from numba.np.ufunc import omppool  # noqa: F401
    except ImportError:
        return False
    return True


# Numba's own thread pool ("workqueue") aborts the process when two threads call kernels at once, so it is never used:
# without OpenMP the drivers run on the calling thread.
_PARALLEL = _has_openmp()
if _PARALLEL:
    numba.config.THREADING_LAYER = "omp"


_HERE = Path(__file__).parent
# What a compiled kernel on disk is valid for: the state of all files here.
_STAMP = tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(_HERE.glob("*.py")))


@cache
def _say_once(message):
    warnings.warn(message, RuntimeWarning, stacklevel=2)


def _compiled(function, **flags):
    try:
        compiled = numba.njit(cache=True, **_FLAGS, **flags)(function)
    except RuntimeError:  # Numba found no folder that it may write to
        _say_once(
            "no folder for compiled kernels can be written: they are compiled anew in each run, which takes a "
            "minute; set NUMBA_CACHE_DIR to a folder of yours"
        )
        return numba.njit(**_FLAGS, **flags)(function)
    # Numba looks at the function's own file alone, and would keep a driver whose leaves have changed in another.
    on_disk = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(on_disk, "_source_stamp"):
        on_disk._source_stamp = _STAMP
    return compiled


# The option is Numba's own and not documented; a version without it is as right, and slower.
_LEAF_FLAGS = {"_nrt": False} if hasattr(numba.core.options.DefaultOptions, "_nrt") else {}


def leaf(function):
    """Compile a loop over rows: no allocation inside, called from compiled code only."""
    return _compiled(function, **_LEAF_FLAGS)


def driver(function):
    """Compile a loop over shares of the work, run by all threads."""
    return _compiled(function, parallel=_PARALLEL)
