"""Papers as Markdown: one after the other, with a rule between them."""

import re

from ghostnp.course.worksheets.heading import PLAIN, points
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.question import LETTERS, NUMBER


def literal(text):
    """Text that Markdown shows as it is: a name such as ``*_Bobby`` gets no emphasis."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)


def to_markdown(plan, papers, heading=PLAIN):
    """All papers, without answers."""
    return "\n\n---\n\n".join(_paper(plan, paper, heading) for paper in checked(plan, papers, heading)) + "\n"


def _paper(plan, paper, heading):
    several = "s" * (len(paper.questions) != 1)
    many = f"{len(paper.questions)} question{several}" + f" · {points(heading.total(paper))}" * bool(heading.points)
    blocks = [literal(heading.course)] * bool(heading.course)
    blocks += [
        f"# {literal(heading.title)}",
        f"**{literal(paper.student.label)}** · {literal(plan.made_by)} · {many}",
        f"Name: {_line(20)} Date: {literal(heading.date) or _line(10)}",
    ]
    for question in paper.questions:
        blocks.append(f"**{question.number}.** ({heading.level(question)}) {literal(question.problem.text)}")
        if question.kind == NUMBER:
            blocks.append(f"Answer: {_line(16)}")
        else:
            blocks.append("\n".join(f"- {option.letter}: {option.text}" for option in question.options))
    if heading.answer_sheet:
        blocks += ["\n".join(_answer_sheet(paper))]
    return "\n\n".join(blocks)


def _answer_sheet(paper):
    yield f"## Answers of {literal(paper.student.label)}"
    yield ""
    yield "| question | answer |"
    yield "|---|---|"
    for question in paper.questions:
        yield f"| {question.number} | {'   '.join(LETTERS) if question.options else _line(16)} |"


def _line(length):
    """A line to write on."""
    return literal("_" * length)
