"""The package for Canvas, read back by a reader of its own: a manifest, a quiz with groups, and items of QTI 1.2.

The order and number of elements are those of IMS QTI 1.2.1's binding (ims_qtiasiv1p2p1) for the elements that are used.
"""

import io
import re
import zipfile
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.course.worksheets import FORMATS, TOPICS, Heading, Student, plan
from ghostnp.course.worksheets.problem import TOLERANCE, Ratio, plain

pytestmark = pytest.mark.small
QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
PACKAGE = "{http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1}"
NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
# What may stand in an element, in this order, and which attributes it must have.
CONTENT = {
    "questestinterop": ("assessment", ""),
    "assessment": ("qtimetadata?section+", "ident title"),
    "qtimetadata": ("qtimetadatafield+", ""),
    "qtimetadatafield": ("fieldlabel fieldentry", ""),
    "section": ("selection_ordering?(section|item)*", "ident"),
    "selection_ordering": ("selection", ""),
    "selection": ("selection_number selection_extension?", ""),
    "selection_extension": ("points_per_item", ""),
    "item": ("itemmetadata presentation resprocessing itemfeedback*", "ident title"),
    "itemmetadata": ("qtimetadata", ""),
    "presentation": ("material(response_lid|response_str)", ""),
    "response_lid": ("render_choice", "ident rcardinality"),
    "response_str": ("render_fib", "ident rcardinality"),
    "render_choice": ("response_label+", ""),
    "render_fib": ("response_label+", "fibtype"),
    "response_label": ("material?", "ident"),
    "material": ("mattext", ""),
    "resprocessing": ("outcomes respcondition+", ""),
    "outcomes": ("decvar", ""),
    "respcondition": ("conditionvar setvar?displayfeedback*", "continue"),
    "conditionvar": ("(varequal|other|or)+", ""),
    "or": ("(varequal|and)+", ""),
    "and": ("vargte varlte", ""),
    "itemfeedback": ("flow_mat", "ident"),
    "flow_mat": ("material", ""),
    "decvar": ("", "varname vartype minvalue maxvalue"),
    "varequal": ("", "respident"),
    "vargte": ("", "respident"),
    "varlte": ("", "respident"),
    "setvar": ("", "action varname"),
    "displayfeedback": ("", "feedbacktype linkrefid"),
    "mattext": ("", "texttype"),
} | dict.fromkeys(("fieldlabel", "fieldentry", "other", "selection_number", "points_per_item"), ("", ""))


def tag(element):
    assert element.tag.startswith(QTI)
    return element.tag[len(QTI) :]


def check_content(element):
    content, attributes = CONTENT[tag(element)]
    pattern = re.sub(r"\w+", lambda found: f"(?:{found[0]},)", content).replace(" ", "")
    assert re.fullmatch(pattern, "".join(f"{tag(child)}," for child in element)), (tag(element), content)
    assert set(attributes.split()) <= set(element.keys())
    for child in element:
        check_content(child)


def opened(content):
    """The quiz, and its description."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    files = {name: ElementTree.fromstring(archive.read(name)) for name in archive.namelist()}
    manifest = files.pop("imsmanifest.xml")
    assert manifest.tag == f"{PACKAGE}manifest"
    assert [child.tag for child in manifest] == [
        f"{PACKAGE}{name}" for name in ("metadata", "organizations", "resources")
    ]
    resources = {each.get("identifier"): each for each in manifest.iter(f"{PACKAGE}resource")}
    # Every file is named by one resource, and what a resource depends on is there.
    named = [file.get("href") for file in manifest.iter(f"{PACKAGE}file")]
    assert sorted(named) == sorted(files)
    assert {each.get("identifierref") for each in manifest.iter(f"{PACKAGE}dependency")} <= resources.keys()
    (quiz,) = (each for each in resources.values() if each.get("type") == "imsqti_xmlv1p2")
    quiz, meta = files[quiz.find(f"{PACKAGE}file").get("href")], files[next(n for n in files if n.endswith("meta.xml"))]
    assert quiz[0].get("ident") == meta.get("identifier")
    return quiz, meta


def text_of(element):
    (text,) = element.iter(f"{QTI}mattext")
    assert text.get("texttype") == "text/plain"
    return text.text


def points_for(item, reply):
    """What a reply gets and is told, as the conditions are processed: those that hold, until one says to stop."""
    score, told = 0, []
    for condition in item.iter(f"{QTI}respcondition"):
        if holds(condition[0][0], reply):
            score = next((int(each.text) for each in condition.iter(f"{QTI}setvar")), score)
            told += [each.get("linkrefid") for each in condition.iter(f"{QTI}displayfeedback")]
            if condition.get("continue") == "No":
                break
    said = {each.get("ident"): text_of(each) for each in item.iter(f"{QTI}itemfeedback")}
    return score, [said[name] for name in told]


def holds(condition, reply):
    return {
        "other": lambda: True,
        "varequal": lambda: condition.text == reply,
        "or": lambda: any(holds(each, reply) for each in condition),
        "and": lambda: all(holds(each, reply) for each in condition),
        "vargte": lambda: Fraction(reply) >= Fraction(condition.text),
        "varlte": lambda: Fraction(reply) <= Fraction(condition.text),
    }[tag(condition)]()


def check_item(item, question, worth):
    fields = {field[0].text: field[1].text for field in item.iter(f"{QTI}qtimetadatafield")}
    assert fields["question_type"] == ("multiple_choice_question" if question.options else "numerical_question")
    assert fields["points_possible"] == worth
    assert text_of(item.find(f"{QTI}presentation/{QTI}material")) == question.problem.text
    worked = question.problem.worked
    if question.options:
        labels = list(item.iter(f"{QTI}response_label"))
        assert [text_of(label) for label in labels] == [option.text for option in question.options]
        replies = [(label.get("ident"), option.mistake) for label, option in zip(labels, question.options, strict=True)]
    else:
        replies = [(str(plain(each.value)), each) for each in question.problem.told_apart]
        replies += [(str(plain(question.problem.answer)), None)]
    for reply, mistake in replies:
        expected = (0, [worked, mistake.feedback]) if mistake else (100, [worked, "Right."])
        assert points_for(item, reply) == expected
    if isinstance(question.problem.answer, Ratio) and not question.options:
        near = Fraction(str(plain(question.problem.answer)))
        assert [points_for(item, str(float(near + off)))[0] for off in (TOLERANCE, 2 * TOLERANCE)] == [100, 0]


@given(st.integers(0, 1000), st.lists(NAMES, min_size=1, max_size=2, unique=True))
def test_what_is_read_back_is_what_was_asked(seed, names):
    chosen = plan(list(TOPICS), 4, seed)
    papers = chosen.papers([Student(name, name) for name in names])
    quiz, _ = opened(FORMATS["canvas"](chosen, papers))
    check_content(quiz)
    identifiers = [each.get("ident") for kind in ("item", "section") for each in quiz.iter(f"{QTI}{kind}")]
    assert len(set(identifiers)) == len(identifiers) == 4 * len(names) + 5
    groups = quiz.findall(f"{QTI}assessment/{QTI}section/{QTI}section")
    for place, (slot, group) in enumerate(zip(chosen.slots, groups, strict=True)):
        assert group.get("title") == f"question {slot.number:02d} {slot.template.name}"
        # Everybody is asked one of a place's questions.
        assert group.find(f".//{QTI}selection_number").text == "1"
        for item, paper in zip(group.findall(f"{QTI}item"), papers, strict=True):
            assert item.get("title") == f"{slot.number:02d} {paper.student.label}"
            check_item(item, paper.questions[place], "1")


def test_heading_and_points():
    chosen = plan(["grouped"], 3, 0)
    heading = Heading("Midterm", "Deep <nets>", "3 May", (1, 2, 3.5))
    content = FORMATS["canvas"](chosen, chosen.papers([Student("1", "1")]), heading)
    quiz, meta = opened(content)
    assert quiz[0].get("title") == "Deep <nets>: Midterm"
    assert [each.text for each in quiz.iter(f"{QTI}points_per_item")] == ["1", "2", "3.5"]
    words = {child.tag.split("}")[1]: child.text for child in meta}
    assert words["title"] == "Deep <nets>: Midterm"
    assert words["description"] == f"3 May · paper {chosen.number} · seed 0 · generator 1"
    assert words["points_possible"] == "6.5"
    # The same papers are the same bytes.
    assert content == FORMATS["canvas"](chosen, chosen.papers([Student("1", "1")]), heading)
