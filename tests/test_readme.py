"""The README keeps its word: its examples run, and print what it says."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.ops.registration import unregister
from ghostnp.ops.vocabulary import operators

README = Path(__file__).parents[1] / "README.md"
# A python block, and the text block right behind it if there is one.
EXAMPLES = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", README.read_text(encoding="utf-8"), re.DOTALL)
# "$ ghostnp ..." and what it prints. What `check` says depends on the learner's file, which is none of ours.
COMMANDS = re.findall(r"```text\n\$ ghostnp ((?!check).*?)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_commands_print_what_the_readme_says(command, shown):
    typed = [line.removeprefix("> ") for line in shown.splitlines() if line.startswith("> ")]
    # As wide as a terminal usually is.
    result = CliRunner(env={"COLUMNS": "80"}).invoke(main, shlex.split(command), input="\n".join(typed))
    assert result.exit_code == 0
    printed = iter(result.output.splitlines())
    for line in shown.splitlines():
        wanted = line.removesuffix("...").removeprefix("> ").rstrip()
        if wanted and not line.startswith("> "):
            assert any(wanted in other for other in printed), f"{line!r} is not printed, or not in this place"


def test_examples_print_what_the_readme_says(tmp_path, monkeypatch):
    """One after the other, as a reader types them, in a folder where they may write."""
    monkeypatch.chdir(tmp_path)
    typed, before = {}, operators()
    try:
        for code, printed in EXAMPLES:
            with contextlib.redirect_stdout(io.StringIO()) as stdout:
                exec(compile(code, str(README), "exec"), typed)
            assert stdout.getvalue() == printed, code
    finally:
        for name in set(operators()) - set(before):
            unregister(name)


def test_backend_of_ones_own_obeys_the_laws(tmp_path, run_python):
    (code,) = [code for code, _ in EXAMPLES if "def channel_shuffle" in code]
    (tmp_path / "mine.py").write_text(code)
    command = [str(README.parent / "tests" / "ops" / "test_shuffle.py"), "--backend", str(tmp_path / "mine.py")]
    assert " passed" in run_python(f"import pytest; raise SystemExit(pytest.main({command}))")
