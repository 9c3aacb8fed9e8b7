"""How many calls the fuzzing made, and that no request of it takes the machine's memory."""

import faulthandler
import resource

import pytest

from tests.fuzz.attempts import COUNTS

# Beyond what the process has: more than any call on small maps needs.
_ROOM = 3 << 30


@pytest.fixture(autouse=True, scope="module")
def _little_memory():
    """Requests that would fit into the machine, and only just, fail at once."""
    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + _ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(autouse=True)
def _no_hang_in_compiled_code():
    """Where no signal is heard, a traceback of all threads, and the end."""
    faulthandler.dump_traceback_later(4 * 3600, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def pytest_terminal_summary(terminalreporter):
    if COUNTS:
        terminalreporter.section(f"fuzzing: {sum(COUNTS.values()):,} calls")
        for (suite, outcome), number in sorted(COUNTS.items()):
            terminalreporter.write_line(f"{number:12,}  {suite}: {outcome}")


def pytest_sessionfinish(session):
    # Where several processes share the tests, each tells the first one.
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["fuzzing"] = [[*key, number] for key, number in COUNTS.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    for suite, outcome, number in getattr(node, "workeroutput", {}).get("fuzzing", ()):
        COUNTS[suite, outcome] += number
