"""The teacher's key, in Markdown: for each paper the answers at a glance, then every solution."""

from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.language import _, if_known, in_language_of_plan
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.writing.markdown import literal


@in_language_of_plan
def to_key(plan, papers, heading=PLAIN):
    """Answers, worked solutions, and what lies behind each wrong answer."""
    papers = checked(plan, papers, heading)
    numbers = " | ".join(str(slot.number) for slot in plan.slots)
    glance = ["| " + _("paper") + f" | {numbers} |", "|---" * (len(plan.slots) + 1) + "|"]
    for paper in papers:
        answers = " | ".join(literal(question.answer) for question in paper.questions)
        glance.append(f"| {literal(paper.student.label)} | {answers} |")
    head = [
        _("# Key: {title}", title=literal(heading.headline)),
        _(
            "{made_by}; topics {topics}; levels {levels}.",
            made_by=literal(plan.made_by),
            topics=_(", ").join(map(if_known, plan.topics)),
            levels=_(", ").join(map(str, plan.levels)),
        ),
        "\n".join(glance),
    ]
    return "\n\n".join([*head, *(_paper(paper) for paper in papers)]) + "\n"


def _paper(paper):
    blocks = [f"## {literal(paper.student.label)}"]
    for question in paper.questions:
        blocks.append(
            _(
                "**{number}.** ({title}, {level}) {text}",
                number=question.number,
                title=question.template.title,
                level=question.level,
                text=literal(question.problem.text),
            )
        )
        blocks.append(
            _(
                "Answer **{answer}**. {worked}",
                answer=literal(question.answer),
                worked=literal(question.problem.worked),
            )
        )
        shown = {option.mistake: _("{letter}: {text}", letter=option.letter, text="") for option in question.options}
        blocks.append(
            "\n".join(
                f"- {shown.get(mistake, '')}{literal(mistake.feedback)}"
                for mistake in question.problem.told_apart
                if not shown or mistake in shown
            )
        )
    return "\n\n".join(blocks)
