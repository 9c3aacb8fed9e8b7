"""A grid: all cells once, kept as files, and what fails loses nothing else."""

import importlib
import json
import os
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.training.ablations import find_ablation, load_result, run_ablation, run_cell
from ghostnp.training.ablations.executors import OwnProcesses, executor_for
from tests.training.ablations import toy

GOOD, LONGER, TRAPPED, SLOW = (f"{toy.__name__}:{name}" for name in ("GOOD", "LONGER", "TRAPPED", "SLOW"))
ROOT = str(Path(__file__).parents[3])


@pytest.fixture
def workers_find_the_toy(monkeypatch):
    # A process of ours looks where this one does; last of all there, so that it is the installed package that runs.
    monkeypatch.setattr(sys, "path", [*sys.path, ROOT])


class Here(Executor):
    """Runs at once, in the process of the test, and remembers what it ran."""

    def __init__(self):
        self.ran = []

    def submit(self, function, /, *arguments, **keywords):
        self.ran.append(arguments[1:])
        future = Future()
        try:
            future.set_result(function(*arguments, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future


def answers(result):
    return {(cell.row, cell.seed): (cell.accuracy, cell.loss) for cell in result.cells}


def test_every_row_is_trained_with_every_seed():
    told = []
    result = run_ablation(GOOD, Here(), seeds=3, progress=lambda *numbers: told.append(numbers))
    assert [(cell.row, cell.seed) for cell in result.cells] == [
        (row, seed) for seed in range(3) for row in ("one layer", "two layers")
    ]
    assert result.failed == {}
    assert told == [(done, 6) for done in range(7)]
    one, two = result.summaries("points")
    assert (one.params, two.params) == (6, 17)
    assert (one.against, one.difference, one.p) == (None, None, None)
    assert two.against == "one layer"
    assert two.difference == pytest.approx(two.mean - one.mean)
    assert all(cell.seconds > 0 and cell.microseconds > 0 for cell in result.cells)
    assert any(cell.accuracy > 0.8 for cell in result.cells)


def test_a_seed_decides_and_the_place_does_not(workers_find_the_toy):
    here = run_ablation(GOOD, Here(), seeds=2)
    with executor_for("processes", 2) as processes:
        there = run_ablation(GOOD, processes, seeds=2)
    assert answers(here) == answers(there)
    assert len({loss for _, loss in answers(here).values()}) == 4
    with ThreadPoolExecutor(1) as one:
        assert answers(run_ablation(GOOD, one, seeds=1)).items() <= answers(here).items()


def test_finished_cells_are_kept_and_only_the_rest_runs(tmp_path):
    first = run_ablation(GOOD, Here(), seeds=2, folder=tmp_path)
    again = Here()
    assert run_ablation(GOOD, again, seeds=3, folder=tmp_path).cells[:4] == first.cells
    assert [arguments[2] for arguments in again.ran] == [2, 2]
    once_more = Here()
    run_ablation(GOOD, once_more, seeds=3, folder=tmp_path)
    assert once_more.ran == []


def test_a_cell_of_another_recipe_is_not_taken_for_it(tmp_path):
    run_ablation(GOOD, Here(), seeds=1, folder=tmp_path)
    longer = Here()
    run_ablation(LONGER, longer, seeds=1, folder=tmp_path)
    assert len(longer.ran) == 2


def test_a_grid_that_is_stopped_keeps_what_was_finished(tmp_path):
    class Stopped(Here):
        def submit(self, function, /, *arguments, **keywords):
            if len(self.ran) == 3:
                raise KeyboardInterrupt
            return super().submit(function, *arguments, **keywords)

    def stop_at_two(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_ablation(GOOD, Here(), seeds=2, folder=tmp_path, progress=stop_at_two)
    assert len(list(tmp_path.rglob("*.json"))) == 2
    rest = Here()
    assert len(run_ablation(GOOD, rest, seeds=2, folder=tmp_path).cells) == 4
    assert len(rest.ran) == 2
    with pytest.raises(KeyboardInterrupt):
        run_ablation(LONGER, Stopped(), seeds=2, folder=tmp_path)


def test_a_cell_that_fails_loses_no_other(tmp_path):
    result = run_ablation(TRAPPED, Here(), seeds=2, folder=tmp_path)
    assert len(result.cells) == 4
    assert result.failed == {f"trap on points, seed {seed}": "RuntimeError: the trap sprang" for seed in (0, 1)}
    assert "failed: trap on points, seed 1: RuntimeError: the trap sprang" in str(result)
    again = Here()
    run_ablation(TRAPPED, again, seeds=2, folder=tmp_path)
    assert again.ran == [("trap", "points", 0), ("trap", "points", 1)]


def test_a_process_that_is_killed_takes_its_own_cell_along_alone(workers_find_the_toy, monkeypatch):
    monkeypatch.setenv("TOY_TRAP", "kill")
    with executor_for("processes", 2) as processes:
        result = run_ablation(TRAPPED, processes, seeds=2)
    assert len(result.cells) == 4
    assert [*result.failed] == ["trap on points, seed 0", "trap on points, seed 1"]
    assert all("its process was killed" in why for why in result.failed.values())


def test_processes_work_on_several_cells_at_a_time(workers_find_the_toy, tmp_path, monkeypatch):
    result = None
    with OwnProcesses(2) as processes:
        monkeypatch.setenv("TOY_FOLDER", str(tmp_path))
        monkeypatch.setenv("TOY_SECONDS", "0.1")
        result = run_ablation(SLOW, processes, seeds=2)
    assert len(result.cells) == 4
    assert len({path.name.split("-")[0] for path in tmp_path.iterdir()} - {str(os.getpid())}) == 2


@pytest.mark.parametrize("contents", [b"", b"{", b"[]", b'{"row": "one layer"}', b"\xff\xfe"])
def test_a_kept_cell_that_is_damaged_is_named(tmp_path, contents):
    run_ablation(GOOD, Here(), seeds=1, folder=tmp_path)
    path = min(tmp_path.rglob("*.json"))
    path.write_bytes(contents)
    with pytest.raises(ValueError, match="is no finished cell") as refused:
        run_ablation(GOOD, Here(), seeds=1, folder=tmp_path)
    assert str(path) in str(refused.value)


def test_a_kept_cell_of_another_name_is_refused(tmp_path):
    run_ablation(GOOD, Here(), seeds=1, folder=tmp_path)
    first, second = sorted(tmp_path.rglob("*.json"))
    first.write_bytes(second.read_bytes())
    with pytest.raises(ValueError, match="is of two layers on points, seed 0: the rule is one layer"):
        run_ablation(GOOD, Here(), seeds=1, folder=tmp_path)


def test_a_result_survives_its_json(tmp_path):
    result = run_ablation(TRAPPED, Here(), seeds=2)
    path = tmp_path / "toy.json"
    path.write_text(result.to_json())
    assert load_result(path) == result
    assert str(load_result(path)) == str(result)
    for broken in (b"", b"[]", b"{}", b'{"cells": 3}', b'{"cells": [{}], "costs": []}'):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="holds no result of an ablation"):
            load_result(path)


def test_a_table_says_mean_spread_and_p(tmp_path):
    result = run_ablation(GOOD, Here(), seeds=3)
    for text in (str(result), result.to_markdown()):
        line = next(line for line in text.splitlines() if "two layers" in line)
        two = result.summaries("points")[1]
        assert f"{100 * two.mean:.1f} ± {100 * two.deviation:.1f}" in line
        assert "one layer" in line
        assert "6 networks, seeds 0, 1, 2; 2 epochs of batches of 8, sgd, rate 0.1, cosine" in text
    assert result.picture().axes


def test_one_seed_has_no_spread_and_no_test(tmp_path):
    result = run_ablation(GOOD, Here(), seeds=1)
    two = result.summaries("points")[1]
    assert (two.deviation, two.p) == (None, None)
    assert two.difference == pytest.approx(two.mean - result.summaries("points")[0].mean)
    for text in (str(result), result.to_markdown()):
        assert f"{100 * two.mean:.1f} ± –" in text
        assert "± 0.0" not in text
        assert "n = 1: a single seed has no standard deviation, and there is no test; --seeds 5 gives both." in text
    assert replace(result, costs=("macs",)).picture().axes
    assert "n = 1" not in str(run_ablation(GOOD, Here(), seeds=2))


def test_what_keeps_nothing_leaves_no_folder(tmp_path):
    folder = tmp_path / "a" / "b"

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_ablation(GOOD, Here(), seeds=1, folder=folder, progress=stop)
    assert not list(tmp_path.iterdir())
    folder.parent.touch()
    with pytest.raises(OSError, match=r"the folder .*toy cannot be made \(.*\): the rule is one that can be written"):
        run_ablation(GOOD, Here(), seeds=1, folder=folder)


def test_an_mpi_without_a_library_is_told_apart_from_one_that_is_not_installed(monkeypatch):
    for error, words in (
        (ModuleNotFoundError("No module named 'mpi4py'"), 'mpi4py is in the extra "cluster"'),
        (ImportError("libmpi.so.12: no such file"), "mpi4py is installed, but cannot be loaded .* a library of MPI"),
        (RuntimeError("cannot load MPI library"), "mpi4py is installed, but cannot be loaded .* a library of MPI"),
    ):

        def fail(module, error=error):
            raise error

        monkeypatch.setattr(importlib, "import_module", fail)
        with pytest.raises(ImportError, match=words), executor_for("mpi"):
            pass


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("shufle", Here()), ValueError, "nearest: shuffle"),
        (("os:path", Here()), ValueError, "os has no Ablation"),
        (("no_such_module:A", Here()), ValueError, "No module named"),
        (("a b:c", Here()), ValueError, "such as my_module:MINE"),
        ((GOOD, "processes"), TypeError, "executor='processes'"),
        ((3, Here()), ValueError, "name=3"),
    ],
)
def test_what_cannot_be_run_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        run_ablation(*arguments)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"seeds": 0}, ValueError, "seeds=0"),
        ({"seeds": 10**6}, ValueError, "seeds=1000000: the rule is 1 to 1000"),
        ({"folder": 3}, TypeError, "folder=3"),
        ({"progress": 3}, TypeError, "progress=3"),
    ],
)
def test_how_it_cannot_be_run_is_refused(keywords, error, message):
    with pytest.raises(error, match=message):
        run_ablation(GOOD, Here(), **keywords)


def test_a_cell_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="row='three layers': the rule is one of 'one layer', 'two layers'"):
        run_cell(GOOD, "three layers", "points", 0)
    with pytest.raises(ValueError, match="data='digits': the rule is one of 'points'"):
        run_cell(GOOD, "one layer", "digits", 0)


@pytest.mark.parametrize(
    ("word", "workers", "message"),
    [
        ("dusk://here:1", None, "the rule is processes, dask://HOST:PORT or mpi"),
        (3, None, "executor=3"),
        ("mpi", 2, "workers=2: mpi has as many as it has"),
    ],
)
def test_executors_that_are_none(word, workers, message):
    with pytest.raises(ValueError, match=message), executor_for(word, workers):
        pass


def test_the_command(workers_find_the_toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["ablate", GOOD, "--seeds", "2", "--workers", "1", "--json", "toy.json", "--picture", "toy.png"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert "Is one layer enough?" in result.stdout
    assert "Such a table: no table\nIt says: It says nothing." in result.stdout
    assert (tmp_path / "toy.png").stat().st_size > 1000
    assert len(load_result("toy.json").cells) == 4
    assert len(list((tmp_path / "ghostnp-ablations" / "toy").iterdir())) == 4
    monkeypatch.setenv("TOY_TRAP", "raise")
    failing = CliRunner().invoke(main, ["ablate", TRAPPED, "--seeds", "1", "--workers", "1", "--format", "markdown"])
    assert failing.exit_code == 1
    assert "failed: trap on points, seed 0: RuntimeError: the trap sprang" in failing.stdout
    assert "Error: 1 of the networks failed" in failing.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["shufle"], "nearest: shuffle"),
        ([GOOD, "--executor", "dusk"], "the rule is processes, dask://HOST:PORT or mpi"),
        ([GOOD, "--executor", "dask://127.0.0.1:x"], "no scheduler of Dask answers"),
        ([GOOD, "--picture", "a.xls"], "--picture a.xls has the suffix '.xls'"),
        ([GOOD, "--json", "nowhere/a.json"], "no folder nowhere"),
        ([GOOD, "--folder", "file"], "file"),
    ],
)
def test_mistakes_are_told_in_a_line(tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    result = CliRunner().invoke(main, ["ablate", *options])
    assert result.exit_code == 1
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_ablations_of_one_s_own_are_found():
    assert find_ablation(GOOD) is toy.GOOD
    assert json.loads(run_ablation(GOOD, Here(), seeds=1).to_json())["name"] == "toy"
