"""Threads of Python's own that run the kernels' loops, for builds of Numba without OpenMP.

Numba compiles a parallel loop to a function that does a part of it, and a call of ``numba_parallel_for``, which is to
have all parts done. `use_pool` puts `_parallel_for` there: kernels are the same compiled code as with OpenMP, and give
the same bits.
"""

import os
from ctypes import CFUNCTYPE, addressof, c_int, c_size_t, c_void_p, cast
from functools import cache
from queue import SimpleQueue
from threading import Thread

import llvmlite.binding
import numba
from numba.np.ufunc import parallel

__all__ = ["use_pool"]

_Part = CFUNCTYPE(None, c_void_p, c_void_p, c_void_p, c_void_p)
_ParallelFor = CFUNCTYPE(None, *[c_void_p] * 5, c_size_t, c_size_t, c_int)


def use_pool():
    """Let Numba's loops run on the pool; to be called before the first kernel is."""
    numba.config.THREADING_LAYER = "workqueue"  # for the rest of a layer, such as the number of threads
    parallel._launch_threads()
    llvmlite.binding.add_symbol("numba_parallel_for", cast(_parallel_for, c_void_p).value)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_offers.cache_clear)  # threads do not survive a fork


@_ParallelFor
def _parallel_for(part, arguments, dims, steps, data, inner_dims, count, threads):
    """Call `part` dims[0] times; its arguments lie `steps` bytes further on than those of the call before."""
    function, sizes = _function(part), c_size_t * count
    arguments, moves = sizes.from_address(arguments), sizes.from_address(steps)[:]
    parts, *inner = (c_size_t * (inner_dims + 1)).from_address(dims)
    one = (c_size_t * (inner_dims + 1))(1, *inner)

    def run(number):
        moved = sizes.from_buffer_copy(arguments)
        for i, move in enumerate(moves):
            if move:
                moved[i] += number * move
        function(addressof(moved), addressof(one), steps, data)

    numbers, done = list(range(parts)), SimpleQueue()
    for _ in range(min(threads, parts) - 1):
        _offers().put((run, numbers, done))
    # The caller does whatever nobody has begun: it never waits for a thread to wake up.
    for _ in range(parts - _help(run, numbers)):
        done.get()


def _help(run, numbers):
    """Run what is left of `numbers`, and count it."""
    count = 0
    while True:
        try:
            number = numbers.pop()  # by one thread only, with no lock
        except IndexError:
            return count
        run(number)  # without the interpreter's lock, like all that ctypes calls
        count += 1


@cache
def _function(address):
    return _Part(address)


@cache
def _offers():
    """The queue in which threads look for work, and the threads."""
    offers = SimpleQueue()
    for _ in range(numba.config.NUMBA_NUM_THREADS - 1):
        Thread(target=_work, args=(offers,), name="ghostnp", daemon=True).start()
    return offers


def _work(offers):
    while True:
        run, numbers, done = offers.get()
        for _ in range(_help(run, numbers)):
            done.put(None)
