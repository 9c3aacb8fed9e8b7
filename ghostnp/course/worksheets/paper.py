"""Papers: the same questions for everybody, with different numbers for each student.

Which kinds of question a paper has, and in which order, depends on the seed and on what was asked for; the numbers, the
options and their order on the seed and the student's id. In a class no two get the same numbers as long as there are
enough: where they would, the later one in the list takes the next numbers. So a paper does not depend on who comes
after in the list, and on who comes before only where two of them would get the same.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from ghostnp.course.worksheets.chance import Dice
from ghostnp.course.worksheets.heading import Heading
from ghostnp.course.worksheets.language import SOURCE, _, in_language_of_plan, language_named
from ghostnp.course.worksheets.own_topics import OwnTopics
from ghostnp.course.worksheets.problem import LEVELS, Named, Template
from ghostnp.course.worksheets.question import CHOICE, NUMBER, Question, question
from ghostnp.course.worksheets.roster import Student
from ghostnp.course.worksheets.topics import GENERATOR, GENERATORS, TOPICS
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
    generator : int
        The version that makes the papers: one of `GENERATORS`.
    own : str
        A teacher's file of topics and its digest, if there is one.
    language : str
        What the papers are in: one of `LANGUAGES`. Numbers, options and keys do not depend on it.
    """

    seed: int
    topics: tuple[str, ...]
    levels: tuple[int, ...]
    slots: tuple[Slot, ...]
    generator: int = GENERATOR
    own: str = ""
    language: str = SOURCE

    @property
    def number(self):
        """Four digits that tell it from other worksheets, whatever language they are in."""
        kinds = [(slot.template.name, slot.kind) for slot in self.slots]
        made = repr((self.seed, self.generator, self.topics, self.levels, self.own, kinds))
        return 1000 + int(hashlib.sha256(made.encode()).hexdigest(), 16) % 9000

    @property
    def made_by(self):
        """What is printed on every paper, so that it can be made again: ``paper 4821 · seed 7 · generator 1``."""
        made_by = _("seed {seed} · generator {generator}", seed=self.seed, generator=self.generator)
        return f"{self.called} · {made_by}{f' · {self.own}' * bool(self.own)}"

    @property
    def called(self):
        """The number in words, as ``paper 4821``."""
        return _("paper {number}", number=self.number)

    def paper(self, student):
        """The paper of a `Student` who is alone, or the first in a list."""
        return self.papers([student])[0]

    @in_language_of_plan
    def papers(self, students):
        """The papers of a class.

        Parameters
        ----------
        students : sequence of Student
            In the order of the list.

        Returns
        -------
        tuple of Paper
            One for each, with different numbers as long as there are enough.
        """
        students = [of_kind(f"students[{n}]", each, Student, "Student('17', 'Ada')") for n, each in enumerate(students)]
        used: dict[Template, Counter[int]] = {slot.template: Counter() for slot in self.slots}
        return tuple(self._paper(student, used) for student in students)

    def _paper(self, student, used):
        # The same template may stand in two places: each takes the next of one order, so that no two are alike.
        places = Counter(slot.template for slot in self.slots)
        orders = {
            template: iter(
                _turns(Dice(self.seed, student.id, template.name), template, used[template], places[template])
            )
            for template in places
        }
        turns: Counter[Template] = Counter()
        questions = []
        for slot in self.slots:
            given = next(orders[slot.template])
            dice = Dice(self.seed, student.id, slot.template.name, turns[slot.template])
            turns[slot.template] += 1
            questions.append(question(slot.number, slot.template, given, slot.kind, dice))
        return Paper(student, tuple(questions))

    def repeated(self, students):
        """Where a class is too large for different numbers.

        Parameters
        ----------
        students : int
            How many there are.

        Returns
        -------
        dict of str to int
            By template, how many sets of numbers it has, if that is not enough.
        """
        places = Counter(slot.template for slot in self.slots)
        wanted = integer("students", students, 0)
        return {
            template.name: len(template.givens)
            for template, many in places.items()
            if len(template.givens) < many * wanted
        }


def _turns(dice, template, used, wanted):
    """So many of a template's numbers: in an order of the student's own, those first that fewer others have."""
    order = dice.shuffled(range(len(template.givens)))
    chosen = sorted(order, key=used.__getitem__)[:wanted]  # which keeps the order among equals
    used.update(chosen)
    return [template.givens[place] for place in chosen]


def checked(plan, papers, heading):
    """`papers` as a list, for whoever writes them down with a `Heading`; `plan` is what they have in common."""
    of_kind("plan", plan, WorksheetPlan, "plan(['grouped'], 3, 0)")
    of_kind("heading", heading, Heading, "Heading('Midterm')")
    papers = [papers] if isinstance(papers, Paper) else list(sequence("papers", papers))
    for number, paper in enumerate(papers):
        of_kind(f"papers[{number}]", paper, Paper, "plan(...).paper(Student('17', 'Ada'))")
    return papers


def plan(topics, count, seed, levels=tuple(LEVELS), *, generator=GENERATOR, own=None, language=SOURCE):
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
    generator : int, default the latest
        Of `GENERATORS`: an earlier one makes the papers that it made when they were new.
    own : OwnTopics, optional
        A teacher's own topics (see `read_topics`), which may be named among `topics`. Their texts stay as they are.
    language : str, default "en"
        Of `LANGUAGES`.

    Returns
    -------
    WorksheetPlan

    Raises
    ------
    TypeError, ValueError
        If a topic, a level, a generator or a language is unknown, or there are not so many different questions.

    Examples
    --------
    >>> from ghostnp.course.worksheets.roster import Student
    >>> paper = plan(["grouped"], count=1, seed=7).paper(Student("17", "Ada Lovelace"))
    >>> paper.questions[0].problem.text[:13]
    'A convolution'
    """
    if not isinstance(generator, int) or isinstance(generator, bool) or generator not in GENERATORS:
        raise ValueError(f"generator={shown(generator)}: the rule is one of {', '.join(map(str, GENERATORS))}")
    language_named(language)
    if own is not None:
        of_kind("own", own, OwnTopics, "read_topics('my_topics.py')")
    known_topics = TOPICS | (own.topics if own else {})
    for topic in sequence("topics", topics):
        if not isinstance(topic, str) or topic not in known_topics:
            raise ValueError(
                f"topic={shown(topic)}: the rule is one of TOPICS, nearest first: {nearest(topic, known_topics)}"
            )
    for level in sequence("levels", levels):
        if not isinstance(level, int) or level not in LEVELS:
            raise ValueError(f"level={shown(level)}: the rule is one of {', '.join(map(str, LEVELS))}")
    seed = integer("seed", seed, 0)
    # In what order they were asked for makes no difference.
    topics, levels = (
        tuple(key for key in known if key in asked) for known, asked in ((known_topics, topics), (LEVELS, levels))
    )
    every = GENERATORS[generator] + (own.templates if own else ())
    templates = [template for template in every if template.topic in topics and template.level in levels]
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
    return WorksheetPlan(seed, topics, levels, tuple(slots), generator, own.label if own else "", language)


def _kind(template, dice, number):
    # A name cannot be computed, so it is always chosen.
    if isinstance(template.pose(**template.givens[0]).answer, Named):
        return CHOICE
    return dice.pick((CHOICE, NUMBER), "kind", number)
