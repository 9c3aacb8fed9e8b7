"""What an ablation is, and one cell of it: a network (row), trained on a data set, with a seed.

A cell is told by names alone, ``run_cell("shuffle", "g=2, shuffled", "digits", 0)``. Names travel to another process or
another machine as they are, and what they mean is looked up there.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import NamedTuple

import ghostnp
from ghostnp.graph.counting import count
from ghostnp.modules import Module, initializer
from ghostnp.ops.checks import integer
from ghostnp.training.dataset import DataSet
from ghostnp.training.loop import fit
from ghostnp.training.recipe import Recipe

_REPEATS, _BATCH = 30, 64


class AblationRow(NamedTuple):
    """One network.

    Parameters
    ----------
    name : str
        Such as "g=2, shuffled".
    build : callable
        Makes the network for a `DataSet`.
    against : str or None
        Name of the row that it is compared with, seed by seed.
    """

    name: str
    build: Callable[[DataSet], Module]
    against: str | None = None


class TaskData(NamedTuple):
    """What the networks learn: a name, and what makes a `DataSet` of a seed."""

    name: str
    load: Callable[[int], DataSet]


@dataclass(frozen=True)
class Ablation:
    """A question, and what is run to answer it.

    Parameters
    ----------
    name : str
        Of the folder that its cells are kept in.
    question : str
        In a sentence.
    mirrors : str
        Which table of which paper and document asks the same.
    says : str
        What it says there.
    rows : tuple of AblationRow
        The networks.
    data : tuple of TaskData
        Each row is trained on each of these.
    recipe : Recipe
        How all of them are trained; its seed is replaced by each of the seeds.
    costs : tuple of str
        Which of "macs", "params" and "microseconds" the picture draws accuracy against.
    """

    name: str
    question: str
    mirrors: str
    says: str
    rows: tuple[AblationRow, ...]
    data: tuple[TaskData, ...]
    recipe: Recipe
    costs: tuple[str, ...] = ()

    def row(self, name):
        """The row of that name."""
        return _named("row", self.rows, name)

    def task(self, name):
        """The data of that name."""
        return _named("data", self.data, name)


class Cell(NamedTuple):
    """One network to train: names, a seed, and a mark of all that its result depends on.

    Parameters
    ----------
    row, data : str
        Names in the ablation.
    seed : int
        Of the data, the initial weights and the order of the images.
    mark : str
        A digest of network, data and recipe: a kept cell of another mark answers another question.
    """

    row: str
    data: str
    seed: int
    mark: str

    def __str__(self):
        return f"{self.row} on {self.data}, seed {self.seed}"


def cells_of(ablation, seeds):
    """All cells, seed by seed, so that a grid that is stopped early has something of every row."""
    found = []
    for seed in seeds:
        for task in ablation.data:
            data = task.load(seed)
            for row in ablation.rows:
                with initializer(None):
                    network = repr(row.build(data))
                asked = repr((network, str(data), ablation.recipe, ghostnp.__version__))
                mark = blake2b(asked.encode(), digest_size=6).hexdigest()
                found.append(Cell(row.name, task.name, seed, mark))
    return found


def run_cell(name, row, data, seed):
    """Train one network, and say how good it is and what it costs.

    Parameters
    ----------
    name : str
        Of the ablation, as for `find_ablation`.
    row, data : str
        Names in it.
    seed : int
        Of the data, the initial weights and the order of the images.

    Returns
    -------
    dict
        ``accuracy`` (share of the test images), ``loss`` (mean of the last epoch), ``params``, ``macs`` (of an image),
        ``microseconds`` (of an image, compiled, in batches of 64 on one thread: the least of 30 measurements) and
        ``seconds`` (of training).

    Raises
    ------
    TypeError, ValueError
        If there is no such cell.
    """
    from ghostnp.training.ablations.catalogue import find_ablation

    found = find_ablation(name)
    seed, task, recipe = integer("seed", seed, 0), found.task(data), found.recipe
    chosen, learnt = found.row(row), task.load(seed)
    with initializer(seed):
        model = chosen.build(learnt)
    history = fit(model, learnt, replace(recipe, seed=seed))
    counted = count(model, (1, *learnt.shape))
    return {
        "accuracy": history.accuracy,
        "loss": history.losses[-1],
        "params": counted.params,
        "macs": counted.macs,
        "microseconds": _microseconds(model, learnt.test.images[:_BATCH]),
        "seconds": sum(history.seconds),
    }


def _microseconds(model, images):
    """The time for one image, on one thread; the least of several, since what else a machine does only adds to it."""
    from ghostnp.kernels.runtime import set_threads, threads

    engine, before, times = ghostnp.compile(model), threads(), []
    set_threads(1)
    try:
        for _ in range(_REPEATS):
            started = time.perf_counter()
            engine(images)
            times.append(time.perf_counter() - started)
    finally:
        set_threads(before)
    return 1e6 * min(times) / len(images)


def _named(kind, choices, name):
    for choice in choices:
        if choice.name == name:
            return choice
    names = ", ".join(repr(choice.name) for choice in choices)
    raise ValueError(f"{kind}={name!r}: the rule is one of {names}")
