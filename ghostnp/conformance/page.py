"""What was found, written down: tables and scripts as Markdown, and everything as JSON."""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from tabulate import tabulate

from ghostnp.conformance.holding import Held
from ghostnp.testing.arrays import REGIMES

_OPENING = """\
# Frameworks, held against the definitions

Each operator of a framework was called on drawn cases, and held against its definition in float64 within a bound that
follows from rounding, y and gradients, in each regime of numbers; and against the laws that it has to obey. What the
regimes promise is written in `ghostnp/testing/comparison.py`, and the bounds in `ghostnp/testing/bounds.py`. A case that
failed was reduced to the smallest that still fails, and is repeated below by the framework alone.

✓ all calls passed; ✗ one failed, with the number of the failure; · nothing is promised, or the framework has no such
function or format. A failure is a place where the framework's result is not what the definition says: a fault of the
framework, or a decision of its authors. The note behind each failure says which numbers part.
"""


@dataclass
class Found:
    """All that was found of one framework."""

    name: str
    versions: dict[str, str | None]
    held: list[Held] = field(default_factory=list)


@dataclass
class Page:
    """A run: which command made it, when, and what was found.

    Parameters
    ----------
    command : str
        With its options.
    system : str
        Where it ran.
    frameworks : list of Found
    missing : dict of str to str
        Frameworks that are not installed, and the packages that they need.
    """

    command: str
    system: str
    frameworks: list[Found] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d"))

    def to_json(self):
        """Everything."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def to_markdown(self):
        """A page."""
        parts = [_OPENING, f"Made by `{self.command}` on {self.date} ({self.system})."]
        if self.missing:
            parts.append(f"Not installed: {', '.join(f'{name} ({needs})' for name, needs in self.missing.items())}.")
        parts.append(tabulate(map(_summary, self.frameworks), _SUMMARY, "github"))
        for found in self.frameworks:
            parts += _framework(found)
        return "\n\n".join(parts) + "\n"


_SUMMARY = ("framework", "versions", "operators", "calls", "matches kept", "laws kept", "failures")


def _summary(found):
    def kept(is_law):
        asked = [held for held in found.held if held.is_law is is_law]
        return f"{sum(held.failure is None for held in asked)} of {len(asked)}"

    return (
        found.name,
        _versions(found),
        len({held.operator for held in found.held}),
        f"{sum(held.calls for held in found.held):,}",
        kept(False),
        kept(True),
        sum(held.failure is not None for held in found.held),
    )


def _versions(found):
    return ", ".join(f"{package} {version}" for package, version in found.versions.items() if version)


def _framework(found):
    """One table, and what failed."""
    failures = [held for held in found.held if held.failure is not None]
    number = {id(held): place for place, held in enumerate(failures, 1)}
    rows = {}
    for held in found.held:
        if not held.is_law:
            row = rows.setdefault((held.operator, held.dtype), dict.fromkeys(REGIMES, "·"))
            row[held.against] = f"✗ {number[id(held)]}" if held.failure else "✓"
    laws = {}
    for held in found.held:
        if held.is_law:
            laws.setdefault(held.operator, []).append(held)
    table, told = [], set()
    for (operator, dtype), row in rows.items():
        asked = laws.get(operator, []) if operator not in told else []
        told.add(operator)
        broken = [f"✗ {number[id(held)]}" for held in asked if held.failure]
        verdict = f"{len(asked) - len(broken)} of {len(asked)} {' '.join(broken)}".strip() if asked else ""
        table.append((operator, dtype, *row.values(), verdict))
    parts = [
        f"## {found.name} ({_versions(found)})",
        tabulate(table, ("operator", "dtype", *REGIMES, "laws"), "github"),
    ]
    for held in failures:
        parts.append(_failure(number[id(held)], held))
    return parts


def _failure(number, held):
    what = f'the law "{held.against}"' if held.is_law else f"{held.dtype}, {held.against}"
    failure = held.failure
    again = "" if failure["reproduced"] else " It was not repeated by the script: look at it with suspicion."
    script = failure["script"]
    if len(script) > 2500:  # the JSON has it whole
        script = f"# {len(script):,} characters, in the JSON file: the smallest call is {failure['case']}\n"
    return (
        f"<details><summary>{number}. {held.operator}, {what}: {_escaped(failure['says'].splitlines()[0])}</summary>\n\n"
        f"`{failure['case']}`{again}\n\n```py\n{script}```\n\n</details>"
    )


def _escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
