"""The tutorials run, their notebooks are those of their scripts, and their exercises have answers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ghostnp.course.documents import all_claims
from ghostnp.course.study.answers import answers

FOLDER = Path(__file__).parents[2] / "tutorials"
SCRIPTS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
each_tutorial = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


def cells(script):
    """(kind, source) of each cell of a script in percent format: what Jupytext would read."""
    body = re.split(r"^# ---$", script.read_text(encoding="utf-8"), maxsplit=2, flags=re.MULTILINE)[2]
    found = []
    for cell in re.split(r"^# %%", body, flags=re.MULTILINE)[1:]:
        head, _, text = cell.partition("\n")
        if head.strip() == "[markdown]":
            found.append(("markdown", re.sub(r"^# ?", "", text.strip("\n"), flags=re.MULTILINE)))
        else:
            assert not head.strip(), f"cell of an unknown kind: {head}"
            found.append(("code", text.strip("\n")))
    return found


def exercises(script):
    return re.findall(r"""^check\("(\d\d\.\d)\"""", script.read_text(encoding="utf-8"), flags=re.MULTILINE)


@each_tutorial
def test_script_runs_and_says_what_the_notebook_says(script, tmp_path):
    """It prints its text in order, and writes its pictures into a folder beside it, and nothing where it is run."""
    copy, here = tmp_path / "tutorials" / script.name, tmp_path / "here"
    copy.parent.mkdir()
    here.mkdir()
    copy.write_text(script.read_text(encoding="utf-8"), encoding="utf-8")
    command = [sys.executable, "-W", "error", copy]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(here.iterdir()), "a tutorial cleans up what it writes"
    headings = [line for kind, text in cells(script) if kind == "markdown" for line in re.findall("^#.*", text, re.M)]
    assert [line for line in done.stdout.splitlines() if line in headings] == headings
    written = re.findall(r"^\[(\S+\.png): (.+)\]$", done.stdout, flags=re.MULTILINE)
    assert [Path(name) for name, _ in written] == [
        copy.parent / "pictures" / f"{script.stem}-{number}.png" for number in range(1, len(written) + 1)
    ]
    assert {path.read_bytes()[:4] for path in copy.parent.glob("pictures/*")} == {b"\x89PNG"}
    assert [says for _, says in written] == [says for says, _ in pictures(script)]


def pictures(script):
    """(what it says, output) of each picture in a notebook."""
    notebook = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    drawn = [output for output in outputs if "image/png" in output.get("data", {})]
    return [(output["metadata"].get("image/png", {}).get("alt", ""), output) for output in drawn]


@each_tutorial
def test_pictures_say_what_there_is_to_see(script):
    """To a screen reader, and to whoever reads the notebook as text."""
    said = pictures(script)
    assert said
    for alt, output in said:
        assert len(alt) > 40
        assert "".join(output["data"]["text/plain"]) == alt
    assert len({alt for alt, _ in said}) == len(said)


def test_pictures_in_readme_and_pages_say_what_there_is_to_see():
    pages = [FOLDER.parent / "README.md", *FOLDER.glob("*.md"), *SCRIPTS]
    alts = [alt for page in pages for alt in re.findall(r"!\[([^\]]*)\]\(", page.read_text(encoding="utf-8"))]
    assert alts
    assert [alt for alt in alts if len(alt) < 40] == []


@each_tutorial
def test_notebook_has_the_cells_of_its_script(script):
    notebook = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))
    made = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    assert made == cells(script), f"make it anew: ghostnp notebooks tutorials/{script.name}"


@each_tutorial
def test_notebook_is_executed_and_small(script):
    path = script.with_suffix(".ipynb")
    assert path.stat().st_size < 400_000
    code = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert any("image/png" in output.get("data", {}) for output in outputs), "no picture"


@each_tutorial
def test_tutorial_ends_with_exercises(script):
    number = script.stem[:2]
    assert exercises(script) == [f"{number}.{place}" for place in range(1, len(exercises(script)) + 1)]
    assert 3 <= len(exercises(script)) <= 5


def test_each_claim_has_its_place():
    text = "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    assert [identifier for identifier in all_claims() if identifier not in text] == []


def test_each_answer_belongs_to_an_exercise():
    assert sorted(exercise for script in SCRIPTS for exercise in exercises(script)) == list(answers())


def test_no_script_without_notebook_and_no_notebook_without_script():
    assert sorted(FOLDER.glob("*.ipynb")) == [script.with_suffix(".ipynb") for script in SCRIPTS]
