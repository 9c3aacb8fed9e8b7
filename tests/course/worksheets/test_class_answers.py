"""Answers of a class, graded by a key that is a file: nobody is lost, and mistakes have names."""

import csv
import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.font_manager import findfont, fontManager, get_font
from matplotlib.text import Text

from ghostnp.cli import main
from ghostnp.course.worksheets import (
    TEMPLATES,
    TOPICS,
    Heading,
    Student,
    grade,
    grade_answers,
    numbered,
    plan,
    read_key,
    to_json_key,
)
from ghostnp.course.worksheets.problem import Named, plain
from ghostnp.pictures import class_mistakes
from ghostnp.pictures.letters import can_be_drawn

pytestmark = pytest.mark.small

CLASS = (
    Student("17", "Ada Lovelace"),
    Student("18", "Grace Hopper"),
    Student("19", "Élodie Ng"),
    Student("b", "Ada B"),
)
PLAN = plan(("grouped", "shuffle"), 4, 3)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return written(tmp_path_factory.mktemp("key"), PLAN, CLASS)


def written(folder, chosen, students):
    path = folder / "key.json"
    path.write_text(to_json_key(chosen, [chosen.paper(student) for student in students]), encoding="utf-8")
    return read_key(path)


def right(question):
    return question.right or str(plain(question.problem.answer))


def replies(student, separator=","):
    return separator.join(right(question) for question in PLAN.paper(student).questions)


def graded(tmp_path, key, text, encoding="utf-8"):
    path = tmp_path / "answers.csv"
    path.write_bytes(text.encode(encoding))
    return grade_answers(path, key)


def test_a_key_grades_every_question_as_the_question_itself_does(tmp_path):
    """All templates: each right answer, each known mistake, and what is neither."""
    chosen = plan(tuple(TOPICS), len(TEMPLATES), 5)
    (student,) = numbered(1)
    key = written(tmp_path, chosen, [student])
    questions = chosen.paper(student).questions
    assert len(key.questions) == len(TEMPLATES)
    for kept, question in zip(key.questions, questions, strict=True):
        tried = [option.letter for option in question.options] or [
            str(plain(value))
            for value in (question.problem.answer, *(each.value for each in question.problem.told_apart))
        ]
        for reply in (*tried, "1" if not question.options else "a"):
            mine, theirs = kept.grade(reply), grade(question, reply)
            assert mine.right == theirs.right
            assert (mine.mistake and mine.mistake.misconceptions) == (theirs.mistake and theirs.mistake.misconceptions)
    assert key.made_by["seed"] == 5
    assert tuple(key.made_by["topics"]) == tuple(TOPICS)
    assert key.made_by["levels"] == [1, 2, 3]


LAYOUTS = {
    "ids": "17,{17}\n18,{18}\n",
    "names": "Ada Lovelace,{17}\ngrace  HOPPER,{18}\n",
    "both, headings": "id,name,Q1,Q2,Q3,Q4\n17,Ada Lovelace,{17}\n18,Grace Hopper,{18}\n",
    "headings of two languages": "学号,姓名,第1题,第2题,第3题,第4题\n17,Ada Lovelace,{17}\n18,,{18}\n",
    "headings without numbers": "Student,a,b,c,d\nAda Lovelace,{17}\nGrace Hopper,{18}\n",
    "another order": "Question 4;Question 3;Name;Question 2;Question 1;remarks\n{r17};late\n{r18};\n",
    "semicolons and empty columns": "17;{17};;;\n\n;;;\n18;{18}\n",
    "tabs": "Student ID\t1\t2\t3\t4\n17\t{17}\n18\t{18}\n",
    "Chinese commas": "17，{17}\n18，{18}\n",
    "Chinese commas of lists": "17、{17}\n18、{18}\n",
    "with the paper": "paper,id,Q1,Q2,Q3,Q4\nNUMBER,17,{17}\nPaper NUMBER,18,{18}\n",
    "as Moodle has it": "Last name,First name,Email,Response 1,Response 2,Response 3,Response 4\n"
    "Lovelace,Ada,a@b.c,{17}\nHopper,Grace,g@b.c,{18}\n",
    "windows": '\ufeff"17","{17}"\r\n"18","{18}"\r\n',
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_any_sensible_table_is_read(tmp_path, key, layout, encoding):
    text = LAYOUTS[layout].replace("NUMBER", str(PLAN.number))
    separator = next(mark for mark in ('","', ",", ";", "\t", "，", "、") if mark in text)
    for student in CLASS[:2]:
        parts = replies(student, "\n").split("\n")
        text = text.replace(f"{{{student.id}}}", separator.join(parts))
        text = text.replace(f"{{r{student.id}}}", ";".join([*parts[:1:-1], student.name, *parts[1::-1]]))
    found = graded(tmp_path, key, text, encoding)
    assert [(paper.student, paper.points) for paper in found.papers] == [(CLASS[0], 4), (CLASS[1], 4)]
    assert found.ungraded == []
    assert found.absent == list(CLASS[2:])
    ignored = {"another order": ["remarks"], "as Moodle has it": ["Email"]}
    assert found.ignored == ignored.get(layout, [])


def test_every_line_that_cannot_be_graded_is_named(tmp_path, key):
    lines = [
        f"17,{replies(CLASS[0])}",
        "",
        "99,A,B,C,D",
        "18,A",
        "18,A,B,C,D,E,F,G",
        f"17,{replies(CLASS[0])}",
        ",A,B,C,D",
        f"Élodie Ng,{replies(CLASS[2])}",
    ]
    found = graded(tmp_path, key, "\n".join(lines))
    assert [paper.student.id for paper in found.papers] == ["17", "19"]
    why = {each.line: each.why for each in found.ungraded}
    assert list(why) == [3, 4, 5, 6, 7]
    for line, words in {3: "'99' is not on the key", 4: "2 fields", 5: "too many", 6: "is in line 1 already",
                        7: "names no student"}.items():  # fmt: skip
        assert words in why[line]
    assert len(found.papers) + len(found.ungraded) == len(lines) - 1
    # Who has a line that cannot be graded has not handed in nothing.
    assert [each.student and each.student.id for each in found.ungraded] == [None, "18", "18", "17", None]
    assert found.absent == [CLASS[3]]


def test_what_cannot_be_read_is_neither_right_nor_wrong(tmp_path, key):
    (tmp_path / "key.json").write_text(to_json_key(PLAN, [PLAN.paper(student) for student in CLASS]), encoding="utf-8")
    parts = replies(CLASS[0]).split(",")
    (tmp_path / "answers.csv").write_text(f"17,{','.join(['=dunno()', '', *parts[2:]])}\n")
    words = ["grade", "key.json", "answers.csv", "--output", "points.csv"]
    result = CliRunner().invoke(main, [*words[:1], *(str(tmp_path / w) if "." in w else w for w in words[1:])])
    assert result.exit_code == 0, result.output
    assert "Ada Lovelace (17), question 1: '=dunno()' is no reply" in result.output.replace("\n", " ")
    row = next(csv.DictReader(io.StringIO((tmp_path / "points.csv").read_text(encoding="utf-8-sig"))))
    assert (row["status"], row["points"], row["1"], row["2"], row["3"]) == ("to be read", "", "?", "0", "1")


def test_statistics_count_each_mistake_by_its_name(tmp_path, key):
    students = numbered(12)
    key = written(tmp_path, PLAN, students)
    lines, points = [], []
    for place, student in enumerate(students):
        made = []
        for number, question in enumerate(PLAN.paper(student).questions):
            wrong = (place + number) % 3 == 0 or place < 3
            other = next((option.letter for option in question.options if option.mistake), None) or str(
                plain(question.problem.told_apart[0].value)
            )
            made.append(other if wrong else right(question))
        points.append(
            [reply == right(question) for reply, question in zip(made, PLAN.paper(student).questions, strict=True)]
        )
        lines.append(",".join([student.id, *made]))
    found = graded(tmp_path, key, "\n".join(lines))
    points = np.array(points, float)
    for number, each in enumerate(found.statistics()):
        assert each.outcomes == {"right": points[:, number].sum(), "mistake": 12 - points[:, number].sum()}
        assert each.mistakes.total() == each.outcomes["mistake"]
        assert each.difficulty == pytest.approx(1 - points[:, number].mean())
        rest = points.sum(axis=1) - points[:, number]
        assert each.discrimination == pytest.approx(np.corrcoef(points[:, number], rest)[0, 1])
    made = found.misunderstood()
    assert list(made.values()) == sorted(made.values(), key=lambda value: -value[0])
    assert set(made) == {name for each in found.statistics() for name in each.mistakes}


def test_answers_to_another_paper_are_noticed(tmp_path):
    """By the number that is printed on it, and without one where no more is right than by guessing."""
    others = [plan(("grouped", "shuffle"), 4, 4), plan(("grouped", "shuffle"), 4, 3, (1, 2)), plan(("ghost",), 4, 3)]
    assert len({PLAN.number, *(other.number for other in others)}) == 4
    assert plan(("grouped", "shuffle"), 4, 3, language="zh").number == PLAN.number
    (tmp_path / "key.json").write_text(to_json_key(others[0], others[0].papers(CLASS)), encoding="utf-8")
    lines = [f"{student.id},{replies(student)}" for student in CLASS]

    def run(*text):
        (tmp_path / "answers.csv").write_text("\n".join(text), encoding="utf-8")
        return CliRunner().invoke(main, ["grade", str(tmp_path / "key.json"), str(tmp_path / "answers.csv")])

    said = run("id,1,2,3,4,paper", *(f"{line},{PLAN.number}" for line in lines))
    assert said.exit_code == 1
    why = f"it answers paper {PLAN.number}, and the key is of paper {others[0].number}: the rule is the key that was"
    assert said.stderr.count(why) == len(CLASS)
    said = run("id,1,2,3,4,seed", *(f"{line},3" for line in lines))
    assert said.stderr.count("it answers a paper of seed 3, and the key is of seed 4") == len(CLASS)
    said = run(*lines)
    assert "no more than by guessing: was another paper answered? The key is of paper " in said.stderr
    # Of the right key it is not said.
    (tmp_path / "key.json").write_text(to_json_key(PLAN, PLAN.papers(CLASS)), encoding="utf-8")
    assert run(*lines).stderr == run("id,1,2,3,4,试卷", *(f"{line},{PLAN.number}" for line in lines)).stderr == ""


def test_points_of_questions_add_up_to_those_of_the_paper(tmp_path):
    (tmp_path / "key.json").write_text(to_json_key(PLAN, PLAN.papers(CLASS), Heading(points=(1.125, 0.333, 1 / 3))))
    (tmp_path / "answers.csv").write_text(f"17,{replies(CLASS[0])}\n")
    words = ["grade", tmp_path / "key.json", tmp_path / "answers.csv", "--output", tmp_path / "points.csv"]
    assert CliRunner().invoke(main, list(map(str, words))).exit_code == 0
    row = next(csv.DictReader(io.StringIO((tmp_path / "points.csv").read_text(encoding="utf-8-sig"))))
    assert row["points"] == row["of"]
    assert sum(float(row[str(number)]) for number in range(1, 5)) == pytest.approx(float(row["points"]), abs=1e-8)


DAMAGES = {
    "nothing": lambda text: "",
    "a list": lambda text: "[]",
    "the beginning": lambda text: text[:500],
    "another format": lambda text: text.replace("ghostnp key 1", "ghostnp key 2"),
    "one id twice": lambda text: text.replace('"18"', '"17"'),
    "no papers": lambda text: json.dumps(json.loads(text) | {"papers": []}),
    "points of text": lambda text: text.replace('"points": 1.0', '"points": "1"'),
    "an answer of another kind": lambda text: text.replace('"answer": ', '"answer": true, "was": '),
    "another letter": lambda text: text.replace('"right": "', '"right": "E'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_no_key_is_refused(tmp_path, damage):
    path = tmp_path / "key.json"
    path.write_text(damage(to_json_key(PLAN, [PLAN.paper(student) for student in CLASS])), encoding="utf-8")
    with pytest.raises(ValueError, match=r"key.json is no key .*: the rule is a file that was written by"):
        read_key(path)


def test_what_are_no_answers_is_refused(tmp_path, key):
    for text in ("", "\n\n", "id,1,2,3,4\n"):
        with pytest.raises(ValueError, match="has no answers: the rule is a line for each student"):
            graded(tmp_path, key, text)
    with pytest.raises(ValueError, match="as a spreadsheet saves it under the name 'CSV UTF-8'"):
        graded(tmp_path, key, "名单,A,B,C,D", "gbk")


def test_outputs_go_into_files_of_their_own_and_replace_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key.json").write_text(to_json_key(PLAN, [PLAN.paper(CLASS[0])]), encoding="utf-8")
    (tmp_path / "answers.csv").write_text(f"17,{replies(CLASS[0])}\n")

    def run(*words):
        return CliRunner().invoke(main, ["grade", "key.json", "answers.csv", *words])

    assert "a file for each" in run("--output", "a", "--json", "a").stderr
    assert "holds something else" in run("--json", "key.json").stderr
    assert "which is not written" in run("--output", "key.json").stderr
    assert "Format 'abc' is not supported" in run("--plot", "mistakes.abc").stderr
    result = run("--output", "points.csv", "--plot", "mistakes.svg")
    assert (result.exit_code, result.stderr) == (0, "points: points.csv\npicture: mistakes.svg\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv", "key.json", "mistakes.svg", "points.csv"]


def test_what_cannot_be_read_counts_in_no_statistics(tmp_path, key):
    """Three of four right and one that nobody can read: all that were read are right, and the mean is of three."""
    lines = [f"{student.id},{replies(student)}" for student in CLASS]
    first, *rest = lines[0].split(",")
    lines[0] = ",".join([first, "=dunno()", *rest[1:]])
    found = graded(tmp_path, key, "\n".join(lines))
    before, now = graded(tmp_path, key, "\n".join(lines[1:])), found.statistics()
    assert now[0].difficulty == before.statistics()[0].difficulty
    assert [each.discrimination for each in now] == [each.discrimination for each in before.statistics()]
    assert found.mean == before.mean
    assert len(found.read) == len(CLASS) - 1


def test_a_dash_is_no_reply(tmp_path, key):
    parts = replies(CLASS[0]).split(",")
    found = graded(tmp_path, key, f"17,-,—,{','.join(parts[2:])}\n")
    assert [reply.outcome for reply in found.papers[0].replies] == ["unanswered", "unanswered", "right", "right"]


@pytest.mark.parametrize("form", ["{}", "({})", "{})", "{}.", "fullwidth", "number", "commas", "text"])
def test_a_choice_is_read_as_people_write_it(form):
    named = plan(list(TOPICS), len(TEMPLATES), 5).paper(CLASS[0]).questions
    questions = [question for student in CLASS for question in PLAN.paper(student).questions if question.options]
    questions += [question for question in named if isinstance(question.problem.answer, Named)]
    assert isinstance(questions[-1].problem.answer, Named)
    for question in questions:
        for option in question.options:
            reply = form.format(option.letter)
            if form == "fullwidth":
                reply = chr(ord(option.letter) - ord("A") + 0xFF21)  # as a Chinese keyboard types it
            elif form == "text":
                reply = f" {option.text.upper()}"
            elif form in ("number", "commas"):
                if not isinstance(option.value, int):
                    continue
                reply = f"{option.value:,}" if form == "commas" else str(option.value)
            found = grade(question, reply)
            assert (found.right, found.mistake) == (option.mistake is None, option.mistake), (reply, option)


def test_a_picture_whose_letters_no_font_has_names_them_on_the_screen(tmp_path, monkeypatch):
    """Warnings are errors in tests, and matplotlib warns of each letter that it draws as an empty box."""
    monkeypatch.chdir(tmp_path)
    text = to_json_key(PLAN, PLAN.papers(CLASS))
    content = json.loads(text)
    for paper in content["papers"]:
        for question in paper["questions"]:
            question["options"] = {
                letter: [value, names and ["漏了第二个分支"]] for letter, (value, names) in question["options"].items()
            }
            question["mistakes"] = [[value, ["漏了第二个分支"]] for value, _ in question["mistakes"]]
    (tmp_path / "key.json").write_text(json.dumps(content), encoding="utf-8")
    wrong = []
    for question in PLAN.paper(CLASS[0]).questions:
        letters = [option.letter for option in question.options if option.mistake]
        wrong.append(letters[0] if letters else str(plain(question.problem.told_apart[0].value)))
    (tmp_path / "answers.csv").write_text(f"17,{','.join(wrong)}\n")
    result = CliRunner().invoke(main, ["grade", "key.json", "answers.csv", "--plot", "mistakes.png"])
    assert result.exit_code == 0, result.output
    drawn = can_be_drawn("漏了第二个分支")
    assert ("in the picture it is mistake 1: 漏了第二个分支\n" in result.stderr) == (not drawn)
    assert "1 of 1 students: 漏了第二个分支" in result.stdout
    assert (tmp_path / "mistakes.png").read_bytes().startswith(b"\x89PNG")


def test_letters_that_the_usual_font_lacks_are_drawn_with_another(monkeypatch):
    usual = get_font(findfont("DejaVu Sans")).get_charmap().keys()
    other = next(font for font in fontManager.ttflist if font.name == "STIXGeneral")
    letter = next(chr(code) for code in get_font(other.fname).get_charmap() if code > 0x250 and code not in usual
                  and chr(code).isalpha())  # fmt: skip
    assert can_be_drawn(letter)
    figure = class_mistakes({"1": (1, 2, 0, 0, 0)}, {f"a{letter}": (2, "question 1")}, 3, title="plain")
    texts = {text.get_text(): text.get_fontfamily() for text in figure.findobj(Text)}
    assert len(texts[f"a{letter}"]) == len(texts["plain"]) + 1
    figure.canvas.draw()  # and no warning
