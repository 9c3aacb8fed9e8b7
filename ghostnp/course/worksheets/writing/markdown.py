"""Papers as Markdown: one after the other, with a rule between them."""

import re

from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.question import NUMBER

TITLE = "Counting parameters and operations"


def literal(text):
    """Text that Markdown shows as it is: a name such as ``*_Bobby`` gets no emphasis."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)


def to_markdown(plan, papers):
    """All papers, without answers."""
    return "\n\n---\n\n".join(_paper(plan, paper) for paper in checked(plan, papers)) + "\n"


def _paper(plan, paper):
    several = "s" * (len(paper.questions) != 1)
    blocks = [
        f"# {TITLE}",
        f"**{literal(paper.student.label)}** · seed {plan.seed} · {len(paper.questions)} question{several}",
        f"Name: {_line(20)} Date: {_line(10)}",
    ]
    for question in paper.questions:
        blocks.append(f"**{question.number}.** ({question.level}) {literal(question.problem.text)}")
        if question.kind == NUMBER:
            blocks.append(f"Answer: {_line(16)}")
        else:
            blocks.append("\n".join(f"- {option.letter}: {option.text}" for option in question.options))
    return "\n\n".join(blocks)


def _line(length):
    """A line to write on."""
    return literal("_" * length)
