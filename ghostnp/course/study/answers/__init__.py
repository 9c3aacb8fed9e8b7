"""The answers to the tutorials' exercises: a module for each tutorial, and `check`, which compares and gives a hint.

Exercise 2 of tutorial 04 is called "04.2". Do try before you look here.
"""

from importlib import import_module
from pkgutil import iter_modules

from ghostnp.course.study.answer import ExerciseAnswer


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
    """Say whether an answer is right, and where to look if it is not.

    Parameters
    ----------
    exercise : str
        Such as "04.2", the second exercise of tutorial 04.
    answer : int, float, bool, str or sequence of numbers, optional
        What you think; without it, nothing is given away.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    known = answers()
    if exercise not in known:
        raise ValueError(f"exercise={exercise!r}: the rule is one of {', '.join(known)}")
    if answer is None:
        print(f"{exercise}: put your answer where None stands")
    elif known[exercise].accepts(answer):
        print(f"{exercise}: right")
    else:
        print(f"{exercise}: not {answer!r}. {known[exercise].hint}")
