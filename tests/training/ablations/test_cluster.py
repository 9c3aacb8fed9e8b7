"""Grids on engines that a class or a lab has: a real Dask cluster, of which a worker is killed, and real MPI."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from ghostnp.training.ablations import load_result
from tests.training.ablations import toy

ROOT = str(Path(__file__).parents[3])
SECONDS = 120  # for what takes five on an idle machine


def missing(*modules):
    """Whether to skip: never where `.ci/run` runs, which installs them."""
    return "CI" not in os.environ and any(find_spec(module) is None for module in modules)


@pytest.fixture
def environment(tmp_path):
    found = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    # Open MPI refuses to run for an administrator, as whom containers run, unless it is told twice.
    found |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return found | {"PYTHONPATH": os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), ROOT]))}


@pytest.fixture
def started(tmp_path):
    """Starts a program, and ends it when the test does."""
    processes = []

    def start(*words, **keywords):
        log = (tmp_path / f"{len(processes)}.log").open("wb")
        process = subprocess.Popen([sys.executable, *words], stdout=log, stderr=log, cwd=tmp_path, **keywords)
        processes.append((process, log))
        return process

    yield start
    for process, log in processes:
        process.kill()
        process.wait()
        log.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found


def command(executor, json_file, name="SLOW"):
    words = ["ablate", f"{toy.__name__}:{name}", "--seeds", "3", "--executor", executor, "--json", json_file]
    return ["-m", "ghostnp", *words]


@pytest.mark.skipif(missing("distributed"), reason='pip install "ghostnp[cluster]"')
def test_a_dask_worker_that_is_killed_loses_no_cell(started, environment, tmp_path):
    port, at_work = free_port(), tmp_path / "at-work"
    at_work.mkdir()
    address = f"tcp://127.0.0.1:{port}"
    started("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    trained = environment | {"TOY_FOLDER": str(at_work), "TOY_SECONDS": "0.7"}
    single = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
    workers = {}
    for _ in range(2):
        worker = started("-m", "distributed.cli.dask_worker", address, *single, env=trained)
        workers[worker.pid] = worker
    grid = started(*command(f"dask://127.0.0.1:{port}", "slow.json"), env=environment)

    def pids():
        return [int(path.name.split("-")[0]) for path in at_work.iterdir()]

    killed = wait_for(pids)[0]
    assert killed in workers
    os.kill(killed, signal.SIGKILL)  # while it loads the data of its first cell
    assert workers[killed].wait(SECONDS) == -signal.SIGKILL
    log = (tmp_path / "3.log").read_text
    assert grid.wait(SECONDS) == 0, log()
    result = load_result(tmp_path / "slow.json")
    assert {(cell.row, cell.seed) for cell in result.cells} == {
        (row.name, seed) for row in toy.ROWS for seed in range(3)
    }
    assert result.failed == {}
    assert pids().count(killed) == 1
    assert len(pids()) == 7, "six cells, and the one that was begun twice"
    assert len(list((tmp_path / "ghostnp-ablations" / "slow").iterdir())) == 6


@pytest.mark.skipif(missing("distributed"), reason='pip install "ghostnp[cluster]"')
def test_a_scheduler_that_is_not_there_is_told(started, environment, tmp_path):
    grid = started(*command(f"dask://127.0.0.1:{free_port()}", "slow.json"), env=environment)
    assert grid.wait(SECONDS) == 1
    assert "no scheduler of Dask answers at 127.0.0.1:" in (tmp_path / "0.log").read_text()


def without_mpi():
    """mpi4py is there without a library of MPI too, and then cannot be imported."""
    words = [sys.executable, "-c", "from mpi4py import MPI"]
    return "CI" not in os.environ and subprocess.run(words, capture_output=True, check=False).returncode != 0


def test_mpi_trains_the_same_networks(environment, tmp_path):
    if without_mpi():
        pytest.skip('pip install "ghostnp[cluster]" mpich, or another library of MPI')
    mpiexec = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    words = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", *command("mpi", "toy.json", "GOOD")]
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    there = load_result(tmp_path / "toy.json")
    assert len(there.cells) == 6
    done = subprocess.run(
        [sys.executable, *command("processes", "here.json", "GOOD"), "--folder", "here"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    here = load_result(tmp_path / "here.json")
    assert [cell[:5] for cell in there.cells] == [cell[:5] for cell in here.cells]
