"""The plugin of pytest holds what a module has, from any directory, on one process or several."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ghostnp

MINE = """
import numpy as np

def relu(x):
    return np.maximum(x, 0)

def relu_backward(dy, x):
    return np.where(x > 0, dy, 0)

def channel_shuffle(x, groups):  # transposed the wrong way
    n, c, h, w = x.shape
    return x.reshape(n, c // groups, groups, h, w).swapaxes(1, 2).reshape(x.shape)
"""
TORCHED = """
import torch.nn.functional as F

GHOSTNP = {"framework": "torch", "examples": 20}

def conv2d(*arrays, **geometry):
    return F.conv2d(*arrays, **geometry)
"""


@pytest.fixture
def pytest_in(tmp_path):
    """Run pytest in a folder with three modules; what it said, and its exit code."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "torched.py").write_text(TORCHED)
    (tmp_path / "strange.py").write_text("def con2d(x): return x")

    def run(*options):
        # Where ghostnp is installed pytest has loaded the plugin by its entry point already.
        command = [sys.executable, "-m", "pytest", "-p", "no:ghostnp", "-p", "ghostnp.testing.plugin"]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", *options],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr, done.returncode

    return run


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one process", "two"])
def test_it_holds_all_that_a_module_has(pytest_in, tmp_path, processes):
    said, code = pytest_in("--ghostnp-operator", "mine.py", "--ghostnp-report=report.json", *processes)
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "ghostnp: mine.py has channel_shuffle, relu" in said
    assert "2 failed" in said
    assert "again: assert_matches(channel_shuffle, 'channel_shuffle', case=Call('channel_shuffle'" in said
    assert 'breaks the law "deals channels out"' in said
    assert "channel_shuffle  BROKEN" in said
    rows = json.loads((tmp_path / "report.json").read_text())
    broken = {(row["operator"], row["law"]) for row in rows if not row["kept"]}
    assert broken == {("channel_shuffle", "matches"), ("channel_shuffle", "deals channels out")}
    calls = {row["law"]: row["calls"] for row in rows if row["operator"] == "relu"}
    assert calls["matches"] == calls["adjoint"] == calls["passes NaN on"] == 100


def test_a_module_says_how_it_is_called(pytest_in):
    said, code = pytest_in("--ghostnp-operator", "torched")
    assert code == pytest.ExitCode.OK, said
    assert "1 passed" in said


def test_the_report_of_ones_own_suite(pytest_in, tmp_path):
    test = """
from ghostnp import ops
from ghostnp.testing import assert_matches

def test_mine():
    assert_matches(ops.relu, "relu", examples=60)
"""
    (tmp_path / "test_mine.py").write_text(test)
    said, code = pytest_in("--ghostnp-report")
    assert code == pytest.ExitCode.OK
    assert "relu  kept        60 calls  matches" in said
    (tmp_path / "test_mine.py").write_text("def test_nothing(): pass")
    assert "none: no test called assert_matches or assert_laws" in pytest_in("--ghostnp-report")[0]


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("nowhere.py", "--ghostnp-operator nowhere.py: there is no such file in "),
        ("nowhere.mine", "--ghostnp-operator nowhere.mine: No module named 'nowhere'; the rule is a module's name"),
        ("strange.py", "it has con2d, and none is named as an operator of the vocabulary; .* for instance conv2d"),
    ],
)
def test_what_cannot_be_held(pytest_in, module, says):
    said, code = pytest_in("--ghostnp-operator", module)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert re.search(says, said), said
