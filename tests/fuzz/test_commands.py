"""Every command with bad options: a result, or one line that says what is wrong, and never a traceback."""

import os

import click
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ghostnp.cli import main
from ghostnp.ops.vocabulary import operators
from tests.fuzz.attempts import attempt

# These measure or ask for minutes, or run notebooks: what is fuzzed of them is what they refuse.
_LONG = {"bench", "conformance", "notebooks"}

_WORDS = [
    "", "-1", "0", "1", "2", "3", "7", "32", "33x65", "0x0", "1x2x3", "2147483647", "2147483648", "9" * 30,
    "1.5", "nan", "inf", "same", "valid", "é", "\u200b", "x" * 300, "a b", "%s", "--", "-", ".", "..",
    "/dev/null", "no/where", "ghostnet_050", "ghostnet_100", "shufflenetv2_0.5x", *operators(),
    "ghost-module", "ghostnt", "N13", "C01", "Q99", "141M", "5.18M", "1e400", "-5M", "grouped,ghost", "1,2",
    ",", "markdown", "html", "table", "csv", "json", "2:0,1,3,3", "16:0,0,1,1", "2:", ":", "99:0", "2:-1,0,0,0",
    "fvcore", "macs", "text.txt", "photo.png", "students.txt", "folder", "a.html", "a.png",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", lambda address: False)  # as on a machine without one
    (tmp_path / "text.txt").write_text("no picture, no weights\n")
    (tmp_path / "students.txt").write_text("17,Ada Lovelace\n18,Émilie\n")
    (tmp_path / "folder").mkdir()
    return tmp_path


def _line(draw, command):
    """A line for a command: of its arguments and some of its options, each with a word of its own."""
    line = []
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            line += draw(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=2 if parameter.nargs != 1 else 1))
        elif draw(st.integers(0, 3)) == 0:
            line.append(draw(st.sampled_from(parameter.opts)))
            if not getattr(parameter, "is_flag", False):
                kind = parameter.type
                words = list(kind.choices) if isinstance(kind, click.Choice) and draw(st.booleans()) else _WORDS
                line.append(str(draw(st.sampled_from(words))))
    return line


@pytest.mark.parametrize("name", main.commands)
def test_commands(name, folder):
    command = main.commands[name]

    @settings(
        max_examples=max(4, settings().max_examples // 4),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(st.data())
    def with_bad_options(data):
        line = _line(data.draw, command)
        if name in _LONG and "--help" not in line:
            line += ["--no-such-option"]

        def run():
            result = CliRunner().invoke(main, [name, *line], input="1\nq\n")
            error = result.exception
            assert error is None or isinstance(error, SystemExit), f"{name} {line}: {error!r}"
            assert result.exit_code in (0, 1, 2, *([3] if name == "check" else [])), (
                f"{name} {line}: {result.exit_code}"
            )
            assert result.exit_code == 0 or "Error: " in result.stderr or name == "check", f"{name} {line}: {result}"
            assert "Traceback" not in result.output, f"{name} {line}"

        attempt("commands", run, about=f"{name} {line}")

    with_bad_options()
    assert os.getcwd() == str(folder)
