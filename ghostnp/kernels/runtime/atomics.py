"""What a team of threads needs of the processor: atomic words, a pause, calls of addresses, and locks to sleep on.

Words are 64 bits wide and given by their address. All threads see one order of what happens to all words ("seq_cst").
The locks are Python's own, through its C interface: they exist on every system, and need no interpreter to wake.
"""

import ctypes
import os
import platform

import llvmlite.binding
import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ghostnp.kernels.runtime.jit import leaf

__all__ = ["WORD", "add", "call_share", "core_number", "let_run_on", "load", "new_lock", "pause"]
__all__ += ["sleep", "store", "swap_if", "wake", "yield_core"]

WORD, POINTER = ir.IntType(64), ir.IntType(8).as_pointer()


def _pointer(builder, address):
    return builder.inttoptr(address, WORD.as_pointer())


@intrinsic
def load(_, address):
    """The word."""

    def build(context, builder, signature, arguments):
        return builder.load_atomic(_pointer(builder, arguments[0]), "seq_cst", 8)

    return types.int64(types.int64), build


@intrinsic
def store(_, address, value):
    """Store a word; whoever sees it sees all that was written before."""

    def build(context, builder, signature, arguments):
        builder.store_atomic(arguments[1], _pointer(builder, arguments[0]), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), build


@intrinsic
def add(_, address, value):
    """Add to a word; returns what was there before."""

    def build(context, builder, signature, arguments):
        return builder.atomic_rmw("add", _pointer(builder, arguments[0]), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), build


@intrinsic
def swap_if(_, address, old, new):
    """Store `new` if the word is `old`; returns whether it was."""

    def build(context, builder, signature, arguments):
        address, old, new = arguments
        pair = builder.cmpxchg(_pointer(builder, address), old, new, "seq_cst", "seq_cst")
        return builder.extract_value(pair, 1)

    return types.boolean(types.int64, types.int64, types.int64), build


# By LLVM's names, with their arguments, since Numba's LLVM has no assembler. Elsewhere a pause is no instruction.
_PAUSES = {"x86_64": ("x86.sse2.pause", []), "aarch64": ("aarch64.isb", [15])}
_MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())


@intrinsic
def pause(_):
    """Wait for some ten nanoseconds, and leave the core's resources to its other thread."""

    def build(context, builder, signature, arguments):
        if _MACHINE in _PAUSES:
            name, numbers = _PAUSES[_MACHINE]
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(32) for _ in numbers])
            function = builder.module.declare_intrinsic(f"llvm.{name}", fnty=kind)
            builder.call(function, [ir.IntType(32)(number) for number in numbers])
        return context.get_dummy_value()

    return types.void(), build


SHARE = ir.FunctionType(WORD, [WORD, POINTER])  # of a share's number and where its arguments are; 0, or what it raised
RECEIVER = ir.FunctionType(WORD, [WORD] * 5)  # of a launch, see `binding`


@intrinsic
def call_share(_, function, share, where):
    """Call the compiled `function` at an address for one share."""

    def build(context, builder, signature, arguments):
        function, share, where = arguments
        pointer = builder.inttoptr(function, SHARE.as_pointer())
        return builder.call(pointer, [share, builder.inttoptr(where, POINTER)])

    return types.int64(types.int64, types.int64, types.int64), build


def _symbol(name, library):
    """Make a C function known to LLVM, which does not find it by itself on every system; whether there is one."""
    function = getattr(library, name, None)
    if function is not None:
        llvmlite.binding.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)
    return function is not None


_SYSTEM = ctypes.CDLL("kernel32" if os.name == "nt" else None)
_YIELD = "SwitchToThread" if os.name == "nt" else "sched_yield"
_symbol("PyThread_acquire_lock_timed", ctypes.pythonapi)
_symbol("PyThread_release_lock", ctypes.pythonapi)
_symbol(_YIELD, _SYSTEM)
# The argument 0: a signal does not end the wait.
_acquire = types.ExternalFunction("PyThread_acquire_lock_timed", types.int32(types.intp, types.int64, types.int32))
_release = types.ExternalFunction("PyThread_release_lock", types.void(types.intp))
_yield = types.ExternalFunction(_YIELD, types.int32())


@leaf
def sleep(lock, microseconds):
    """Take a lock: wait until somebody releases it, or for so long at most where that is not negative."""
    _acquire(lock, microseconds, 0)


@leaf
def wake(lock):
    """Release a lock, which any thread may do."""
    _release(lock)


@leaf
def yield_core():
    """Let another thread have this core, if one waits for it."""
    _yield()


if _symbol("sched_getcpu", _SYSTEM):
    _core = types.ExternalFunction("sched_getcpu", types.int32())

    @leaf
    def core_number():
        """On which core this thread is just now; 0 for all where the system does not say."""
        return numba.int64(_core())

else:

    @leaf
    def core_number():
        """Say 0 for every core: this system does not tell them apart."""
        return numba.int64(0)


if _symbol("sched_setaffinity", _SYSTEM):
    _let_run = types.ExternalFunction("sched_setaffinity", types.int32(types.int32, types.uintp, types.uintp))

    @leaf
    def let_run_on(thread, cores, size):
        """Let a thread, by the system's number, run on some cores alone: each a bit of `size` bytes at `cores`."""
        _let_run(thread, size, cores)

else:

    @leaf
    def let_run_on(thread, cores, size):
        """Leave the thread alone: this system lets nobody say where it runs."""


def new_lock():
    """The address of a lock that is taken: who wants it sleeps."""
    allocate, take = ctypes.pythonapi.PyThread_allocate_lock, ctypes.pythonapi.PyThread_acquire_lock
    allocate.restype = ctypes.c_void_p
    lock = allocate()
    if lock is None:
        raise MemoryError("no memory for a lock")
    take(ctypes.c_void_p(lock), 0)
    return lock
