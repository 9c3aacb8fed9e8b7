"""What a teacher wants on the papers: title, course, date, points, and whether there is an answer sheet."""

from dataclasses import dataclass

from ghostnp.course.worksheets.language import N_, _, ngettext
from ghostnp.ops.checks import flag, not_negative, sequence, shown

TITLE = N_("Counting parameters and operations")


@dataclass(frozen=True)
class Heading:
    """What is the same on all papers of a class and has nothing to do with the questions.

    Parameters
    ----------
    title : str
        Printed in large letters.
    course : str
        Printed above it, if there is one.
    date : str
        Printed as it is; without one there is a line to write it on.
    points : sequence of float
        What a question is worth: one number for all, or one for each level, easy ones first. Without any, a question
        counts 1 where a format has to say so, and nothing is printed.
    answer_sheet : bool
        Whether each printed paper ends with a sheet for the answers.
    """

    title: str = TITLE
    course: str = ""
    date: str = ""
    points: tuple[float, ...] = ()
    answer_sheet: bool = False

    def __post_init__(self):
        """Require texts of one line that can be printed, and one number of points or three."""
        for name in ("title", "course", "date"):
            text = getattr(self, name)
            if not isinstance(text, str):
                raise TypeError(f"{name}={shown(text)}: the rule is a str, such as 'Midterm'")
            if not text.isprintable() or (name == "title" and not text.strip()):
                raise ValueError(f"{name}={shown(text)}: the rule is one line of letters, such as 'Midterm'")
        points = sequence("points", self.points) if self.points != () else ()
        points = tuple(not_negative(f"points[{place}]", each) for place, each in enumerate(points))
        if len(points) not in (0, 1, 3) or 0 in points:
            raise ValueError(
                f"points={shown(self.points)}: the rule is one number above 0, such as 2, or one for each level, as "
                "1,2,3"
            )
        object.__setattr__(self, "points", points)
        flag("answer_sheet", self.answer_sheet)

    @property
    def headline(self):
        """The title as it is printed: a teacher's own, or the usual one in the papers' language."""
        return _(self.title) if self.title == TITLE else self.title

    def worth(self, template):
        """The points of a question, by its `Template`."""
        return (self.points or (1.0,))[0 if len(self.points) < 2 else template.level - 1]

    def level(self, question):
        """How hard it is, and what it is worth if that is said: ``easy``, ``hard, 3 points``."""
        if not self.points:
            return question.level
        return _("{level}, {points}", level=question.level, points=points(self.worth(question.template)))

    def total(self, paper):
        """All points of a paper."""
        return sum(self.worth(question.template) for question in paper.questions)


# Without a teacher's wishes.
PLAIN = Heading()


def points(number):
    """So many points, in words."""
    # There is more than one of 0.5 points, as of 2.
    return ngettext("{number:g} point", "{number:g} points", 1 if number == 1 else 2, number=number)
