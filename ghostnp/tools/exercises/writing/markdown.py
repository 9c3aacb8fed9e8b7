"""Papers as Markdown: one after the other, with a rule between them."""

import re

from ghostnp.tools.exercises.question import NUMBER

TITLE = "Counting parameters and operations"


def literal(text):
    """Text that Markdown shows as it is: a name such as ``*_Bobby`` gets no emphasis."""
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)


def to_markdown(plan, papers):
    """All papers, without answers.

    Parameters
    ----------
    plan : Plan
        What they have in common.
    papers : iterable of Paper
        In this order.

    Returns
    -------
    str
    """
    return "\n\n---\n\n".join(_paper(plan, paper) for paper in papers) + "\n"


def _paper(plan, paper):
    blocks = [
        f"# {TITLE}",
        f"**{literal(paper.student.name)}** ({literal(paper.student.id)}) · seed {plan.seed} · {len(paper.questions)} "
        "questions",
        "Name: \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_ Date: \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_",
    ]
    for question in paper.questions:
        blocks.append(f"**{question.number}.** ({question.level}) {literal(question.problem.text)}")
        if question.kind == NUMBER:
            blocks.append("Answer: \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_")
        else:
            blocks.append("\n".join(f"- {option.letter}: {option.text}" for option in question.options))
    return "\n\n".join(blocks)
