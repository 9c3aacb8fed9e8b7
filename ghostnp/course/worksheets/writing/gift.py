"""Papers as GIFT, Moodle's format that people can read: the same categories and questions as in Moodle XML.

Points and the order of the options are not among what GIFT can say: Moodle sets them when a quiz is made. The format:
https://docs.moodle.org/en/GIFT_format
"""

import re
from fractions import Fraction

from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.language import _, in_language_of_plan
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.problem import TOLERANCE, plain
from ghostnp.course.worksheets.question import CHOICE
from ghostnp.course.worksheets.writing.moodle import category_of, idnumber, tags


@in_language_of_plan
def to_gift(plan, papers, heading=PLAIN):
    """All questions with solutions and feedback."""
    papers, blocks = checked(plan, papers, heading), []
    for place, slot in enumerate(plan.slots):
        # Moodle takes this line as it stands, and a backslash in it for the beginning of an escape.
        blocks.append(f"$CATEGORY: {category_of(plan, slot, heading).replace(chr(92), '')}")
        blocks += [_question(plan, paper, paper.questions[place]) for paper in papers]
    return "\n\n".join(blocks) + "\n"


def _question(plan, paper, question):
    marks = [f"[id:{_mark(idnumber(plan, paper, question))}]", *(f"[tag:{_mark(tag)}]" for tag in tags(plan, question))]
    name = _text(f"{question.number:02d} {paper.student.label}")
    lines = [f"// {' '.join(marks)}", f"::{name}::[plain]{_text(question.problem.text)} {{"]
    if question.kind == CHOICE:
        lines += [
            f"{'=' if option.mistake is None else '~'}{_text(option.text)}#{_feedback(option.mistake)}"
            for option in question.options
        ]
    else:
        lines += ["#", f"=%100%{_number(question.problem.answer)}#{_feedback(None)}"]
        lines += [f"=%0%{_number(mistake.value)}#{_feedback(mistake)}" for mistake in question.problem.told_apart]
    return "\n".join([*lines, f"####{_text(question.problem.worked)}", "}"])


def _feedback(mistake):
    return _("Right.") if mistake is None else _text(mistake.feedback)


def _number(value):
    """A number and how far from it a reply may be."""
    return f"{plain(value)}:{float(TOLERANCE if isinstance(value, Fraction) else 0):g}"


def _text(text):
    """Text that the format takes as it is."""
    return re.sub(r"([~=#{}:\\])", r"\\\1", text)


def _mark(text):
    """Text in a mark of a comment, which ends with a bracket."""
    return text.replace("]", "\\]")
