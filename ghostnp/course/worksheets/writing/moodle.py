"""Papers as Moodle XML, for the import into a question bank.

Each place on the paper is a category with one question for each student, so that a quiz of "one random question of
each category" gives everybody a paper of the same kind. A question's idnumber says what made it, and its tags what it
is about. The format: https://docs.moodle.org/en/Moodle_XML_format
"""

import hashlib
from fractions import Fraction
from xml.etree import ElementTree

from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.language import _, if_known, in_language_of_plan
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.problem import TOLERANCE, plain
from ghostnp.course.worksheets.question import CHOICE

# What Moodle's database has room for.
_IDNUMBER = 100


@in_language_of_plan
def to_moodle(plan, papers, heading=PLAIN):
    """All questions with solutions and feedback."""
    papers, quiz = checked(plan, papers, heading), ElementTree.Element("quiz")
    for place, slot in enumerate(plan.slots):
        category = ElementTree.SubElement(quiz, "question", type="category")
        _text(category, "category", category_of(plan, slot, heading))
        for paper in papers:
            _question(quiz, plan, paper, paper.questions[place], heading)
    ElementTree.indent(quiz, "  ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(quiz, encoding="unicode") + "\n"


def category_of(plan, slot, heading):
    """Where the questions of a place go in the question bank: title and what made them, then the place."""
    whole = f"{heading.headline} · {plan.made_by}".replace("/", "//")  # one slash would begin a category below
    return f"$course$/top/{whole}/{place_of(slot)}"


def place_of(slot):
    """What the place of a `Slot` is called: ``question 01 grouped: grouped weights``."""
    return _("question {number:02d} {title}", number=slot.number, title=slot.template.title)


def idnumber(plan, paper, question):
    """What no other question is called: the generator, the seed, the place, and whose it is."""
    name = f"ghostnp-g{plan.generator}-s{plan.seed}-q{question.number:02d}-{paper.student.id}"
    if len(name) <= _IDNUMBER:
        return name
    return f"{name[: _IDNUMBER - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def tags(plan, question):
    """What a question bank can be searched for."""
    made_by = _("generator {generator}", generator=plan.generator)
    return (if_known(question.template.topic), question.level, question.template.title, made_by)


def _question(quiz, plan, paper, question, heading):
    choice = question.kind == CHOICE
    element = ElementTree.SubElement(quiz, "question", type="multichoice" if choice else "numerical")
    _text(element, "name", f"{question.number:02d} {paper.student.label}")
    _text(element, "questiontext", question.problem.text, format="plain_text")
    _text(element, "generalfeedback", question.problem.worked, format="plain_text")
    settings = {
        "defaultgrade": f"{heading.worth(question.template):g}",
        "penalty": "0.3333333",
        "hidden": "0",
        "idnumber": idnumber(plan, paper, question),
    }
    if choice:
        # The order is drawn already, and is the one of the key.
        settings |= {"single": "true", "shuffleanswers": "false", "answernumbering": "ABCD"}
    for name, value in settings.items():
        ElementTree.SubElement(element, name).text = value
    if choice:
        for option in question.options:
            _answer(element, option.text, option.mistake)
    else:
        _number(element, question.problem.answer, None)
        for mistake in question.problem.told_apart:
            _number(element, mistake.value, mistake)
    every = ElementTree.SubElement(element, "tags")
    for tag in tags(plan, question):
        _text(every, "tag", tag)


def _answer(question, value, mistake):
    answer = ElementTree.SubElement(question, "answer", fraction="100" if mistake is None else "0", format="plain_text")
    ElementTree.SubElement(answer, "text").text = value
    _text(answer, "feedback", _("Right.") if mistake is None else mistake.feedback, format="plain_text")
    return answer


def _number(question, value, mistake):
    answer = _answer(question, str(plain(value)), mistake)
    within = TOLERANCE if isinstance(value, Fraction) else 0
    ElementTree.SubElement(answer, "tolerance").text = f"{float(within):g}"


def _text(parent, name, text, **attributes):
    element = ElementTree.SubElement(parent, name, attributes)
    ElementTree.SubElement(element, "text").text = text
