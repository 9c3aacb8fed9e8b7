"""One call of anything, held to what every call must keep to; and a count of all of them.

A call gives a result, or raises TypeError, ValueError or MemoryError with the name of an argument in it. It raises
nothing else and warns of nothing, it ends, and what it was given is as it was before.
"""

import re
import signal
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import settings

REFUSALS = (TypeError, ValueError, MemoryError)

# How many calls ended in which way, by suite and outcome.
COUNTS: Counter[tuple[str, str]] = Counter()

# How many examples, each of some thirty calls: a minute or so for all functions together. ``GHOSTNP_EXAMPLES=20000``
# runs for hours.
EXAMPLES = max(2, settings().max_examples // 3)

# No call on a few small maps takes so long, on however busy a machine.
SECONDS = 60

# What is larger is a small array that only looks large, each of its numbers again and again.
_MOST_BYTES = 1 << 22


class Outcome(NamedTuple):
    """What became of a call: a result, or an error."""

    result: Any = None
    error: Exception | None = None

    @property
    def said(self):
        """The error as two calls may be compared by; None where there is a result."""
        return None if self.error is None else (type(self.error), str(self.error))


class DidNotEndError(Exception):
    """A call took too long."""


@contextmanager
def _within(seconds):
    def stop(*_):
        raise DidNotEndError(f"it did not end within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def attempt(suite, function, args=(), keywords=None, *, names=(), about="", allowed=()):
    """Call a function, and hold the call to its rules.

    Parameters
    ----------
    suite : str
        Under which the call is counted.
    function : callable
        Anything.
    args, keywords
        What it is called with.
    names : iterable of str
        Of the arguments, as regular expressions, one of which an error has to name, if it does not show the text that
        was given; without any, none has to.
    about : str
        What a failure says about the call.
    allowed : tuple of type
        More errors than those of every function: OSError, where a file is named.

    Returns
    -------
    Outcome
    """
    keywords = keywords or {}
    before = contents((args, keywords))
    try:
        with _within(SECONDS), np.errstate(all="ignore"):
            outcome = Outcome(function(*args, **keywords))
        COUNTS[suite, "right or held against nothing"] += 1
    except REFUSALS as error:
        named = re.compile("|".join(rf"\b{name}\b" for name in names) or ".")
        # A request that fits into the machine may still find no room: NumPy says how much it asked for.
        texts = [value for value in (*args, *keywords.values()) if isinstance(value, str | Path)]
        shows = any((str(text) or "''") in str(error) for text in texts)
        if not isinstance(error, MemoryError) and not shows and not named.search(str(error)):
            raise AssertionError(f"{about}: {error!r} names no argument") from error
        outcome = Outcome(error=error)
        COUNTS[suite, f"refused with {type(error).__name__.strip('_').replace('ArrayMemory', 'Memory')}"] += 1
    except allowed as error:
        outcome = Outcome(error=error)
        COUNTS[suite, "refused with OSError"] += 1
    except Exception as error:
        raise AssertionError(f"{about}: {error!r}") from error
    assert contents((args, keywords)) == before, f"{about}: an argument was written to"
    return outcome


def contents(value):
    """What can be compared to see whether `value` has changed: of arrays their bytes."""
    if isinstance(value, np.ndarray):
        masked = value.data if isinstance(value, np.ma.MaskedArray) else value
        return (value.shape, value.dtype.str, masked.tobytes()) if value.nbytes < _MOST_BYTES else value.shape
    if isinstance(value, tuple | list):
        return [contents(part) for part in value]
    if isinstance(value, dict):
        return [(key, contents(part)) for key, part in value.items()]
    return id(value)


def assert_same(expected, result, about, *, numbers=True, exact=False):
    """Two results are alike: number for number, or at least in their shapes and dtypes."""
    if isinstance(expected, tuple | list):
        assert len(expected) == len(result), about
        for one, other in zip(expected, result, strict=True):
            assert_same(one, other, about, numbers=numbers, exact=exact)
        return
    expected, result = np.asarray(expected), np.asarray(result)
    assert (expected.shape, expected.dtype) == (result.shape, result.dtype), about
    if not numbers or expected.size == 0:
        return
    if exact or expected.dtype.kind != "f":
        np.testing.assert_array_equal(result, expected, err_msg=about)
    else:
        close = 2e-4 if expected.dtype == np.float32 else 1e-10
        scale = float(np.abs(expected).max(initial=1.0))
        np.testing.assert_allclose(result, expected, rtol=close, atol=close * scale, err_msg=about)
