"""A teacher's own topics: the README's example as it stands there, and what a file may have wrong."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.course.worksheets import FORMATS, numbered, plan, read_topics

pytestmark = pytest.mark.small
README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r'```python\n("""My own topic.*?)```', README, re.DOTALL)[1]


@pytest.fixture
def own(tmp_path):
    """Write a file of topics: the example, with changes."""

    def written(*changes):
        text = EXAMPLE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "my_topics.py"
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_the_example_is_about_thirty_lines():
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 32


def test_the_key_is_what_the_counters_say_and_the_mistakes_are_the_options(own):
    mine = read_topics(own())
    assert mine.topics == {"dilated": "dilated convolutions"}
    for given in mine.templates[0].givens:
        c, k, d, size = (given[name] for name in ("channels", "kernel", "dilation", "size"))
        problem = mine.templates[0].pose(**given)
        assert problem.answer == c * c * k * k * size**2
        wrong = {name: mistake.value for mistake in problem.told_apart for name in mistake.misconceptions}
        assert wrong == {
            "holes counted": c * c * ((k - 1) * d + 1) ** 2 * size**2,
            "kernel not squared": c * c * k * size**2,
            "one filter only": c * k * k * size**2,
            "parameters for MACs": c * c * k * k,
        }
        feedback = next(each.feedback for each in problem.told_apart if "holes counted" in each.misconceptions)
        assert feedback.startswith("Holes counted: The holes of a dilated kernel hold no weights")


def test_they_stand_beside_the_others_and_the_papers_say_which_file_it_was(own):
    mine = read_topics(own())
    chosen = plan(["dilated", "grouped"], 4, 1, own=mine)
    papers = chosen.papers(numbered(3))
    assert {slot.template.topic for slot in chosen.slots} == {"dilated", "grouped"}
    assert re.fullmatch(r"paper [1-9]\d{3} · seed 1 · generator 1 · my_topics\.py [0-9a-f]{12}", chosen.made_by)
    for style, write in FORMATS.items():
        assert style == "canvas" or "my" in write(chosen, papers)
    changed = read_topics(own(("with holes", "with large holes")))
    assert changed.label != mine.label


@pytest.mark.parametrize("command", ["worksheet", "quiz"])
def test_both_commands_ask_them(own, command):
    result = CliRunner().invoke(main, [command, "--topics", str(own()), "--count", "2", "--seed", "3"], input="q\n")
    assert result.exit_code == 0, result.output
    assert "with dilation" in result.output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([('TOPICS = {"dilated"', 'THEMES = {"dilated"')], "has no TOPICS"),
        ([("TEMPLATES = (multiply_adds,)", "")], "has no TEMPLATES"),
        ([("TEMPLATES = (multiply_adds,)", "TEMPLATES = (7,)")], "7 in TEMPLATES is no template"),
        ([('"dilated"', '"grouped"')], "topic 'grouped' is a topic of ghostnp's"),
        ([('"dilated"', '"My Topic"')], "topic 'My Topic' is no name"),
        ([('@template("dilated", 1', '@template("dilated", 4')], "level=4: the rule is one of 1, 2, 3"),
        ([('@template("dilated"', '@template("other"')], "topic='other': the rule is one of dilated, as in TOPICS"),
        ([("dilation=(2, 3)", "dilation=()")], "no choice of numbers is legal"),
        ([('"one filter only"', '"one filter onyl"')], "mistake 'one filter onyl' is unknown"),
        ([("wide = (kernel", "wide = (kernl")], r"multiply_adds\(channels=8, kernel=3.*NameError"),
        ([("    return Problem(", "    return (")], "is no problem"),
        ([("TOPICS = {", "TOPICS = = {")], "line 7: SyntaxError"),
        ([('HOLES = M', 'HOLES = 1 / 0\nHOLES = M')], "line 8: ZeroDivisionError"),
        ([("HOLES: macs", '"one filter only": macs'), ('"kernel not squared"', '"one filter only"')], "2 mistakes"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_topics(own, changes, words):
    path = own(*changes)
    with pytest.raises(ValueError, match=words) as error:
        read_topics(path)
    assert str(path) in str(error.value)
    result = CliRunner().invoke(main, ["worksheet", "--topics", str(path)])
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_a_file_that_is_not_there(tmp_path):
    result = CliRunner().invoke(main, ["quiz", "--topics", str(tmp_path / "none.py")])
    assert result.exit_code == 1
    assert "none.py: No such file" in result.output
