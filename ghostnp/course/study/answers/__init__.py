"""The answers to the tutorials' exercises: a module for each tutorial; `check` compares, and `solution` shows the way.

Exercise 2 of tutorial 04 is called "04.2". Do try before you look here.
"""

import textwrap
from importlib import import_module
from pkgutil import iter_modules

from ghostnp.course.study.answer import RIGHT, SLIP, UNREADABLE, ExerciseAnswer

TRIES = 3  # before a solution is shown
WIDTH = 110


class _Attempts:
    """What somebody has tried of one exercise, in this process."""

    def __init__(self):
        self.wrong = set()
        self.hints = 0
        self.solved = False

    def next_hint(self, answer):
        """The first hint that was not shown yet, with its number; the last one again after that."""
        self.hints = min(self.hints + 1, len(answer.hints))
        return f"Hint {self.hints} of {len(answer.hints)}: {answer.hints[self.hints - 1]}"


_attempts: dict[str, _Attempts] = {}


def answers():
    """All answers.

    Returns
    -------
    dict[str, ExerciseAnswer]
        By the exercise's name, in order.
    """
    found: dict[str, ExerciseAnswer] = {}
    for module in iter_modules(__path__, f"{__name__}."):
        found |= import_module(module.name).ANSWERS
    return dict(sorted(found.items()))


def check(exercise, answer=None):
    """Say whether an answer is right, and what to look at if it is not.

    A wrong answer is told apart: a slip of arithmetic (a sign, a digit, a zero), a misconception that has a name, or
    neither. After three different wrong answers, `solution` shows how it is done.

    Parameters
    ----------
    exercise : str
        Such as "04.2", the second exercise of tutorial 04.
    answer : int, float or sequence of numbers, optional
        What you think; without it, nothing is given away.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    known, tried = _find(exercise)
    if answer is None:
        print(f"{exercise}: put your answer where None stands")
        return
    kind, why = known.judge(answer)
    if kind == RIGHT:
        tried.solved = True
        print(f'{exercise}: right. solution("{exercise}") shows how we did it.')
        return
    if kind == UNREADABLE:
        print(f"{exercise}: {why}")
        return
    tried.wrong.add(repr(answer))
    print(" ".join(filter(None, (f"{exercise}: not {answer!r}.", "Your arithmetic slipped." * (kind == SLIP), why))))
    if kind != SLIP and tried.hints < len(known.hints):
        print(tried.next_hint(known))
    if len(tried.wrong) >= TRIES:
        print(f'Now solution("{exercise}") shows how it is done (from ghostnp.course.study import solution).')


def solution(exercise):
    """Show how an exercise is done, once it was solved or tried three times; before that, give the next hint.

    Parameters
    ----------
    exercise : str
        Such as "04.2", the second exercise of tutorial 04.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    known, tried = _find(exercise)
    left = TRIES - len(tried.wrong)
    if tried.solved or left <= 0:
        print(textwrap.fill(f"{exercise}: {known.working}", WIDTH))
        return
    print(f"{exercise}: the solution is shown after {left} more wrong answer{'s' * (left > 1)}.")
    print(tried.next_hint(known))


def _find(exercise):
    known = answers()
    if exercise not in known:
        raise ValueError(f"exercise={exercise!r}: the rule is one of {', '.join(known)}")
    return known[exercise], _attempts.setdefault(exercise, _Attempts())
