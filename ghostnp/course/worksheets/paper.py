"""Papers: the same questions for everybody, with different numbers for each student.

Which kinds of question a paper has, and in which order, depends on the seed and on what was asked for; the numbers, the
options and their order on the seed and the student's id. A paper does not depend on who else is in the class.
"""

from dataclasses import dataclass
from typing import NamedTuple

from ghostnp.course.worksheets.chance import Dice
from ghostnp.course.worksheets.problem import LEVELS, Named, Template
from ghostnp.course.worksheets.question import CHOICE, NUMBER, Question, question
from ghostnp.course.worksheets.roster import Student
from ghostnp.course.worksheets.topics import TEMPLATES, TOPICS
from ghostnp.modules.rules import of_kind
from ghostnp.ops.checks import integer, nearest, sequence, shown


class Slot(NamedTuple):
    """One place on everybody's paper.

    Parameters
    ----------
    number : int
        From 1.
    template : Template
        What is asked there.
    kind : {"choice", "number"}
        Whether there are options.
    """

    number: int
    template: Template
    kind: str


@dataclass(frozen=True)
class Paper:
    """One student's questions.

    Parameters
    ----------
    student : Student
        Whose it is.
    questions : tuple of Question
        In the order of the paper.
    """

    student: Student
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class WorksheetPlan:
    """What all papers of a worksheet have in common.

    Parameters
    ----------
    seed : int
        What all draws begin with.
    topics : tuple of str
        Keys of `TOPICS`.
    levels : tuple of int
        Keys of `LEVELS`.
    slots : tuple of Slot
        The questions' kinds, easy ones first.
    """

    seed: int
    topics: tuple[str, ...]
    levels: tuple[int, ...]
    slots: tuple[Slot, ...]

    def paper(self, student):
        """The paper of a `Student`."""
        taken: dict[Template, int] = {}
        questions = []
        for slot in self.slots:
            name = slot.template.name
            # The same template may stand in two places: each takes the next of one order, so that no two are alike.
            turn = taken.setdefault(slot.template, 0)
            taken[slot.template] += 1
            given = Dice(self.seed, student.id, name).shuffled(slot.template.givens)[turn]
            dice = Dice(self.seed, student.id, name, turn)
            questions.append(question(slot.number, slot.template, given, slot.kind, dice))
        return Paper(student, tuple(questions))


def checked(plan, papers):
    """`papers` as a list, for whoever writes them down; `plan` is what they have in common."""
    of_kind("plan", plan, WorksheetPlan, "plan(['grouped'], 3, 0)")
    papers = [papers] if isinstance(papers, Paper) else list(sequence("papers", papers))
    for number, paper in enumerate(papers):
        of_kind(f"papers[{number}]", paper, Paper, "plan(...).paper(Student('17', 'Ada'))")
    return papers


def plan(topics, count, seed, levels=tuple(LEVELS)):
    """Choose what everybody is asked.

    Parameters
    ----------
    topics : sequence of str
        Of `TOPICS`.
    count : int
        How many questions.
    seed : int
        The same one gives the same plan.
    levels : sequence of int, default (1, 2, 3)
        Of `LEVELS`.

    Returns
    -------
    WorksheetPlan

    Raises
    ------
    TypeError, ValueError
        If a topic or level is unknown, or there are not so many different questions.

    Examples
    --------
    >>> from ghostnp.course.worksheets.roster import Student
    >>> paper = plan(["grouped"], count=1, seed=7).paper(Student("17", "Ada Lovelace"))
    >>> paper.questions[0].problem.text[:13]
    'A convolution'
    """
    for topic in sequence("topics", topics):
        if not isinstance(topic, str) or topic not in TOPICS:
            raise ValueError(
                f"topic={shown(topic)}: the rule is one of TOPICS, nearest first: {nearest(topic, TOPICS)}"
            )
    for level in sequence("levels", levels):
        if not isinstance(level, int) or level not in LEVELS:
            raise ValueError(f"level={shown(level)}: the rule is one of {', '.join(map(str, LEVELS))}")
    seed = integer("seed", seed, 0)
    # In what order they were asked for makes no difference.
    topics, levels = (
        tuple(key for key in known if key in asked) for known, asked in ((TOPICS, topics), (LEVELS, levels))
    )
    templates = [template for template in TEMPLATES if template.topic in topics and template.level in levels]
    # In rounds: a template comes back only when all others have had their turn, as long as it has other numbers left.
    chosen: list[Template] = []
    dice, turn = Dice(seed, *topics, *levels), 0
    while len(chosen) < integer("count", count, 1):
        ready = [template for template in templates if len(template.givens) > turn]
        if not ready:
            raise ValueError(
                f"count={count}, and on {', '.join(topics)} there are {len(chosen):,} different questions of level "
                f"{', '.join(map(str, levels))}: the rule is no more than that, or more topics or levels"
            )
        chosen += dice.shuffled(ready, "round", turn)[: count - len(chosen)]
        turn += 1
    chosen.sort(key=lambda template: template.level)
    slots = (Slot(n, template, _kind(template, dice, n)) for n, template in enumerate(chosen, 1))
    return WorksheetPlan(seed, topics, levels, tuple(slots))


def _kind(template, dice, number):
    # A name cannot be computed, so it is always chosen.
    if isinstance(template.pose(**template.givens[0]).answer, Named):
        return CHOICE
    return dice.pick((CHOICE, NUMBER), "kind", number)
