"""What all tests share: the backends they run on, Hypothesis's settings, and a Python process of one's own."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

import ghostnp
from ghostnp.backend import overlay

# PyTorch and the kernels each have a pool of threads; one that waits by spinning would take the cores from the other.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# No deadline, since the first example pays for the compilation. CI repeats itself; elsewhere each run finds new cases.
# The parent is named because Hypothesis would otherwise start from settings of its own for CI, which suppress a check.
settings.register_profile(
    "ghostnp",
    parent=settings.get_profile("default"),
    deadline=None,
    max_examples=int(os.environ.get("GHOSTNP_EXAMPLES", "100")),
    derandomize="CI" in os.environ,
    print_blob=True,
)
settings.load_profile("ghostnp")


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        action="append",
        metavar="MODULE",
        help="a dotted name or the path of a .py file: run the operators' tests on it instead of on ghostnp.ops and "
        "ghostnp.kernels; functions that it lacks come from ghostnp.ops (may be repeated)",
    )


def pytest_configure(config):
    if config.getoption("backend"):
        # Where a student's module lies. Last in line, since the installed ghostnp is the one to test.
        sys.path.append(os.getcwd())


def pytest_report_header():
    return f"ghostnp: {Path(ghostnp.__file__).parent}"


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        names = metafunc.config.getoption("backend") or ["ghostnp.ops", "ghostnp.kernels"]
        ids = [name.removeprefix("ghostnp.") for name in names]
        metafunc.parametrize("backend", names, ids=ids, indirect=True, scope="session")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def backend(request):
    """The namespace under test."""
    name = request.param
    if name.endswith(".py"):
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(name)
    return overlay(module)


@pytest.fixture(scope="session")
def run_python():
    """Run code in a new process that imports the same ghostnp as this one; what it printed."""

    def run(code, **environment):
        environment = os.environ | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])} | environment
        done = subprocess.run(
            [sys.executable, "-P", "-W", "error", "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
