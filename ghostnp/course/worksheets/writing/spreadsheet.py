"""Papers as comma-separated values: a line for each question of each paper, answers and feedback included."""

import csv
import io

from ghostnp.course.worksheets.heading import PLAIN
from ghostnp.course.worksheets.language import _, if_known, in_language_of_plan
from ghostnp.course.worksheets.paper import checked
from ghostnp.course.worksheets.problem import plain
from ghostnp.course.worksheets.question import LETTERS
from ghostnp.files import no_formula


@in_language_of_plan
def to_csv(plan, papers, heading=PLAIN):
    """All questions with everything that is known about them.

    Numbers are written without separators, since spreadsheets of different countries read ``51,456`` differently.
    """
    text = io.StringIO()
    papers = checked(plan, papers, heading)
    asked = [question for paper in papers for question in paper.questions]
    # A number to be found has no options, but wrong numbers whose reason is known.
    known = max((len(question.problem.told_apart) for question in asked if not question.options), default=0)
    columns = ["id", "name", "paper", "seed", "generator", "number", "topic", "level", "points", "kind", "question"]
    columns += [*LETTERS, "right", "answer"]
    columns += [f"feedback {letter}" for letter in LETTERS]
    columns += [f"{what} {number}" for number in range(1, known + 1) for what in ("wrong", "feedback")]
    columns += ["solution"]
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    for paper in papers:
        for question in paper.questions:
            writer.writerow(_line(plan, paper, question, heading))
    return text.getvalue()


def _line(plan, paper, question, heading):
    line = {
        "id": no_formula(paper.student.id),
        "name": no_formula(paper.student.printed),
        "paper": plan.number,
        "seed": plan.seed,
        "generator": " · ".join(filter(None, (str(plan.generator), plan.own))),
        "number": question.number,
        "topic": if_known(question.template.topic),
        "level": question.level,
        "points": f"{heading.worth(question.template):g}",
        "kind": question.kind,
        "question": question.problem.text,
        "right": question.right,
        "answer": plain(question.problem.answer),
        "solution": question.problem.worked,
    }
    for option in question.options:
        line[option.letter] = plain(option.value)
        line[f"feedback {option.letter}"] = _("right") if option.mistake is None else option.mistake.feedback
    if not question.options:
        for number, mistake in enumerate(question.problem.told_apart, 1):
            line[f"wrong {number}"] = plain(mistake.value)
            line[f"feedback {number}"] = mistake.feedback
    return line
