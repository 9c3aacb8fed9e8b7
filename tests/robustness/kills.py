"""Processes that are killed while they write, and disks that fill up: what was finished is never lost.

A short form runs with the other tests. For the long form, so many kills of each writer, and full disks of every size:

    python -m tests.robustness.kills 200
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ghostnp

# Each writes one version after the other, for ever, into the working folder; every version says throughout which it is.
WRITERS = {
    "weights.safetensors": """
import itertools, numpy as np
from ghostnp.weights import save_weights
for version in itertools.count():
    save_weights("weights.safetensors", {str(n): np.full(20_000, version, np.int64) for n in range(10)})
    print(version, flush=True)
""",
    "weights.npz": """
import itertools, numpy as np
from ghostnp.weights import save_weights
for version in itertools.count():
    save_weights("weights.npz", {str(n): np.full(20_000, version, np.int64) for n in range(10)})
    print(version, flush=True)
""",
    "papers.md": """
import itertools
from pathlib import Path
from ghostnp.cli.worksheet import write_all
for version in itertools.count():
    files = {Path(name): f"{name} {version}\\n".encode() * 50_000 for name in ("papers.md", "key.md", "grades.csv")}
    write_all(files, force=True)
    print(version, flush=True)
""",
    "a picture": """
import itertools
from pathlib import Path
from matplotlib.figure import Figure
from ghostnp.pictures.style import save
for version in itertools.count():
    save(Figure(figsize=(3, 3)), Path("picture.png"), metadata={"Title": str(version) * 1000})
    print(version, flush=True)
""",
}


def versions(folder):
    """Which version each file in the folder is, by its name; an assertion that it is one version throughout."""
    found = {}
    for path in folder.iterdir():
        if path.name.startswith("."):  # the one that was being written: never under a final name
            assert path.suffix == ".part", path
        elif path.name.startswith("weights"):
            numbers = {
                int(value) for array in ghostnp.load_weights(path).values() for value in (array.min(), array.max())
            }
            (found[path.name],) = numbers
        elif path.suffix == ".png":
            with Image.open(path) as picture:
                picture.load()
                title = picture.text["Title"]
            found[path.name] = int(title[: len(title) // 1000])
        else:
            lines = path.read_text().splitlines()
            assert len(lines) == 50_000
            assert len(set(lines)) == 1
            found[path.name] = int(lines[0].split()[1])
    return found


def kill(writer, seconds, folder):
    """Start a writer, and kill it so long after its first version: which it had finished, and what is there."""
    environment = os.environ | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])}
    command = [sys.executable, "-P", "-c", WRITERS[writer]]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        finished = int((first + process.stdout.read()).splitlines()[-1])
    assert process.returncode == -signal.SIGKILL
    return finished, versions(Path(folder))


def check(writer, seconds, folder):
    """Kill a writer: all its files are there, and none is older than what it had finished."""
    finished, found = kill(writer, seconds, folder)
    assert found
    assert all(version in (finished, finished + 1) for version in found.values()), (finished, found)
    return bool(list(Path(folder).glob(".*.part")))


def full_disk(folder, room):
    """Save on a disk that has so much room left, and too little: the old file stays, alone, and the error names it."""
    path = Path(folder) / "weights.npz"
    ghostnp.save_weights(path, {"0": np.full(1000, 1)})
    filler = Path(folder) / "filler"
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize - room
    filler.write_bytes(bytes(max(free, 0)))
    with pytest.raises(OSError, match="No space left") as refused:
        ghostnp.save_weights(path, {"0": np.full(100_000, 2)})
    assert refused.value.filename == str(path)
    filler.unlink()
    assert versions_alone(path) == 1


def versions_alone(path):
    """The version of a file that has to be the only one in its folder."""
    assert list(path.parent.iterdir()) == [path]
    return versions(path.parent)[path.name]


def main(kills):
    """The long form."""
    rng = random.Random(0)
    for writer in WRITERS:
        inside = 0
        for _ in range(kills):
            with tempfile.TemporaryDirectory() as folder:
                inside += check(writer, rng.expovariate(10), folder)
        print(
            f"{writer}: {kills} kills, {inside} of them while it wrote; nothing lost, nothing half-written", flush=True
        )
    with tempfile.TemporaryDirectory() as folder:
        mounted = (
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode == 0
        )
        if not mounted:
            print("no tmpfs can be mounted here: full disks are limits of a file's size, in the other tests")
            return
        try:
            rooms = [0, 1, 4096, 8192, 16_384, 100_000, 400_000, 700_000]
            for room in rooms:
                full_disk(folder, room)
            print(f"a tmpfs of 1 MB, full but for {len(rooms)} sizes of room: the old file stayed each time")
        finally:
            subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
