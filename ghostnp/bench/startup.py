"""What a user waits for at the beginning: the import, the first forward pass, the first training step.

Each is a new Python process. "Cold" means that no compiled kernel is on disk yet; PyTorch has nothing of the kind.
"""

import json
import subprocess
import sys
from tempfile import TemporaryDirectory

from ghostnp.bench.contenders import CONTENDERS
from ghostnp.bench.session import Measurement
from ghostnp.bench.timing import Samples
from ghostnp.bench.worker import environment

NETWORK, SIZE, BATCH = "ghostnet_100", 224, 2

# Each prints the seconds of its import, and the seconds from the beginning to the first result. Making weights and
# inputs is left out: ghostnp draws them, and PyTorch is handed a recording.
_TASK = f"""
from ghostnp.bench.tasks import NetworkTask
task = NetworkTask({NETWORK!r}, {SIZE}, {BATCH}, training={{training}}).equipped()
"""
_FIRST = """
ready = prepare(task, {contender!r}, {threads})
begun = perf_counter()
ready.run()
print(json.dumps([imported - start, imported - start + perf_counter() - begun]))
"""
_IMPORT = """
import json
from time import perf_counter
start = perf_counter()
import {package}
imported = perf_counter()
"""
_SCRIPTS = {
    "ghostnp": _IMPORT.replace("{package}", "ghostnp") + _TASK + "from ghostnp.bench.ours import prepare\n" + _FIRST,
    "PyTorch": _IMPORT.replace("{package}", "torch") + _TASK + "from ghostnp.bench.pytorch import prepare\n" + _FIRST,
}


def rows(contenders, threads, repeat, progress):
    """Start everyone again and again.

    Parameters
    ----------
    contenders : iterable of str
        Names; those other than ghostnp and PyTorch are not started.
    threads, repeat : int
        Threads of each process; how often, but for cold starts, which are done once.
    progress : callable
        Is told what is going on.

    Returns
    -------
    list of Measurement
    """
    names = [name for name in contenders if name in _SCRIPTS and CONTENDERS[name].installed]
    measured = []
    imports: dict[str, list[float]] = {name: [] for name in names}
    for training, what in ((False, "first forward"), (True, "first training step")):
        with TemporaryDirectory() as cache:
            times: dict[str, list[float]] = {name: [] for name in names}
            progress(f"startup: {what}, no kernels on disk")
            cold = {name: Samples((_start(name, training, threads, cache)[1],)) for name in names}
            for number in range(repeat):
                progress(f"startup: {what}, {number + 1} of {repeat}")
                for name in names:
                    imported, first = _start(name, training, threads, cache)
                    imports[name].append(imported)
                    times[name].append(first)
        measured += [
            Measurement("startup", {"what": f"{what}, cold"}, cold),
            Measurement("startup", {"what": f"{what}, warm"}, _samples(times)),
        ]
    return [Measurement("startup", {"what": "import"}, _samples(imports)), *measured]


def _samples(times):
    return {name: Samples(tuple(seconds)) for name, seconds in times.items()}


def _start(contender, training, threads, cache):
    code = _SCRIPTS[contender].format(training=training, contender=contender, threads=threads)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment(threads, NUMBA_CACHE_DIR=cache),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
