"""The cells of a grid as an answer: a table with mean, spread and test, JSON, and a picture."""

import json
from dataclasses import asdict, dataclass, fields
from statistics import fmean, stdev
from typing import NamedTuple

from ghostnp.files import read
from ghostnp.training.ablations.paired import paired_t_test

_HEADERS = ("network", "parameters", "MACs", "µs/image", "accuracy", "n", "against", "difference", "p")


class CellResult(NamedTuple):
    """What came of a cell: names and seed, and what `run_cell` gave."""

    row: str
    data: str
    seed: int
    accuracy: float
    loss: float
    params: int
    macs: int
    microseconds: float
    seconds: float


class RowSummary(NamedTuple):
    """One line of the table.

    `against`, `difference` and `p` are None for a row that is compared with none, and `p` is None for a single seed.
    """

    name: str
    params: int
    macs: int
    microseconds: float
    accuracies: tuple[float, ...]
    against: str | None
    difference: float | None
    p: float | None

    @property
    def mean(self):
        """Of the accuracies."""
        return fmean(self.accuracies)

    @property
    def deviation(self):
        """The standard deviation of the accuracies over seeds, with n − 1; None for one seed, which has none."""
        return stdev(self.accuracies) if len(self.accuracies) > 1 else None


@dataclass(frozen=True)
class GridResult:
    """What was asked, and all cells that were run.

    Parameters
    ----------
    name, question, mirrors, says : str
        As in the `Ablation`.
    recipe : str
        How the networks were trained.
    against : dict of str to str or None
        Which row each row is compared with, in the order of the table.
    costs : tuple of str
        As in the `Ablation`.
    cells : tuple of CellResult
        Those that were finished.
    failed : dict of str to str
        Those that were not, and what went wrong.
    """

    name: str
    question: str
    mirrors: str
    says: str
    recipe: str
    against: dict[str, str | None]
    costs: tuple[str, ...]
    cells: tuple[CellResult, ...]
    failed: dict[str, str]

    @classmethod
    def of(cls, ablation, cells, failed):
        """The result of an `Ablation`."""
        against = {row.name: row.against for row in ablation.rows}
        words = (ablation.name, ablation.question, ablation.mirrors, ablation.says, _told(ablation.recipe))
        return cls(*words, against, ablation.costs, tuple(cells), dict(failed))

    @property
    def data(self):
        """Names of the data sets, in order."""
        return tuple(dict.fromkeys(cell.data for cell in self.cells))

    @property
    def seeds(self):
        """The seeds of which there is a cell."""
        return tuple(sorted({cell.seed for cell in self.cells}))

    @property
    def seconds(self):
        """Of training, over all cells."""
        return sum(cell.seconds for cell in self.cells)

    def summaries(self, data):
        """A `RowSummary` for each row that has a finished cell.

        Parameters
        ----------
        data : str
            Name of the data set.
        """
        by_row: dict[str, dict[int, CellResult]] = {name: {} for name in self.against}
        for cell in self.cells:
            if cell.data == data:
                by_row[cell.row][cell.seed] = cell
        return [self._summary(name, by_row) for name, found in by_row.items() if found]

    def _summary(self, name, by_row):
        found, other = by_row[name], self.against[name]
        first = next(iter(found.values()))
        difference = p = None
        shared = sorted(found.keys() & by_row[other].keys()) if other is not None else []
        if shared:
            mine, theirs = ([by_row[row][seed].accuracy for seed in shared] for row in (name, other))
            difference = fmean(mine) - fmean(theirs)
            p = paired_t_test(mine, theirs) if len(shared) > 1 else None
        return RowSummary(
            name,
            first.params,
            first.macs,
            min(cell.microseconds for cell in found.values()),
            tuple(found[seed].accuracy for seed in sorted(found)),
            other if shared else None,
            difference,
            p,
        )

    def __str__(self):
        return self._table("simple_outline")

    def to_markdown(self):
        """A table for each data set, and below it how it was made."""
        return self._table("pipe")

    def _table(self, style):
        from tabulate import tabulate

        parts, alone = [], False
        for data in self.data:
            rows = self.summaries(data)
            alone = alone or any(len(row.accuracies) == 1 for row in rows)
            lines = [_line(row) for row in rows]
            align = ("left", *("right",) * 5, "left", "right", "right")
            parts += [data, tabulate(lines, _HEADERS, tablefmt=style, colalign=align, disable_numparse=True)]
        parts += [
            f"{len(self.cells)} networks, seeds {', '.join(map(str, self.seeds))}; {self.recipe}; {self.seconds:.0f} s "
            "of training in all. Accuracy: mean ± standard deviation over seeds, in percent of the test images. p: "
            "paired t-test over seeds. One in twenty p is below 0.05 where there is no difference."
        ]
        if alone:
            parts += ["n = 1: a single seed has no standard deviation, and there is no test; --seeds 5 gives both."]
        parts += [f"failed: {cell}: {why}" for cell, why in self.failed.items()]
        return "\n\n".join(parts)

    def to_json(self):
        """All cells and what they are of, for `load_result`."""
        return json.dumps(asdict(self) | {"cells": [cell._asdict() for cell in self.cells]}, indent=1)

    def picture(self):
        """Accuracies of all rows as a matplotlib Figure, every seed a dot."""
        from ghostnp.pictures.ablation import accuracy_dots

        return accuracy_dots({data: self.summaries(data) for data in self.data}, self.costs)

    def in_words(self):
        """What the picture shows, for those who cannot see it: the mean accuracy of each row."""
        said = (
            f"on {data} " + ", ".join(f"{row.name} {row.mean:.1%}" for row in self.summaries(data))
            for data in self.data
        )
        return f"Accuracies of each row, a dot for every seed. Their means: {'; '.join(said)}"


def load_result(path):
    """Read what `GridResult.to_json` gave.

    Parameters
    ----------
    path : str or Path
        Such as ``tutorials/gallery/shuffle.json``.

    Returns
    -------
    GridResult

    Raises
    ------
    OSError
        If it cannot be read.
    TypeError, ValueError
        If it holds something else.
    """
    contents = read(path)
    try:
        found = json.loads(contents)
        cells = tuple(CellResult(**cell) for cell in found.pop("cells"))
        return GridResult(**found | {"cells": cells, "costs": tuple(found["costs"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} holds no result of an ablation ({error}): the rule is what `ghostnp ablate --json` "
                         "writes") from None  # fmt: skip


def _told(recipe):
    """A recipe in words: what always matters, and what was chosen otherwise than usual."""
    usual = ("epochs", "batch", "optimiser", "rate", "schedule", "seed")
    chosen = [
        f"{entry.name} {getattr(recipe, entry.name)}"
        for entry in fields(recipe)
        if entry.name not in usual and getattr(recipe, entry.name) != getattr(type(recipe)(), entry.name)
    ]
    words = f"{recipe.epochs} epochs of batches of {recipe.batch}", recipe.optimiser, f"rate {recipe.rate:g}"
    return ", ".join([*words, recipe.schedule, *chosen])


def _line(row):
    difference = "" if row.difference is None else f"{100 * row.difference:+.1f}".replace("-", "−")
    p = ("" if row.against is None else "–") if row.p is None else "<0.001" if row.p < 0.001 else f"{row.p:.3f}"
    spread = f"{100 * row.mean:.1f} ± {'–' if row.deviation is None else f'{100 * row.deviation:.1f}'}"
    numbers = (f"{row.params:,}", f"{row.macs:,}", f"{row.microseconds:.1f}", spread, len(row.accuracies))
    return (row.name, *numbers, row.against or "", difference, p)
