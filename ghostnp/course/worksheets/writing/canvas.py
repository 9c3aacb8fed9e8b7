"""Papers as a quiz for Canvas: QTI 1.2 in a zip file, with a manifest.

Each place on the paper is a group with one question for each student, of which Canvas asks everybody one, by chance.
The formats: IMS Question & Test Interoperability 1.2.1 and IMS Content Packaging 1.1.3.
"""

import hashlib
import io
import zipfile
from fractions import Fraction
from xml.etree import ElementTree

from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.language import _, in_language_of_plan
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.problem import TOLERANCE, answer_text, plain
from ghostnp.course.worksheets.question import CHOICE
from ghostnp.course.worksheets.writing.moodle import place_of

_QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
_PACKAGE = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
_CANVAS = "http://canvas.instructure.com/xsd/cccv1p0"
_RESPONSE = "response1"
# The oldest day that a zip file can name, so that the same papers are the same bytes.
_DAY = (1980, 1, 1, 0, 0, 0)


@in_language_of_plan
def to_canvas(plan, papers, heading=PLAIN):
    """All questions with solutions and feedback: the bytes of a zip file."""
    papers = checked(plan, papers, heading)
    assessment = _assessment(plan, papers, heading)
    # The quiz is called by what is in it: another import of the same papers is the same quiz.
    name = f"ghostnp-{hashlib.sha256(assessment).hexdigest()[:24]}"
    assessment = assessment.replace(b'ident="quiz"', f'ident="{name}"'.encode(), 1)
    files = {
        "imsmanifest.xml": _manifest(name, heading),
        f"{name}/{name}.xml": assessment,
        f"{name}/assessment_meta.xml": _meta(name, plan, heading),
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path, content in files.items():
            file.writestr(zipfile.ZipInfo(path, _DAY), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _assessment(plan, papers, heading):
    root = ElementTree.Element("questestinterop", xmlns=_QTI)
    assessment = _add(root, "assessment", ident="quiz", title=_title(heading))
    _fields(_add(assessment, "qtimetadata"), cc_maxattempts="1")
    whole = _add(assessment, "section", ident="root_section")
    for place, slot in enumerate(plan.slots):
        title = place_of(slot)
        group = _add(whole, "section", ident=f"group-{slot.number:02d}", title=title)
        selection = _add(_add(group, "selection_ordering"), "selection")
        _add(selection, "selection_number", "1")
        worth = f"{heading.worth(slot.template):g}"
        _add(_add(selection, "selection_extension"), "points_per_item", worth)
        for number, paper in enumerate(papers):
            _item(group, f"q{slot.number:02d}-{number}", paper, paper.questions[place], worth)
    return _bytes(root)


def _item(group, ident, paper, question, worth):
    choice, right = question.kind == CHOICE, _("Right.")
    item = _add(group, "item", ident=ident, title=f"{question.number:02d} {paper.student.label}")
    if choice:
        answers = [(f"{ident}-{option.letter}", option.text, option.mistake) for option in question.options]
    else:
        every = [(question.problem.answer, None), *((each.value, each) for each in question.problem.told_apart)]
        answers = [(f"{ident}-{n}", value, mistake) for n, (value, mistake) in enumerate(every)]
    _fields(
        _add(_add(item, "itemmetadata"), "qtimetadata"),
        question_type="multiple_choice_question" if choice else "numerical_question",
        points_possible=worth,
        original_answer_ids=",".join(name for name, *_rest in answers),
        assessment_question_identifierref=f"{ident}-bank",
    )
    presentation = _add(item, "presentation")
    _material(presentation, question.problem.text)
    if choice:
        response = _add(presentation, "response_lid", ident=_RESPONSE, rcardinality="Single")
        choices = _add(response, "render_choice")
        for name, text, _mistake in answers:
            _material(_add(choices, "response_label", ident=name), text)
    else:
        response = _add(presentation, "response_str", ident=_RESPONSE, rcardinality="Single")
        _add(_add(response, "render_fib", fibtype="Decimal"), "response_label", ident="answer1")
    processing = _add(item, "resprocessing")
    limits = {"maxvalue": "100", "minvalue": "0", "varname": "SCORE", "vartype": "Decimal"}
    _add(_add(processing, "outcomes"), "decvar", **limits)
    _condition(processing, "Yes", lambda found: _add(found, "other"), "general_fb")
    for name, value, mistake in answers:
        if mistake is not None:
            _condition(processing, "Yes", _replied(choice, name, value), f"{name}_fb")
    name, value = next((name, value) for name, value, mistake in answers if mistake is None)
    _condition(processing, "No", _replied(choice, name, value), f"{name}_fb", score=True)
    _feedback(item, "general_fb", question.problem.worked)
    for name, _value, mistake in answers:
        _feedback(item, f"{name}_fb", right if mistake is None else mistake.feedback)


def _replied(choice, name, value):
    """What adds the condition that this was the reply."""

    def add(found):
        if choice:
            _add(found, "varequal", name, respident=_RESPONSE)
            return
        number = Fraction(str(plain(value)))
        within = TOLERANCE if isinstance(value, Fraction) else 0
        either = _add(found, "or")
        _add(either, "varequal", str(plain(value)), respident=_RESPONSE)
        both = _add(either, "and")
        for tag, limit in (("vargte", number - within), ("varlte", number + within)):
            text = answer_text(limit) if within else str(plain(value))
            _add(both, tag, text.replace(",", ""), respident=_RESPONSE)

    return add


def _condition(processing, goes_on, add, feedback, *, score=False):
    condition = _add(processing, "respcondition", **{"continue": goes_on})
    add(_add(condition, "conditionvar"))
    if score:
        _add(condition, "setvar", "100", action="Set", varname="SCORE")
    _add(condition, "displayfeedback", feedbacktype="Response", linkrefid=feedback)


def _feedback(item, ident, text):
    _material(_add(_add(item, "itemfeedback", ident=ident), "flow_mat"), text)


def _material(parent, text):
    _add(_add(parent, "material"), "mattext", text, texttype="text/plain")


def _fields(metadata, **fields):
    for label, entry in fields.items():
        field = _add(metadata, "qtimetadatafield")
        _add(field, "fieldlabel", label)
        _add(field, "fieldentry", entry)


def _title(heading):
    return ": ".join(filter(None, (heading.course, heading.headline)))


def _meta(name, plan, heading):
    root = ElementTree.Element("quiz", identifier=name, xmlns=_CANVAS)
    _add(root, "title", _title(heading))
    _add(root, "description", " · ".join(filter(None, (heading.date, plan.made_by))))
    _add(root, "shuffle_answers", "false")  # the order is drawn already, and is the one of the key
    _add(root, "scoring_policy", "keep_highest")
    _add(root, "quiz_type", "assignment")
    total = sum(heading.worth(slot.template) for slot in plan.slots)
    _add(root, "points_possible", f"{total:g}")
    _add(root, "allowed_attempts", "1")
    return _bytes(root)


def _manifest(name, heading):
    root = ElementTree.Element("manifest", identifier=f"{name}-manifest", xmlns=_PACKAGE)
    metadata = _add(root, "metadata")
    _add(metadata, "schema", "IMS Content")
    _add(metadata, "schemaversion", "1.1.3")
    _add(root, "organizations")
    resources = _add(root, "resources")
    quiz = _add(resources, "resource", identifier=name, type="imsqti_xmlv1p2")
    _add(quiz, "file", href=f"{name}/{name}.xml")
    _add(quiz, "dependency", identifierref=f"{name}-meta")
    meta = f"{name}/assessment_meta.xml"
    kind = "associatedcontent/imscc_xmlv1p1/learning-application-resource"
    _add(_add(resources, "resource", identifier=f"{name}-meta", type=kind, href=meta), "file", href=meta)
    return _bytes(root)


def _add(parent, tag, text=None, **attributes):
    child = ElementTree.SubElement(parent, tag, attributes)
    child.text = text
    return child


def _bytes(root):
    ElementTree.indent(root, "  ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"
