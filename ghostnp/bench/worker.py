"""A process for each contender, and the pipe to it.

Two thread pools in one process take each other's cores, and what is set for one of them (`OMP_WAIT_POLICY`) slows the
other down. So each contender has a process of its own, with the environment that it would have alone, and works only
while it is asked to.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from time import sleep
from typing import Any

import ghostnp
from ghostnp.bench.contenders import Prepared
from ghostnp.bench.peak_memory import peak
from ghostnp.bench.timing import turn

# Longer than a library's threads go on spinning when their work is done (measured: 8 ms, 32 ms, 1 ms, 100 ms). No
# other contender has a turn before they sleep.
_REST = {"pytorch": 0.02, "onnx_runtime": 0.05, "openvino": 0.005, "textbook": 0.12, "roofline": 0.12}
# Each library has its own name for it, and reads it when it is loaded.
_THREADS = (
    "GHOSTNP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class WorkerError(RuntimeError):
    """What went wrong in a worker, in one line."""


def environment(threads, **extra):
    """The variables of a process that computes with so many threads, and imports this very ghostnp."""
    pinned = dict.fromkeys(_THREADS, str(threads))
    return os.environ | pinned | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])} | extra


class Worker:
    """A contender's process, as this one sees it; a context manager.

    Parameters
    ----------
    module : str
        Of this package, with a function `prepare`.
    threads : int
        How many it may use.
    """

    def __init__(self, module, threads):
        self.module = module
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, module, str(threads)],
            env=environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout

    @property
    def process(self):
        """Its process identifier."""
        return self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with suppress(BrokenPipeError):  # it has ended already
            self._requests.close()
        self._process.wait()
        self._answers.close()

    def prepare(self, variant, task):
        """Get a task ready and run it once: its results by name, and which share of the task that was."""
        return self._ask("prepare", variant, task)

    def turn(self, variant):
        """Take a turn, and rest: seconds for the whole task."""
        seconds = self._ask("turn", variant)
        sleep(_REST.get(self.module, 0.0))
        return seconds

    def peak(self, variant, small, task):
        """How many bytes `task` takes at most beyond what `small` leaves behind; only in a new worker."""
        return self._ask("peak", variant, small, task)

    def forget(self):
        """Let go of all tasks and their memory."""
        return self._ask("forget")

    def _ask(self, *request):
        try:
            pickle.dump(request, self._requests)
            self._requests.flush()
            error, answer = pickle.load(self._answers)
        except (EOFError, BrokenPipeError):
            raise WorkerError(f"the process of {self.module} ended with status {self._process.wait()}") from None
        if error:
            raise WorkerError(error)
        return answer


def serve(module, threads, requests, answers):
    """What runs in the process: answer one request after the other, until there are no more."""
    prepare = import_module(f"ghostnp.bench.{module}").prepare
    ready: dict[str, Prepared] = {}

    def prepared(variant, task):
        ready[variant] = prepare(task, variant, threads)
        return ready[variant].arrays(ready[variant].run()), ready[variant].share

    known: dict[str, Callable[..., Any]] = {
        "prepare": prepared,
        "turn": lambda variant: turn(ready[variant].run) / ready[variant].share,
        "peak": lambda variant, small, task: peak(prepare, variant, small, task, threads),
        "forget": ready.clear,
    }
    while True:
        try:
            what, *given = pickle.load(requests)
        except EOFError:
            return
        error, answer = None, None
        try:
            answer = known[what](*given)
        except Exception as raised:  # whatever a library raises belongs into the row of the table, and ends nothing
            error = f"{type(raised).__name__}: {str(raised).strip()}".splitlines()[0]
        pickle.dump((error, answer), answers)
        answers.flush()


def _main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupted bench closes the pipe
    # What a library prints must not get among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.argv[1], int(sys.argv[2]), sys.stdin.buffer, answers)


if __name__ == "__main__":
    _main()
