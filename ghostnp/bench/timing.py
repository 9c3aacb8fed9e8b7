"""How a time is taken and how two of them are compared.

A machine that others use slows down for seconds at a time. So contenders take turns, one short turn each, and what is
compared is turns of the same round: whatever else was going on slowed both of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

# While others had their turn, threads fell asleep and caches were emptied. Work that is shorter than the first number
# of seconds would be slowed by it (PyTorch's GhostNet at batch 1 by 8 %), so it is run once before it is timed, and
# then as often as it takes to fill the second.
SHORT, TURN = 0.05, 0.01
# With fewer rounds quartiles say nothing.
ROUNDS = 3


@dataclass(frozen=True)
class Samples:
    """Seconds of one run, one sample for each turn (or bytes, where memory is measured).

    Parameters
    ----------
    values : tuple of float
        In the order of the rounds.
    """

    values: tuple[float, ...]

    @property
    def median(self):
        """The middle one."""
        return float(np.median(self.values))

    @property
    def quartiles(self):
        """A quarter of them lies below the first number, a quarter above the second."""
        return _quartiles(self.values)


@dataclass(frozen=True)
class MedianRatio:
    """One contender's time over another's, from the ratios round by round: below 1, the first is faster.

    Parameters
    ----------
    value : float
        Their median. (The ratio of the two medians pairs turns of different rounds, and may lie outside the quartiles.)
    quartiles : (float, float)
        Their quartiles.
    """

    value: float
    quartiles: tuple[float, float]

    def __str__(self):
        """Value and spread if there is one, ``"0.45 (0.43–0.48)"``; two digits of what is small."""
        value, lower, upper = (f"{x:.2f}" if x >= 0.1 else f"{x:.2g}" for x in (self.value, *self.quartiles))
        return value if self.quartiles == (self.value, self.value) else f"{value} ({lower}–{upper})"


def ratio(ours, peer):
    """Compare what was measured in the same rounds.

    Parameters
    ----------
    ours, peer : Samples
        As many of each.

    Returns
    -------
    MedianRatio
    """
    pairs = [mine / theirs for mine, theirs in zip(ours.values, peer.values, strict=True)]
    return MedianRatio(float(np.median(pairs)), _quartiles(pairs))


def turn(run, *, short=SHORT, least=TURN, clock=perf_counter):
    """Take one turn: seconds of one run.

    Parameters
    ----------
    run : callable
        Called without arguments.
    short, least : float
        What takes less than `short` is run once, and then until `least` is full; the sample is the mean of the latter.
    clock : callable
        Tells the time in seconds.

    Returns
    -------
    float
    """
    start = clock()
    run()
    first = clock() - start
    if first >= short:
        return first
    repeats = math.ceil(least / max(first, 1e-7))
    start = clock()
    for _ in range(repeats):
        run()
    return (clock() - start) / repeats


def rounds(turns: dict[str, Callable[[], float]], *, repeat, seconds, clock=perf_counter):
    """Let contenders take turns.

    Parameters
    ----------
    turns : dict of str to callable
        By contender: takes one turn, and returns the seconds of one run.
    repeat : int
        At most so many rounds, after one that does not count.
    seconds : float
        No new round begins after so many seconds; the first `ROUNDS` always do.

    Returns
    -------
    dict of str to Samples
    """
    for take in turns.values():
        take()
    samples: dict[str, list[float]] = {name: [] for name in turns}
    start = clock()
    for done in range(max(repeat, 1)):
        if done >= ROUNDS and clock() - start > seconds:
            break
        for name, take in turns.items():
            samples[name].append(take())
    return {name: Samples(tuple(taken)) for name, taken in samples.items()}


def _quartiles(samples):
    lower, upper = np.percentile(samples, [25, 75])
    return float(lower), float(upper)
