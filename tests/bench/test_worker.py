"""The pipe to a contender: answers, errors that end nothing, and a process that ends all the same."""

import io
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest

from ghostnp.bench.tasks import CallTask
from ghostnp.bench.worker import Worker, WorkerError, environment, serve

pytestmark = pytest.mark.small
OPTIONS = (("bias", None), ("stride", 1), ("padding", 0), ("dilation", 1))
CONV = CallTask("standard_conv2d", (("x", (1, 2, 5, 5)), ("weight", (3, 2, 3, 3))), OPTIONS)
RELU = CallTask("relu", (("x", (1, 2, 3, 3)),))


def answers(*requests, module="textbook"):
    """What `serve` says to these requests."""
    asked, said = io.BytesIO(b"".join(map(pickle.dumps, requests))), io.BytesIO()
    serve(module, 1, asked, said)
    said.seek(0)
    return [pickle.load(said) for _ in requests]


def test_a_task_is_prepared_and_takes_its_turn():
    (prepared, error), (turn, none) = ((answer, error) for error, answer in answers(
        ("prepare", "im2col", CONV), ("turn", "im2col")
    ))  # fmt: skip
    assert (error, none) == (None, None)
    results, share = prepared
    assert results["y"].shape == (1, 3, 3, 3)
    assert share == 1
    assert 0 < turn < 60


def test_who_does_a_share_is_reckoned_up():
    """The result is one row of sixty, so a whole turn is sixty times what one run takes."""
    large = CallTask("standard_conv2d", (("x", (1, 64, 62, 62)), ("weight", (1, 64, 3, 3))), OPTIONS)
    (_, (results, share)), (_, whole) = answers(("prepare", "Python loops", large), ("turn", "Python loops"))
    assert results["y"].shape == (1, 1, 1, 60)
    assert share == pytest.approx(1 / 60)
    assert whole > 0.06  # 34,560 multiply-adds in Python, sixty times


def test_an_error_is_one_line_and_ends_nothing():
    (error, none), (no_error, _) = answers(("prepare", "im2col", RELU), ("prepare", "im2col", CONV))
    assert error == "NotImplementedError: im2col has no such operator"
    assert none is None
    assert no_error is None


def test_what_was_forgotten_takes_no_turn():
    *_, (error, _) = answers(("prepare", "im2col", CONV), ("forget",), ("turn", "im2col"))
    assert error.startswith("KeyError")


def test_a_worker_is_a_process_that_computes_the_same():
    with Worker("textbook", 1) as worker:
        results, share = worker.prepare("definitions", CONV)
        assert worker.turn("definitions") > 0
        worker.forget()
        with pytest.raises(WorkerError, match="KeyError"):
            worker.turn("definitions")
    assert share == 1
    ((_, (expected, _)),) = answers(("prepare", "definitions", CONV))
    np.testing.assert_array_equal(results["y"], expected["y"])


def test_the_end_of_a_process_is_an_error_and_no_hang():
    with Worker("textbook", 1) as worker:
        os.kill(worker._process.pid, signal.SIGTERM)
        with pytest.raises(WorkerError, match="the process of textbook ended"):
            worker.prepare("im2col", CONV)


def test_threads_are_pinned_and_no_policy_is_imposed(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    pinned = environment(3, NUMBA_CACHE_DIR="there")
    assert {name: pinned[name] for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")} == {
        "OMP_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "3",
        "NUMBA_NUM_THREADS": "3",
    }
    assert pinned["NUMBA_CACHE_DIR"] == "there"
    assert "OMP_WAIT_POLICY" not in pinned


def test_what_a_library_prints_is_not_taken_for_an_answer():
    code = """
import sys, types
from ghostnp.bench import worker
from ghostnp.bench.contenders import Prepared
noisy = types.ModuleType("ghostnp.bench.noisy")
noisy.prepare = lambda *_: print("welcome!", flush=True) or Prepared(lambda: None, lambda _: {})
sys.modules[noisy.__name__] = noisy
sys.argv = ["worker", "noisy", "1"]
worker._main()
"""
    request = pickle.dumps(("prepare", "somebody", None))
    done = subprocess.run(
        [sys.executable, "-c", code], input=request, env=environment(1), capture_output=True, check=True
    )
    assert pickle.loads(done.stdout) == (None, ({}, 1.0))
    assert b"welcome!" in done.stderr


def test_the_same_ghostnp_is_imported_there():
    root = os.path.dirname(os.path.dirname(sys.modules["ghostnp"].__file__))
    assert environment(1)["PYTHONPATH"] == root
