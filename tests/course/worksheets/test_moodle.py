"""Moodle XML holds to the published format, and what is read back is what was asked.

The rules are those of https://docs.moodle.org/en/Moodle_XML_format and of Moodle's importer (question/format/xml).
"""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.course.worksheets import FORMATS, TOPICS, Heading, Student, plan
from ghostnp.course.worksheets.problem import plain

pytestmark = pytest.mark.small
TEXT_FORMATS = {"html", "moodle_auto_format", "plain_text", "markdown"}
NUMBERINGS = {"none", "abc", "ABCD", "123", "iii", "IIII"}
# Moodle refuses a file with other fractions, unless the teacher has it take the nearest.
FRACTIONS = {"100", "90", "83.33333", "80", "75", "70", "66.66667", "60", "50", "40", "33.33333", "30", "25", "20", "0"}
COMMON = {"name", "questiontext", "generalfeedback", "defaultgrade", "penalty", "hidden", "idnumber", "tags"}
OWN = {
    "multichoice": {"single", "shuffleanswers", "answernumbering", "answer"},
    "numerical": {"answer"},
}
NAMES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=12)


def written(*students, topics=tuple(TOPICS), count=4, seed=0):
    chosen = plan(topics, count, seed)
    papers = [chosen.paper(student) for student in students]
    text = FORMATS["moodle"](chosen, papers)
    return chosen, papers, text


def text_of(element, name):
    """The only text below an element's only child of that name."""
    (child,) = element.findall(name)
    assert [below.tag for below in child] == ["text"]
    assert child.get("format", "html") in TEXT_FORMATS
    return child.findtext("text")


def check_answer(answer, kind):
    assert answer.get("fraction") in FRACTIONS
    assert answer.get("format", "html") in TEXT_FORMATS
    tags = ["text", "feedback"] + ["tolerance"] * (kind == "numerical")
    assert [child.tag for child in answer] == tags
    assert answer.findtext("text").strip() == answer.findtext("text") != ""
    assert text_of(answer, "feedback")
    if kind == "numerical":
        float(answer.findtext("text"))
        assert float(answer.findtext("tolerance")) >= 0


def check_question(question):
    kind = question.get("type")
    tags = [child.tag for child in question]
    assert set(tags) == COMMON | OWN[kind]
    assert all(tags.count(tag) == 1 for tag in set(tags) - {"answer"})
    assert 0 < len(text_of(question, "name")) <= 255
    assert text_of(question, "questiontext")
    assert text_of(question, "generalfeedback")
    assert float(question.findtext("defaultgrade")) > 0
    assert 0 <= float(question.findtext("penalty")) <= 1
    assert question.findtext("hidden") in ("0", "1")
    # The database has room for so many letters.
    assert 0 < len(question.findtext("idnumber")) <= 100
    assert {child.tag for child in question.find("tags")} == {"tag"}
    assert all(0 < len(tag.findtext("text")) <= 255 for tag in question.iter("tag"))
    answers = question.findall("answer")
    for answer in answers:
        check_answer(answer, kind)
    # One right answer: the importer wants the largest fraction to be 100 where one may be chosen.
    assert [answer.get("fraction") for answer in answers].count("100") == 1
    assert len({answer.findtext("text") for answer in answers}) == len(answers)
    if kind == "multichoice":
        assert question.findtext("single") == "true"
        assert question.findtext("shuffleanswers") in ("true", "false")
        assert question.findtext("answernumbering") in NUMBERINGS
        assert len(answers) == 4
    else:
        # The first answer that fits counts, so that the right one has to come first.
        assert answers[0].get("fraction") == "100"


@given(st.integers(0, 1000), st.lists(NAMES, min_size=1, max_size=2, unique=True))
def test_it_is_in_the_published_format(seed, names):
    _, _, text = written(*(Student(name, name) for name in names), seed=seed)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<quiz>')
    quiz = ElementTree.fromstring(text.encode())
    assert quiz.tag == "quiz"
    kinds = [question.get("type") for question in quiz]
    assert {question.tag for question in quiz} == {"question"}
    assert kinds[0] == "category"
    for question in quiz:
        if question.get("type") == "category":
            assert [child.tag for child in question] == ["category"]
            path = text_of(question, "category").split("/")
            assert path[:2] == ["$course$", "top"]
            assert len(path) == 4
            assert all(part.strip() == part != "" for part in path)
        else:
            check_question(question)


@given(st.integers(0, 1000), st.lists(NAMES, min_size=1, max_size=2, unique=True))
def test_what_is_read_back_is_what_was_asked(seed, names):
    chosen, papers, text = written(*(Student(f"id {name}", name) for name in names), seed=seed)
    found = iter(ElementTree.fromstring(text.encode()))
    categories = set()
    for place, slot in enumerate(chosen.slots):
        categories.add(text_of(next(found), "category"))
        for paper in papers:
            element, question = next(found), paper.questions[place]
            student = paper.student
            assert text_of(element, "name") == f"{slot.number:02d} {student.name} (id {student.name})"
            assert text_of(element, "questiontext") == question.problem.text
            assert text_of(element, "generalfeedback") == question.problem.worked
            answers = [(answer.findtext("text"), answer.get("fraction")) for answer in element.findall("answer")]
            if question.options:
                assert element.get("type") == "multichoice"
                assert answers == [(o.text, "0" if o.mistake else "100") for o in question.options]
            else:
                assert element.get("type") == "numerical"
                assert answers[0] == (str(plain(question.problem.answer)), "100")
                assert len(answers) == 1 + len(question.problem.told_apart)
    assert next(found, None) is None
    assert len(categories) == len(chosen.slots)


def test_idnumbers_are_told_apart_and_tags_say_what_it_is_about():
    chosen, papers, text = written(*(Student("x" * 200 + str(n), "x") for n in range(3)), count=5)
    questions = [each for each in ElementTree.fromstring(text.encode()) if each.get("type") != "category"]
    assert len({question.findtext("idnumber") for question in questions}) == len(questions) == 15
    for place, slot in enumerate(chosen.slots):
        tags = [tag.findtext("text") for tag in questions[3 * place].iter("tag")]
        assert tags == [slot.template.topic, papers[0].questions[place].level, slot.template.name, "generator 1"]


def test_points_are_the_default_grade_and_a_title_with_a_slash_opens_no_category():
    chosen = plan(["grouped"], 3, 0)
    text = FORMATS["moodle"](chosen, chosen.papers([Student("1", "1")]), Heading("Week 3/4", points=(1, 2.5, 4)))
    quiz = ElementTree.fromstring(text.encode())
    assert [q.findtext("defaultgrade") for q in quiz if q.get("type") != "category"] == ["1", "2.5", "4"]
    made_by = f"paper {chosen.number} · seed 0 · generator 1"
    assert text_of(quiz[0], "category").startswith(f"$course$/top/Week 3//4 · {made_by}/question 01 ")


def test_names_are_escaped():
    student = Student("7", "<b>&amp; \"quoted\" ]]> 'O'Neil'")
    _, _, text = written(student, count=1)
    assert student.name not in text
    assert student.name in text_of(ElementTree.fromstring(text.encode())[1], "name")


def test_a_wrong_number_has_its_feedback_and_a_ratio_its_tolerance():
    chosen, (paper,), text = written(Student("1", "1"), topics=["shrink"], count=40)
    numbers = [q for q in ElementTree.fromstring(text.encode()) if q.get("type") == "numerical"]
    asked = [question for question in paper.questions if not question.options]
    assert len(numbers) == len(asked) > 5
    for element, question in zip(numbers, asked, strict=True):
        right, *wrong = element.findall("answer")
        assert right.findtext("tolerance") == "0.01"
        assert [text_of(answer, "feedback") for answer in wrong] == [m.feedback for m in question.problem.told_apart]
    assert len(chosen.slots) == 40
