"""What is too long to be watched otherwise: memory and start-up, in processes of their own."""

import pytest

from ghostnp.bench import startup
from ghostnp.bench.timing import Samples

pytestmark = pytest.mark.small


def test_the_peak_is_what_a_task_takes_beyond_a_small_one(run_python):
    """The small task leaves 20 MB behind, which are not counted; the other holds 50 MB, and 30 more for a moment."""
    code = """
import numpy as np
from ghostnp.bench.contenders import Prepared
from ghostnp.bench.peak_memory import peak
left_behind = []

def prepare(task, variant, threads):
    if task == "small":
        left_behind.append(np.ones(20_000_000, np.uint8))
        return Prepared(lambda: None, dict)
    held = np.ones(50_000_000, np.uint8)
    return Prepared(lambda: held[0] + np.ones(30_000_000, np.uint8)[0], dict)

print(peak(prepare, "variant", "small", "large", 1))
"""
    assert 78e6 < int(run_python(code)) < 90e6


def test_start_up_alternates_with_one_folder_of_kernels_for_each_kind(monkeypatch):
    started = []

    def start(name, training, threads, cache):
        started.append((name, training, cache))
        return 0.5, float(len(started))

    monkeypatch.setattr(startup, "_start", start)
    rows = startup.rows(["ghostnp", "PyTorch", "ONNX Runtime"], 1, 2, lambda text: None)
    assert [name for name, _, _ in started] == ["ghostnp", "PyTorch"] * 6
    assert len({cache for _, training, cache in started if training}) == 1
    assert len({cache for _, _, cache in started}) == 2
    found = {row.labels["what"]: row.samples for row in rows}
    assert found["import"]["ghostnp"] == Samples((0.5,) * 4)
    assert found["first forward, cold"]["PyTorch"] == Samples((2.0,))
    assert found["first training step, warm"]["ghostnp"] == Samples((9.0, 11.0))


@pytest.mark.parametrize("training", [False, True])
def test_a_start_is_timed_from_the_import_on(training, tmp_path):
    imported, first = startup._start("PyTorch", training, 1, tmp_path)
    assert 0 < imported < first < 100
