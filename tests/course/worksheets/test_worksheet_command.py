"""The commands `ghostnp worksheet` and `ghostnp quiz`, as a teacher and a student type them."""

import csv
import io
import os
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.course.worksheets import FORMATS, MISCONCEPTIONS, TOPICS, Student, plan

pytestmark = pytest.mark.small


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **keywords: CliRunner().invoke(main, [str(word) for word in arguments], **keywords)


def refused(result, *words):
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr
    assert all(word in result.stderr for word in words), result.stderr


# A teacher's path


@pytest.mark.parametrize("style", FORMATS)
def test_thirty_papers_and_their_key(run, style):
    words = (
        "worksheet --topic grouped,ghost,dfc --count 10 --seed 7 --variants 30 --key key.md --output papers --format"
    )
    result = run(*words.split(), style)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "papers: papers\nkey: key.md\n"
    key = Path("key.md").read_text(encoding="utf-8")
    assert key.count("\n## variant ") == 30
    papers = Path("papers").read_bytes()
    if style == "canvas":
        assert zipfile.is_zipfile("papers")
        return
    papers = papers.decode("utf-8-sig")
    if style == "csv":
        assert len(list(csv.reader(io.StringIO(papers)))) == 301
    elif style == "moodle":
        assert len(ElementTree.fromstring(papers)) == 310
    elif style == "gift":
        assert papers.count("\n::") == 300
    else:
        assert papers.count("Counting parameters and operations") >= 30
    assert sorted(os.listdir()) == ["key.md", "papers"]


def test_papers_go_to_the_screen_unless_there_is_a_file(run):
    result = run("worksheet", "--topic", "crelu", "--count", 2, "--variants", 2)
    assert result.exit_code == 0
    assert result.stdout.count("# Counting parameters and operations") == 2
    assert os.listdir() == []


def test_a_paper_does_not_change_when_the_class_does(run):
    def ada(roster):
        Path("class.csv").write_text(roster, encoding="utf-8")
        papers = run(*["worksheet", "--count", "4", "--seed", "3", "--roster", "class.csv"]).stdout.split("\n---\n")
        return next(paper for paper in papers if "Ada" in paper).strip()

    assert ada("17,Ada\n18,Alan\n") == ada("id,name\n17,Ada\n3,Grace\n18,Alan\n")
    assert ada("17,Ada\n") != ada("16,Ada\n")


def test_levels(run):
    text = run("worksheet", "--level", "3", "--count", 6).stdout
    assert text.count("(hard)") == 6
    assert "(easy)" not in run("worksheet", "--level", "2,3", "--count", 6).stdout


def test_list_names_every_topic(run):
    text = run("worksheet", "--list").stdout
    assert all(f"{topic}  " in text for topic in TOPICS)
    assert [text.count(f"    {level}: ") for level in ("1 easy", "2 medium", "3 hard")] == [len(TOPICS)] * 3


def test_the_same_again_is_no_conflict_and_nothing_is_lost(run):
    words = ["worksheet", "--count", "3", "--seed", "1", "--output", "papers.md", "--key", "key.md"]
    assert run(*words).exit_code == run(*words).exit_code == 0
    key = Path("key.md").read_text(encoding="utf-8")
    Path("key.md").write_text(key + "my own notes", encoding="utf-8")
    Path("papers.md").unlink()
    refused(run(*words), "key.md is there and holds something else", "--force")
    # Neither file was touched, the other one neither.
    assert Path("key.md").read_text(encoding="utf-8").endswith("my own notes")
    assert os.listdir() == ["key.md"]
    assert run(*words, "--force").exit_code == 0
    assert Path("key.md").read_text(encoding="utf-8") == key


def test_a_folder_that_is_missing_or_in_the_way_leaves_nothing_half_written(run):
    Path("folder").mkdir()
    refused(
        run(*["worksheet", "--output", "papers.md", "--key", "nowhere/key.md"]),
        "nowhere/key.md is no file in a folder that exists",
    )
    refused(run(*["worksheet", "--output", "papers.md", "--key", "folder", "--force"]), "folder")
    assert os.listdir() == ["folder"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--topic goats", ["topic='goats'", "nearest first: ghost"]),
        ("--topic ghost,,dfc", ["the rule is words with commas between them"]),
        ("--level 4", ["level=4", "1, 2, 3"]),
        ("--level hard", ["level='hard'", "1, 2, 3"]),
        ("--format pdf", ["'pdf' is not one of", "moodle"]),
        ("--count 0", ["0 is not in the range"]),
        ("--topic crelu --level 1 --count 1000", ["count=1000", "35 different questions"]),
        ("--seed -1", ["-1 is not in the range"]),
        ("--roster nowhere.csv", ["nowhere.csv", "No such file"]),
        ("--roster twice.csv", ["line 2", "'Ada' is in line 1 already"]),
        ("--roster twice.csv --variants 3", ["--variants and --roster"]),
        ("--output a.md --key ./a.md", ["two files"]),
    ],
)
def test_what_cannot_be_done(run, words, expected):
    Path("twice.csv").write_text("Ada\nAda\n", encoding="utf-8")
    refused(run("worksheet", *words.split()), *expected)
    assert os.listdir() == ["twice.csv"]


# A student's path

SEED, COUNT = 11, 13
PAPER = plan(list(TOPICS), COUNT, SEED).paper(Student("quiz", "quiz"))
QUIZ = ("quiz", "--seed", SEED, "--count", COUNT)


def right(question):
    return question.right or question.answer


def wrong(question):
    """A reply, and the mistake behind it."""
    if question.options:
        option = next(option for option in question.options if option.mistake)
        return option.letter, option.mistake
    mistake = question.problem.told_apart[0]
    return f"{float(mistake.value):.2f}" if "shrink" in question.template.name else str(int(mistake.value)), mistake


def words_of(text):
    return " ".join(text.split())


def test_all_right(run):
    result = run(*QUIZ, input="\n".join(map(right, PAPER.questions)) + "\n")
    assert result.exit_code == 0
    assert f"{COUNT} of {COUNT} right." in result.stdout
    assert result.stdout.count("Right.") == COUNT
    assert "Look at these again" not in result.stdout
    assert f"--seed {SEED}" in result.stdout


def test_all_wrong_is_explained(run):
    replies, mistakes = zip(*map(wrong, PAPER.questions), strict=True)
    result = run(*QUIZ, input="\n".join(replies) + "\n")
    said = words_of(result.stdout)
    assert f"0 of {COUNT} right." in said
    for question, mistake in zip(PAPER.questions, mistakes, strict=True):
        assert words_of(question.problem.text) in said
        assert words_of(mistake.feedback) in said
        assert words_of(question.problem.worked) in said
    again = said.split("Look at these again: ")[1].split(", ")
    assert again == list(dict.fromkeys(name for mistake in mistakes for name in mistake.misconceptions))
    assert set(again) <= MISCONCEPTIONS.keys()


def test_a_reply_that_cannot_be_read_is_asked_for_again(run):
    first = PAPER.questions[0]
    result = run(*QUIZ, input=f"what?\n{right(first)}\nq\n")
    assert "the rule is" in result.stdout
    assert "1 of 1 right." in result.stdout


def test_nothing_more_comes(run):
    assert "Nothing was answered." in run(*QUIZ, input="").stdout
    assert "1 of 1 right." in run(*QUIZ, input=right(PAPER.questions[0])).stdout


def test_an_empty_line_passes_a_question_over(run):
    result = run(*QUIZ, input=f"\n{right(PAPER.questions[1])}\nq\n")
    assert "1 of 2 right." in result.stdout


def test_without_a_seed_it_names_one(run):
    first = run("quiz", "--topic", "crelu", "--count", 1, input="\n").stdout
    seed = re.search(r"--seed (\d+)", first)[1]
    assert run("quiz", "--topic", "crelu", "--count", 1, "--seed", seed, input="\n").stdout == first


def test_quiz_refuses_what_it_does_not_know(run):
    refused(run("quiz", "--topic", "goats", input=""), "topic='goats'")
    refused(run("quiz", "--level", "0", input=""), "level=0")


def test_help_of_both_loads_nothing_heavy(run_python):
    code = """
import sys
from ghostnp.cli import main
for command in ("worksheet", "quiz"):
    main([command, "--help"], standalone_mode=False)
print([name for name in ("numba", "matplotlib", "rich", "jinja2") if name in sys.modules])
"""
    assert run_python(code).endswith("[]\n")


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.html", "<!DOCTYPE"), ("a.txt", "#"), ("a.CSV", "\ufeff"), ("a.xml", "<?xml"), ("a", "#"), ("a.2026", "#")],
)
def test_a_file_is_of_the_format_that_its_name_says(run, name, begins):
    assert run("worksheet", "--count", 1, "--output", name).exit_code == 0
    assert Path(name).read_text(encoding="utf-8").lstrip().upper().startswith(begins.upper())


@pytest.mark.parametrize(
    ("words", "ending"),
    [
        ("worksheet --count 1 --output a.pdf", ".tex"),
        ("worksheet --count 1 --output a.docx --format latex", ".tex"),
        ("worksheet --count 1 --output a.md --format moodle", ".xml"),
        ("worksheet --count 1 --key a.pdf", ".json"),
        ("grade key.json answers.csv --output a.xlsx", ".csv"),
        ("grade key.json answers.csv --json a.csv", ".json"),
        ("check hw.py --gradebook a.xlsx", ".csv"),
        ("check hw.py --junit a.json", ".xml"),
        ("explore --output a.pdf", ".html"),
        ("bench --json a.csv", ".json"),
        ("ablate conv --json a.csv", ".json"),
        ("conformance --markdown a.pdf", ".md"),
    ],
)
def test_a_file_that_promises_what_is_not_written_is_refused(run, words, ending):
    refused(run(*words.split()), "which is not written: the rule is ", ending)
    assert os.listdir() == []


def test_a_dash_is_the_screen(run):
    result = run("worksheet", "--count", 1, "--output", "-")
    assert "1 question\n" in result.stdout
    assert os.listdir() == []
    refused(run("worksheet", "--count", 1, "--key", "-"), "--key -", "key.md")


def test_no_more_papers_than_there_are_students(run):
    refused(run("worksheet", "--count", 1, "--variants", 2**31 - 1), "variants=2147483647", "1 to 100,000")
