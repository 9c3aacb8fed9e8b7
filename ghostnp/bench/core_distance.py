"""How long it takes a core to see what another one has written.

Two cores with a cache in common take some 50 ns. Without one it is several hundred: in another part of the chip, in
another socket, or where the cores are a virtual machine's and its host gave it distant ones. The host may change its
mind, and then every program that has threads work on the same numbers becomes slower or faster, some more than others.
So two measurements on one machine can only be compared if this is known of both.
"""

import os
from threading import Thread
from time import perf_counter

import numpy as np

from ghostnp.kernels.runtime.atomics import load, pause, store
from ghostnp.kernels.runtime.jit import JIT, native

__all__ = ["core_distance"]

_TURNS, _TRIALS = 1000, 9


@native("void(int64, int64, int64)")
def _take_turns(word, player, turns):
    for turn in range(turns):
        while load(word) != 2 * turn + player:
            pause()
        store(word, 2 * turn + player + 1)


def core_distance():
    """Seconds from a core's writing to another's seeing it: the least of some trials, since others use the cores too.

    Returns
    -------
    float or None
        None where that cannot be measured: with a single core, without a compiler, or where a thread cannot be told
        on which core to run.
    """
    if not JIT or not hasattr(os, "sched_setaffinity") or len(cores := sorted(os.sched_getaffinity(0))) < 2:
        return None
    return min(_trial(cores[:2]) for _ in range(_TRIALS))


def _trial(cores):
    memory, seconds = np.zeros(64, np.int64), []
    word = -(-memory.ctypes.data // 128) * 128

    def play(player):
        os.sched_setaffinity(0, {cores[player]})  # of this thread alone
        start = perf_counter()
        _take_turns(word, player, _TURNS)
        seconds.append(perf_counter() - start)

    players = [Thread(target=play, args=(player,)) for player in (0, 1)]
    for player in players:
        player.start()
    for player in players:
        player.join()
    # One of them may have waited for the other to begin.
    return min(seconds) / (2 * _TURNS)
