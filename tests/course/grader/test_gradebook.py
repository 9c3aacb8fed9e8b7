"""A class at once: whose a file is, what it is worth, and that nothing that one student does loses another's row."""

import csv
import io
import json
import os
import stat
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import ghostnp
from ghostnp.cli import main
from ghostnp.course import grader
from ghostnp.course.grader import (
    FileReport,
    Gradebook,
    GradebookRow,
    Limits,
    Submission,
    check,
    find_submissions,
    from_json,
    match,
    read_rubric,
    rubric_text,
    to_json,
    usual_rubric,
)
from ghostnp.course.grader.comparing import FormlessError, formless, not_empty, settled, with_a_form
from ghostnp.course.grader.file_report import FunctionReport
from ghostnp.course.grader.functions import graded_names
from ghostnp.course.grader.gradebook import number
from ghostnp.course.grader.rubric import SAME
from ghostnp.course.grader.runner import StoppedError
from ghostnp.course.worksheets import Student
from ghostnp.testing import calls, laws_of, smallest_failure
from ghostnp.testing.laws.table import calls_for
from tests.course.grader.test_submissions import SHUFFLE, notebook

RELU = "import numpy as np\ndef relu(x):\n    return np.maximum(x, 0)\n"
SWAPPED = SHUFFLE.replace("groups, c // groups, h", "c // groups, groups, h")
SLOW = """
import time
import numpy as np
def relu(x):
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass
    return np.maximum(x, 0)
"""


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def rows(path):
    """The gradebook as {student: row}."""
    read = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    found = {row["student"]: row for row in read}
    assert len(found) == len(read)
    return found


def run(*words):
    result = CliRunner().invoke(main, ["check", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


# Whose it is


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("ada/hw.py", ("ada", "ada")),
        ("ada.ipynb", ("ada", "ada")),
        ("Ada Lovelace_1234_assignsubmission_file_/hw.py", ("Ada Lovelace", "1234")),
        ("Lovelace, Ada_1234_assignsubmission_file/a/b/hw.ipynb", ("Lovelace, Ada", "1234")),
        ("Ada_Lovelace_1234_assignsubmission_file_05_relu.py", ("Ada_Lovelace", "1234")),
        ("ada/hw1/hw1.ipynb", ("ada", "ada")),
        ("ada+hw1+2026-03-01 10:11:12 UTC+abc/hw1.ipynb", ("ada", "ada")),
        ("lovelaceada_1234_567_hw1.py", ("lovelaceada", "1234")),
        ("lovelaceada_LATE_1234_567_hw1-2.ipynb", ("lovelaceada", "1234")),
        ("艾达/作业.py", ("艾达", "艾达")),
    ],
)
def test_a_student_is_found_by_the_name_of_a_folder_or_file(tmp_path, name, student):
    write(tmp_path, {name: RELU})
    (found,) = find_submissions([tmp_path])
    assert (found.name, found.id) == student
    assert [path for _, path in found.files] == [tmp_path / name]


def test_what_is_not_the_student_s_is_not_looked_at_and_what_cannot_be_checked_is_named(tmp_path):
    files = ".ipynb_checkpoints/hw.ipynb __pycache__/a.py essay.docx venv/lib/site-packages/b.py hw.py deep/hw2.py"
    write(tmp_path, {f"ada/{name}": "" for name in files.split()})
    write(tmp_path, {"__MACOSX/ada/hw.py": "", "readme.txt": "", "eve/hw.zip": ""})
    (tmp_path / "ada" / "passwords.py").symlink_to("/etc/passwd")
    ada, eve = find_submissions([tmp_path])
    assert [name for name, _ in ada.files] == ["hw.py", "deep/hw2.py"]
    assert ada.others == ["essay.docx", "passwords.py"]
    assert (eve.files, eve.others) == ([], ["hw.zip"])


def test_several_that_are_called_the_same_are_told_apart_by_the_folder_around_them(tmp_path):
    write(tmp_path, {f"{student}/hw1/hw1.py": RELU for student in ("ada", "bob")})
    for pattern in ("*/hw1/hw1.py", "*/hw1", "*"):
        found = find_submissions(sorted(tmp_path.glob(pattern)))
        assert [(each.name, len(each.files)) for each in found] == [("ada", 1), ("bob", 1)]


def test_two_hand_ins_of_one_student_are_one_row(tmp_path):
    names = ("Ada_17_assignsubmission_file_a.py", "Ada_17_assignsubmission_file_b.ipynb")
    (found,) = find_submissions([write(tmp_path, dict.fromkeys(names, RELU))])
    assert [name for name, _ in found.files] == list(names)


def test_everybody_on_the_roster_has_a_row_and_so_has_who_is_not_on_it():
    names = ("17_hw", "GRACE  hopper", "171", "x")
    submissions = [Submission(name, name, [("hw.py", Path("hw.py"))]) for name in names]
    roster = [Student("17", "Ada"), Student("18", "Grace Hopper"), Student("19", "Emmy")]
    found = match(submissions, roster)
    said = [(each.name, each.id, len(each.files), known) for each, known in found]
    assert said == [("Ada", "17", 1, True), ("Grace Hopper", "18", 1, True), ("Emmy", "19", 0, True),
                    ("171", "171", 1, False), ("x", "x", 1, False)]  # fmt: skip


def test_no_submission_is_said(tmp_path):
    result = run(tmp_path, "--gradebook", tmp_path / "grades.csv")
    assert (result.exit_code, "there is no submission; the rule is" in result.stderr) == (1, True)
    result = run(tmp_path / "none", "--gradebook", tmp_path / "grades.csv")
    assert (result.exit_code, "No such file" in result.stderr) == (1, True)


# Points


def test_the_rubric_that_is_printed_can_be_read(tmp_path):
    result = run("--print-rubric")
    assert (result.exit_code, result.stdout) == (0, rubric_text())
    rubric = read_rubric(write(tmp_path, {"rubric.toml": rubric_text()}) / "rubric.toml")
    assert dict(rubric.points) == dict.fromkeys(graded_names(), 10)
    for name in graded_names():
        assert sum(rubric.parts(name).values()) == pytest.approx(10)
    # And what it has as a comment is an example that can be used.
    (tmp_path / "rubric.toml").write_text(
        rubric_text().replace("# [laws", "[laws").replace('# "', '"').replace("\n# The laws", "\n#")
    )
    assert read_rubric(tmp_path / "rubric.toml").of_laws


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("points", "is no rubric"),
        ("[points]\nchanel_shuffle = 3", "there is no points.chanel_shuffle; the rule is one of these, nearest first"),
        ("[point]\nrelu = 3", "there is no point; the rule is one of these, nearest first: points"),
        ("[points]\nrelu = -3", "relu = -3; the rule is a number from 0 on"),
        ("[points]\nrelu = true", "relu = True"),
        ("[points]\nrelu = nan", "relu = nan"),
        ("points = 3", "points is 3; the rule is a table"),
        ("", "there are none; the rule is a line for each function"),
        ("[points]\nrelu = 3\n[partial]\nlaws = 0.5", "which is not 1 together"),
        ("[points]\nrelu = 3\n[laws.relu]\n'keeps its limits' = 4", "4 points, and relu has 3"),
        ("[points]\nrelu = 3\n[laws.relu]\n'keeps limits' = 1", "there is no laws.relu.keeps limits"),
        ("[points]\nrelu = 3\n[laws.crelu]\n'linear' = 1", "there is no laws.crelu"),
    ],
)
def test_a_rubric_that_is_none_is_refused_in_a_line(tmp_path, text, said):
    write(tmp_path, {"r.toml": text, "sub/ada.py": RELU})
    result = run(tmp_path / "sub", "--gradebook", tmp_path / "grades.csv", "--rubric", tmp_path / "r.toml")
    assert (result.exit_code, said in result.stderr, result.stderr.count("\n")) == (1, True, 1), result.stderr


def law(name, kept, cut_short=False):
    return {"law": f"{name}: it says", "kept": kept, "says": "", "case": "", "calls": 3, "wanted": 3,
            "cut_short": cut_short}  # fmt: skip


def test_partial_credit(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text("[points]\nrelu = 8\n[laws.relu]\n'keeps its limits' = 3\n'stays finite' = 1\n")
    rubric = read_rubric(path)

    def points(*laws, status="wrong"):
        shares = rubric.earned("relu", FunctionReport("relu", status, laws=list(laws)))
        return {part: share.points for part, share in shares.items() if share.of}

    same, limits = law(SAME, True), law("keeps its limits", True)
    parts = (SAME, "keeps its limits", "stays finite")
    assert points(status="passed") == dict(zip(parts, (4, 3, 1), strict=True))
    assert points(status="incomplete") == points(status="not reached") == dict.fromkeys(parts)
    assert points(status="not started") == points(status="handed over") == points() == dict.fromkeys(parts, 0)
    assert points(same, limits, law("stays finite", False)) == dict(zip(parts, (4, 3, 0), strict=True))
    # What was not tried, or in part, is neither kept nor broken.
    assert points(law(SAME, False), law("keeps its limits", True, True), law("stays finite", None)) == dict(
        zip(parts, (0, None, None), strict=True)
    )
    assert {share.points for share in rubric.earned("relu", None).values()} == {0}


def test_what_is_no_result_keeps_no_law():
    """A function without a return, of the wrong type, or with too many results: no law may be kept by chance."""
    one = np.zeros((1, 1, 1, 1), np.float32)
    laws = {}
    for name in graded_names():
        sequence = name in ("split", "concat_backward")
        too_many = [] if sequence else [(one,) * 9]
        for nothing in (None, NotImplemented, "x", 3.0, (None,) * 3, [[one]], object(), *too_many):
            assert formless(name, nothing) is not None, (name, nothing)
        for law in laws_of(name.removesuffix("_backward")):
            if (law.of == "backward") == name.endswith("_backward"):
                laws.setdefault(law.name, (name, law))
    assert len(laws) > 10
    for name, law in laws.values():
        namespace = SimpleNamespace(**{name: settled(name, with_a_form(name, lambda *given, **named: None))})
        drawn = not_empty(calls_for(name.removesuffix("_backward"), [law], 1, long=""))
        _, error = smallest_failure(drawn, lambda call: law.check(namespace, call))  # noqa: B023
        assert isinstance(error, FormlessError), (law.name, error)
        assert str(error) == formless(name, None).says


def test_points_that_are_written_add_up():
    rubric = usual_rubric()
    for name in graded_names():
        parts = rubric.parts(name)
        assert sum(float(number(points)) for points in parts.values()) == pytest.approx(rubric.worth(name), abs=1e-9)
        assert max(parts.values()) == parts[SAME]


# A class


CLASS = {
    "ada.ipynb": notebook(("code", RELU), ("code", SHUFFLE)),
    "Bob B_12_assignsubmission_file_/hw.py": RELU + SWAPPED,
    "crash/hw.py": "import ctypes\ndef relu(x):\n    ctypes.string_at(0)\n" + SHUFFLE,
    "hang.py": "while True:\n    pass\n",
    "bomb/hw.py": "import numpy as np\nkept = []\ndef relu(x):\n    kept.append(np.empty(2**32))\n    return x\n",
    "slow/hw.py": SLOW + SHUFFLE,
    "stub/hw.py": "def relu(x):\n    raise NotImplementedError\n",
    "word/hw.docx": "",
    "=cmd()/hw.py": RELU,
}
RUBRIC = "[points]\nrelu = 4\nchannel_shuffle = 6\n[partial]\ndefinition = 1\nlaws = 0\n"
NOTES = {
    "crash": "killed by signal 11",
    "hang": "does not come to an end",
    "bomb": "more memory than it may",
    "word": "not looked at: hw.docx",
    "Robert": "wrong numbers",
    "stub": "NotImplementedError",
    "'=cmd()": "not handed in: channel_shuffle",
}
ROSTER = "12,Robert\n13,Emmy Noether\n14,ada\n"
LIMITS = ("--seconds", 4, "--start-seconds", 3, "--memory", 1, "--jobs", 2)


def test_no_student_loses_another_s_row(tmp_path, monkeypatch):
    folder, table = write(tmp_path / "sub", CLASS), tmp_path / "grades.csv"
    write(tmp_path, {"r.toml": RUBRIC, "class.csv": ROSTER})
    words = (folder, "--gradebook", table, "--rubric", tmp_path / "r.toml", "--roster", tmp_path / "class.csv", *LIMITS)
    result = run(*words)
    assert result.exit_code == 3, result.output
    found = rows(table)
    said = {name: (row["status"], row["points"], row["at most"]) for name, row in found.items()}
    assert said == {
        "ada": ("right", "10", "10"),
        "Robert": ("not right", "4", "4"),
        "Emmy Noether": ("not handed in", "0", "0"),
        "crash": ("not right", "6", "6"),
        "hang": ("not right", "0", "0"),
        "bomb": ("not right", "0", "0"),
        "slow": ("incomplete", "", "10"),  # neither none of the points nor all of them
        "stub": ("not right", "0", "0"),
        "word": ("nothing to check", "0", "0"),
        "'=cmd()": ("not right", "4", "4"),
    }
    assert [row["of"] for row in found.values()] == ["10"] * 10
    assert found["slow"]["relu"] == "incomplete"
    assert (found["slow"]["channel_shuffle"], found["slow"]["at least"]) == ("6", "6")
    for student, words_of_it in NOTES.items():
        assert words_of_it in found[student]["notes"]
        assert ("not on the class list" in found[student]["notes"]) == (student != "Robert")
    assert "(g, n) and (n, g) are swapped" in (tmp_path / "grades.reports" / "12.txt").read_text(encoding="utf-8")
    assert "look at slow (incomplete): " in result.stdout

    # What is done is kept; another rubric works points out anew, and nothing runs.
    monkeypatch.setattr(grader, "check", None)
    (tmp_path / "r.toml").write_text(RUBRIC.replace("relu = 4", "relu = 14"))
    assert run(*words).exit_code == 3
    assert {name: row["points"] for name, row in rows(table).items()} == {
        name: points if points in ("0", "6", "") else {"10": "20", "4": "14"}[points]
        for name, (_, points, _) in said.items()
    }

    # With more time, who is right stays so, and all others are checked again; a file that has changed is, in any case.
    asked = []
    monkeypatch.setattr(grader, "check", lambda path, *rest: asked.append(path.parent.name) or FileReport(path.name))
    assert run(*words, "--seconds", 9).exit_code == 0
    assert sorted(asked) == ["Bob B_12_assignsubmission_file_", "bomb", "crash", "slow", "stub", "sub"]
    asked.clear()
    with (folder / "crash" / "hw.py").open("a") as file:
        file.write("# mended\n")
    assert run(*words, "--seconds", 9).exit_code == 0
    assert asked == ["crash"]
    asked.clear()
    (tmp_path / "grades.reports" / "12.json").write_text("{}")  # damaged, and so checked again
    run(*words, "--seconds", 9)
    assert asked == ["Bob B_12_assignsubmission_file_"]


UNANSWERED = {
    "none.py": "def relu(x):\n    x * (x > 0)\ndef channel_shuffle(x, groups):\n    pass\n",
    "slip.py": RELU + "def chanel_shuffle(x, groups):\n    return x\n",
    "empty.py": "",
}


def test_what_is_not_answered_has_no_points_and_is_said(tmp_path):
    write(tmp_path, {"r.toml": RUBRIC.replace("definition = 1\nlaws = 0", "")})
    words = [
        write(tmp_path / "sub", UNANSWERED),
        "--gradebook",
        tmp_path / "grades.csv",
        "--rubric",
        tmp_path / "r.toml",
    ]
    first = run(*words)
    assert first.exit_code == 0
    assert "slip: not right, 1 of 2 functions right" in first.output  # of two that are in the rubric, one was written
    assert "checked before" not in first.output
    found = rows(tmp_path / "grades.csv")
    assert {name: (row["status"], row["points"]) for name, row in found.items()} == {
        "none": ("not right", "0"), "slip": ("not right", "4"), "empty": ("no function", "0"),
    }  # fmt: skip
    said = (
        "relu: relu returns None, and the rule is y; channel_shuffle: channel_shuffle returns None, and the rule is y"
    )
    assert found["none"]["notes"] == said
    assert "chanel_shuffle is not in the vocabulary and was not checked; channel_shuffle is" in found["slip"]["notes"]
    assert "no function of the vocabulary is defined here" in found["empty"]["notes"]
    report = (tmp_path / "grades.reports" / "none.txt").read_text(encoding="utf-8")
    assert "Is there a return at the end?" in report
    assert "breaks" not in report
    assert "3 of 3 were checked before" in run(*words).output
    # Without a rubric there is nothing that an empty file could have right.
    alone = run(tmp_path / "sub" / "empty.py", "--gradebook", tmp_path / "alone.csv")
    assert "alone.csv: 1 students, 1 no function" in alone.output.replace(str(tmp_path) + os.sep, "")


def of_class(tmp_path, names):
    folder = write(tmp_path / "sub", {f"{name}.py": RELU for name in names})
    found = [GradebookRow(submission) for submission in find_submissions([folder])]
    return Gradebook(tmp_path / "grades.csv", found, usual_rubric(), {}, Limits())


def right(submission, path, stop):
    return FileReport(path.name, {"relu": FunctionReport("relu", "passed")})


def test_what_was_checked_before_an_interrupt_is_kept(tmp_path):
    def interrupted(submission, path, stop):
        if submission.name == "c":
            assert stop.wait(60)  # it is told to stop, and waits for nobody
            raise StoppedError
        return right(submission, path, stop)

    def tell(row):
        if sum(row.checked for row in book.rows) == 2:
            raise KeyboardInterrupt

    book = of_class(tmp_path, "abcde")
    book.open()
    with pytest.raises(KeyboardInterrupt):
        book.fill(interrupted, 2, tell)
    status = [row["status"] for row in rows(book.path).values()]
    assert (status.count("right"), status.count("not checked")) == (2, 3)
    assert [row["points"] for row in rows(book.path).values()].count("") == 3
    again = of_class(tmp_path, "abcde")
    again.open()
    asked = []
    again.fill(lambda submission, path, stop: asked.append(submission.name) or right(submission, path, stop))
    assert len(asked) == 3
    assert [row["status"] for row in rows(book.path).values()] == ["right"] * 5


@pytest.mark.parametrize("error", [OSError(5, "I/O error"), RuntimeError("a fault of the grader's")])
def test_a_check_that_fails_is_no_verdict_and_is_made_again(tmp_path, error):
    def failing(submission, path, stop):
        if submission.name == "b":
            raise error
        return right(submission, path, stop)

    book = of_class(tmp_path, "abc")
    book.open()
    book.fill(failing)
    found = rows(book.path)
    assert [row["status"] for row in found.values()] == ["right", "not checked", "right"]
    assert (found["b"]["points"], found["b"]["at most"], found["b"]["relu"]) == ("", "10", "incomplete")
    assert "it could not be checked" in found["b"]["notes"]
    again = of_class(tmp_path, "abc")
    again.open()
    assert [row.checked for row in again.rows] == [True, False, True]


def test_the_better_of_two_files_counts(tmp_path):
    row = GradebookRow(Submission("ada", "ada", [("a.py", Path("a.py"))]), checked=True)
    for name, status in (("a", "wrong"), ("b", "passed"), ("c", "not started")):
        row.reports[name] = FileReport(name, {"relu": FunctionReport("relu", status)})
    assert row.functions(usual_rubric())["relu"].status == "passed"
    assert row.status(usual_rubric(), ["relu"]) == "right"


def test_a_gradebook_replaces_nothing_else(tmp_path):
    write(tmp_path, {"sub/ada.py": RELU, "grades.csv": "my,own,table\n"})
    result = run(tmp_path / "sub", "--gradebook", tmp_path / "grades.csv")
    assert (result.exit_code, "is there and is no gradebook" in result.stderr) == (1, True)
    assert (tmp_path / "grades.csv").read_text() == "my,own,table\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.py", "b.py"], "2 files: the rule is one, or --gradebook"),
        (["a.py", "--rubric", "r.toml"], "--rubric only with --gradebook"),
        (["a.py", "--gradebook", "g.csv", "--json"], "--json and --gradebook"),
    ],
)
def test_options_that_do_not_go_together(words, said):
    result = run(*words)
    assert (result.exit_code, said in result.stderr) == (2, True)


# Limits, seeds and reports


def test_the_time_of_a_whole_file_is_limited_and_what_is_left_is_no_verdict(tmp_path):
    limited = "import resource\nassert resource.getrlimit(resource.RLIMIT_CPU) == (12, 12)\n"
    path = write(tmp_path, {"hw.py": limited + SLOW}) / "hw.py"
    report = check(path, limits=Limits(seconds=60, file_seconds=2))
    assert (report.passed, report.incomplete, report.problem) == (False, True, None)
    assert [found.status for found in report.functions.values()] == ["incomplete"]
    assert from_json(to_json(report)) == report
    result = run(path, "--seconds", 60, "--file-seconds", 2)
    assert (result.exit_code, "the whole file may take 2 s" in result.output) == (3, True)


def test_a_check_that_nobody_wants_any_more_ends(tmp_path):
    path, stop = write(tmp_path, {"hw.py": "while True:\n    pass\n"}) / "hw.py", threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    with pytest.raises(StoppedError):
        check(path, stop=stop)
    assert time.monotonic() - began < 15


def test_what_a_file_starts_ends_with_the_check(tmp_path):
    child = f"    while True:\n        libc.system(b'touch {tmp_path}/alive')\n        time.sleep(0.2)\n"
    fork = f"import ctypes, time\nlibc = ctypes.CDLL(None)\nif libc.fork() == 0:\n{child}def relu(x):\n    return 1\n"
    path = write(tmp_path, {"hw.py": fork}) / "hw.py"
    check(path)
    (tmp_path / "alive").unlink(missing_ok=True)
    time.sleep(1)
    assert not (tmp_path / "alive").exists()


def test_the_seed_draws_other_cases_and_the_same_seed_the_same(tmp_path):
    def drawn(seed):
        seen = []
        smallest_failure(calls("relu"), lambda call: seen.append(repr(call)), 20, seed=seed)
        return seen

    assert drawn(1) == drawn(1) != drawn(2)
    tenth = (
        "    global made\n    made += 1\n    if made == 10:\n        print(x.ravel())\n    return np.maximum(x, 0)\n"
    )
    path = write(tmp_path, {"hw.py": f"import numpy as np\nmade = 0\ndef relu(x):\n{tenth}"}) / "hw.py"
    first = [json.loads(run(path, "--seed", seed, "--json").stdout)["first_printed"] for seed in (3, 4)]
    assert first[0] != first[1]


def test_a_report_comes_back_from_json_as_it_was(tmp_path):
    others = "def conv2d(a):\n    return a\ndef standart_conv2d(x):\n    return x\n"
    path = write(tmp_path, {"hw.py": f"print(1)\n{others}def relu(x):\n    return 1\n"}) / "hw.py"
    report = check(path)
    assert report.sentences
    assert from_json(to_json(report)) == report
    for text in ("", "[]", "{}", to_json(report).replace('"status"', '"stat"')):
        with pytest.raises(ValueError, match="text is no report of a check"):
            from_json(text)


def test_tests_that_nbgrader_put_into_a_notebook_are_left_out(tmp_path):
    made = (("code", "import numpy as np\n"), ("code", "assert relu(1) == 7\n"), ("code", SHUFFLE))
    cells = json.loads(notebook(*made))
    cells["cells"][1]["metadata"] = {"nbgrader": {"grade": True, "solution": False}}
    cells["cells"][2]["metadata"] = {"nbgrader": {"grade": True, "solution": True}}
    report = check(write(tmp_path, {"hw.ipynb": json.dumps(cells)}) / "hw.ipynb")
    assert (report.passed, list(report.functions)) == (True, ["channel_shuffle"])


# Containers

READS = f"import os\nassert open(os.path.dirname(__file__) + '/numbers.txt').read() == '1'\n{RELU}"
FAKE = f"""#!{sys.executable}
import json, os, pathlib, subprocess, sys
words = sys.argv[1:]
with open(os.environ["ASKED"], "a") as file:
    file.write(json.dumps(words) + "\\n")
if os.environ.get("BROKEN"):
    sys.exit("Cannot connect to the Docker daemon. Is the docker daemon running?\\nsecond line")
if words[0] == "kill":
    sys.exit()
code = int(os.environ.get("ENDS", "0"))
if code and words[-1] != "--version":
    sys.exit(code)
volume = words[words.index("--volume") + 1].removesuffix(":/submission:ro") if "--volume" in words else ""
command = [word.replace("/submission", volume) for word in words[words.index("python") + 1 :]]
sys.exit(subprocess.run([sys.executable, *command]).returncode)
"""


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A docker that writes down what it is asked for, and does it here; and what it was asked for."""
    program = write(tmp_path / "bin", {"docker": FAKE}) / "docker"
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    asked = tmp_path / "asked"
    monkeypatch.setenv("ASKED", str(asked))
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(ghostnp.__file__).parents[1])]))
    return lambda: [json.loads(line) for line in asked.read_text().splitlines()]


def test_each_file_runs_in_a_container(tmp_path, docker):
    own = {f"Lovelace, Ada: A/{name}": text for name, text in {"hw.py": READS, "numbers.txt": "1"}.items()}
    write(tmp_path / "sub", {"bob.py": "def relu(x):\n    return 1\n"} | own)
    words = ("--container", "--image", "course:1", "--seed", 5, "--memory", 2, "--seconds", 7)
    result = run(tmp_path / "sub", "--gradebook", tmp_path / "grades.csv", *words)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "grades.csv")
    assert {name: row["relu"] for name, row in found.items()} == {"Lovelace, Ada: A": "10", "bob": "0.62"}
    tried, *asked = docker()
    assert tried[-4:] == ["python", "-m", "ghostnp", "--version"]
    assert len(asked) == 2
    for words in asked:
        line = " ".join(words)
        assert line.startswith("run --rm --name ghostnp-")
        assert words[words.index("course:1") + 1 :][:4] == ["python", "-m", "ghostnp", "check"]
        for option in ("--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges",
                       "--memory 3072m --memory-swap 3072m", "--cpus 1", "--pids-limit 128", "--pull never",
                       f"--user {os.getuid()}:{os.getgid()}", "--json --seconds 7", "--memory 2 --seed 5"):  # fmt: skip
            assert option in line
        assert str(tmp_path / "sub") not in line  # a copy is what it sees


def test_where_no_container_works_it_is_said_in_a_line(tmp_path, docker, monkeypatch):
    write(tmp_path, {"hw.py": RELU})
    monkeypatch.setenv("BROKEN", "1")
    for words in ((), ("--gradebook", tmp_path / "grades.csv")):
        result = run(tmp_path / "hw.py", "--container", *words)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert "Cannot connect to the Docker daemon" in result.stderr
        assert "podman is not installed" in result.stderr
    assert not (tmp_path / "grades.csv").exists()


@pytest.mark.parametrize(("code", "status"), [("137", "not right"), ("125", "not checked")])
def test_a_container_that_ends_early(tmp_path, docker, monkeypatch, code, status):
    write(tmp_path / "sub", {"ada.py": RELU})
    (tmp_path / "r.toml").write_text(RUBRIC)
    monkeypatch.setenv("ENDS", code)
    result = run(tmp_path / "sub", "--gradebook", tmp_path / "g.csv", "--rubric", tmp_path / "r.toml", "--container")
    assert result.exit_code == (0 if code == "137" else 3)
    assert rows(tmp_path / "g.csv")["ada"]["status"] == status
