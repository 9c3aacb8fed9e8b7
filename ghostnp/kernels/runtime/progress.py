"""A first run compiles kernels, and says so: nobody should wonder for half a minute whether a program hangs."""

import logging
from collections import Counter
from time import perf_counter

from numba.core import event

__all__ = ["listen", "watch"]

_PATIENCE, _INTERVAL = 1.0, 5.0  # seconds of compiling until the first line, and from there to the next


class _Progress(event.Listener):
    def __init__(self):
        self.watched, self.compiled = set(), Counter()
        self.seconds, self.due = 0.0, _PATIENCE

    def on_start(self, event):
        if event.data["dispatcher"] in self.watched:
            self.began = perf_counter()

    def on_end(self, event):
        kernel = event.data["dispatcher"]
        if kernel not in self.watched:
            return
        self.compiled[kernel] += 1
        self.seconds += perf_counter() - self.began
        if self.seconds >= self.due:
            self.due = self.seconds + _INTERVAL
            logging.getLogger("ghostnp").warning(
                "ghostnp: compiling kernels, for the first run only: %d of at most %d are ready after %.0f s",
                self.compiled.total(),
                len(self.watched) * max(self.compiled.values()),  # each once for float32, and once for float64
                self.seconds,
            )


_progress = _Progress()


def listen():
    """Have Numba say when it begins and ends to compile a kernel."""
    event.register("numba:compile", _progress)


def watch(dispatcher):
    """Count `dispatcher` among the kernels."""
    _progress.watched.add(dispatcher)
