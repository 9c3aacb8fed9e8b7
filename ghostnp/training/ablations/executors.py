"""Where the cells of a grid run: any `concurrent.futures.Executor` will do, and these are made from a word.

    processes            as many processes as there are cores, each of which takes one cell after another
    dask://HOST:PORT     a Dask cluster, by the address of its scheduler
    mpi                  MPI processes: mpiexec -n 5 python -m mpi4py.futures -m ghostnp ablate NAME --executor mpi

What runs on another machine needs ghostnp there, of the same version. A worker of Dask is to have one thread
(``dask worker HOST:PORT --nthreads 1 --nworkers 4``), since a cell sets how many threads the kernels have. Where
several workers share a machine, ``GHOSTNP_THREADS=1`` keeps each to one core. mpi4py needs a library of MPI: a cluster
has one, and elsewhere ``pip install mpich`` brings one.
"""

import multiprocessing
import os
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from queue import SimpleQueue

from ghostnp.ops.checks import integer, shown

RULE = "processes, dask://HOST:PORT or mpi"
_DASK = "dask://"


class OwnProcesses(Executor):
    """Processes that do not share a fate.

    When a worker of `ProcessPoolExecutor` is killed, as by a system that is out of memory, the pool is broken and every
    task that was waiting fails. Here each process is a pool of its own, and takes only its own task along.

    Parameters
    ----------
    workers : int
        How many.
    """

    def __init__(self, workers):
        self._threads = ThreadPoolExecutor(integer("workers", workers, 1))
        self._idle: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for _ in range(workers):
            self._idle.put(_process())

    def submit(self, function, /, *arguments, **keywords):
        """As in any Executor."""
        return self._threads.submit(self._run, function, arguments, keywords)

    def _run(self, function, arguments, keywords):
        process = self._idle.get()
        try:
            return process.submit(function, *arguments, **keywords).result()
        except BrokenProcessPool:
            process.shutdown()
            process = _process()
            raise RuntimeError("its process was killed, as by a system that has no memory left") from None
        finally:
            self._idle.put(process)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """As in any Executor."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        while not self._idle.empty():
            self._idle.get().shutdown(wait=wait)


def _process():
    # A fork would copy threads of kernels that are at work; a new interpreter has none.
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


@contextmanager
def executor_for(name, workers=None):
    """An executor by a word, for the time of a ``with``.

    Parameters
    ----------
    name : str
        "processes", "dask://HOST:PORT" or "mpi".
    workers : int, optional
        How many processes; by default one for each core. A cluster has as many as it has.

    Yields
    ------
    concurrent.futures.Executor

    Raises
    ------
    ImportError
        If Dask or mpi4py is not installed, or there is no library of MPI.
    OSError
        If there is no scheduler at that address.
    TypeError, ValueError
        If there is no such executor.
    """
    if not isinstance(name, str) or not (name in ("processes", "mpi") or name.startswith(_DASK)):
        raise ValueError(f"executor={shown(name)}: the rule is {RULE}")
    if workers is not None and name != "processes":
        raise ValueError(f"workers={shown(workers)}: {name} has as many as it has, so the rule is None")
    if name == "processes":
        # The cores are for the cells, so what runs in one of them has one thread.
        with _environment(GHOSTNP_THREADS="1"), OwnProcesses(_cores() if workers is None else workers) as processes:
            yield processes
    elif name == "mpi":
        futures = _imported("mpi4py.futures", "mpi4py")
        with futures.MPIPoolExecutor() as pool:
            yield pool
    else:
        distributed = _imported("distributed", "Dask")
        address = name.removeprefix(_DASK)
        try:
            client = distributed.Client(f"tcp://{address}", timeout=10)
        except (OSError, ValueError) as error:
            raise OSError(f"no scheduler of Dask answers at {address}: {error}") from None
        with client, client.get_executor(pure=False) as pool:
            yield pool


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _environment(**values):
    """Variables that new processes inherit, and afterwards what they were."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_MISSING = {
    "mpi4py": "the rule is a library of MPI, such as that of the cluster (module load openmpi), or pip install mpich",
    "Dask": "the rule is an installation that can be imported, such as that of a new environment",
}


def _imported(module, what):
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ImportError(f'{what} is in the extra "cluster" (pip install "ghostnp[cluster]"): {error}') from None
    except (ImportError, RuntimeError) as error:
        # mpi4py is there, and what it calls is not.
        raise ImportError(f"{what} is installed, but cannot be loaded ({error}): {_MISSING[what]}") from None
