"""A program that keeps one core busy, for rows that say how fast everyone is when the machine is not theirs alone."""

import os
import subprocess
import sys
from contextlib import contextmanager

# Of usual priority and bound to no core, so the system gives it a fair share. It ends by itself when the bench is gone.
_PROGRAM = """
import os, sys
print(flush=True)
while os.getppid() == int(sys.argv[1]):
    sum(range(100_000))
"""


@contextmanager
def busy_core():
    """Keep a core busy meanwhile; gives the number of the process that does."""
    command = [sys.executable, "-c", _PROGRAM, str(os.getpid())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        try:
            assert program.stdout is not None
            program.stdout.readline()  # it has begun
            yield program.pid
        finally:
            program.kill()
