"""Compiling ahead: the kernels of a plan, before they are bound, by this process and a second one.

Threads would not help. Numba's compiler is Python, which runs one thread at a time, and LLVM has a lock of its own. So
another Python compiles into the same folder on the disk. Both take the next kernel from one queue, a pipe with a byte
for each: who has read the byte has the kernel. The longest kernels come first, so that both have done after much the
same time. Then what the other one compiled is read from the disk, as in any later run, and is the same code.

Nothing depends on the second process. Whatever it took and is not on the disk when it has ended, or when it has been
waited for long enough, is compiled here when it is bound. It is not even started where it cannot help: with one thread
or core, where no kernels can be kept, and for less than `_WORTH_IT` kernels, since it takes the better part of a second
to start.
"""

import inspect
import json
import os
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Lock
from time import perf_counter

import numba
from numba import types

from ghostnp.kernels.runtime.cache import FOLDER, is_kept, is_on_disk
from ghostnp.kernels.runtime.drivers import Kernel, Program, kernels_of
from ghostnp.kernels.runtime.interrupts import uninterrupted
from ghostnp.kernels.runtime.team import threads

__all__ = ["compile_ahead", "help_compiling"]

_WORTH_IT = 3  # kernels
_MOST, _END = 255, b"\xff"  # kernels in a queue, and what each process finds at the end of it

# The same places for modules as here: that the package can be imported may be known to this process alone. SciPy, which
# Numba looks for to multiply matrices, would take a quarter of a second. Where memory runs out, Linux is to end this
# process and not the one that it helps.
_CODE = """import contextlib, sys
with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
    score.write("1000")
sys.path[:] = {path!r}
sys.modules["scipy"] = None
import {module}
{module}.help_compiling({parent})
"""

_one_at_a_time = Lock()  # a second thread that compiles in the meantime waits for Numba's lock, and needs no process


def compile_ahead(note):
    """Compile the kernels of launches, if many are missing: with a second process.

    Parameters
    ----------
    note : callable
        What gives the launches as ``recording(bind=False)`` does. It is not called where no second process can help.
    """
    if not _may_help():
        return
    kernels = [kernel for kernel in dict.fromkeys(kernels_of(note())) if not _is_ready(kernel)]
    kernels = sorted(kernels, key=_effort, reverse=True)[:_MOST]
    if len(kernels) < _WORTH_IT or not all(is_kept(kernel.dispatcher) for kernel in kernels):
        return
    if _one_at_a_time.acquire(blocking=False):
        try:
            _compile_with_another(kernels)
        finally:
            _one_at_a_time.release()


def help_compiling(parent):
    """What the second process runs: it takes numbers from standard input, and compiles those kernels."""
    kernels = [Kernel(module, name, tuple(map(_type, kinds))) for module, name, kinds in json.loads(sys.argv[1])]
    kernels[0].dispatcher.targetctx.refresh()  # what comes once in a process, before a kernel waits for it
    for number in _taken(0):
        if os.getppid() != parent:  # it was killed (on Windows the number stays, and this process compiles the rest)
            break
        kernels[number].dispatcher.compile(kernels[number].types)
    os._exit(0)  # at once: somebody waits for it


def _compile_with_another(kernels):
    begun, process = perf_counter(), None
    try:
        queue = _queue(len(kernels))
    except OSError:  # no file can be opened any more
        return
    try:
        with uninterrupted():
            process = _second_process(kernels, queue)
        if process is None:
            return
        left = len(kernels)
        Program([])()  # this compiles what runs programs; meanwhile the other process starts
        for number in _taken(queue):
            kernels[number].dispatcher.compile(kernels[number].types)
            left -= 1
        if left:  # the other process has taken them, and may be compiling one still
            with suppress(subprocess.TimeoutExpired):
                process.wait(perf_counter() - begun)  # twice the time is the worst that can come of it
    finally:
        os.close(queue)
        if process is not None:
            process.kill()
            with suppress(subprocess.TimeoutExpired):  # a disk that does not answer: the process ends when it does
                process.wait(1)


def _queue(count):
    """A pipe that holds the numbers of all kernels, and an end for each of the two who read it."""
    queue, end = os.pipe()
    os.write(end, bytes(range(count)) + 2 * _END)
    os.close(end)
    return queue


def _taken(queue):
    """The next kernel's number, again and again, as long as there is one."""
    while (number := os.read(queue, 1)) not in (b"", _END):  # nothing: a process that is no ghostnp has read them all
        yield number[0]


def _second_process(kernels, queue):
    """Start it; None if the system does not."""
    path = [*map(str, sys.path), str(Path(__file__).parents[3])]
    code = _CODE.format(path=path, module=__name__, parent=os.getpid())
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    text = json.dumps([(kernel.module, kernel.name, [_spelled(kind) for kind in kernel.types]) for kernel in kernels])
    try:
        return subprocess.Popen(
            [sys.executable, *subprocess._args_from_interpreter_flags(), "-c", code, text],
            stdin=queue, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=environment | ({"NUMBA_CACHE_DIR": FOLDER} if FOLDER else {}),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None


def _may_help():
    # A program that Python is a part of may have put its own name there, and would be started a second time.
    has_python = Path(sys.executable or "").name.lower().startswith("python") and not getattr(sys, "frozen", False)
    return has_python and min(threads(), numba.config.NUMBA_DEFAULT_NUM_THREADS) > 1


def _is_ready(kernel):
    return kernel.types in kernel.dispatcher.overloads or is_on_disk(kernel.dispatcher, kernel.types)


def _spelled(kind):
    """One of Numba's types in words of JSON."""
    if isinstance(kind, types.Array):
        return [str(kind.dtype), kind.ndim, kind.layout, kind.mutable]
    if isinstance(kind, types.BaseTuple):
        made_by = getattr(kind, "instance_class", None)  # a NamedTuple
        name = [made_by.__module__, made_by.__qualname__] if made_by else None
        return {"of": name, "parts": [_spelled(part) for part in kind.types]}
    return str(kind)


def _type(spelled):
    """The inverse of `_spelled`."""
    match spelled:
        case [dtype, ndim, layout, mutable]:
            return types.Array(_type(dtype), ndim, layout, readonly=not mutable)
        case {"of": name, "parts": parts}:
            made_by = name and getattr(import_module(name[0]), name[1])
            return types.BaseTuple.from_types(tuple(map(_type, parts)), made_by)
    return types.boolean if spelled == "bool" else getattr(types, spelled)


def _effort(kernel):
    """How long it takes to compile, more or less: how much bytecode it and the functions that it calls have."""
    waiting, found = [kernel.dispatcher], {}
    while waiting:
        function = waiting.pop()
        function = getattr(function, "py_func", function)
        if inspect.isfunction(function) and function not in found and function.__module__.startswith("ghostnp."):
            found[function] = len(function.__code__.co_code)
            waiting += [function.__globals__.get(name) for name in function.__code__.co_names]
    return sum(found.values())
