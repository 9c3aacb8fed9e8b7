"""Exercises in counting: questions from templates, with worked solutions and misconceptions, for a class or alone.

Read in this order: `problem` (a question, its answer, and what misconceptions would answer), `counters` and
`misconceptions`, the `topics`, `chance`, `question` (which options are shown), `roster`, `paper` (who gets which
numbers), `grading`, and `writing`, which has the formats.
"""

from ghostnp.tools.exercises.chance import Dice
from ghostnp.tools.exercises.grading import Grade, grade
from ghostnp.tools.exercises.misconceptions import MISCONCEPTIONS
from ghostnp.tools.exercises.paper import Paper, Plan, plan
from ghostnp.tools.exercises.problem import LEVELS, Mistake, Problem, Template
from ghostnp.tools.exercises.question import Option, Question
from ghostnp.tools.exercises.roster import Student, numbered, read_roster
from ghostnp.tools.exercises.topics import TEMPLATES, TOPICS
from ghostnp.tools.exercises.writing import FORMATS, to_key

__all__ = [
    "FORMATS",
    "LEVELS",
    "MISCONCEPTIONS",
    "TEMPLATES",
    "TOPICS",
    "Dice",
    "Grade",
    "Mistake",
    "Option",
    "Paper",
    "Plan",
    "Problem",
    "Question",
    "Student",
    "Template",
    "grade",
    "numbered",
    "plan",
    "read_roster",
    "to_key",
]
