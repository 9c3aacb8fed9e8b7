"""What all tests share: the backends they run on, Hypothesis's settings, and a Python process of one's own."""

import difflib
import importlib
import importlib.util
import os
import subprocess
import sys
from inspect import isfunction
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

import ghostnp
from ghostnp import ops
from ghostnp.backend import overlay

# PyTorch and the kernels each have threads. If PyTorch's waited by spinning, they would take the kernels' cores.
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


# The namespaces that were asked for, by the name that they were asked for.
LOADED: dict[str, ModuleType] = {}


def _load(name):
    try:
        if not name.endswith(".py"):
            # Where a student's module lies. Last in line, since the installed ghostnp is the one to test.
            sys.path.append(os.getcwd())
            return importlib.import_module(name)
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    except (ImportError, OSError) as error:
        raise pytest.UsageError(
            f"--backend {name}: {error}; the rule is a module's name or a file, such as mine.py"
        ) from None


def pytest_addoption(parser):
    parser.addoption(
        "--backend",
        action="append",
        metavar="MODULE",
        help="a dotted name or the path of a .py file: run the operators' tests on it instead of on ghostnp.ops and "
        "ghostnp.kernels; functions that it lacks come from ghostnp.ops (may be repeated)",
    )


def pytest_configure(config):
    for name in config.getoption("backend") or []:
        if name not in LOADED:
            LOADED[name] = _load(name)


def pytest_report_header():
    lines = [f"ghostnp: {Path(ghostnp.__file__).parent}"]
    for name, module in LOADED.items():
        own = [function for function in ops.__all__ if hasattr(module, function)]
        lines.append(f"backend: {', '.join(own)} from {name}; all else from ghostnp.ops")
        strangers = [function for function, value in vars(module).items() if isfunction(value) and function not in own]
        close = {stranger: difflib.get_close_matches(stranger, ops.__all__, 1, 0.85) for stranger in strangers}
        lines += [
            f"backend: {stranger} is not in the vocabulary and will not run; {meant[0]} is"
            for stranger, meant in close.items()
            if meant
        ]
    return lines


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        names = metafunc.config.getoption("backend") or ["ghostnp.ops", "ghostnp.kernels"]
        ids = [name.removeprefix("ghostnp.") for name in names]
        metafunc.parametrize("backend", names, ids=ids, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)  # after pytest has put together what shares a fixture
def pytest_collection_modifyitems(items):
    """Tests of one network run one after the other, so that memory holds one oracle; the "last" at the end."""
    places = {item: place for place, item in enumerate(items)}
    first: dict[tuple, int] = {}
    for item in items:
        first.setdefault(_subject(item), places[item])
    items.sort(key=lambda item: (item.get_closest_marker("last") is not None, first[_subject(item)], places[item]))


def _subject(item):
    """The network that a test of `tests/models` is about; for all other tests nothing that others share."""
    network = getattr(item, "callspec", None) and item.callspec.params.get("name")
    return (item.path, network) if network and item.path.parent.name == "models" else (item.nodeid,)


@pytest.fixture(scope="session")
def backend(request):
    """The namespace under test."""
    return overlay(LOADED.get(request.param) or importlib.import_module(request.param))


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
