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
    """Put off what SIGINT does to the end of a ``with``. It interrupts the main thread alone.

    Other signals are not put off, such as an alarm whose handler raises.
    """
    came, before = [], signal.getsignal(signal.SIGINT)
    may = callable(before) and threading.current_thread() is threading.main_thread()
    if may:
        try:
            signal.signal(signal.SIGINT, lambda *given: came.append(given))
        except ValueError:  # an interpreter inside another program, which gets no signals
            may = False
    try:
        yield
    finally:
        if may:
            signal.signal(signal.SIGINT, before)
            for given in came:
                handler = signal.getsignal(signal.SIGINT)  # the first time may have changed what the next one does
                if callable(handler):
                    handler(*given)
