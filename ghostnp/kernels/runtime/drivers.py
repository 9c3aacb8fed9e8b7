"""Drivers: functions that do one share of the work, and how all shares get done.

A driver is written as what one share does, and called with how many there are:

    @driver
    def _shuffle(share, shares, x, groups, y):                  # share = 0, 1, ..., shares - 1
        begin, end = bounds(share, shares, len(y))
        ...

    _shuffle(shares_for(y.size), x, groups, y)

The shares of a call may run at once, in any order, so no two of them write to the same place. Their number depends on
the work and never on the number of threads: the same numbers are added in the same order, and results are equal bit for
bit from run to run and with any number of threads.

To call a driver is to *bind* its arguments and to have a team run the launch. Within `recording` launches are bound and
kept, and a `Program` runs them later, one after the other, as a single native call.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from typing import Any, NamedTuple

import numba
import numpy as np

from ghostnp.kernels.runtime.atomics import load, store
from ghostnp.kernels.runtime.binding import ShareLowering, raise_error
from ghostnp.kernels.runtime.jit import JIT, compile_shares, leaf, native
from ghostnp.kernels.runtime.team import alone, become_owner, lead, let_go, team

__all__ = ["FEW", "SHARES", "Launch", "Program", "bounds", "driver", "recording", "shares_for"]

# Into how many shares a driver cuts its work: a few for each core of a laptop, so that uneven shares even out.
SHARES = 16

# Work on fewer numbers is done before a second thread has woken up: it stays on the calling thread.
FEW = 1 << 16


def shares_for(numbers):
    """How many shares work on so many numbers is worth: one, if it is little."""
    return 1 if numbers < FEW else SHARES


@leaf
def bounds(share, shares, count):
    """Which of `count` jobs belong to this share: first and last + 1."""
    return share * count // shares, (share + 1) * count // shares


class Launch(NamedTuple):
    """A bound call of a driver: addresses of code and arguments, and the number of shares."""

    function: Any
    where: int
    shares: int
    keep: tuple  # what has to live for as long as the launch: its arguments, and the memory that they were written to


# Where launches are noted instead of run: one list for each thread or task that records.
_recorded: ContextVar[list[Launch] | None] = ContextVar("recorded", default=None)


class _Driver:
    def __init__(self, function):
        update_wrapper(self, function)
        self.dispatcher = compile_shares(function, ShareLowering)

    def __call__(self, shares, *arguments):
        launches = _recorded.get()
        if launches is None:
            self.dispatcher(team(), shares, *arguments)
        else:
            launches.append(self._bound(shares, arguments))

    def _bound(self, shares, arguments):
        memory = np.zeros(_ROOM // 8, np.int64)
        memory[0] = _note.address
        self.dispatcher(memory.ctypes.data, shares, *arguments)
        function, size = memory[1:3].tolist()
        memory = memory[_HEAD // 8 : (_HEAD + size + 7) // 8].copy()
        return Launch(function, memory.ctypes.data, shares, (memory, *arguments))


class _Interpreted:
    """A driver without a compiler, as NUMBA_DISABLE_JIT asks for: its shares one after the other."""

    def __init__(self, function):
        update_wrapper(self, function)
        self._function = function

    def __call__(self, shares, *arguments):
        launches = _recorded.get()
        if launches is None:
            self.run(shares, *arguments)
        else:
            launches.append(Launch(self.run, 0, shares, arguments))

    def run(self, shares, *arguments):
        for share in range(shares):
            self._function(share, shares, *arguments)


def driver(function):
    """Make ``function(share, shares, *arguments)`` a driver, to be called as ``driver(shares, *arguments)``."""
    return _Driver(function) if JIT else _Interpreted(function)


# What a recording receives a launch with: the words of `Launch`, and the arguments.
_HEAD, _ROOM = 32, 4096


@native("int64(int64, int64, int64, int64, int64)")
def _note(words, function, where, shares, size):
    """What a recording does with a launch: copy it."""
    store(words + 8, function)
    store(words + 16, size)
    if size > _ROOM - _HEAD:
        return 0
    for i in range(0, size, 8):
        store(words + _HEAD + i, load(where + i))
    return 0


@contextmanager
def recording():
    """Have this thread's launches noted instead of run; the list of them."""
    launches: list[Launch] = []
    token = _recorded.set(launches)
    try:
        yield launches
    finally:
        _recorded.reset(token)


class Program:
    """Launches as an array of addresses, which one native call walks: nothing else happens between two of them.

    Parameters
    ----------
    launches : list of Launch
        As `recording` gives them. The program keeps their arguments alive.
    """

    def __init__(self, launches):
        self._launches = list(launches)
        if JIT:
            self._table = np.array([launch[:3] for launch in launches], np.int64).reshape(-1, 3)

    def __call__(self):
        """Run all launches, in their order."""
        if JIT:
            _walk(team(), self._table)
        else:
            for launch in self._launches:
                launch.function(launch.shares, *launch.keep)


@numba.njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True)
def _walk(words, table):
    owner, raised = become_owner(words), 0
    for i in range(len(table)):
        function, where, shares = table[i]
        if owner and shares > 1:
            lead(words, function, where, shares)
        else:
            raised = max(raised, alone(function, where, shares))
        if raised != 0:
            break
    if owner:
        raised = max(raised, let_go(words))
    raise_error(raised)
