"""How many points a function is worth, and which share of them what is half right still earns.

A rubric is a file in TOML, which a teacher can edit. A function that is right has all of its points. Of one that is
wrong, a part of the points is for being the same as the definition, and a part for its laws.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ghostnp.course.grader.functions import graded_names
from ghostnp.files import read
from ghostnp.ops.checks import nearest, shown
from ghostnp.testing import laws_of

SAME = "the same as the definition"
USUAL_POINTS = 10
_USUAL_SHARES = {"definition": 0.75, "laws": 0.25}
# Of these nothing is known, or not enough for a verdict.
UNDECIDED = ("incomplete", "not reached")


class Share(NamedTuple):
    """Points for one part of a function: for being the same as its definition, or for a law.

    Parameters
    ----------
    points : float or None
        None where that is not decided.
    of : float
        How many there are.
    """

    points: float | None
    of: float


@dataclass(frozen=True)
class Rubric:
    """What functions are worth.

    Parameters
    ----------
    points : mapping of str to float
        By the function's name; if it is empty, ten for every function that anybody has handed in.
    shares : mapping of str to float
        Which share of the points of a function is for ``definition`` and which for ``laws``.
    of_laws : mapping of str to (mapping of str to float)
        By function, points for each law, where it is not the same for all.
    """

    points: Mapping[str, float]
    shares: Mapping[str, float]
    of_laws: Mapping[str, Mapping[str, float]]

    def worth(self, name):
        """The points of a function."""
        return self.points.get(name, 0.0 if self.points else float(USUAL_POINTS))

    def parts(self, name, found=None):
        """What the points of a function are for, as a dict; `found`, its report, knows what is in no vocabulary."""
        whole = self.worth(name)
        laws = _laws(name)
        if laws is None:
            laws = [] if found is None else [law["law"].split(":")[0] for law in found.laws]
            laws = [law for law in laws if law != SAME]
        if name in self.of_laws:
            given = {law: self.of_laws[name].get(law, 0.0) for law in laws}
            return _in_hundredths({SAME: whole - sum(given.values())} | given)
        share = self.shares["laws"] if laws else 0.0
        if found is not None and not found.has_definition:
            share = 1.0 if laws else 0.0
        return _in_hundredths({SAME: whole * (1 - share)} | {law: whole * share / len(laws) for law in laws})

    def earned(self, name, found):
        """A `Share` for each part of a function, of what a check has `found`; None if there is no such function."""
        parts = self.parts(name, found)
        if found is None:
            return {part: Share(0.0, of) for part, of in parts.items()}
        if found.status == "passed":
            return {part: Share(of, of) for part, of in parts.items()}
        if found.status in UNDECIDED:
            return {part: Share(None if of else 0.0, of) for part, of in parts.items()}
        tried = {law["law"].split(":")[0]: law for law in found.laws}
        return {part: Share(_part(tried.get(part), of, bool(tried)), of) for part, of in parts.items()}


def _in_hundredths(parts):
    """The same parts with two decimals, as they are written, so that what is written adds up to the whole."""
    whole = round(100 * sum(parts.values()))
    hundredths = {name: math.floor(round(100 * points, 6)) for name, points in parts.items()}
    lost = sorted(parts, key=lambda name: round(hundredths[name] - 100 * parts[name], 6))
    for name in lost[: whole - sum(hundredths.values())]:
        hundredths[name] += 1
    return {name: points / 100 for name, points in hundredths.items()}


def _part(law, of, any_tried):
    if not of or not any_tried:  # without any, it could not even be called
        return 0.0
    if law is None or law["kept"] is None:
        return None
    if not law["kept"]:
        return 0.0
    return None if law["cut_short"] else of


def _laws(name):
    """The laws of a function, by name; None if there is no such function in the vocabulary."""
    if name not in graded_names():
        return None
    direction = "backward" if name.endswith("_backward") else "forward"
    held = laws_of(name.removesuffix("_backward"))
    return [law.name for law in held if (law.of == "backward") == (direction == "backward")]


def usual_rubric():
    """Ten points for every function that anybody has handed in."""
    return Rubric({}, _USUAL_SHARES, {})


def read_rubric(path, registered=False):
    """Read a rubric.

    Parameters
    ----------
    path : str or pathlib.Path
        A file in TOML, as `rubric_text` writes it.
    registered : bool, default False
        Whether there are functions beyond those of the vocabulary.

    Returns
    -------
    Rubric

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is none; the error names the entry, what came and the rule.
    """
    try:
        content = tomllib.loads(read(path).decode("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{path} is no rubric ({error}): the rule is TOML, as --print-rubric prints it") from None
    _known(path, "", content, ("points", "partial", "laws"))
    tables = {name: _table(path, name, content.get(name, {})) for name in ("points", "partial", "laws")}
    points = _points(path, "points", tables["points"])
    shares = _USUAL_SHARES | _numbers(path, "partial", tables["partial"])
    _known(path, "partial.", tables["partial"], _USUAL_SHARES)
    if not math.isclose(sum(shares.values()), 1):
        raise ValueError(
            f"{path}, [partial]: definition and laws are {shares['definition']:g} and {shares['laws']:g}, which is not "
            "1 together; the rule is shares of the points, such as 0.75 and 0.25"
        )
    if not points or not any(points.values()):
        raise ValueError(f"{path}, [points]: there are none; the rule is a line for each function, such as relu = 10")
    if not registered:
        _known(path, "points.", points, graded_names())
    of_laws = {}
    for name, table in tables["laws"].items():
        given = of_laws[name] = _points(path, f"laws.{name}", _table(path, f"laws.{name}", table))
        _known(path, "laws.", [name], points)
        if (laws := _laws(name)) is not None:
            _known(path, f"laws.{name}.", given, laws)
        if sum(given.values()) > points[name] * (1 + 1e-9):
            raise ValueError(
                f"{path}, [laws.{name}]: {sum(given.values()):g} points, and {name} has {points[name]:g}; the rule is "
                "no more than these: what is left is for being the same as the definition"
            )
    return Rubric(points, shares, of_laws)


def _table(path, name, value):
    if not isinstance(value, dict):
        raise ValueError(f"{path}: {name} is {shown(value)}; the rule is a table, such as [{name}]")
    return value


def _numbers(path, table, values):
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1e9:
            raise ValueError(f"{path}, [{table}]: {name} = {shown(value)}; the rule is a number from 0 on, such as 2.5")
    return {name: float(value) for name, value in values.items()}


def _points(path, table, values):
    for name, value in (found := _numbers(path, table, values)).items():
        if round(value, 2) != value:
            raise ValueError(f"{path}, [{table}]: {name} = {value}; the rule is two decimals at most, such as 2.25")
    return found


def _known(path, where, names, known):
    for name in names:
        if name not in known:
            raise ValueError(
                f"{path}: there is no {where}{name}; the rule is one of these, nearest first: {nearest(name, known)}"
            )


def rubric_text():
    """The usual rubric as a file, with every function that can be graded, and what each entry means."""
    names = graded_names()
    example = max(names, key=lambda name: len(_laws(name) or []))
    lines = [
        "# The points of `ghostnp check submissions/ --gradebook grades.csv --rubric rubric.toml`.",
        "",
        "# A function that is right has all of its points. What is not in the assignment is deleted here: a function",
        "# without a line is not graded, and one that has a line and was not handed in has 0 points.",
        "[points]",
        *(f"{name} = {USUAL_POINTS}" for name in names),
        "",
        "# Of a function that is wrong: which share of its points is for being the same as the definition, and which",
        "# for its laws, all of them alike. With definition = 1 and laws = 0, what is wrong has 0 points.",
        "[partial]",
        *(f"{name} = {share:g}" for name, share in _USUAL_SHARES.items()),
        "",
        "# Laws may have points of their own, in the place of that share, as here for one function. What is left of",
        "# its points is for being the same as the definition.",
        f"# [laws.{example}]",
        *(f'# "{law}" = 1' for law in _laws(example) or []),
        "",
        "# The laws of each function:",
        *(f"#   {name}: {', '.join(_laws(name) or [])}" for name in names),
    ]
    return "\n".join(lines) + "\n"
