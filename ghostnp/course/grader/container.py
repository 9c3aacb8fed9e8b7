"""A check inside a container: by docker or podman, of an image in which ghostnp is installed.

The container has no network and no file of this machine but copies of what is checked, which it may not change. It can
write into 256 MB of memory that go when it ends, is no administrator, and has a processor, so much memory and so many
processes as it is given. That keeps this machine from harm. It does not keep a file from lying about itself: what is
checked and what checks it run side by side in there, as they do without a container.
"""

import math
import os
import shutil
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import ghostnp
from ghostnp.course.grader.clock import WALL
from ghostnp.course.grader.file_report import FileReport, FunctionReport, from_json, plain
from ghostnp.course.grader.runner import StoppedError

PROGRAMS = ("docker", "podman")
# Where there is no limit: what a container may have, and how long it may run by the clock.
_MEMORY, _SECONDS = 4.0, 3600.0
_PYTHON = 1.0  # GiB for what is not the student's: the process that watches, and the one that checks
_STARTING = 60.0


class ContainerError(OSError):
    """No container could be run, which says nothing about what was to be checked."""


class Container(NamedTuple):
    """What runs a check.

    Parameters
    ----------
    program : str
        docker or podman.
    image : str
        Has Python and ghostnp.
    """

    program: str
    image: str

    def check(self, path, providers, limits, seed=None, stop=None, folder=None):
        """Check a file, as `ghostnp.course.grader.check` does.

        Parameters
        ----------
        path : pathlib.Path
            The file.
        providers : sequence of str
            What registers operators: files are copied, modules have to be in the image.
        limits : Limits
            How much it may take.
        seed : int, optional
            Cases are drawn by it.
        stop : threading.Event, optional
            Once it is set, the container is ended, and `StoppedError` is raised.
        folder : pathlib.Path, optional
            Comes along: the helpers of the file. Without it the file is alone.

        Returns
        -------
        FileReport

        Raises
        ------
        ContainerError
            If the container did not do its work.
        """
        path = Path(path)
        with tempfile.TemporaryDirectory() as scratch:
            inside = Path(scratch) / "submission"
            if folder is None:
                inside.mkdir()
                shutil.copy(path, inside / path.name)
                place = path.name
            else:
                shutil.copytree(folder, inside, symlinks=True)
                place = Path(path).relative_to(folder).as_posix()
            command = ["check", f"/submission/{place}", "--json"]
            for name, value in limits._asdict().items():
                if value < math.inf:
                    command += [f"--{name.replace('_', '-')}", f"{value:g}"]
            command += [] if seed is None else ["--seed", str(seed)]
            for number, provider in enumerate(providers):
                if provider.endswith(".py"):
                    (inside / f".with{number}").mkdir()
                    shutil.copy(provider, inside / f".with{number}")
                    command += ["--with", f"/submission/.with{number}/{Path(provider).name}"]
                else:
                    command += ["--with", provider]
            seconds = WALL * limits.file_seconds if limits.file_seconds < math.inf else _SECONDS
            code, output, said = self._run(command, inside, limits.memory, seconds + _STARTING, stop)
        if code in (0, 1, 3):
            try:
                return from_json(output)
            except ValueError:
                pass  # what it said is told below
        elif code in (137, None):
            what = (
                f"it ran longer than {seconds:g} s" if code is None else "it was killed, as is done for lack of memory"
            )
            report = FileReport(plain(path.name))
            report.problem = FunctionReport("", "wrong", f"the container was stopped: {what}")
            return report
        lines = (said.strip() or output.strip() or "it said nothing").split("\n")
        raise ContainerError(f"{self.program} ended with exit code {code}: {plain(lines[-1])}")

    def version(self):
        """Which ghostnp is in the image: it is run for that, so that everything has been tried."""
        code, output, said = self._run(["--version"], None, math.inf, _STARTING, None)
        if code != 0:
            why = "it does not come to an end" if code is None else said.strip() or output.strip() or "it said nothing"
            first = plain(why.splitlines()[0])
            raise ContainerError(first if first.startswith(self.program) else f"{self.program}: {first}")
        return output.strip().rpartition(" ")[2]

    def _run(self, words, folder, memory, seconds, stop):
        """Exit code, None if it took too long, and what it wrote."""
        name = f"ghostnp-{uuid.uuid4().hex}"
        megabytes = int(1024 * ((_MEMORY if memory == math.inf else memory) + _PYTHON))
        command = [
            self.program, "run", "--rm", "--name", name, "--pull", "never", "--network", "none", "--read-only",
            "--tmpfs", "/tmp:size=256m", "--workdir", "/tmp", "--env", "HOME=/tmp", "--cap-drop", "ALL",
            "--security-opt", "no-new-privileges", "--pids-limit", "128", "--cpus", "1",
            "--memory", f"{megabytes}m", "--memory-swap", f"{megabytes}m",
        ]  # fmt: skip
        if hasattr(os, "getuid"):
            command += ["--user", f"{os.getuid()}:{os.getgid()}"]
            command += ["--userns", "keep-id"] if Path(self.program).name == "podman" else []
        if folder is not None:
            command += ["--volume", f"{folder}:/submission:ro"]
        command += [self.image, "python", "-m", "ghostnp", *words]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=said, start_new_session=True
                )
            except OSError as error:
                raise ContainerError(f"{self.program} cannot be started: {error.strerror}") from None
            code, end = None, time.monotonic() + seconds
            try:
                while code is None and time.monotonic() < end:
                    if stop is not None and stop.is_set():
                        raise StoppedError
                    try:
                        code = process.wait(0.1)
                    except subprocess.TimeoutExpired:
                        continue
            finally:
                if code is None:
                    # The program is a client: ending it would leave the container running.
                    nowhere = subprocess.DEVNULL
                    with suppress(subprocess.TimeoutExpired):
                        kill = [self.program, "kill", name]
                        subprocess.run(kill, check=False, stdout=nowhere, stderr=nowhere, timeout=30)
                    process.kill()
                    process.wait()
            for file in (output, said):
                file.seek(0)
            return code, output.read().decode("utf-8", "replace"), said.read().decode("utf-8", "replace")


def find_container(image):
    """The first of docker and podman that runs the image.

    Parameters
    ----------
    image : str
        Its name.

    Returns
    -------
    Container

    Raises
    ------
    ContainerError
        If neither does; it says why in a line.
    """
    why = []
    for program in PROGRAMS:
        if shutil.which(program) is None:
            why.append(f"{program} is not installed")
            continue
        container = Container(program, image)
        try:
            version = container.version()
        except ContainerError as error:
            why.append(str(error))
            continue
        if version == ghostnp.__version__:
            return container
        why.append(f"{program}: the image has ghostnp {version}, and this is {ghostnp.__version__}")
    raise ContainerError(
        f"no container can be run of the image {image!r} ({'; '.join(why)}): the rule is docker or podman, and an "
        "image in which `python -m ghostnp` runs, as the README makes it"
    )
