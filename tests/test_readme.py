"""The README keeps its word: its examples run, and print what it says."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
# A python block, and the text block right behind it if there is one.
EXAMPLES = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", README.read_text(encoding="utf-8"), re.DOTALL)


def test_examples_print_what_the_readme_says(tmp_path, monkeypatch):
    """One after the other, as a reader types them, in a folder where they may write."""
    monkeypatch.chdir(tmp_path)
    typed = {}
    for code, printed in EXAMPLES:
        with contextlib.redirect_stdout(io.StringIO()) as stdout:
            exec(compile(code, str(README), "exec"), typed)
        assert stdout.getvalue() == printed, code


def test_backend_of_ones_own_obeys_the_laws(tmp_path, run_python):
    (code,) = [code for code, _ in EXAMPLES if "def channel_shuffle" in code]
    (tmp_path / "mine.py").write_text(code)
    command = [str(README.parent / "tests" / "ops" / "test_shuffle.py"), "--backend", str(tmp_path / "mine.py")]
    assert " passed" in run_python(f"import pytest; raise SystemExit(pytest.main({command}))")
