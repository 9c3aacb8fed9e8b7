"""Ctrl-C waits until a kernel is compiled.

Numba compiles in many steps, and notes in between what it has: which functions are there, which symbols their machine
code defines. An exception in the middle leaves notes of code that was never finished, and from then on the process
cannot compile whatever calls it. A single kernel takes a second or two, so that Ctrl-C may as well wait for it.
"""

import signal
import threading
from contextlib import contextmanager

__all__ = ["uninterrupted"]


@contextmanager
def uninterrupted():
    """Put off what SIGINT does to the end of a ``with``. It interrupts the main thread alone."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda *given: came.append(given))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])
