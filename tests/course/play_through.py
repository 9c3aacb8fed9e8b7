"""A course from roster to gradebook: papers and their answers, and code of every kind, with planted mistakes.

A short form runs with the other tests. All thirty students, in a folder that is kept:

    python -m tests.course.play_through FOLDER
"""

import csv
import io
import json
import sys
from collections import Counter
from pathlib import Path

from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.course.worksheets import plan, read_roster
from ghostnp.course.worksheets.problem import plain

STUDENTS, SEED, QUESTIONS = 30, 11, 6
TOPICS = ("grouped", "shuffle", "ghost", "crelu")

_HEAD = "import numpy as np\n"
_RELU = "def relu(x):\n    return np.maximum(x, 0)\n"
_SHUFFLE = """
def channel_shuffle(x, groups):
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).swapaxes(1, 2).reshape(x.shape)
"""
_BUSY = "    for _ in range(5 * 10**6):\n        pass\n"


def _notebook(*cells):
    made = [{"cell_type": "code", "metadata": {}, "source": text.splitlines(keepends=True)} for text in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


_SWAPPED = _SHUFFLE.replace("groups, c // groups, h", "c // groups, groups, h")
_CRASH = "def relu(x):\n    import ctypes\n    ctypes.string_at(0)\n"
_HANG = "def relu(x):\n    while True:\n        pass\n"
_NAN = "def relu(x):\n    return x * (x > 0)\n"
_HALF = "def relu(x):\n    return np.float16(np.maximum(x, 0))\n"
_SLOW = f"def relu(x):\n{_BUSY}    return np.maximum(x, 0)\n"
_BOMB = "kept = []\ndef relu(x):\n    kept.append(np.empty(2**33))\n    return x\n"
_STATE = """
kept = {}
def channel_shuffle(x, groups):
    if (x.shape, groups) not in kept:
        n, c, h, w = x.shape
        kept[x.shape, groups] = x.reshape(n, groups, c // groups, h, w).swapaxes(1, 2).reshape(x.shape)
    return kept[x.shape, groups]
"""
_NOTHING = "def relu(x):\n    x * (x > 0)\ndef channel_shuffle(x, groups):\n    pass\n"
_EXIT = "import os\ndef relu(x):\n    if x.size > 4:\n        os._exit(0)\n    return np.maximum(x, 0)\n"
_PLOT = "import matplotlib.pyplot as plt\nplt.plot(relu(np.linspace(-1, 1)))\nplt.show()"
_HELPER = "def relu(z):\n    return np.maximum(z, 0)\n"
_DOUBLE = "def relu(x):\n    return np.maximum(x, 0.0).astype(float)\n"
# What is handed in: name of the file, text, what becomes of it, and the points for relu and for channel_shuffle.
CODE = [
    ("hw.ipynb", _notebook("%matplotlib inline\n" + _HEAD, _RELU, _SHUFFLE), "right", "10", "10"),
    ("hw.py", _HEAD + _RELU + _SWAPPED, "not right", "10", "0"),
    ("hw.py", _HEAD + _CRASH + _SHUFFLE, "not right", "0", "10"),
    ("hw.py", _HEAD + _RELU + _SHUFFLE, "right", "10", "10"),
    ("hw.py", _HEAD + _HANG + _SHUFFLE, "not right", "0", "10"),
    ("hw.py", _HEAD + _NAN + _SHUFFLE, "not right", "0", "10"),
    ("hw.ipynb", _notebook(_HEAD, _HALF), "not right", "0", "0"),
    ("hw.py", _HEAD + _SLOW + _SHUFFLE, "incomplete", "incomplete", "10"),
    ("hw.py", "raise SystemExit\n", "not right", "0", "0"),
    ("hw.py", _HEAD + _BOMB + _SHUFFLE, "not right", "0", "10"),
    ("hw.py", _HEAD + _RELU + _STATE, "not right", "10", "0"),
    ("hw.py", _HEAD + _NOTHING, "not right", "0", "0"),
    ("hw.py", _HEAD + _EXIT + _SHUFFLE, "not right", "0", "10"),
    ("hw.py", "", "no function", "0", "0"),
    ("hw.py", ("# 作业\n" + _HEAD + _RELU).encode("gbk"), "not checked", "incomplete", "incomplete"),
    ("hw.py", ("# coding: gbk\n# 作业\n" + _HEAD + _RELU + _SHUFFLE).encode("gbk"), "right", "10", "10"),
    ("hw.py", _HEAD + _HELPER + _SHUFFLE, "not right", "0", "10"),
    ("hw.py", _HEAD + _RELU + _SHUFFLE + "print('x' * 10**7)\n", "right", "10", "10"),
    (
        "hw.ipynb",
        _notebook("!pip list", _HEAD + "%matplotlib inline", "%%time\n" + _RELU, _PLOT, _SHUFFLE),
        "right",
        "10",
        "10",
    ),
    ("hw.py", _HEAD + _DOUBLE + _SHUFFLE, "not right", "0", "10"),
]
RUBRIC = "[points]\nrelu = 10\nchannel_shuffle = 10\n[partial]\ndefinition = 1\nlaws = 0\n"


def _run(*words):
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def _table(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def _reply(question, kind):
    """What a student replies, whether that is right, and the mistake by its name."""
    if kind == "right":
        return question.right or str(plain(question.problem.answer)), True, ""
    if kind == "mistake" and question.options:
        option = next(option for option in question.options if option.mistake is not None)
        return f"{option.letter.lower()})", False, " or ".join(option.mistake.misconceptions)
    if kind == "mistake":
        mistake = question.problem.told_apart[0]
        return str(plain(mistake.value)), False, " or ".join(mistake.misconceptions)
    return "", False, ""


_KINDS = ("right", "right", "mistake", "right", "mistake", "right", "none", "right")


def papers(folder):
    """The paper: worksheets with a key, answers with planted mistakes, points and statistics, all held to be right."""
    roster = folder / "class.csv"
    roster.write_text("id,name\n" + "".join(f"{n},Student {n:02}\n" for n in range(1, STUDENTS + 1)))
    words = ["--topic", ",".join(TOPICS), "--count", QUESTIONS, "--seed", SEED, "--roster", roster]
    made = _run("worksheet", *words, "--output", folder / "papers.html", "--key", folder / "key.json")
    assert made.exit_code == 0, made.output
    chosen = plan(TOPICS, QUESTIONS, SEED)
    lines = [";".join(["No.", "Name", *(f"Question {n}" for n in range(1, QUESTIONS + 1)), "date"])]
    points, mistakes, right = {}, [Counter() for _ in range(QUESTIONS)], Counter()
    for paper in chosen.papers(read_roster(roster))[:-1]:  # the last one is ill
        student, replies = paper.student, []
        for question in paper.questions:
            kind = _KINDS[(int(student.id) * 5 + question.number * 3) % len(_KINDS)]
            reply, is_right, name = _reply(question, kind)
            replies.append(reply)
            points[student.name] = points.get(student.name, 0) + is_right
            right[question.number] += is_right
            mistakes[question.number - 1].update([name] if name else [])
        lines.append(";".join(["", student.name, *replies, "1 March"]))
    lines += ["", ";Student 99;A;B", ";Student 01;A"]
    answers = folder / "answers.csv"
    answers.write_text("\n".join(lines) + "\n")
    outputs = ["--output", folder / "points.csv", "--plot", folder / "misunderstood.png", "--json", folder / "all.json"]
    graded = _run("grade", folder / "key.json", answers, *outputs)
    assert graded.exit_code == 1
    for said in ("2 could not be graded", "line 32: ', Student 99, A, B': 'Student 99' is not on the key", "line 33"):
        assert said in graded.stderr, graded.stderr
    assert "no answers of 1: Student 30 (30)" in graded.stdout
    found = _table(folder / "points.csv")
    assert {row["name"]: float(row["points"]) for row in found if row["status"] == "graded"} == points
    assert Counter(row["status"] for row in found) == {"graded": STUDENTS - 1, "no answers": 1, "not graded": 2}
    everything = json.loads((folder / "all.json").read_text(encoding="utf-8"))
    assert [Counter(each["mistakes"]) for each in everything["questions"]] == mistakes
    assert {each["number"]: each["outcomes"]["right"] for each in everything["questions"]} == right
    assert (folder / "misunderstood.png").read_bytes().startswith(b"\x89PNG")
    return graded


def code(folder, students, *options):
    """The code: what so many hand in, as Moodle downloads it, and the gradebook, held to be right."""
    for n in range(1, students + 1):
        name, text, *_ = CODE[(n - 1) % len(CODE)]
        home = folder / "submissions" / f"Student {n:02}_{7000 + n}_assignsubmission_file_"
        home.mkdir(parents=True)
        (home / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "rubric.toml").write_text(RUBRIC)
    words = [folder / "submissions", "--gradebook", folder / "grades.csv", "--rubric", folder / "rubric.toml"]
    words += ["--roster", folder / "class.csv", "--memory", 2, "--seed", 4, "--start-seconds", 5, *options]
    checked = _run("check", *words)
    assert checked.exit_code == (3 if students >= 8 else 0), checked.output
    found = _table(folder / "grades.csv")
    assert [row["id"] for row in found] == [str(n) for n in range(1, STUDENTS + 1)]
    for n, row in enumerate(found):
        _, _, *wanted = CODE[n % len(CODE)] if n < students else ("", "", "not handed in", "0", "0")
        assert [row["status"], row["relu"], row["channel_shuffle"]] == wanted, row
        decided = [float(part) for part in wanted[1:] if part != "incomplete"]
        assert row["points"] == ("" if len(decided) < 2 else f"{sum(decided):g}"), row
    return checked


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    sys.stdout.write(papers(place).output)
    sys.stdout.write(code(place, STUDENTS, "--jobs", 2).output)
