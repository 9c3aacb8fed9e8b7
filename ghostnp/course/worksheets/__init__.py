"""Worksheets on counting: questions from templates, with worked solutions and misconceptions, for a class or alone.

Read in this order: `problem` (a question, its answer, and the wrong answers that misconceptions give), `counters` and
`misconceptions`, the `topics`, `chance`, `question` (which options are shown), `roster`, `paper` (who gets which
numbers), `grading`, and `writing`, which has the formats; then `answer_key`, a key that can be kept, and
`class_answers`, which grades a whole class by it.

A new topic is a file in `topics` with templates, named in ``topics/__init__``; its wrong answers are misconceptions
listed in `misconceptions`. A teacher's own topics stay in a file of theirs (`own_topics`). A new format is a file in
`writing`, named in its `FORMATS` with the endings of its files; the command offers it from there.

Every message also stands in the catalogues of `languages`, one for each language, which `language` finds there.
``python -m tests.course.worksheets.catalogues`` brings them up to date, and begins a new one if it is given a code such
as ``pt``. ``tests/course/worksheets/test_language.py`` names the languages.
"""

from ghostnp.course.worksheets.answer_key import AnswerKey, read_key, to_json_key
from ghostnp.course.worksheets.chance import Dice
from ghostnp.course.worksheets.class_answers import ClassAnswers, grade_answers
from ghostnp.course.worksheets.grading import Grade, grade
from ghostnp.course.worksheets.heading import Heading
from ghostnp.course.worksheets.language import LANGUAGES, speaking
from ghostnp.course.worksheets.misconceptions import MISCONCEPTIONS, Misconception
from ghostnp.course.worksheets.own_topics import OwnTopics, read_topics
from ghostnp.course.worksheets.paper import Paper, WorksheetPlan, plan
from ghostnp.course.worksheets.problem import LEVELS, Mistake, Problem, Template
from ghostnp.course.worksheets.question import Option, Question
from ghostnp.course.worksheets.roster import Student, numbered, read_roster
from ghostnp.course.worksheets.topics import GENERATORS, TEMPLATES, TOPICS
from ghostnp.course.worksheets.writing import ENDINGS, FORMATS, PRINTED, to_key

__all__ = [
    "ENDINGS",
    "FORMATS",
    "GENERATORS",
    "LANGUAGES",
    "LEVELS",
    "MISCONCEPTIONS",
    "PRINTED",
    "TEMPLATES",
    "TOPICS",
    "AnswerKey",
    "ClassAnswers",
    "Dice",
    "Grade",
    "Heading",
    "Misconception",
    "Mistake",
    "Option",
    "OwnTopics",
    "Paper",
    "Problem",
    "Question",
    "Student",
    "Template",
    "WorksheetPlan",
    "grade",
    "grade_answers",
    "numbered",
    "plan",
    "read_key",
    "read_roster",
    "read_topics",
    "speaking",
    "to_json_key",
    "to_key",
]
