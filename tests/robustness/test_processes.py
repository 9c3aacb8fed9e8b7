"""Processes of every kind compute the same, and engines may come and go in several threads at once."""

import gc
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import ghostnp
from ghostnp.training.loop import tiny_ghostnet
from tests.graph.engine.networks import maps

POOL = """
import multiprocessing
import sys

import numpy as np

import ghostnp
from ghostnp.training.loop import tiny_ghostnet

X = np.random.default_rng(0).normal(size=(64, 1, 16, 16)).astype(np.float32)


def work(seed):
    model = tiny_ghostnet(seed=seed)
    y, engine = model(X), ghostnp.compile(model)(X)
    step = ghostnp.compile(model, training=True)
    losses = [float(step(X, np.arange(64) % 10, rate=0.1)) for _ in range(3)]
    return y.tobytes(), engine.tobytes(), losses, model(X).tobytes()


if __name__ == "__main__":
    here = [work(seed) for seed in range(4)]  # with a team of threads at work before any process is made
    with multiprocessing.get_context(sys.argv[1]).Pool(3) as pool:
        assert pool.map(work, range(4), chunksize=1) == here
    assert work(3) == here[3]
    print("the same")
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes_compute_the_same_however_they_were_started(method, tmp_path):
    (tmp_path / "pool.py").write_text(POOL)
    environment = os.environ | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, tmp_path / "pool.py", method],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert (done.stdout, done.returncode) == ("the same\n", 0), done.stderr


def test_engines_come_and_go_in_any_order_in_several_threads():
    """Each thread compiles, runs, keeps, drops and collects engines of models and batches as chance wants it."""
    models = [tiny_ghostnet(seed=seed, attention=bool(seed % 2)) for seed in range(4)]
    inputs = [maps((batch, 1, size, size), np.float32) for batch in (1, 5) for size in (8, 11)]
    expected = {(i, j): ghostnp.compile(model)(x) for i, model in enumerate(models) for j, x in enumerate(inputs)}
    shared = [ghostnp.compile(model) for model in models]

    def work(seed):
        chance, kept = random.Random(seed), {}
        for _ in range(40):
            i, j = chance.randrange(4), chance.randrange(4)
            if chance.random() < 0.3:
                kept[i] = ghostnp.compile(models[i])
            engine = kept.get(i, shared[i])
            np.testing.assert_array_equal(engine(inputs[j]), expected[i, j])
            if chance.random() < 0.3:
                kept.pop(i, None)
            if chance.random() < 0.1:
                gc.collect()
        return 40

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 320
