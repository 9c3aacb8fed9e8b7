"""What was found, written down: tables and scripts as Markdown, and everything as JSON."""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from tabulate import tabulate

from ghostnp.conformance.holding import Held
from ghostnp.testing.arrays import REGIMES

# How many characters of a script, and of what is wrong, a page has room for.
_LONG, _WIDE = 2500, 240
_OPENING = """\
# Frameworks, held against the definitions

Each operator of a framework was called on drawn cases. Its results and gradients were compared with the definition in
float64, within a bound that follows from rounding, in each regime of numbers; and it was held to the laws that it has
to obey. What each regime promises is written in `ghostnp/testing/comparison.py`, and the bounds are derived in
`ghostnp/testing/bounds.py`. A case that failed was reduced to the smallest that still fails. The script below it shows
it with the framework alone.

- ✓: all calls passed.
- ✗: one failed; the number is that of the failure below.
- ⊘: the framework raises on some legal calls; these were left out of the rest.
- ·: nothing is promised, or the framework has no such function.

A failure is a place where a result is not what the definition says. It may be a fault of the framework, or a decision
of its authors, such as speed before accuracy.
"""


@dataclass
class Found:
    """All that was found of one framework, on so many calls for each regime and law."""

    name: str
    versions: dict[str, str]
    examples: int
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


def from_json(text):
    """A `Page` that `Page.to_json` wrote.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        given = json.loads(text)
        frameworks = [
            Found(**found | {"held": [Held(**held) for held in found["held"]]}) for found in given["frameworks"]
        ]
        return Page(**given | {"frameworks": frameworks})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("the rule is a file that ghostnp conformance --json wrote") from error


def to_markdown(pages):
    """What one run found, or several, as one page."""
    frameworks = [found for page in pages for found in page.frameworks]
    missing = {name: needs for page in pages for name, needs in page.missing.items()}
    made = [f"- `{page.command}` on {page.date} ({page.system})" for page in pages if page.frameworks]
    parts = [_OPENING, "Made by\n\n" + "\n".join(made)]
    if missing:
        parts.append(f"Not installed: {', '.join(f'{name} ({needs})' for name, needs in missing.items())}.")
    parts.append(tabulate(map(_summary, frameworks), _SUMMARY, "github"))
    for found in frameworks:
        parts += _framework(found)
    return "\n\n".join(parts) + "\n"


_SUMMARY = ("framework", "versions", "operators", "calls", "matches kept", "laws kept", "refuses some calls of")


def _summary(found):
    def kept(kind):
        asked = [held for held in found.held if held.kind == kind]
        return f"{sum(held.failure is None for held in asked)} of {len(asked)}"

    return (
        found.name,
        _versions(found),
        len({held.operator for held in found.held}),
        f"{sum(held.calls for held in found.held):,}",
        kept("match"),
        kept("law"),
        f"{sum(held.kind == 'refusal' for held in found.held)} operators",
    )


def _versions(found):
    return ", ".join(f"{package} {version}" for package, version in found.versions.items() if version)


def _framework(found):
    """One table, and what failed."""
    failures = [held for held in found.held if held.failure is not None]
    marks = {id(held): f"{'⊘' if held.kind == 'refusal' else '✗'} {place}" for place, held in enumerate(failures, 1)}
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for held in found.held:
        if held.kind == "match":
            row = rows.setdefault((held.operator, held.dtype), dict.fromkeys(REGIMES, "·"))
            row[held.against] = marks.get(id(held), "✓")
    table, told = [], set()
    for (operator, dtype), row in rows.items():
        others = [held for held in found.held if held.operator == operator and held.kind != "match"]
        laws = [held for held in others if held.kind == "law"]
        kept = f"{sum(held.failure is None for held in laws)} of {len(laws)}" if laws else "·"
        notes = [marks[id(held)] for held in others if id(held) in marks]
        table.append((operator, dtype, *row.values(), *(("", "") if operator in told else (kept, " ".join(notes)))))
        told.add(operator)
    return [
        f"## {found.name} ({_versions(found)})",
        tabulate(table, ("operator", "dtype", *REGIMES, "laws kept", ""), "github"),
        *(_failure(number, held) for number, held in enumerate(failures, 1)),
    ]


def _failure(number, held):
    what = {"match": f"{held.dtype}, {held.against}", "law": f"the law “{held.against}”", "refusal": "refused"}
    failure = held.failure
    again = "" if failure["reproduced"] else " The script did not repeat it."
    script = failure["script"]
    if len(script) > _LONG:
        script = f"# {len(script):,} characters: ghostnp conformance --json writes it.\n"
    summary = f"{number}. {held.operator}, {what[held.kind]}: {_shortened(failure['says'])}"
    return f"<details><summary>{summary}</summary>\n\n`{failure['case']}`{again}\n\n```py\n{script}```\n\n</details>"


def _shortened(text):
    text = text if len(text) <= _WIDE else f"{text[:_WIDE]}..."
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
