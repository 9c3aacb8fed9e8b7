"""The process around a file that is checked: it is started, watched, and stopped where it does not come to an end."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

import ghostnp
from ghostnp.course.grader.clock import OWN, WALL, Limits
from ghostnp.course.grader.file_report import FileReport, FunctionReport, plain
from ghostnp.course.grader.source import Loader
from ghostnp.files import read, replace

_USUAL = Limits()
_OWN_MEMORY = 2**29  # bytes that the grader's own process may have: NumPy and Hypothesis take less
# Until the process writes down what it does: it imports NumPy and Hypothesis.
_STARTING: list[Any] = [0, "", "starting", OWN]


def check(path, providers=(), limits=_USUAL, seed=None, stop=None):
    """Check every function of the vocabulary that a file defines.

    Functions of an operator that the file itself registers are held to their laws alone.

    Parameters
    ----------
    path : str or pathlib.Path
        A Python file, or a notebook (.ipynb), whose code cells are run in order.
    providers : sequence of str, default ()
        Modules, or Python files, that register operators: functions of these names in the file are checked as well.
    limits : Limits, optional
        How long it may take: ten seconds of CPU time for each function, two for a call, and twenty for a start.
    seed : int, optional
        Cases are drawn by it; by default they are the same for everybody.
    stop : threading.Event, optional
        Once it is set, what runs is ended, and `StoppedError` is raised.

    Returns
    -------
    FileReport

    Raises
    ------
    OSError
        If there is no such file, it is a pipe or a device, no text, or no notebook, or the disk is full.
    ValueError
        If a limit is not above zero.
    """
    limits = limits.checked()
    for file in (path, *(provider for provider in providers if provider.endswith(".py"))):
        read(file)  # says at once if there is none, under the name that was given
        _require_text(file)
    path = Path(os.path.realpath(path))
    providers = [str(Path(provider).resolve()) if provider.endswith(".py") else provider for provider in providers]
    report = FileReport(plain(path.name))
    skipped: list[str] = []
    spent = Spent()
    while True:
        with TemporaryDirectory() as folder:
            stopped = _run(path, Path(folder), providers, skipped, limits, seed, spent, stop)
            done = _read(Path(folder), report)
            if stopped is not None or not done:
                # Was it the file, or is the disk full? Then this raises what says so.
                replace(Path(folder) / "more", bytes(4096))
            if stopped is None and not done:
                stopped = _ended(_progress(Path(folder) / "progress") or _STARTING, 0)
        if stopped is None:
            return report
        name, says = stopped
        if spent.all:
            report.out_of_time(says)
            return report
        if not name or name not in report.functions:
            report.stopped(name, plain(says))
            return report
        # One function that does not end must not keep the others from being checked.
        report.add(name, status="wrong", **plain(says))
        skipped = [done for done, found in report.functions.items() if found is not None]


def _require_text(file):
    """Raise an OSError for what is no text at all: then nothing can be said of the code."""
    try:
        Loader("submission", file).get_source("submission")
    except UnicodeError as error:
        raise OSError(errno.EILSEQ, f"{error}; save it again as UTF-8", str(file)) from None
    except SyntaxError as error:
        # Of a notebook what it lacks is said; of text, that its encoding is none.
        advice = "" if Path(file).suffix == ".ipynb" else "; save it again as UTF-8"
        raise OSError(errno.EILSEQ, f"{error.msg}{advice}", str(file)) from None


def _run(path, folder, providers, skipped, limits, seed, spent, stop):
    """Run the child to its end: None, or which function it was stopped in and what to say."""
    arguments = [str(path), str(folder), json.dumps(limits), json.dumps(seed), json.dumps(providers)]
    command = [sys.executable, "-m", "ghostnp.course.grader.child", *arguments, *skipped]
    homes = [Path(ghostnp.__file__).parents[1], *([Path.cwd()] if providers else [])]
    given = [str(Path(home).absolute()) for home in os.environ.get("PYTHONPATH", "").split(os.pathsep) if home]
    caches = folder / "caches"  # for what compilers and libraries keep; it goes when the check has ended
    caches.mkdir()
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([*map(str, homes), *given]),
        "MPLBACKEND": "agg",  # a plot opens no window
        "NUMBA_CACHE_DIR": str(caches),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
        "HYPOTHESIS_NO_PLUGINS": "1",  # whatever is installed here, such as trio, which imports pytest
    }
    nowhere = subprocess.DEVNULL
    # In a session of its own Ctrl-C is no KeyboardInterrupt of the student's, and all that it starts can be ended.
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True
    )
    try:
        return _watch(process, folder / "progress", limits, spent, stop)
    finally:
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


@dataclass
class Spent:
    """CPU time of a file, in all processes that were started for it; and whether that is `all` that it may take."""

    seconds: float = 0.0
    all: bool = False


class StoppedError(Exception):
    """Whoever asked for a check wants it no more."""


def _watch(process, progress, limits, spent, stop):
    """Wait for its end, or until it takes more time or memory than it may."""
    usage = psutil.Process(process.pid)
    last, used, since = _STARTING, 0.0, time.monotonic()
    before, began = spent.seconds, since
    while True:
        try:
            code = process.wait(0.05)
        except subprocess.TimeoutExpired:
            code = None
        if stop is not None and stop.is_set():
            raise StoppedError
        now = _progress(progress) or last
        if code is not None:
            return None if code == 0 else _ended(now, code)
        try:
            times, memory = usage.cpu_times(), usage.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it has just ended
        if now != last:
            last, used, since = now, times.user + times.system, time.monotonic()
        *_, may = last
        if times.user + times.system - used > may or time.monotonic() - since > WALL * may:
            return _endless(last)
        spent.seconds = before + max(times.user + times.system, (time.monotonic() - began) / WALL)
        if spent.seconds > limits.file_seconds:
            spent.all = True
            return (
                "",
                f"time ran out before this was tried: the whole file may take {limits.file_seconds:g} s of CPU time",
            )
        if memory > _OWN_MEMORY + limits.memory * 2**30:
            return _large(last, limits.memory)


def _progress(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # not there yet, or half written


def _endless(now):
    _, name, what, may = now
    after = f"after {may:g} s of CPU time, or {WALL * may:g} s by the clock"
    if not name:
        hint = "Importing the file runs what stands outside its functions: is there a loop, or a test of yours?"
        return "", {"says": f"it does not come to an end: it was stopped while {what}, {after}", "hints": [hint]}
    hint = "Does every while loop come nearer to its end? A for loop over np.ndindex or range always does."
    says = f"it does not come to an end: a call was stopped {after}"
    return name, {"says": says, "case": what, "hints": [hint]}


def _large(now, memory):
    _, name, what, _ = now
    says = f"it was stopped since it takes more memory than it may, which is {memory:g} GiB"
    return name, {"says": says, "case": what, "hints": ["How large are the arrays? Does a list grow in each call?"]}


def _ended(now, code):
    _, name, what, _ = now
    says = (
        f"it ended the whole process (exit code {code})" if code >= 0 else f"the process was killed by signal {-code}"
    )
    hint = "os._exit and the like end Python at once; a crash comes from compiled code or from memory running out."
    return name, {"says": says, "case": what, "hints": [hint]}


def _read(folder, report):
    """Enter what the child has found; whether it came to its end."""
    try:
        lines = (folder / "findings").read_text(encoding="utf-8").split("\n")[:-1]  # what follows is half a line
    except OSError:
        return False
    done = False
    for line in lines:
        finding = plain(json.loads(line))
        name = finding.pop("function")
        report.printed, report.first_printed = finding.pop("printed"), finding.pop("first_printed")
        if name:
            report.add(name, **finding)
        elif finding["status"] == "done":
            done = True
        elif finding["status"] == "loaded":
            for function in finding["functions"]:
                report.functions.setdefault(function, None)
            report.others, report.helpers = finding["others"], finding["helpers"]
        else:
            report.problem = FunctionReport("", **finding)
    return done
