"""`ghostnp check`, as students and course tools meet it."""

import inspect
import json
import os
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.course.grader import Limits, hints
from ghostnp.course.grader.comparing import Case, try_call
from ghostnp.testing import Call
from tests.course.grader.answers import HINTED, PREAMBLE, RIGHT, STUBS, WRONG, WRONG_IN_USE, definition, right_answer


@pytest.fixture
def hand_in(tmp_path):
    """Write a file and check it: exit code and what was printed."""

    def hand_in(text, *options):
        path = tmp_path / "answer.py"
        path.write_text(text, encoding="utf-8")
        options = ["--start-seconds", 4, *options]  # what is endless ends sooner; nothing here compiles
        began = os.times()
        result = CliRunner().invoke(main, ["check", str(path), *map(str, options)])
        ended = os.times()
        assert ended.children_user + ended.children_system - began.children_user - began.children_system < 16
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return hand_in


@pytest.mark.parametrize("mistake", WRONG)
def test_what_is_wrong_is_said_in_words(hand_in, mistake):
    answer, said = WRONG[mistake]
    result = hand_in(PREAMBLE + answer)
    assert result.exit_code == 1
    for words in said:
        assert words in result.output, result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", STUBS)
def test_a_right_answer_passes(hand_in, name):
    result = hand_in(right_answer(name))
    assert (result.exit_code, result.output.split(":")[0]) == (0, f"✓ {name}"), result.output


@pytest.mark.parametrize("mistake", WRONG_IN_USE)
def test_numbers_tell_what_small_whole_ones_hide(hand_in, mistake):
    result = hand_in(PREAMBLE + WRONG_IN_USE[mistake])
    assert (result.exit_code, result.output[0]) == (1, "✗"), result.output


@pytest.mark.parametrize("way", RIGHT)
def test_right_in_another_way_is_right(hand_in, way):
    result = hand_in(PREAMBLE + RIGHT[way])
    assert (result.exit_code, result.output[0]) == (0, "✓"), result.output


@pytest.mark.parametrize("mistake", HINTED)
def test_hints_are_true(hand_in, mistake):
    """They do not crash, and are about what is wrong."""
    answer, said, unsaid = HINTED[mistake]
    result = hand_in(PREAMBLE + answer)
    assert result.exit_code == 1, result.output
    for words in said:
        assert words in result.output, result.output
    for words in unsaid:
        assert words not in result.output, result.output


def test_a_hint_that_fails_is_the_grader_s_fault(monkeypatch):
    """And not said to be the answer's; all of what was found is still told."""
    monkeypatch.setattr(hints, "_of_kind", lambda sample: 1 / 0)
    case = Case(Call("relu", x=(1, 1, 1, 1)))
    sample = try_call("relu", lambda x: x + 1, case)
    (said,) = hints.hints("relu", sample, [sample])
    assert said == "There is no hint, since the grader failed to find one (ZeroDivisionError: division by zero)."


def test_there_are_a_dozen_exercises_and_more():
    assert len(STUBS) >= 12
    assert {
        "depthwise_conv2d",
        "channel_shuffle_backward",
        "batch_norm_train_backward",
        "ghost_module_backward",
    } <= set(STUBS)
    assert {"grouped_conv2d", "decoupled_attention", "decoupled_attention_backward", "max_pool2d_backward"} <= set(
        STUBS
    )


@pytest.mark.parametrize("name", STUBS)
def test_a_stub_is_the_vocabulary_s_function_without_its_body(name):
    text = STUBS[name].read_text(encoding="utf-8")
    stub = {}
    exec(compile(text, name, "exec"), stub)
    assert inspect.signature(stub[name]) == inspect.signature(definition(name))
    assert inspect.getdoc(stub[name]) == inspect.getdoc(definition(name))
    assert text.endswith("    raise NotImplementedError\n")
    assert f"ghostnp check tutorials/exercises/{STUBS[name].name}\n" in text
    body = inspect.getsource(definition(name)).split('"""')[2].strip()
    assert body not in text


def test_a_stub_is_not_started(hand_in):
    result = CliRunner().invoke(main, ["check", str(STUBS["depthwise_conv2d"])])
    assert result.exit_code == 1
    assert result.output.startswith("○ depthwise_conv2d: not started yet")


SLEEPS_AND_CLEARS = """
import time
def channel_shuffle(x, groups):
    time.sleep(0.05)
    n, c, h, w = x.shape
    y = x.reshape(n, groups, c // groups, h, w).swapaxes(1, 2).reshape(x.shape).copy()
    if x.flags.writeable:
        x[...] = 0
    return y
"""
SLEEPS_AND_FORGETS = """
import time
def depthwise_conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1):
    time.sleep(0.4)
    window = conv2d_window(x.shape, weight.shape, groups=EACH_CHANNEL, stride=stride, padding=padding)
    xp = pad(x, window).repeat(len(weight) // x.shape[1], axis=1)
    y = sum(weight[:, 0, u, v, None, None] * tap(xp, u, v, window) for u, v in np.ndindex(window.kernel))
    return y if bias is None else y + bias[:, None, None]
"""
WORKS_HARD = """
import time
def relu(x):
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    return np.maximum(x, 0)
"""


def test_slow_and_wrong_is_wrong(hand_in):
    result = hand_in(PREAMBLE + SLEEPS_AND_CLEARS)
    assert (result.exit_code, "x was written into" in result.output) == (1, True), result.output
    result = hand_in(PREAMBLE + SLEEPS_AND_FORGETS, "--seconds", 4)
    assert (result.exit_code, result.output[0]) == (1, "✗"), result.output
    assert "expected" in result.output


def test_slow_and_right_is_incomplete_and_says_what_was_not_tried(hand_in, tmp_path):
    junit = tmp_path / "junit.xml"
    result = hand_in(PREAMBLE + WORKS_HARD, "--seconds", 2, "--start-seconds", 0.5, "--json", "--junit", junit)
    assert result.exit_code == 3, result.output
    report = json.loads(result.output)
    (found,) = report["functions"]
    assert (report["passed"], report["incomplete"], found["status"]) == (False, True, "incomplete")
    assert found["says"].startswith("nothing wrong was found, but time ran out")
    same, *laws = found["laws"]
    assert same["cut_short"]
    assert 0 < same["calls"] < same["wanted"] == 100
    assert f"the same as the definition ({same['calls']} of 100 calls)" in found["says"]
    untried = [law["law"].split(":")[0] for law in laws if law["kept"] is None]
    assert untried
    assert f"not tried: {', '.join(untried)}" in found["says"]
    (suite,) = ElementTree.parse(junit).getroot()
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    assert "time ran out" in suite.find("testcase/error").get("message")


def test_incomplete_beside_wrong_is_wrong(hand_in):
    result = hand_in(PREAMBLE + WORKS_HARD + "def clip(x):\n    return x\n", "--seconds", 1, "--start-seconds", 0.5)
    assert result.exit_code == 1
    assert "… relu" in result.output
    assert "✗ clip" in result.output


def test_time_for_a_slow_import_and_for_compiling_is_not_counted(hand_in):
    """Each new kind of argument may be compiled for: another dtype, another order of memory."""
    compiles = """
import time

def work(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass

work(1.5)
known = set()
def channel_shuffle(x, groups):
    kind = x.dtype, x.flags.c_contiguous, x.flags.f_contiguous, x.flags.writeable, x.flags.aligned
    if kind not in known:
        known.add(kind)
        work(0.3)
    n, c, h, w = x.shape
    return x.reshape(n, groups, c // groups, h, w).swapaxes(1, 2).reshape(x.shape)
"""
    result = hand_in(compiles, "--call-seconds", 0.25, "--start-seconds", 8)
    assert result.exit_code == 0, result.output


def test_what_sleeps_for_ever_ends(hand_in):
    result = hand_in("import time\ndef relu(x):\n    time.sleep(1e6)\n", "--start-seconds", 0.5)
    assert "it does not come to an end" in result.output


@pytest.mark.parametrize("option", ["--seconds", "--call-seconds", "--start-seconds"])
def test_a_limit_of_nothing_is_a_usage_error(option):
    result = CliRunner().invoke(main, ["check", str(STUBS["depthwise_conv2d"]), option, "0"])
    assert (result.exit_code, option in result.output) == (2, True)
    with pytest.raises(ValueError, match=r"call_seconds=0: the rule is a number of seconds above zero"):
        Limits(call_seconds=0).checked()


def test_files_are_left_alone(hand_in, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("kept")
    for attempt in (f"os.remove({str(mine)!r})", f"open({str(mine)!r}, 'w')", f"shutil.rmtree({str(tmp_path)!r})"):
        result = hand_in(f"import os, shutil\ndef relu(x):\n    {attempt}\n")
        assert "it changes files" in result.output
        result = hand_in(f"import os, shutil\n{attempt}\ndef relu(x):\n    return x\n")
        assert "it changes files" in result.output
    assert mine.read_text() == "kept"


def test_several_functions_are_checked_each_by_itself(hand_in):
    """One that never ends does not keep the others from being checked; nor does a print."""
    result = hand_in(
        PREAMBLE + "print('hello')\n"
        "def relu(x):\n    while True:\n        pass\n"
        "def clip(x):\n    raise NotImplementedError\n"
        "def flatten(x):\n    print('noise')\n    return x.reshape(len(x), -1) if len(x) < 3 else ops.flatten(x)\n"
        "def relu6(x: np.ndarray) -> np.ndarray:\n    return np.minimum(np.maximum(x, 0), 6)\n",
        "--json",
    )
    found = json.loads(result.output)
    statuses = {each["name"]: each["status"] for each in found["functions"]}
    assert statuses == {"relu": "wrong", "clip": "not started", "flatten": "handed over", "relu6": "passed"}
    assert any("it printed" in note for note in found["notes"])
    assert found["passed"] is False
    assert result.exit_code == 1


def test_json_says_all_that_the_words_say(hand_in):
    answer, _ = WRONG["no division"]
    (found,) = json.loads(hand_in(PREAMBLE + answer, "--json").output)["functions"]
    assert found["case"] == "Call('global_avg_pool2d', x=(1, 1, 1, 2))"
    assert found["where"].endswith("first dx[0, 0, 0, 0]: expected 1, got 2")
    assert found["hints"] == ["It is H·W times too large: a division by H·W is missing."]
    broken = {law["law"].split(":")[0] for law in found["laws"] if not law["kept"]}
    assert broken == {"the same as the definition", "adjoint", "gradient matches"}


def test_junit_for_course_tools(hand_in, tmp_path):
    junit = tmp_path / "junit.xml"
    hand_in(
        "import numpy as np\ndef relu(x):\n    return np.maximum(x, 0)\n"
        "def relu6(x):\n    raise ValueError('\\x1b[31m <&>')\ndef clip(x):\n    raise NotImplementedError\n",
        "--junit",
        junit,
    )
    (suite,) = ElementTree.parse(junit).getroot()
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {"relu": [], "relu6": ["failure"], "clip": ["skipped"]}
    assert "<&>" in suite.find("testcase/failure").text


def test_junit_of_a_file_that_cannot_be_read_by_python(hand_in, tmp_path):
    junit = tmp_path / "junit.xml"
    hand_in("def (", "--junit", junit)
    (suite,) = ElementTree.parse(junit).getroot()
    assert suite.get("failures") == "1"


def test_no_such_file_is_a_usage_error():
    result = CliRunner().invoke(main, ["check", "nowhere.py"])
    assert result.exit_code == 2
    assert "cannot read nowhere.py: No such file" in result.output


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("05_relu.py", "", "nearest are 05_relu.py"),
        ("zero.ipynb", "", "it is empty, and the rule is a notebook of Jupyter's format 4;"),
        ("other.ipynb", "{}", "it is no notebook of Jupyter's format 4 (KeyError: 'cells');"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error_that_helps(tmp_path, monkeypatch, name, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text)
    asked = {"05_relu.py": ["relu", "05_rellu.py", "relu.py"]}.get(name, [name])
    for each in asked:
        result = CliRunner().invoke(main, ["check", each])
        assert result.exit_code == 2
        assert said in result.output
        assert "UTF-8" not in result.output


def test_without_hypothesis_it_says_what_is_missing(run_python):
    code = """
import sys
sys.modules["hypothesis"] = None
from click.testing import CliRunner
from ghostnp.cli import main
result = CliRunner().invoke(main, ["check", "x.py"])
print(result.exit_code, result.output)
"""
    assert "pip install hypothesis" in run_python(code)


def test_checking_needs_no_numba(run_python, tmp_path):
    path = tmp_path / "answer.py"
    path.write_text(right_answer("channel_shuffle"))
    code = f"""
import sys
sys.modules["numba"] = None
from ghostnp.course.grader import check
print(check({str(path)!r}).passed)
"""
    assert run_python(code) == "True\n"


def test_importing_ghostnp_brings_no_hypothesis(run_python):
    assert run_python("import sys, ghostnp; print('hypothesis' in sys.modules)") == "False\n"
