"""`ghostnp check` and operators of one's own: what a file registers, and what another one registers for it."""

import json

import pytest
from click.testing import CliRunner

from ghostnp.cli import main

FORWARD = """
import numpy as np

def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6
"""
BACKWARD = """
def hard_swish_backward(dy, x):
    return dy * np.where(x < -3, 0, np.where(x > 3, 1, (2 * x + 3) / 6)).astype(x.dtype)
"""
WRONG_BACKWARD = BACKWARD.replace("2 * x", "x")
REGISTER = """
import ghostnp
ghostnp.register(hard_swish, hard_swish_backward, like="relu6")
"""
IN_OTHER_WORDS = """
import numpy as np

def hard_swish(x):
    return (x * np.clip(x / 6 + 0.5, 0, 1)).astype(x.dtype)
"""


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Write files, and check the first of them."""
    monkeypatch.chdir(tmp_path)

    def check(files, *options):
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        result = CliRunner().invoke(main, ["check", next(iter(files)), *options])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return check


def test_what_a_file_registers_is_held_to_its_laws_and_it_says_so(check):
    result = check({"mine.py": FORWARD + BACKWARD + REGISTER})
    assert result.exit_code == 0, result.output
    for name in ("hard_swish", "hard_swish_backward"):
        assert f"✓ {name}: laws kept: " in result.output
    assert result.output.count("it is registered here, so there is no definition to compare with") == 2
    assert "all 2 functions keep their laws" in result.output


def test_its_wrong_gradient_breaks_a_law(check):
    result = check({"mine.py": FORWARD + WRONG_BACKWARD + REGISTER}, "--json")
    forward, backward = json.loads(result.output)["functions"]
    assert result.exit_code == 1
    assert (forward["status"], backward["status"]) == ("passed", "wrong")
    assert backward["says"].startswith("it breaks the law 'gradient matches': dx says")
    assert backward["case"] == "Call('hard_swish', x=(1, 1, 1, 1))"
    assert (forward["has_definition"], backward["has_definition"]) == (False, False)
    assert "the same as the definition" not in {law["law"] for law in backward["laws"]}


def test_an_operator_without_backward_pass_is_checked_forward(check):
    result = check({"mine.py": FORWARD + "import ghostnp\nghostnp.register(hard_swish, like='relu6')\n"})
    assert result.output.startswith("✓ hard_swish: laws kept: "), result.output
    assert "hard_swish_backward" not in result.output


def test_a_wrong_registration_is_told(check):
    result = check({"mine.py": FORWARD + "import ghostnp\nghostnp.register(hard_swish, like='nothing')\n"})
    assert result.exit_code == 1
    assert "it raises ValueError: like='nothing'" in result.output
    assert "ghostnp.register(hard_swish, like='nothing')" in result.output


@pytest.mark.parametrize("given", ["kit", "kit.py"])
def test_what_another_file_registers_is_the_definition(check, given):
    kit = {"kit.py": FORWARD + BACKWARD + REGISTER}
    right = check({"answer.py": IN_OTHER_WORDS + BACKWARD, **kit}, "--with", given)
    assert right.exit_code == 0, right.output
    assert "✓ hard_swish: right, laws kept: " in right.output
    wrong = check({"answer.py": IN_OTHER_WORDS + WRONG_BACKWARD, **kit}, "--with", given)
    assert wrong.exit_code == 1
    assert "✓ hard_swish: right" in wrong.output
    assert "✗ hard_swish_backward: dx has wrong numbers" in wrong.output


def test_handing_over_to_it_is_seen(check):
    files = {"answer.py": "import kit\ndef hard_swish(x):\n    return kit.hard_swish(x)\n"}
    result = check(files | {"kit.py": FORWARD + BACKWARD + REGISTER}, "--with", "kit")
    assert result.exit_code == 1
    assert "✗ hard_swish: it handed over to the definition: it calls the registered hard_swish" in result.output


def test_without_it_the_name_is_not_known(check):
    result = check({"answer.py": IN_OTHER_WORDS})
    assert result.exit_code == 1
    assert "no function of the vocabulary is defined here" in result.output


@pytest.mark.parametrize(
    ("kit", "words"),
    [
        ({}, "--with kit cannot be imported: ModuleNotFoundError: No module named 'kit'"),
        ({"kit.py": FORWARD}, "--with kit cannot be imported: ValueError: it registers no operator"),
        ({"kit.py": "raise SystemExit"}, "--with kit cannot be imported: SystemExit"),
    ],
    ids=["missing", "empty", "ends"],
)
def test_a_file_that_brings_no_operator_is_told(check, kit, words):
    result = check({"answer.py": IN_OTHER_WORDS, **kit}, "--with", "kit")
    assert result.exit_code == 1
    assert words in result.output
