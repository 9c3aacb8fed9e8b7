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
kept, and a `Program` runs them later, one after the other, as a single native call. What else a kernel does happens
once, while it is recorded. So it leaves to drivers all that reads or writes activations, and takes the memory that it
needs on the way from `empty` or `zeros`.

Launches that one function makes may also be `recorded` as a sequence, which one thread runs as a whole, `side_by_side`
with others.
"""

import math
from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numba._dispatcher import compute_fingerprint

from ghostnp.kernels.runtime.atomics import load, store
from ghostnp.kernels.runtime.binding import ShareLowering, raise_error
from ghostnp.kernels.runtime.jit import JIT, compile_shares, leaf, native
from ghostnp.kernels.runtime.team import alone, become_owner, lead, let_go, team

__all__ = [
    "FEW",
    "SHARES",
    "Launch",
    "Program",
    "Scratch",
    "bounds",
    "driver",
    "empty",
    "kernels_of",
    "number_in",
    "pieces_for",
    "recorded",
    "recording",
    "shares_for",
    "side_by_side",
    "zeros",
]

# Into how many shares a driver cuts its work: a few for each core of a laptop, so that uneven shares even out.
SHARES = 16

# Work on fewer numbers is done before a second thread has woken up: it stays on the calling thread.
FEW = 1 << 16


def shares_for(numbers):
    """How many shares work on so many numbers is worth: one, if it is little."""
    return 1 if numbers < FEW else SHARES


def pieces_for(numbers):
    """As `shares_for`, where each number is a step or two and shares are as long as each other: a power of two.

    Half of FEW takes several microseconds then. There is nothing to even out, and to hand out a share takes longer than
    a part of that saves.
    """
    return 1 if numbers < FEW else min(SHARES, 1 << (2 * numbers // FEW).bit_length() - 1)


@leaf
def bounds(share, shares, count):
    """Which of `count` jobs belong to this share: first and last + 1."""
    return share * count // shares, (share + 1) * count // shares


class Kernel(NamedTuple):
    """A driver, by its module and name, and Numba's types of what it is called with."""

    module: str
    name: str
    types: tuple

    @property
    def dispatcher(self):
        """What compiles it."""
        return getattr(import_module(self.module), self.name).dispatcher


class Launch(NamedTuple):
    """A bound call of a driver: addresses of code and arguments, and the number of shares.

    In the place of the code's address, one that is not bound has the `Kernel`, or None for sequences side by side; and
    without a compiler it is Python's function.
    """

    function: Any
    where: int
    shares: int
    keep: tuple  # what has to live for as long as the launch: its arguments, and the memory that they were written to


class Scratch:
    """Memory that calls need while they run. Calls of one program share it, since they run one after the other."""

    def __init__(self):
        self._blocks: list[np.ndarray] = []
        self._free: list[np.ndarray] = []

    def begin_call(self):
        """Let the next call have all of it again."""
        self._free = list(self._blocks)

    def take(self, shape, dtype):
        """An array that no other has been given since the call began."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        fitting = [number for number, block in enumerate(self._free) if block.nbytes >= size]
        if fitting:
            block = self._free.pop(min(fitting, key=lambda number: self._free[number].nbytes))
        else:
            block = np.empty(-(-size // _LINE) * _LINE + _LINE, np.uint8)
            block = block[-block.ctypes.data % _LINE :]
            self._blocks.append(block)
        return block[:size].view(dtype).reshape(shape)


class _Recording(NamedTuple):
    """Where launches are noted instead of run."""

    launches: list[Launch]
    scratch: Scratch
    bind: bool


_recording: ContextVar[_Recording | None] = ContextVar("recording", default=None)  # of each thread or task


class _Driver:
    def __init__(self, function):
        update_wrapper(self, function)
        self.dispatcher = compile_shares(function, ShareLowering)
        self._kernels: dict[bytes, Kernel] = {}

    def __call__(self, shares, *arguments):
        recording = _recording.get()
        if recording is None:
            self.dispatcher(team(), shares, *arguments)
        elif recording.bind:
            recording.launches.append(self._bound(shares, arguments))
        else:
            recording.launches.append(Launch(self._kernel(shares, arguments), 0, shares, ()))

    def _bound(self, shares, arguments):
        memory = np.zeros(_ROOM // 8, np.int64)
        memory[0] = _note.address
        self.dispatcher(memory.ctypes.data, shares, *arguments)
        function, size = memory[1:3].tolist()
        memory = memory[_HEAD // 8 : (_HEAD + size + 7) // 8].copy()
        return Launch(function, memory.ctypes.data, shares, (memory, *arguments))

    def _kernel(self, shares, arguments):
        call = 0, shares, *arguments  # at first, an address
        # Numba's types take it ten times as long as what it knows them by.
        known_by = compute_fingerprint(call)
        if known_by not in self._kernels:
            types = tuple(map(self.dispatcher.typeof_pyval, call))
            self._kernels[known_by] = Kernel(self.__module__, self.__qualname__, types)
        return self._kernels[known_by]


class _Interpreted:
    """A driver without a compiler, as NUMBA_DISABLE_JIT asks for: its shares one after the other."""

    def __init__(self, function):
        update_wrapper(self, function)
        self._function = function

    def __call__(self, shares, *arguments):
        recording = _recording.get()
        if recording is None:
            self.run(shares, *arguments)
        else:
            recording.launches.append(Launch(self.run, 0, shares, arguments))

    def run(self, shares, *arguments):
        for share in range(shares):
            self._function(share, shares, *arguments)


def driver(function):
    """Make ``function(share, shares, *arguments)`` a driver, to be called as ``driver(shares, *arguments)``."""
    return _Driver(function) if JIT else _Interpreted(function)


# What a recording receives a launch with: the words of `Launch`, and the arguments.
_HEAD, _ROOM = 32, 4096
_LINE = 64  # bytes of a cache line, and of the widest vectors


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
def recording(scratch=None, *, bind=True):
    """Have this thread's launches noted instead of run; the list of them.

    Parameters
    ----------
    scratch : Scratch, optional
        Shared with the calls that were recorded before, if these will not run at the same time.
    bind : bool, default True
        Whether the launches are to be run. Otherwise their kernels and numbers of shares are noted, and nothing is
        compiled.
    """
    scratch = Scratch() if scratch is None else scratch
    scratch.begin_call()
    recorded = _Recording([], scratch, bind)
    token = _recording.set(recorded)
    try:
        yield recorded.launches
    finally:
        _recording.reset(token)


def recorded(function, *arguments):
    """The launches of a function, noted to be run `side_by_side` with others: a sequence."""
    outer = _recording.get()
    noted = _Recording([], Scratch(), True) if outer is None else outer._replace(launches=[])
    token = _recording.set(noted)
    try:
        function(*arguments)
    finally:
        _recording.reset(token)
    return noted.launches


def side_by_side(sequences):
    """Run sequences of launches at the same time, each on one thread: to the team it is one launch of so many shares.

    What a sequence writes and reads again stays in the cache of one core, and no thread waits for another between its
    launches. No two sequences write to the same place.
    """
    launches = tuple(launch for some in sequences for launch in some)
    ends = np.cumsum([len(some) for some in sequences])
    if not JIT:
        _run_sequence(len(sequences), launches, ends)
        return
    recording = _recording.get()
    if recording is None or recording.bind:
        _run_sequence(len(sequences), np.array([launch[:3] for launch in launches], np.int64).reshape(-1, 3), ends)
    else:
        recording.launches.append(Launch(None, 0, len(sequences), ()))
    if recording is not None:  # for as long as it lives, so does what its launches need
        recording.launches[-1] = recording.launches[-1]._replace(keep=(recording.launches[-1].keep, launches))


def kernels_of(launches):
    """The kernels of launches that were not bound, in their order."""
    for launch in launches:
        if isinstance(launch.function, Kernel):
            yield launch.function
        elif launch.function is None:  # sequences
            yield from kernels_of(launch.keep[-1])


def empty(shape, dtype):
    """An array that a kernel needs until its call is over, with anything in it."""
    recording = _recording.get()
    return np.empty(shape, dtype) if recording is None else recording.scratch.take(shape, dtype)


def zeros(shape, dtype):
    """An array of zeros that a kernel needs until its call is over."""
    if _recording.get() is None:
        return np.zeros(shape, dtype)
    array = empty(shape, dtype)
    _clear(shares_for(array.size // 4), array.reshape(-1))
    return array


def number_in(array):
    """The number in an array without axes; while recording the array itself, in which there is none yet."""
    return array[()] if _recording.get() is None else array


@leaf
def _clear_row(row):
    zero = row.dtype.type(0)
    for p in range(row.size):
        row[p] = zero


@driver
def _clear(share, shares, row):
    begin, end = bounds(share, shares, row.size)
    _clear_row(row[begin:end])


if JIT:

    @driver
    def _run_sequence(share, shares, launches, ends):
        for i in range(ends[share - 1] if share > 0 else 0, ends[share]):
            function, where, count = launches[i]
            raise_error(alone(function, where, count))

else:

    @driver
    def _run_sequence(share, shares, launches, ends):
        for launch in launches[ends[share - 1] if share > 0 else 0 : ends[share]]:
            launch.function(launch.shares, *launch.keep)


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


def _walk(words, table):
    owner, raised = become_owner(words), 0
    for i in range(len(table)):
        function, where, shares = table[i]
        raised = lead(words, function, where, shares) if owner and shares > 1 else alone(function, where, shares)
        if raised != 0:  # and nothing that comes after it runs
            break
    if owner:
        raised = max(raised, let_go(words))
    raise_error(raised)


if JIT:
    _walk = compile_shares(_walk)
