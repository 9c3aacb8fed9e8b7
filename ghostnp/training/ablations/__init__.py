"""Ablations: one question, several networks that differ in one thing, and the answer with its spread over seeds.

- `grid`: what an ablation is, and one cell of it: a network trained on a data set with a seed.
- `paired`: the paired t-test.
- `results`: cells as a table, as JSON and as a picture.
- `executors`: where cells run: processes, a Dask cluster, MPI, or any `concurrent.futures.Executor`.
- `run`: all cells of an ablation; finished ones are kept, and one that fails loses no other.
- `networks`, `catalogue`: the networks that are compared, and the six ablations of ``ghostnp ablate``.

An ablation of your own is an `Ablation` in a module of yours: ``ghostnp ablate my_module:MINE`` runs it.
One that ghostnp offers is an entry of `ABLATIONS` in `catalogue`, with its networks in `networks`, and a page of what
was seen: ``tutorials/gallery/NAME`` as JSON, script and notebook, which ``tests/tutorials/test_gallery.py`` asks for.
"""

from ghostnp.training.ablations.catalogue import ABLATIONS, find_ablation
from ghostnp.training.ablations.grid import Ablation, AblationRow, TaskData, run_cell
from ghostnp.training.ablations.paired import paired_t_test
from ghostnp.training.ablations.results import GridResult, load_result
from ghostnp.training.ablations.run import run_ablation

__all__ = [
    "ABLATIONS",
    "Ablation",
    "AblationRow",
    "GridResult",
    "TaskData",
    "find_ablation",
    "load_result",
    "paired_t_test",
    "run_ablation",
    "run_cell",
]
