"""Locks that outlive a fork."""

import os
from threading import Lock
from weakref import WeakSet


class Guarded:
    """Something with a lock; in a forked process it is a new one, since nobody there releases the old one."""

    def __init__(self):
        self._lock = Lock()
        _guarded.add(self)


_guarded: WeakSet[Guarded] = WeakSet()


def _unlock():
    for guarded in _guarded:
        guarded._lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)
