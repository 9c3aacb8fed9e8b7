"""A plugin of pytest: ``pytest --ghostnp-operator mine.py`` holds all that a module has, from any directory.

A module's functions are found by the vocabulary's names. Each is held against its definition, and against its laws. A
module whose functions are called otherwise than ours says how, as of `assert_matches`:

    GHOSTNP = {"framework": "torch", "layout": "NHWC", "weights": "HWIO"}

``--ghostnp-report`` adds a table of what was held and on how many calls, of all tests of a run that call
`assert_matches` or `assert_laws`; ``--ghostnp-report=FILE`` writes it as JSON as well.
"""

import importlib
import importlib.util
import json
import os
import sys
from difflib import get_close_matches
from importlib.machinery import ModuleSpec, SourceFileLoader
from inspect import isroutine
from pathlib import Path

import pytest

from ghostnp.testing import held
from ghostnp.testing.calls import operator_names
from ghostnp.testing.laws.table import laws_of
from ghostnp.testing.search import listening

_MODULES, _HELD = pytest.StashKey[dict](), pytest.StashKey[list]()


def pytest_addoption(parser):
    """Two options, both named after the library."""
    group = parser.getgroup("ghostnp", "operators held against ghostnp's")
    group.addoption(
        "--ghostnp-operator",
        action="append",
        metavar="MODULE",
        default=[],
        help="a dotted name or the path of a .py file: hold every operator that it has against the definition and "
        "the laws (may be repeated)",
    )
    group.addoption(
        "--ghostnp-report",
        nargs="?",
        const="",
        metavar="FILE",
        help="show which operators and laws were held and on how many calls; with =FILE, write it as JSON too",
    )


def pytest_configure(config):
    """Import the modules that are to be held; they alone are, unless tests were named as well."""
    config.stash[_HELD] = []
    config.stash[_MODULES] = {name: _load(name) for name in config.getoption("ghostnp_operator")}
    if config.stash[_MODULES]:
        if config.args_source is not config.ArgsSource.ARGS:
            config.args.clear()
        if held.__file__ not in config.args:  # a process of pytest-xdist is given the arguments of the first
            config.args.append(held.__file__)


def pytest_generate_tests(metafunc):
    """One test for each operator of each module, and one for each law."""
    modules = metafunc.config.stash[_MODULES]
    found = [(name, module, operator) for name, module in modules.items() for operator in _operators_of(module)]
    if "ghostnp_operator" in metafunc.fixturenames:
        cases = [
            pytest.param((module, operator), id=f"{Path(name).stem}-{operator}") for name, module, operator in found
        ]
        metafunc.parametrize("ghostnp_operator", cases)
    if "ghostnp_law" in metafunc.fixturenames:
        cases = [
            pytest.param((module, operator, law), id=f"{Path(name).stem}-{operator}-{law.name.replace(' ', '_')}")
            for name, module, operator in found
            for law in laws_of(operator)
            # Of a function that is called otherwise, or has no backward pass, there is nothing to hold.
            if not hasattr(module, "GHOSTNP") and (law.of == "forward" or hasattr(module, f"{operator}_backward"))
        ]
        metafunc.parametrize("ghostnp_law", cases)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Keep what a test held where pytest-xdist brings it to the process that reports."""
    with listening() as entries:
        try:
            return (yield)
        finally:
            if entries:
                item.user_properties.append(("ghostnp", entries))


def pytest_report_header(config):
    """What is held."""
    return [
        f"ghostnp: {name} has {', '.join(_operators_of(module))}" for name, module in config.stash[_MODULES].items()
    ]


class _Report:
    def __init__(self, config):
        self.entries = config.stash[_HELD]

    def pytest_runtest_logreport(self, report):
        """Gather what each test held."""
        if report.when == "call":
            self.entries += [entry for name, value in report.user_properties if name == "ghostnp" for entry in value]


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    """Listen, where there is somebody to report to."""
    if session.config.getoption("ghostnp_report") is not None:
        session.config.pluginmanager.register(_Report(session.config), "ghostnp-report")


def pytest_terminal_summary(terminalreporter, config):
    """The table, and the file."""
    file = config.getoption("ghostnp_report")
    if file is None:
        return
    rows = _merged(config.stash[_HELD])
    terminalreporter.section("operators held by ghostnp.testing")
    if not rows:
        terminalreporter.line("none: no test called assert_matches or assert_laws")
    width = max((len(row["operator"]) for row in rows), default=0)
    for row in rows:
        terminalreporter.line(
            f"{row['operator']:{width}}  {'kept  ' if row['kept'] else 'BROKEN'}  {row['calls']:6} calls  {row['law']}"
        )
    if file:
        Path(file).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _merged(entries):
    """One row for each operator and law, in the order in which they came."""
    rows: dict[tuple[str, str], dict] = {}
    for entry in entries:
        row = rows.setdefault((entry["operator"], entry["law"]), entry | {"calls": 0, "kept": True})
        row["calls"] += entry["calls"]
        row["kept"] &= entry["kept"]
    return sorted(rows.values(), key=lambda row: row["operator"])


def _operators_of(module):
    return [name for name in operator_names() if callable(getattr(module, name, None))]


def _load(name):
    rule = "the rule is a module's name or the path of a file, such as mine.py"
    if name.endswith(".py") and not Path(name).is_file():
        raise pytest.UsageError(f"--ghostnp-operator {name}: there is no such file in {os.getcwd()}; {rule}")
    try:
        if name.endswith(".py"):
            loader = SourceFileLoader(Path(name).stem, name)
            spec = ModuleSpec(loader.name, loader, origin=name)
            spec.has_location = True
            module = sys.modules[loader.name] = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
        else:
            sys.path.append(os.getcwd())  # last in line, so that it hides nothing that is installed
            module = importlib.import_module(name)
    except ImportError as error:
        raise pytest.UsageError(f"--ghostnp-operator {name}: {error}; {rule}") from None
    if not _operators_of(module):
        own = [function for function, value in vars(module).items() if isroutine(value)]
        near = [match for function in own for match in get_close_matches(function, operator_names(), 1, 0.6)]
        raise pytest.UsageError(
            f"--ghostnp-operator {name}: it has {', '.join(own) or 'no functions'}, and none is named as an operator "
            f"of the vocabulary; the rule is such a name, for instance {(near or ['conv2d'])[0]}"
        )
    return module
