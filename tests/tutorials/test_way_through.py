"""The page that says what to read: its minutes are those of the pages, and what it names exists."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

from click.testing import CliRunner

from ghostnp import ops
from ghostnp.cli import main

FOLDER = Path(__file__).parents[2] / "tutorials"
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")
WORDS_A_MINUTE = 100


def reading_minutes(number):
    """Minutes for the prose before the exercises, without the boxes for the curious."""
    (script,) = FOLDER.glob(f"{number}_*.py")
    read = re.sub(r"<details>.*?</details>", "", script.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = read.partition("# ## Exercises")[0].splitlines()
    words = sum(len(line.split()) - 1 for line in lines if line.startswith("# ") and not line.startswith("# %%"))
    return words / WORDS_A_MINUTE


def headings(number):
    (script,) = FOLDER.glob(f"{number}_*.py")
    return re.findall(r"^# #+ (.+)$", script.read_text(encoding="utf-8"), flags=re.MULTILINE)


ROWS = re.findall(r"^\| \[(\d\d)\]\((\d\d_\w+\.ipynb)\) \|.*\| (\d+) \|$", TEXT, flags=re.MULTILINE)
MINUTES = {number: int(minutes) for number, _, minutes in ROWS}


def test_minutes_are_those_of_the_pages_give_or_take_one():
    assert [name for _, name, _ in ROWS] == sorted(path.name for path in FOLDER.glob("*.ipynb"))
    assert [number for number, minutes in MINUTES.items() if abs(minutes - reading_minutes(number)) > 1] == []
    assert max(MINUTES.values()) < 20


def test_a_way_takes_as_long_as_its_pages():
    ways = re.findall(r"\(read ([\d, to]+): (\d+) minutes", TEXT)
    assert len(ways) == 3
    for pages, minutes in ways:
        first, to, last = pages.partition(" to ")
        numbers = [f"{n:02}" for n in range(int(first), int(last) + 1)] if to else pages.split(", ")
        assert int(minutes) == sum(MINUTES[number] for number in numbers)


def test_sections_that_it_names_exist():
    """Of every page in a list such as 01, 03 and 04, whatever stands between the list and the section's name."""
    named = re.findall(
        r'((?:\d\d(?:, | and ))*\d\d),?(?: up to| the sections?)* ("[^"]+"(?:(?:, | and )"[^"]+")*)', TEXT
    )
    assert len(named) > 10
    for numbers, quoted in named:
        for number in re.findall(r"\d\d", numbers):
            assert set(re.findall(r'"([^"]+)"', quoted)) <= set(headings(number)), (number, quoted)


def test_exercises_that_it_names_exist():
    there = {path.name for path in (FOLDER / "exercises").glob("*.py")}
    files = re.findall(r"`(\d\d_\w+\.py)`", TEXT)
    assert set(files) <= there
    week = re.findall(r"`(\d\d)`", TEXT)
    assert sorted(week) == sorted(name[:2] for name in there)


def test_functions_of_a_reader_compute_in_a_network(monkeypatch, capsys):
    """In place of what a reader has written so far: one function, which counts its calls."""
    (code,) = re.findall(r"```python\n(import mine\n.*?)```", TEXT, flags=re.DOTALL)
    called = []

    def channel_shuffle(x, groups):
        called.append(groups)
        return ops.channel_shuffle(x, groups)

    monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(channel_shuffle=channel_shuffle))
    exec(compile(code, "tutorials/README.md", "exec"), {})
    assert len(called) == 4 + 8 + 4  # a shuffle in each unit
    assert float(capsys.readouterr().out) < 1e-5


def test_worksheets_that_it_names_can_be_made():
    commands = re.findall(r"`ghostnp (worksheet --topic [^`]+)`", TEXT)
    assert len(commands) == 4
    for command in commands:
        assert CliRunner().invoke(main, command.split()).exit_code == 0
