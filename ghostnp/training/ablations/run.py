"""All cells of an ablation: finished ones are kept as files, so that a grid that was stopped does only the rest."""

import json
import re
from concurrent.futures import CancelledError, Executor, as_completed
from pathlib import Path

from ghostnp.files import new_folder, read, replace
from ghostnp.ops.checks import integer, shown
from ghostnp.training.ablations.catalogue import find_ablation
from ghostnp.training.ablations.grid import cells_of, run_cell
from ghostnp.training.ablations.results import CellResult, GridResult

_MOST_SEEDS = 1000


def run_ablation(name, executor, *, seeds=5, folder=None, progress=None):
    """Train every network of an ablation on each of its data sets, with several seeds.

    Parameters
    ----------
    name : str
        As for `find_ablation`.
    executor : concurrent.futures.Executor
        Where cells run, such as ``ProcessPoolExecutor()``.
    seeds : int, default 5
        How many, up to 1000: 0, 1, ...
    folder : str or Path, optional
        Where finished cells are kept, and looked for before anything runs. By default nowhere.
    progress : callable, optional
        Called with the number of cells that are done and the number of all, when one is.

    Returns
    -------
    GridResult
        Of all cells that could be run. What went wrong in the others is in its ``failed``.

    Raises
    ------
    OSError
        If `folder` cannot be read or written.
    TypeError, ValueError
        If an argument is not legal, or a kept cell is damaged.
    """
    ablation = find_ablation(name)
    if not isinstance(executor, Executor):
        raise TypeError(f"executor={shown(executor)}: the rule is a concurrent.futures.Executor, such as "
                        "ProcessPoolExecutor()")  # fmt: skip
    if progress is not None and not callable(progress):
        raise TypeError(f"progress={shown(progress)}: the rule is a function of two numbers, or None")
    if integer("seeds", seeds, 1) > _MOST_SEEDS:
        raise ValueError(f"seeds={shown(seeds)}: the rule is 1 to {_MOST_SEEDS}, such as 5")
    if folder is not None and not isinstance(folder, str | Path):
        raise TypeError(f"folder={shown(folder)}: the rule is the path of a folder, such as 'ablations'")
    cells = cells_of(ablation, range(seeds))
    if folder is None:
        return _run(ablation, name, cells, executor, None, progress)
    with new_folder(Path(folder) / ablation.name) as kept:
        return _run(ablation, name, cells, executor, kept, progress)


def _run(ablation, name, cells, executor, kept, progress):
    results, failed = {}, {}
    for cell in cells:
        if kept is not None and (path := kept / _file(cell)).exists():
            results[cell] = _read(path, cell)
    waiting = {}
    try:
        for cell in cells:
            if cell not in results:
                waiting[executor.submit(run_cell, name, cell.row, cell.data, cell.seed)] = cell
        if progress is not None:
            progress(len(results), len(cells))
        for future in as_completed(waiting):
            cell = waiting[future]
            try:
                found = CellResult(cell.row, cell.data, cell.seed, **future.result())
            except (Exception, CancelledError) as error:  # whatever it was: it belongs to this cell, and is told
                failed[str(cell)] = f"{type(error).__name__}: {error}"
            else:
                results[cell] = found
                if kept is not None:
                    replace(kept / _file(cell), json.dumps(found._asdict(), indent=1).encode())
            if progress is not None:
                progress(len(results) + len(failed), len(cells))
    finally:
        for future in waiting:
            future.cancel()  # after Ctrl-C; those that are done take no notice
    return GridResult.of(ablation, [results[cell] for cell in cells if cell in results], failed)


def _file(cell):
    slug = re.sub(r"\W+", "-", f"{cell.data}-{cell.row}").strip("-")
    return f"{slug}-{cell.seed}-{cell.mark}.json"


def _read(path, cell):
    try:
        found = CellResult(**json.loads(read(path)))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is no finished cell ({error}): the rule is one that was kept here; remove it, and it "
                         "is run again") from None  # fmt: skip
    if (found.row, found.data, found.seed) != (cell.row, cell.data, cell.seed):
        raise ValueError(f"{path} is of {found.row} on {found.data}, seed {found.seed}: the rule is {cell}; remove it")
    return found
