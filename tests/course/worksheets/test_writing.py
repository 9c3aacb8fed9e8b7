"""Papers and key as text: all is there, nothing gives an answer away, and no name breaks out."""

import csv
import io
import re
from html.parser import HTMLParser

import pytest

from ghostnp.course.worksheets import FORMATS, TOPICS, Student, numbered, plan, to_key
from ghostnp.course.worksheets.problem import plain

pytestmark = pytest.mark.small
PLAN = plan(list(TOPICS), 20, 7)
NASTY = Student("=1+1", "<script>alert(1)</script> *_`#|&amp; O'Neil")
PAPERS = [PLAN.paper(student) for student in (*numbered(2), NASTY)]


class Page(HTMLParser):
    """The texts of a page, and its open elements, which have to match."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.texts = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(" ".join(data.split()))


def test_html_is_well_formed_and_has_a_sheet_for_each_student():
    page = Page(FORMATS["html"](PLAN, PAPERS))
    assert page.open == []
    assert page.tags.count("table") == page.tags.count("thead") == page.tags.count("h1") == 3
    assert "script" not in page.tags
    assert NASTY.name in page.texts
    for paper in PAPERS:
        for question in paper.questions:
            assert question.problem.text in page.texts
            assert all(option.text in page.texts for option in question.options)


def test_html_is_made_for_a4():
    html = FORMATS["html"](PLAN, PAPERS)
    assert all(rule in html for rule in ("@page { size: A4;", "break-after: page", "break-inside: avoid"))
    assert "http" not in html  # it prints without a network


def test_markdown_shows_names_as_they_are():
    text = FORMATS["markdown"](PLAN, PAPERS)
    assert text.count("\n# ") + text.startswith("# ") == 3
    assert r"\<script\>alert(1)\</script\> \*\_\`\#\|\&amp; O'Neil" in text


@pytest.mark.parametrize("style", ["html", "markdown"])
def test_printed_papers_do_not_hold_the_solutions(style):
    text = FORMATS[style](PLAN, PAPERS)
    assert not any(question.problem.worked in text for paper in PAPERS for question in paper.questions)
    assert not any(mistake.feedback in text for mistake in PAPERS[0].questions[0].problem.told_apart)
    assert "right" not in re.sub(r"Circle the letter of the right answer|line-height", "", text).split("<body>")[-1]


def test_csv_has_all_that_is_known():
    lines = list(csv.DictReader(io.StringIO(FORMATS["csv"](PLAN, PAPERS))))
    questions = [(paper.student, question) for paper in PAPERS for question in paper.questions]
    assert len(lines) == len(questions) == 60
    for line, (student, question) in zip(lines, questions, strict=True):
        assert line["name"] == student.name
        assert line["question"] == question.problem.text
        assert line["answer"] == str(plain(question.problem.answer))
        assert line["solution"] == question.problem.worked
        assert line["right"] == question.right
        for option in question.options:
            assert line[option.letter] == str(plain(option.value))
            assert line[f"feedback {option.letter}"] == (option.mistake.feedback if option.mistake else "right")
        assert bool(line["A"]) == (question.kind == "choice")
        mistakes = [] if question.options else question.problem.told_apart
        wrong = {line[name]: line[f"feedback {name[6:]}"] for name in line if name.startswith("wrong ") and line[name]}
        assert wrong == {str(plain(mistake.value)): mistake.feedback for mistake in mistakes}


def test_csv_runs_no_name_as_a_formula():
    lines = list(csv.DictReader(io.StringIO(FORMATS["csv"](PLAN, PAPERS))))
    assert lines[-1]["id"] == "'=1+1"


def test_the_key_has_every_answer_with_its_working():
    key = to_key(PLAN, PAPERS)
    plainly = re.sub(r"\\(.)", r"\1", key)
    for paper in PAPERS:
        for question in paper.questions:
            assert f"Answer **{question.answer}**. {question.problem.worked}" in plainly
            for option in question.options:
                if option.mistake:
                    assert f"- {option.letter}: {option.mistake.feedback}" in plainly
    table = [line for line in key.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(PAPERS)
    # A bar in a name is no column.
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {len(PLAN.slots) + 2}
