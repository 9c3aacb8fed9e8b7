"""Papers as Markdown: one after the other, with a rule between them."""

import re

from ghostnp.course.worksheets.heading import PLAIN, points
from ghostnp.course.worksheets.language import _, in_language_of_plan, ngettext
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.question import LETTERS, NUMBER


def literal(text):
    """Text that Markdown shows as it is: a name such as ``*_Bobby`` gets no emphasis."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)


@in_language_of_plan
def to_markdown(plan, papers, heading=PLAIN):
    """All papers, without answers."""
    return "\n\n---\n\n".join(_paper(plan, paper, heading) for paper in checked(plan, papers, heading)) + "\n"


def _paper(plan, paper, heading):
    questions = len(paper.questions)
    many = ngettext(
        "{number} question", "{number} questions", questions, number=questions
    ) + f" · {points(heading.total(paper))}" * bool(heading.points)
    blocks = [literal(heading.course)] * bool(heading.course)
    blocks += [
        f"# {literal(heading.headline)}",
        f"**{literal(paper.student.label)}** · {literal(plan.made_by)} · {many}",
        _("Name: {name} Date: {date}", name=_line(20), date=literal(heading.date) or _line(10)),
    ]
    for question in paper.questions:
        blocks.append(
            _(
                "**{number}.** ({level}) {text}",
                number=question.number,
                level=heading.level(question),
                text=literal(question.problem.text),
            )
        )
        if question.kind == NUMBER:
            blocks.append(_("Answer: {line}", line=_line(16)))
        else:
            blocks.append(
                "\n".join(
                    "- " + _("{letter}: {text}", letter=option.letter, text=option.text) for option in question.options
                )
            )
    if heading.answer_sheet:
        blocks += ["\n".join(_answer_sheet(plan, paper, heading))]
    return "\n\n".join(blocks)


def _answer_sheet(plan, paper, heading):
    yield "## " + _("Answers of {student}", student=literal(paper.student.label))
    yield ""
    yield " · ".join(literal(text) for text in (heading.course, heading.headline, plan.made_by) if text)
    yield ""
    of_points = _(" of {points:g}", points=heading.total(paper)) * bool(heading.points)
    yield _("Name: {name} Points: {points}", name=_line(20), points=_line(6) + of_points)
    yield ""
    yield "| " + _("question") + " | " + _("answer") + " |"
    yield "|---|---|"
    for question in paper.questions:
        yield f"| {question.number} | {'   '.join(LETTERS) if question.options else _line(16)} |"


def _line(length):
    """A line to write on."""
    return literal("_" * length)
