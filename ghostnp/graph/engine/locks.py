"""What engines and training steps share: a lock that outlives a fork, and an end."""

import os
from threading import Lock
from weakref import WeakSet


class Guarded:
    """Something with a lock; in a forked process it is a new one, since nobody there releases the old one."""

    def __init__(self):
        self._lock, self._released = Lock(), False
        _guarded.add(self)

    def _check_released(self):
        if self._released:
            raise ValueError("this was released: the rule is to compile the model again, by ghostnp.compile(model)")


_guarded: WeakSet[Guarded] = WeakSet()


def _unlock():
    for guarded in _guarded:
        guarded._lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)
