"""The roofline: how fast a call could be at best on this machine.

A call does so much arithmetic and moves so many bytes. It can be no faster than the arithmetic at the machine's peak,
and no faster than reading each argument and writing each result once at the memory's pace:

    bound = max(FLOPs / peak, bytes / bandwidth)        intensity = FLOPs / bytes

Peak and bandwidth are measured in the same run, with the same threads: a matrix product, and a sum of two arrays that
are too large for any cache. Arrays that fit into a cache can beat the bound of memory.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ghostnp.bench.contenders import Prepared
from ghostnp.graph.recording import Token
from ghostnp.ops.vocabulary import operator_named

_SIDE = 2048
_NUMBERS = 16_000_000
_FLOAT = 4


@dataclass(frozen=True)
class Machine:
    """What this machine can do with the threads that it was given.

    Parameters
    ----------
    flops : float
        Floating-point operations in a second, float32.
    bandwidth : float
        Bytes read and written in a second.
    """

    flops: float
    bandwidth: float

    def bound(self, work):
        """Seconds that `work` takes at least."""
        return max(work.flops / self.flops, work.bytes / self.bandwidth)


@dataclass(frozen=True)
class Work:
    """What one call is: operations, and bytes when each array is read or written once."""

    flops: int
    bytes: int

    @property
    def intensity(self):
        """Operations for each byte."""
        return self.flops / self.bytes


def work(task):
    """Count a call from its shapes.

    A multiply-add is two operations. Backward does the forward's work twice where there are weights, once for each
    factor; elsewhere it is counted as once.

    Parameters
    ----------
    task : CallTask
        A call of an operator.

    Returns
    -------
    Work
    """
    cost = _cost(task)
    read = sum(map(_numbers, dict(task.shapes).values()))
    written = math.prod(cost.output) + sum(map(math.prod, cost.extra))
    flops = 2 * int(cost.macs) + int(cost.other)
    if not task.backward:
        return Work(flops, _FLOAT * (read + written))
    gradients = sum(_numbers(shape) for name, shape in task.shapes if name in operator_named(task.op).gradients)
    return Work(flops * (2 if cost.macs else 1), _FLOAT * (read + written + gradients))


def prepare(task, variant, threads):
    """Get one of the two measurements ready: `task` is "flops" or "bandwidth"."""
    if task == "flops":
        a = np.random.default_rng(0).random((_SIDE, _SIDE), dtype=np.float32)
        out = np.empty_like(a)
        return Prepared(lambda: np.matmul(a, a, out=out), lambda _: {})
    a, b, out = (np.ones(_NUMBERS, np.float32) for _ in range(3))
    # NumPy adds on one thread and lets others run meanwhile: a piece for each.
    pieces = [(a[part], b[part], out[part]) for part in _parts(_NUMBERS, threads)]
    pool = ThreadPoolExecutor(threads)
    return Prepared(lambda: list(pool.map(lambda piece: np.add(*piece), pieces)), lambda _: {})


def measure(worker, repeat=7):
    """Measure the machine, in a worker that serves this module: the best of a few turns."""
    best = {}
    for name in ("flops", "bandwidth"):
        worker.prepare(name, name)
        best[name] = min(worker.turn(name) for _ in range(repeat))
    worker.forget()
    return Machine(2 * _SIDE**3 / best["flops"], 3 * _FLOAT * _NUMBERS / best["bandwidth"])


def _parts(length, count):
    edges = [length * number // count for number in range(count + 1)]
    return [slice(*edge) for edge in pairwise(edges)]


def _cost(task):
    row = operator_named(task.op)
    return row.cost_of(row.bind(**{name: _token(shape) for name, shape in task.shapes}, **dict(task.options)))


def _token(shape):
    return (
        [_token(part) for part in shape]
        if shape and isinstance(shape[0], tuple)
        else Token(shape, np.dtype(np.float32))
    )


def _numbers(shape):
    return sum(map(_numbers, shape)) if shape and isinstance(shape[0], tuple) else math.prod(shape)
