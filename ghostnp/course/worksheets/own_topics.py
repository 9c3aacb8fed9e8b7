"""A teacher's own topics: a Python file with templates of its own.

The file has ``TOPICS``, a dict of names and what they are about, and ``TEMPLATES``, a tuple of what the decorator
`template` makes. Its answers come from `counters`, and its wrong answers are mistakes of `MISCONCEPTIONS`, or of the
teacher's own (`Misconception`). There is an example in the README.
"""

import hashlib
import re
import sys
import traceback
from collections.abc import Mapping
from importlib.abc import InspectLoader
from importlib.util import decode_source
from numbers import Integral
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from ghostnp.course.worksheets.misconceptions import MISCONCEPTIONS, Misconception
from ghostnp.course.worksheets.problem import LEVELS, Named, Problem, Ratio, Template
from ghostnp.course.worksheets.question import LETTERS
from ghostnp.course.worksheets.topics import TOPICS
from ghostnp.files import read
from ghostnp.ops.checks import shown

# So many of a template's problems are tried when its file is read, and all of them where there are fewer.
_TRIED = 200
_NAME = re.compile(r"[a-z][a-z0-9_-]*")


class OwnTopics(NamedTuple):
    """What a teacher's file has.

    Parameters
    ----------
    label : str
        The file's name and the digest of its text: what is printed on the papers.
    topics : dict of str to str
        What they are about.
    templates : tuple of Template
        The questions.
    """

    label: str
    topics: Mapping[str, str]
    templates: tuple[Template, ...]


def read_topics(path):
    """Run a teacher's file and take its topics.

    Parameters
    ----------
    path : str or Path
        A Python file with ``TOPICS`` and ``TEMPLATES``. It is run, with all that it may do.

    Returns
    -------
    OwnTopics

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it cannot be run, or a template is none that papers can be made of; the error says where, and what would do.
    """
    text = read(path)
    path = Path(path)
    found = _run(path, text)
    for name, example in (("TOPICS", "{'dilated': 'dilated convolutions'}"), ("TEMPLATES", "(weights,)")):
        if not found.get(name):
            raise ValueError(f"{path} has no {name}: the rule is {name} = {example}")
    topics, templates = found["TOPICS"], found["TEMPLATES"]
    _check_topics(path, topics)
    if not isinstance(templates, tuple | list):
        raise ValueError(f"{path}: TEMPLATES={shown(templates)}: the rule is a tuple, such as (weights,)")
    names = set()
    for each in templates:
        if not isinstance(each, Template):
            raise ValueError(
                f"{path}: {shown(each)} in TEMPLATES is no template: the rule is a function under @template(...)"
            )
        where = f"{path}, {each.pose.__name__}"
        if each.topic not in topics:
            raise ValueError(
                f"{where}: topic={shown(each.topic)}: the rule is one of {', '.join(topics)}, as in TOPICS"
            )
        if each.level not in LEVELS:
            raise ValueError(f"{where}: level={shown(each.level)}: the rule is one of {', '.join(map(str, LEVELS))}")
        if each.name in names:
            raise ValueError(f"{where}: two templates are called {each.name!r}: the rule is one name for each")
        names.add(each.name)
        _try(where, each)
    return OwnTopics(f"{path.name} {hashlib.sha256(text).hexdigest()[:12]}", dict(topics), tuple(templates))


def _check_topics(path, topics):
    if not isinstance(topics, dict) or not all(isinstance(word, str) for pair in topics.items() for word in pair):
        raise ValueError(
            f"{path}: TOPICS={shown(topics)}: the rule is a dict of names and texts, such as {{'dilated': 'dilated "
            "convolutions'}"
        )
    for name in topics:
        if not _NAME.fullmatch(name) or name in TOPICS:
            why = "is a topic of ghostnp's" if name in TOPICS else "is no name"
            raise ValueError(
                f"{path}: topic {name!r} {why}: the rule is a name of its own in small letters, such as dilated"
            )


class _Text(InspectLoader):
    """Import what was read, and not what a cache of compiled files has of it."""

    def __init__(self, path, text):
        self.path, self.text = path, text

    def get_source(self, fullname):
        """The file's text, decoded as Python does."""
        return decode_source(self.text)

    def get_code(self, fullname):
        """The file's code, which knows its path."""
        return self.source_to_code(self.text, str(self.path))


def _run(path, text):
    """The names that the file makes, under a module's name of its own, which its own classes can be found by."""
    name = f"ghostnp_own_topics_{hashlib.sha256(text).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        _Text(path, text).exec_module(module)
    except Exception as error:  # whatever a teacher's file raises is told with the line that raised it
        raise ValueError(f"{path}{_line(error, path)}: {type(error).__name__}: {error}") from None
    return vars(module)


def _line(error, path):
    """Where in the file an error comes from."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""


def _try(where, template):
    """Pose many of its problems, and require that each makes a question with four options."""
    if not template.givens:
        raise ValueError(f"{where}: no choice of numbers is legal: the rule is one or more")
    for given in template.givens[:: -(-len(template.givens) // _TRIED)]:
        numbers = ", ".join(f"{name}={value}" for name, value in given.items())
        try:
            problem = template.pose(**given)
        except Exception as error:  # as above
            raise ValueError(f"{where}({numbers}): {type(error).__name__}: {error}") from None
        if fault := _fault(problem):
            raise ValueError(f"{where}({numbers}): {fault}")


def _fault(problem):
    """What is wrong with a problem, in words; nothing if it can be asked."""
    if not isinstance(problem, Problem):
        return f"{shown(problem)} is no problem: the rule is Problem(text, answer, solution, mistakes)"
    kinds = Integral if isinstance(problem.answer, Integral) else Ratio if isinstance(problem.answer, Ratio) else Named
    if not isinstance(problem.answer, Integral | Ratio | Named) or isinstance(problem.answer, bool):
        return (
            f"answer={shown(problem.answer)}: the rule is what a counter gives, a whole number, a Ratio or a Named, "
            "such as macs('conv2d', ...)"
        )
    for name, value in problem.mistakes.items():
        if name not in MISCONCEPTIONS and not isinstance(name, Misconception):
            return (
                f"mistake {shown(name)} is unknown: the rule is one of MISCONCEPTIONS, or Misconception(name, reason)"
            )
        if not isinstance(value, kinds):
            return f"mistake {shown(name)} gives {shown(value)}: the rule is a value of the answer's kind"
    if len(problem.told_apart) < len(LETTERS) - 1:
        return (
            f"{len(problem.told_apart)} mistakes can be told from the answer and from each other: the rule is "
            f"{len(LETTERS) - 1} or more, for {len(LETTERS)} options"
        )
    return ""
