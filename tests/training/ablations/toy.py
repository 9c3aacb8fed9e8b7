"""Ablations that take no time, for the tests: they are found by ``tests.training.ablations.toy:NAME``.

A worker finds this file as it would find a student's: where Python looks for modules.
"""

import os
import time
from pathlib import Path

import numpy as np

from ghostnp.modules import Flatten, Linear, Sequential
from ghostnp.training.ablations import Ablation, AblationRow, TaskData
from ghostnp.training.dataset import DataSet, Part
from ghostnp.training.recipe import Recipe


def points(seed):
    """Points of a plane, of which the label is the sign of the first coordinate."""
    rng = np.random.default_rng(seed)
    parts = []
    for count in (24, 16):
        images = rng.standard_normal((count, 2, 1, 1)).astype(np.float32)
        parts.append(Part(images, (images[:, 0, 0, 0] > 0).astype(np.int64)))
    return DataSet("points", *parts, ("left", "right"))


def linear(data):
    return Sequential(flatten=Flatten(), classifier=Linear(2, 2))


def two_layers(data):
    return Sequential(flatten=Flatten(), hidden=Linear(2, 3), classifier=Linear(3, 2))


class Trap(Sequential):
    """A network that springs when it is to be trained, and not when it is only looked at."""

    def forward(self, x, *, training=False, rng=None):
        if training or len(x) > 1:
            spring()
        return super().forward(x, training=training, rng=rng)


def spring():
    what = os.environ.get("TOY_TRAP", "raise")
    if what == "kill":
        os._exit(1)
    if what == "raise":
        raise RuntimeError("the trap sprang")


def trap(data):
    return Trap(flatten=Flatten(), classifier=Linear(2, 2))


def slow(seed):
    """Points, after a while; which processes were asked for them is left in a folder, if one is named."""
    if folder := os.environ.get("TOY_FOLDER"):
        Path(folder, f"{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(float(os.environ.get("TOY_SECONDS", "0.5")))
    return points(seed)


ABOUT = ("Is one layer enough?", "no table", "It says nothing.")
FAST = Recipe(epochs=2, batch=8)
ROWS = (AblationRow("one layer", linear), AblationRow("two layers", two_layers, "one layer"))
GOOD = Ablation("toy", *ABOUT, ROWS, (TaskData("points", points),), FAST)
LONGER = Ablation("toy", *ABOUT, ROWS, (TaskData("points", points),), Recipe(epochs=3, batch=8))
TRAPPED = Ablation("toy", *ABOUT, (*ROWS, AblationRow("trap", trap, "one layer")), (TaskData("points", points),), FAST)
SLOW = Ablation("slow", *ABOUT, ROWS, (TaskData("points", slow),), FAST)
