"""How kernels are compiled, and the one home of compiler flags.

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

import numba
from llvmlite.binding import Linkage
from numba import prange
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.dispatcher import Dispatcher

from ghostnp.kernels.cache import keep_on_disk
from ghostnp.kernels.progress import watch
from ghostnp.kernels.threads import choose_layer

__all__ = ["SHARES", "driver", "leaf", "prange"]

# Sums may be reordered and contracted, which is what lets a reduction use vector registers. "nnan" and "ninf" are left
# out on purpose: NaN and infinity have to come through a kernel as they come through its definition.
_FLAGS = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}

# Into how many shares a driver cuts its work: a few for each core of a laptop, so that uneven shares even out.
SHARES = 16

# A leaf is inlined into its drivers, so that it need not be kept on disk, nor be called from C. The first option is
# Numba's own and not documented; a version without it is as right, and slower.
_LEAF_FLAGS = {"no_cfunc_wrapper": True}
if hasattr(numba.core.options.DefaultOptions, "_nrt"):
    _LEAF_FLAGS["_nrt"] = False

_PARALLEL = choose_layer() != "serial"

# Of all that Numba can run in parallel, drivers use prange; searching them for the rest takes a tenth of their time.
_OTHERS = ("comprehension", "reduction", "inplace_binop", "setitem", "numpy", "stencil", "fusion")
_DRIVER_FLAGS = {
    "no_cfunc_wrapper": True,
    "parallel": {"prange": True} | dict.fromkeys(_OTHERS, False) if _PARALLEL else False,
}


# A function of this linkage may be in several object files, of which the linker takes one.
_ANY_COPY = {Linkage.linkonce_any, Linkage.linkonce_odr, Linkage.weak_any, Linkage.weak_odr}


# LLVM's passes for a driver: the first of three levels takes a sixth less time, and vectorises loops as the third does.
_LEVEL = type(numba.config.OPT)(1)


class _SelfContained(JITCodeLibrary):
    """A driver's machine code, in which it calls its own copies of leaves.

    Otherwise it would call the copy that the process met first, be it the leaf's own or another driver's. Each was
    optimised where it stands, and may add in another order: bits would depend on whether a kernel was compiled or read
    from the disk, and on which kernels came before it.
    """

    def _optimize_final_module(self):
        for function in self._final_module.functions:
            if function.linkage in _ANY_COPY:
                function.linkage = Linkage.internal
        level, numba.config.OPT = numba.config.OPT, _LEVEL
        try:
            super()._optimize_final_module()
        finally:
            numba.config.OPT = level


class _DriverCompiler(Compiler):
    def __init__(self, typing, target, _, *rest):
        library = _SelfContained(target.codegen(), "driver")
        library.enable_object_caching()
        super().__init__(typing, target, library, *rest)


def leaf(function):
    """Compile a loop over rows: no allocation inside, called from compiled code."""
    return numba.njit(**_FLAGS, **_LEAF_FLAGS)(function)


def driver(function):
    """Compile a loop over shares of the work, run by all threads."""
    compiled = numba.njit(**_FLAGS, **_DRIVER_FLAGS, pipeline_class=_DriverCompiler)(function)
    if isinstance(compiled, Dispatcher):  # and not the function itself, as with NUMBA_DISABLE_JIT
        keep_on_disk(compiled, key=_PARALLEL)
        watch(compiled)
    return compiled
