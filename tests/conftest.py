"""What all tests share: the backends they run on, Hypothesis's settings, and a Python process of one's own."""

import difflib
import gc
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from inspect import isfunction
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

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


ALL_NETWORKS = set(ghostnp.list_models())
LARGE_NETWORKS = {"alexnet", "vgg16"}

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


def pytest_xdist_auto_num_workers(config):
    """The whole suite runs on up to four processes; files that were chosen by name run in this one."""
    return min(4, os.cpu_count() or 1) if config.args_source is config.ArgsSource.TESTPATHS else 0


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


class GroupsInOneProcess(LoadScopeScheduling):
    """Hands each process the next test, or a group of tests that belong together."""

    def _split_scope(self, nodeid):
        return _group(nodeid) or nodeid


def pytest_xdist_make_scheduler(config, log):
    """Of more than one process."""
    return GroupsInOneProcess(config, log)


@pytest.hookimpl(trylast=True)  # after pytest has put together what shares a fixture
def pytest_collection_modifyitems(items):
    """In one process too, those of a group run one after the other."""
    places = {item: place for place, item in enumerate(items)}
    first: dict[object, int] = {}
    for item in items:
        first.setdefault(_group(item.nodeid) or item, places[item])
    items.sort(key=lambda item: (first[_group(item.nodeid) or item], places[item]))


def pytest_collection_finish():
    """Ten thousand tests stay to the end: the garbage collector need not look at them again and again."""
    gc.freeze()


def _group(nodeid):
    """The name of the group that a test belongs to, if there is one.

    What the tests of `tests/models` compare a network with is kept from one to the next. Where the weights alone take
    half a gigabyte, there is room for one process with them, whatever the test. One browser is enough as well.
    """
    path, _, test = nodeid.partition("::")
    if path.startswith("tests/course/explorer/"):
        return "the browser"
    networks = ALL_NETWORKS.intersection(re.split(r"[\[\]-]", test))
    if networks & LARGE_NETWORKS:
        return "large networks"
    return f"{path} {' '.join(sorted(networks))}" if networks and path.startswith("tests/models/") else None


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """Freed memory stays with the program (`ghostnp.kernels.memory`), and several programs run tests here."""
    ended = (group := _group(item.nodeid)) and (nextitem is None or _group(nextitem.nodeid) != group)
    if ended:
        for kept in vars(item.module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()
    if "ghostnp.kernels" in sys.modules and (
        ended or nextitem is None or nextitem.path != item.path or group == "large networks"
    ):
        ghostnp.kernels.memory.release()


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


@pytest.fixture(scope="session", autouse=True)
def _no_kernel_was_compiled_for_more_than_two_dtypes():
    """One signature in float32 and one in float64, whatever layouts and flags this process's tests have handed in.

    Leaves are compiled for the drivers that call them: all are seen only where the cache was empty, as in CI.
    """
    yield
    kernels = [module for name, module in sys.modules.items() if name.startswith("ghostnp.kernels.")]
    if not kernels:
        return
    from numba.core.dispatcher import Dispatcher

    compiled = {
        f"{module.__name__}.{name}": [str(signature) for signature in dispatcher.signatures]
        for module in kernels
        for name, value in vars(module).items()
        if isinstance(dispatcher := getattr(value, "dispatcher", value), Dispatcher)
    }
    too_many = [
        "\n    ".join([name, *signatures])
        for name, signatures in compiled.items()
        if len(signatures) > 2 or len({text.replace("float32", "float64") for text in signatures}) > 1
    ]
    assert not too_many, "\n".join(too_many)
