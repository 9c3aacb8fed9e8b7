"""Papers as Moodle XML, for the import into a question bank.

Each place on the paper is a category with one question for each student, so that a quiz of "one random question of
each category" gives everybody a paper of the same kind. The format: https://docs.moodle.org/en/Moodle_XML_format
"""

from fractions import Fraction
from xml.etree import ElementTree

from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.problem import TOLERANCE, plain
from ghostnp.course.worksheets.question import CHOICE


def to_moodle(plan, papers):
    """All questions with solutions and feedback."""
    papers, quiz = checked(plan, papers), ElementTree.Element("quiz")
    for place, slot in enumerate(plan.slots):
        category = ElementTree.SubElement(quiz, "question", type="category")
        # A slash in a name would begin a category below.
        _text(
            category,
            "category",
            f"$course$/top/ghostnp seed {plan.seed}/question {slot.number:02d} {slot.template.name}",
        )
        for paper in papers:
            _question(quiz, paper, paper.questions[place])
    ElementTree.indent(quiz, "  ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(quiz, encoding="unicode") + "\n"


def _question(quiz, paper, question):
    choice = question.kind == CHOICE
    element = ElementTree.SubElement(quiz, "question", type="multichoice" if choice else "numerical")
    _text(element, "name", f"{question.number:02d} {paper.student.label}")
    _text(element, "questiontext", question.problem.text, format="plain_text")
    _text(element, "generalfeedback", question.problem.worked, format="plain_text")
    settings = {"defaultgrade": "1", "penalty": "0.3333333", "hidden": "0"}
    if choice:
        # The order is drawn already, and is the one of the key.
        settings |= {"single": "true", "shuffleanswers": "false", "answernumbering": "ABCD"}
    for name, value in settings.items():
        ElementTree.SubElement(element, name).text = value
    if choice:
        for option in question.options:
            _answer(element, option.text, option.mistake)
        return
    _number(element, question.problem.answer, None)
    for mistake in question.problem.told_apart:
        _number(element, mistake.value, mistake)


def _answer(question, value, mistake):
    answer = ElementTree.SubElement(question, "answer", fraction="100" if mistake is None else "0", format="plain_text")
    ElementTree.SubElement(answer, "text").text = value
    _text(answer, "feedback", "Right." if mistake is None else mistake.feedback, format="plain_text")
    return answer


def _number(question, value, mistake):
    answer = _answer(question, str(plain(value)), mistake)
    within = TOLERANCE if isinstance(value, Fraction) else 0
    ElementTree.SubElement(answer, "tolerance").text = f"{float(within):g}"


def _text(parent, name, text, **attributes):
    element = ElementTree.SubElement(parent, name, attributes)
    ElementTree.SubElement(element, "text").text = text
