"""Time and memory: how much of them a file may take, and how much of the time is left.

Time is CPU time, so that a busy machine changes no verdict. Since code that sleeps takes none, the wall clock has a
limit as well, and it is ten times as long.
"""

import math
import time
from typing import NamedTuple

WALL = 10
OWN = 60.0  # what the grader itself may take between two calls: a second or so on an idle machine


class Limits(NamedTuple):
    """How many seconds of CPU time something may take, by the wall clock ten times as many; and how much memory.

    Parameters
    ----------
    seconds : float
        The calls of one function, all together.
    call_seconds : float
        One call. What takes longer is stopped.
    start_seconds : float
        Importing the file; and the first call with arguments of some types, in which a function may be compiled.
    file_seconds : float
        All that is done with the file.
    memory : float
        Of the file and its calls, in GiB, beyond what the grader has itself.

    Raises
    ------
    ValueError
        From `checked`, if one of them is not above zero.
    """

    seconds: float = 10.0
    call_seconds: float = 2.0
    start_seconds: float = 20.0
    file_seconds: float = math.inf
    memory: float = math.inf

    def checked(self):
        """The same, if every limit is above zero."""
        for name, value in self._asdict().items():
            if not value > 0:
                unit = "GiB" if name == "memory" else "seconds"
                raise ValueError(f"{name}={value!r}: the rule is a number of {unit} above zero, such as 2.5")
        return self


class Clock:
    """What is left of the seconds of one function.

    Parameters
    ----------
    limits : Limits
        Of it.
    """

    def __init__(self, limits):
        self._limits, self._began = limits, _now()
        self._excused = [0.0, 0.0]

    @property
    def left(self):
        """Seconds of CPU time, or a tenth of those by the wall clock if these are fewer."""
        used, waited = (
            now - began - excused for now, began, excused in zip(_now(), self._began, self._excused, strict=True)
        )
        return self._limits.seconds - max(used, waited / WALL)

    def excuse(self, call):
        """Make a first `call`, whose time is not counted as long as all of them keep to `start_seconds`."""
        before = _now()
        try:
            return call()
        finally:
            took = [now - then for now, then in zip(_now(), before, strict=True)]
            total = [excused + more for excused, more in zip(self._excused, took, strict=True)]
            if max(total[0], total[1] / WALL) <= self._limits.start_seconds:
                self._excused = total


class Stage:
    """A check that is made of one call after the other until time runs out.

    Parameters
    ----------
    check : callable
        Takes a call, and raises if it fails.
    clock : Clock
        Of the function.
    reserve : float
        How many seconds have to be left for others.

    Attributes
    ----------
    tried : int
        On how many calls it was made.
    cut_short : bool
        Whether calls were left out.
    """

    def __init__(self, check, clock, reserve):
        self._check, self._clock, self._reserve = check, clock, reserve
        self._failures: dict[str, Exception] = {}
        self.tried, self.cut_short = 0, False

    def __call__(self, call):
        """Make the check, or leave it out if there is no time; what has failed fails again."""
        if self._clock.left <= self._reserve:
            if (error := self._failures.get(repr(call))) is not None:
                raise error
            self.cut_short = True
            return
        self.tried += 1
        try:
            self._check(call)
        except Exception as error:
            self._failures[repr(call)] = error
            raise


def _now():
    return time.process_time(), time.monotonic()
