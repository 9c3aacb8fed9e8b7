"""The process around a file that is checked: it is started, watched, and stopped where it does not come to an end."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

import ghostnp
from ghostnp.course.grader.clock import OWN, WALL, Limits
from ghostnp.course.grader.file_report import FileReport, FunctionReport, plain
from ghostnp.files import read, replace

_USUAL = Limits()
# Until the process writes down what it does: it imports NumPy and Hypothesis.
_STARTING: list[Any] = [0, "", "starting", OWN]


def check(path, providers=(), limits=_USUAL):
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

    Returns
    -------
    FileReport

    Raises
    ------
    OSError
        If there is no such file, it is a pipe or a device, or the disk is full.
    ValueError
        If a limit is not above zero.
    """
    limits = limits.checked()
    for file in (path, *(provider for provider in providers if provider.endswith(".py"))):
        read(file)  # says at once if there is none, under the name that was given
    path = Path(os.path.realpath(path))
    providers = [str(Path(provider).resolve()) if provider.endswith(".py") else provider for provider in providers]
    report = FileReport(plain(path.name))
    skipped: list[str] = []
    while True:
        with TemporaryDirectory() as folder:
            stopped = _run(path, Path(folder), providers, skipped, limits)
            done = _read(Path(folder), report)
            if stopped is not None or not done:
                # Was it the file, or is the disk full? Then this raises what says so.
                replace(Path(folder) / "more", bytes(4096))
            if stopped is None and not done:
                stopped = _ended(_progress(Path(folder) / "progress") or _STARTING, 0)
        if stopped is None:
            return report
        name, says = stopped
        if not name or name not in report.functions:
            report.stopped(name, plain(says))
            return report
        # One function that does not end must not keep the others from being checked.
        report.add(name, status="wrong", **plain(says))
        skipped = [done for done, found in report.functions.items() if found is not None]


def _run(path, folder, providers, skipped, limits):
    """Run the child to its end: None, or which function it was stopped in and what to say."""
    arguments = [str(path), str(folder), json.dumps(limits), json.dumps(providers), *skipped]
    command = [sys.executable, "-m", "ghostnp.course.grader.child", *arguments]
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
    }
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    try:
        return _watch(process, folder / "progress")
    finally:
        process.kill()
        process.wait()


def _watch(process, progress):
    """Wait for its end, or until one step takes longer than it may."""
    usage = psutil.Process(process.pid)
    last, used, since = _STARTING, 0.0, time.monotonic()
    while True:
        try:
            code = process.wait(0.05)
        except subprocess.TimeoutExpired:
            code = None
        now = _progress(progress) or last
        if code is not None:
            return None if code == 0 else _ended(now, code)
        try:
            times = usage.cpu_times()
        except psutil.NoSuchProcess:
            continue  # it has just ended
        if now != last:
            last, used, since = now, times.user + times.system, time.monotonic()
        *_, may = last
        if times.user + times.system - used > may or time.monotonic() - since > WALL * may:
            return _endless(last)


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
