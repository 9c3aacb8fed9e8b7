"""The teacher's key, in Markdown: for each paper the answers at a glance, then every solution."""

from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.writing.markdown import literal


def to_key(plan, papers, heading=PLAIN):
    """Answers, worked solutions, and what lies behind each wrong answer."""
    papers = checked(plan, papers, heading)
    numbers = " | ".join(str(slot.number) for slot in plan.slots)
    glance = [f"| paper | {numbers} |", "|---" * (len(plan.slots) + 1) + "|"]
    for paper in papers:
        answers = " | ".join(literal(question.answer) for question in paper.questions)
        glance.append(f"| {literal(paper.student.label)} | {answers} |")
    head = [
        f"# Key: {literal(heading.title)}",
        f"{literal(plan.made_by)}; topics {', '.join(plan.topics)}; levels {', '.join(map(str, plan.levels))}.",
        "\n".join(glance),
    ]
    return "\n\n".join([*head, *(_paper(paper) for paper in papers)]) + "\n"


def _paper(paper):
    blocks = [f"## {literal(paper.student.label)}"]
    for question in paper.questions:
        blocks.append(
            f"**{question.number}.** ({question.template.name}, {question.level}) {literal(question.problem.text)}"
        )
        blocks.append(f"Answer **{literal(question.answer)}**. {literal(question.problem.worked)}")
        shown = {option.mistake: f"{option.letter}: " for option in question.options}
        blocks.append(
            "\n".join(
                f"- {shown.get(mistake, '')}{literal(mistake.feedback)}"
                for mistake in question.problem.told_apart
                if not shown or mistake in shown
            )
        )
    return "\n\n".join(blocks)
