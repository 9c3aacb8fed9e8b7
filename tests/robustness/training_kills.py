"""Trainings that are killed at random moments, again and again: what comes out in the end is the same, bit for bit.

A short form runs with the other tests. For the long form, a training for each line, killed so many times together:

    python -m tests.robustness.training_kills 50
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ghostnp

# A checkpoint is written after nearly every step, so that many kills are in the middle of one.
TRAININGS = {
    "sgd": ["--epochs", "20", "--checkpoint-every", "0.02"],
    "everything": ["--epochs", "8", "--optimiser", "adamw", "--average", "0.95", "--shift", "1", "--crop", "0.9",
                   "--clip", "1", "--warm-up", "1", "--label-smoothing", "0.1", "--checkpoint-every", "0"],
}  # fmt: skip


def start(folder, *words):
    """`ghostnp train` in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])}
    command = [sys.executable, "-P", "-m", "ghostnp", "train", "--output", str(folder), *words]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finish(folder, *words):
    """Train to the end; what came out."""
    with start(folder, *words) as process:
        said = process.stdout.read()
    assert process.returncode == 0, said
    return (Path(folder) / "weights.safetensors").read_bytes()


def survive(folder, words, kills, rng, longest):
    """What comes out of a training that is killed so many times, and how many of the kills came while it trained."""
    folder, inside = Path(folder), 0
    for _ in range(kills):
        is_begun = (folder / "run.json").exists()
        with start(folder, *(["--resume"] if is_begun else words)) as process:
            time.sleep(rng.uniform(0, longest))
            process.send_signal(signal.SIGKILL)
            said = process.stdout.read()
        assert process.returncode == -signal.SIGKILL or "weights, curves and log" in said, said
        inside += process.returncode == -signal.SIGKILL and "compiled" in said
        for path in folder.glob(".*.part"):  # what was being written, never under a final name
            path.unlink()
    return finish(folder, *(["--resume"] if (folder / "run.json").exists() else words)), inside


def main(kills):
    """The long form."""
    rng = random.Random(0)
    for name, words in TRAININGS.items():
        with tempfile.TemporaryDirectory() as folder:
            expected, survived, inside = finish(Path(folder) / "whole", *words), 0, 0
            begin = time.monotonic()
            rounds = 0
            while survived < kills:
                # A few kills each, so that they come at the beginning, in the middle and at the end of it.
                once = min(5, kills - survived)
                found, within = survive(Path(folder) / str(rounds), words, once, rng, 2.5)
                assert found == expected, f"{name}, round {rounds}: other weights"
                survived, inside, rounds = survived + once, inside + within, rounds + 1
            print(
                f"{name}: {survived} kills of {rounds} trainings, {inside} while it trained; the same weights bit for "
                f"bit each time ({time.monotonic() - begin:.0f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]))
