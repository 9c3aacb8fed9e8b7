"""A team of threads that does the shares of a launch: the caller, and as many others as are awake.

A launch is the address of a function (share, where), the address of its arguments, and how many shares there are. They
are done in at most 16 parts of neighbouring shares, and one word says what has become of each part:

    ticket   generation << 32 | done << 16 | taken      a bit of `done` and a bit of `taken` for each part

By compare-and-swap a thread says that it has done a part, and takes the next. Each thread has a region of its own, the
first of n threads the first n-th of the parts, and begins there. So it works on the same region of the maps in one
launch after the other, and what it wrote is still in the cache of its core. Only a thread that has no more to do in its
own region takes parts of others. Where two cores have no cache in common, it takes a third of a microsecond to fetch
what the other core wrote, and two threads without regions can be slower than one.

The caller publishes the launch, takes parts like everybody else, and waits only for parts that others have begun. So it
never depends on a thread that sleeps, was not given a core, or was lost in a fork: then it does all of them itself.
While a member works on a part the caller waits for it, so the launch stays as it is: that is why a member may read it
after it has taken a part, and not before.

A member is one native call for as long as the process lives, without the interpreter's lock. If it finds no part for
some fifty microseconds, it says that it sleeps, and does so until a caller wakes it. A caller that waits as long for
a part that somebody else has begun sleeps for moments too: its core may be the one that the other thread needs.

A system likes to wake a thread on the core of whoever wakes it, even where another one is idle. The two would take
turns there, and an inference of a few milliseconds be over before one of them is moved: with two threads it took as
long as with one. So a caller that wakes a member forbids it its own core first. That takes a microsecond, and is done
again only when the caller itself has moved.

Which thread does which share changes no result, since shares write to different places. A second caller, who finds the
team busy, does all shares alone.
"""

import atexit
import os
import time
from ctypes import py_object, pythonapi
from threading import Lock, Thread

import numba
import numpy as np

from ghostnp.kernels.runtime.atomics import (
    add,
    call_share,
    core_number,
    let_run_on,
    load,
    new_lock,
    pause,
    sleep,
    store,
    swap_if,
    wake,
    yield_core,
)
from ghostnp.kernels.runtime.jit import leaf, native

__all__ = ["alone", "become_owner", "lead", "let_go", "set_threads", "team", "threads", "watch_process"]

# Where a team's words are, in bytes: each on cache lines of its own, since cores fetch two lines at a time. The first
# makes it a receiver (see `binding`). A launch has three words: the function, where its arguments are, and how many
# shares. There are three constants: how many members, the patience in pauses, and a lock that nobody releases. The
# cores that members may run on are a bit each. A member has four words: whether it sleeps, its lock, the number that
# the system knows it by, or 0, and 1 + the core that it is kept off.
_LINE = 128
_RECEIVE, _OWNER, _LAUNCH, _TICKET, _RAISED, _SLEEPERS, _STOP, _CONSTANTS, _CORES, _MEMBERS = range(
    0, 10 * _LINE, _LINE
)
_MOST_CORES = 8 * _LINE  # that there is a bit for; no member is kept off another one
_PATIENCE = 50e-6  # seconds
# Not literal numbers, each of which would be compiled alone: microseconds, bytes, and no core's number.
_NAP, _FOR_EVER, _CORES_SIZE, _NO_CORE = np.int64(50), np.int64(-1), np.int64(_LINE), np.int64(-1)
_YIELD = 32  # after so many pauses, a microsecond or so, a thread that waits lets others have its core
_MOST = 1024  # threads
_PARTS = 16  # of a launch, at most
_TAKEN, _DONE = 0xFFFF, 0xFFFFFFFF  # the ticket's bits where all parts are taken, and where they are done as well


@leaf
def _take(words, own, finished):
    """Say which part is `finished`, if it is not -1, and take `own` or the next that is free; -1 if there is none."""
    while True:
        ticket = load(words + _TICKET)
        part, after = -1, ticket
        if finished >= 0:
            after |= 1 << finished + _PARTS
        if ticket & _TAKEN != _TAKEN:
            part = own
            while (ticket >> part) & 1 == 1:
                part = (part + 1) % _PARTS
            after |= 1 << part
        if after == ticket or swap_if(words + _TICKET, ticket, after):
            return part


@leaf
def _help(words, thread):
    """Take parts while there are any, as the team's thread of that number; whether there were."""
    if load(words + _TICKET) & _TAKEN == _TAKEN:
        return False
    # Until a part is taken, these may be of another launch: then the thread begins elsewhere, and that is all.
    threads, parts = load(words + _CONSTANTS) + 1, min(load(words + _LAUNCH + 16), _PARTS)
    own = min(thread, threads - 1) * parts // threads
    first = part = _take(words, own, np.int64(-1))
    while part >= 0:
        function, where, shares = load(words + _LAUNCH), load(words + _LAUNCH + 8), load(words + _LAUNCH + 16)
        parts = min(shares, _PARTS)
        for share in range(part * shares // parts, (part + 1) * shares // parts):
            raised = call_share(function, share, where)
            if raised != 0:
                store(words + _RAISED, raised)
        part = _take(words, own, part)
    return first >= 0


@leaf
def _keep_off(words, member, core):
    """Have the member run on other cores than this one, as the team's owner; where there is no other, on any."""
    if load(member + 16) == 0 or load(member + 24) == core + 1 or core >= _MOST_CORES:
        return
    word, bit = words + _CORES + core // 64 * 8, 1 << core % 64
    cores = load(word)
    store(word, cores & ~bit)
    let_run_on(load(member + 16), words + _CORES, _CORES_SIZE)
    store(word, cores)
    store(member + 24, core + 1)


@leaf
def _wake_members(words, most, core):
    """Wake so many members at most, on other cores than this one if it is not negative."""
    for i in range(load(words + _CONSTANTS)):
        member = words + _MEMBERS + i * _LINE
        if most > 0 and load(member) == 1:
            if core >= 0:
                _keep_off(words, member, core)
            if swap_if(member, 1, 0):
                add(words + _SLEEPERS, -1)
                wake(load(member + 8))
                most -= 1


@leaf
def lead(words, function, where, shares):
    """Have all shares done, as the team's owner; returns 0, or what one of them raised."""
    store(words + _LAUNCH, function)
    store(words + _LAUNCH + 8, where)
    store(words + _LAUNCH + 16, shares)
    core = core_number()
    if load(words + _OWNER + 8) != core:  # members look at it again and again
        store(words + _OWNER + 8, core)
    parts = min(shares, _PARTS)
    missing = (1 << _PARTS) - (1 << parts)  # parts that there are not are done
    generation = ((load(words + _TICKET) >> 32) + 1) & 0x7FFFFFFF
    store(words + _TICKET, generation << 32 | missing << _PARTS | missing)
    if load(words + _SLEEPERS) > 0:
        _wake_members(words, parts - 1, core)
    _help(words, np.int64(0))
    patience = load(words + _CONSTANTS + 8)
    while load(words + _TICKET) & _DONE != _DONE:
        if patience > 0:
            pause()
            patience -= 1
            if patience % _YIELD == 0:
                yield_core()
        else:
            sleep(load(words + _CONSTANTS + 16), _NAP)
    return load(words + _RAISED)


@leaf
def alone(function, where, shares):
    """Do all shares, one after the other; returns 0, or what one of them raised."""
    raised = 0
    for share in range(shares):
        raised = max(raised, call_share(function, share, where))
    return raised


@leaf
def become_owner(words):
    """Whether the team is now the caller's; otherwise somebody else has it, or it has no members."""
    return load(words + _CONSTANTS) > 0 and swap_if(words + _OWNER, 0, 1)


@leaf
def let_go(words):
    """Give the team back, as its owner; returns 0, or what a share raised in the meantime."""
    raised = load(words + _RAISED)
    store(words + _RAISED, 0)
    store(words + _OWNER, 0)
    return raised


@native("int64(int64, int64, int64, int64, int64)")
def _receive(words, function, where, shares, size):
    """What a team does with a launch: all shares. Returns 0, or what one of them raised."""
    if shares == 1 or not become_owner(words):
        return alone(function, where, shares)
    lead(words, function, where, shares)
    return let_go(words)


@native("void(int64, int64)")
def _be_member(words, member):
    """Take parts until the team stops; at `member` are this one's words."""
    patience, thread = load(words + _CONSTANTS + 8), (member - words - _MEMBERS) // _LINE + 1
    left = patience
    while load(words + _STOP) == 0:
        if _help(words, thread):
            left = patience
        elif left > 0:
            pause()
            left -= 1
            if left % _YIELD == 0 and core_number() == load(words + _OWNER + 8):
                yield_core()  # the caller may be waiting for it
        else:
            add(words + _SLEEPERS, 1)
            store(member, 1)
            ticket = load(words + _TICKET)  # was a launch published before its caller could see this?
            idle = ticket & _TAKEN == _TAKEN and load(words + _STOP) == 0
            if idle or not swap_if(member, 1, 0):
                sleep(load(member + 8), _FOR_EVER)
            else:
                add(words + _SLEEPERS, -1)
            left = patience


@native("void(int64)")
def _stop(words):
    store(words + _STOP, 1)
    _wake_members(words, load(words + _CONSTANTS), _NO_CORE)
    store(words + _CONSTANTS, 0)


@native("void(int64)")
def _pauses(count):
    for i in range(count):
        pause()
        if i % _YIELD == 0:
            yield_core()


class Team:
    """`count` - 1 daemon threads, and the words by which they and their callers know of each other."""

    def __init__(self, count):
        memory = np.zeros((_MEMBERS + count * _LINE) // 8, np.int64)
        pythonapi.Py_IncRef(py_object(memory))  # for ever: a member looks at it for as long as there is a process
        self.words = -(-memory.ctypes.data // _LINE) * _LINE
        self._memory = memory[(self.words - memory.ctypes.data) // 8 :]
        self._memory[_RECEIVE // 8] = _receive.address
        self._memory[_TICKET // 8] = _DONE
        self._memory[_CONSTANTS // 8 :][1:3] = _patience(), new_lock()
        for core in os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ():
            if core < _MOST_CORES:
                self._memory.view(np.uint64)[_CORES // 8 + core // 64] |= np.uint64(1 << core % 64)
        self._threads = []
        for i in range(count - 1):
            member = _MEMBERS + i * _LINE
            self._memory[member // 8 + 1] = new_lock()
            arguments = self.words, self.words + member
            thread = Thread(target=_be_member, args=arguments, name="ghostnp", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads, or the interpreter is about to exit
                break
            self._memory[member // 8 + 2] = thread.native_id or 0
            self._threads.append(thread)
            self._memory[_CONSTANTS // 8] = i + 1

    def stop(self):
        """Let the members go, as soon as they have no share. Whoever still calls the team does all shares alone."""
        _stop(self.words)
        for thread in self._threads:
            thread.join(timeout=1)


def _patience():
    """How many pauses a thread makes before it sleeps: the fastest of some trials, since others use this core too."""
    count, seconds = 2000, []
    for _ in range(5):
        start = time.perf_counter()
        _pauses(count)
        seconds.append(time.perf_counter() - start)
    return max(1, int(_PATIENCE * count / min(seconds)))


def asked_for():
    """How many threads ``GHOSTNP_THREADS`` asks for, or else ``NUMBA_NUM_THREADS``: unset, one for each core.

    Raises
    ------
    ValueError
        If the setting is not a number of threads.
    """
    setting = os.environ.get("GHOSTNP_THREADS")
    if setting is None:
        return min(numba.config.NUMBA_NUM_THREADS, _MOST)
    if not setting.isdecimal() or not 1 <= int(setting) <= _MOST:
        raise ValueError(
            f"GHOSTNP_THREADS={setting!r}: the rule is how many threads run the kernels, a whole number from 1 to "
            f"{_MOST}, such as 2"
        )
    return int(setting)


class _Process:
    """The one team of a process, and how many threads it is to have."""

    def __init__(self):
        self.threads = asked_for()
        self.forget()

    def forget(self):
        """Begin anew in a forked process: threads do not survive a fork, and a lock may never be released there."""
        self.team, self._making = None, Lock()

    def make(self):
        """The team, made by whoever is first."""
        with self._making:
            if self.team is None:
                self.team = Team(self.threads)
            return self.team

    def replace(self, threads):
        """Have the next launch make a team of so many threads, and let this one go."""
        with self._making:
            before, self.threads, self.team = self.team, threads, None
        if before is not None:
            before.stop()

    def stop(self):
        """Let the team go before the interpreter takes its modules apart, compiled code among them."""
        if self.team is not None:
            self.team.stop()


_process = _Process()


def team():
    """The address of the words of this process's team, which is made when it is first needed."""
    return (_process.team or _process.make()).words


def threads():
    """How many threads run the kernels, the calling thread included."""
    return _process.threads


def set_threads(count):
    """Have kernels run by `count` threads from now on, the calling thread included. No result depends on it.

    Raises
    ------
    ValueError
        If `count` is not from 1 to 1024.
    """
    if not 1 <= count <= _MOST:
        raise ValueError(f"count={count!r}: the rule is a number of threads from 1 to {_MOST}, such as 2")
    _process.replace(int(count))


def watch_process():
    """Have the team made anew after a fork, and stopped when the interpreter exits."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_process.forget)
    atexit.register(_process.stop)
