"""Title, course, date, points and an answer sheet, in every format that is printed."""

import csv
import io
import re

import pytest

from ghostnp.course.worksheets import FORMATS, PRINTED, Heading, numbered, plan, to_key

pytestmark = pytest.mark.small
PLAN = plan(["grouped", "ghost"], 6, 3)
PAPERS = PLAN.papers(numbered(2))
HEADING = Heading("Midterm", "Deep networks", "3 May", (1, 2, 3.5), answer_sheet=True)


@pytest.mark.parametrize("style", PRINTED)
def test_it_is_printed_on_each_paper(style):
    text, plainly = FORMATS[style](PLAN, PAPERS, HEADING), FORMATS[style](PLAN, PAPERS)
    for words in ("Midterm", "Deep networks", "3 May", "easy, 1 point", "medium, 2 points", "hard, 3.5 points"):
        assert text.count(words) >= 2, words
        assert words not in plainly
    assert text.count("Answers of variant") == 2
    # Also on the sheet, which may be handed in alone: whose it is, of which paper, with lines for name and points.
    assert text.count(" of 13") == (2 if style == "markdown" else 4)
    for sheet in text.split("Answers of variant")[1:]:
        assert "Points" in sheet.split("easy")[0]
        assert "Name" in sheet.split("easy")[0]
    assert text.count(f"paper {PLAN.number}") >= 4
    assert "Answers of" not in plainly
    assert "Counting parameters and operations" in plainly


@pytest.mark.parametrize("style", FORMATS)
def test_every_format_says_what_made_it(style):
    """The seed and the generator's version, with which the same papers can be made again."""
    content = FORMATS[style](PLAN, PAPERS, HEADING)
    if style == "csv":
        assert {(line["seed"], line["generator"]) for line in csv.DictReader(io.StringIO(content))} == {("3", "1")}
    elif style != "canvas":  # which is packed, and has a test of its own
        assert re.search(r"seed 3 (·|\$\\cdot\$) generator 1", content)
    assert "seed 3 · generator 1" in to_key(PLAN, PAPERS, HEADING)


def test_a_spreadsheet_has_the_points():
    lines = list(csv.DictReader(io.StringIO(FORMATS["csv"](PLAN, PAPERS, HEADING))))
    assert {(line["level"], line["points"]) for line in lines} == {("easy", "1"), ("medium", "2"), ("hard", "3.5")}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"title": ""}, "title=''"),
        ({"course": "a\nb"}, "course='a"),
        ({"points": (1, 2)}, "one number above 0"),
        ({"points": (0,)}, "one number above 0"),
        ({"points": (-1,)}, r"points\[0\]=-1"),
        ({"points": ()}, None),
    ],
)
def test_what_is_no_heading(arguments, words):
    if words is None:
        assert Heading(**arguments).points == ()
        return
    with pytest.raises(ValueError, match=words):
        Heading(**arguments)
