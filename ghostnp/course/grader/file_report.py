"""What a check found: in words, as JSON, and as JUnit XML for course tools; each takes a `FileReport`, gives text."""

import json
import unicodedata
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from xml.etree import ElementTree

from ghostnp import ops


@dataclass
class FunctionReport:
    """What was found of one function.

    Parameters
    ----------
    name : str
        Of the function.
    status : str
        "passed", "incomplete" (nothing wrong was found, and time ran out), "wrong", "not started", "handed over" or
        "not reached".
    says : str
        What is wrong, in a sentence.
    case : str
        The smallest call on which it is, as it can be pasted.
    arguments : dict[str, str]
        What went in, where it is small enough to show.
    expected, got, difference, where : str
        Of the results.
    hints : list of str
        What to look at.
    laws : list of dict
        Each law with its name (``law``), whether it is ``kept`` (None if it was not tried), what its breach ``says``,
        on how many ``calls`` it was tried of those ``wanted``, and whether time ``cut_short`` that.
    has_definition : bool
        Whether there is another definition to compare with; there is none for an operator that the file registered.
    """

    name: str
    status: str
    says: str = ""
    case: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    expected: str = ""
    got: str = ""
    difference: str = ""
    where: str = ""
    hints: list[str] = field(default_factory=list)
    laws: list[dict] = field(default_factory=list)
    has_definition: bool = True


@dataclass
class FileReport:
    """What was found in a file.

    Parameters
    ----------
    file : str
        Its name.
    """

    file: str
    functions: dict[str, FunctionReport | None] = field(default_factory=dict)
    problem: FunctionReport | None = None
    others: list[str] = field(default_factory=list)
    helpers: list[str] = field(default_factory=list)
    printed: int = 0
    first_printed: str = ""

    def add(self, name, **found):
        """Enter what was found of one function."""
        self.functions[name] = FunctionReport(name, **found)

    def stopped(self, name, found):
        """The process was stopped for good: what is left was not reached."""
        if name:
            self.add(name, status="wrong", **found)
        else:
            self.problem = FunctionReport("", "wrong", **found)
        self._leave("not reached", "the process had to be stopped before")

    def out_of_time(self, says):
        """The time of the whole file has run out: what is left was not tried, and nothing is known of it."""
        if self.functions:
            self._leave("incomplete", says)
        else:
            self.problem = FunctionReport("", "incomplete", says)

    def _leave(self, status, says):
        for left in [left for left, report in self.functions.items() if report is None]:
            self.add(left, status=status, says=says)

    @property
    def passed(self):
        """Whether there is something in it, and all of it is right."""
        return (
            self.problem is None
            and bool(self.functions)
            and all(report is not None and report.status == "passed" for report in self.functions.values())
        )

    @property
    def incomplete(self):
        """Whether nothing in it was found wrong, and time ran out before all was tried."""
        found = [*self.functions.values(), *([] if self.problem is None else [self.problem])]
        statuses = {report.status for report in found if report is not None}
        return "incomplete" in statuses <= {"incomplete", "passed"} and None not in found

    @property
    def sentences(self):
        """What is to be said of the file as a whole."""
        said = self.unchecked
        if self.printed:
            said.append(f"it printed {self.printed} lines, which are left out here; the first: {self.first_printed}")
        return said

    @property
    def unchecked(self):
        """Which functions were not checked, and why not."""
        said = []
        if self.problem is None and not self.functions:
            said.append("no function of the vocabulary is defined here: the rule is a name such as depthwise_conv2d")
        for other in self.others:
            close = get_close_matches(other, ops.__all__, 1, 0.85)
            said += [f"{other} is not in the vocabulary and was not checked; {meant} is" for meant in close]
        said += [
            f"{helper} has other arguments than the vocabulary's, is taken for a helper, and was not checked"
            for helper in self.helpers
        ]
        return said


def plain(found):
    """What was found, with escapes for characters that a terminal obeys, or that no encoding or XML can write."""
    if isinstance(found, dict):
        return {key: plain(value) for key, value in found.items()}
    if isinstance(found, list):
        return [plain(value) for value in found]
    if not isinstance(found, str):
        return found
    return "".join(letter if letter in "\t\n" or _is_plain(letter) else ascii(letter)[1:-1] for letter in found)


def _is_plain(letter):
    return unicodedata.category(letter) not in ("Cc", "Cs") and ord(letter) not in (0xFFFE, 0xFFFF)


_MARKS = {"passed": "✓", "incomplete": "…", "wrong": "✗", "not started": "○", "handed over": "✗", "not reached": "?"}


def to_text(report):
    """The report in words."""
    lines = []
    if report.problem is not None:
        lines += _function_lines(report.file, report.problem)
    for name, found in report.functions.items():
        lines += _function_lines(name, found)
    lines += [f"{report.file}: {sentence}" for sentence in report.sentences]
    if report.passed and len(report.functions) > 1:
        compared = all(found is not None and found.has_definition for found in report.functions.values())
        lines.append(f"all {len(report.functions)} functions {'are right' if compared else 'keep their laws'}")
    return "\n".join(lines)


def _function_lines(name, found):
    if found.status == "passed" and found.has_definition:
        return [f"✓ {name}: right, laws kept: {len(found.laws)}"]
    if found.status == "passed":
        return [
            f"✓ {name}: laws kept: {len(found.laws)}; it is registered here, so there is no definition to compare with"
        ]
    lines = [f"{_MARKS[found.status]} {name}: {found.says}"]
    for label, text in _details(found):
        first, *rest = text.split("\n")
        lines += [f"    {label:<10}  {first}", *(" " * 16 + line for line in rest)]
    return [*lines, ""]


def _details(found):
    details = [("case", found.case), *((f"{name} =", text) for name, text in found.arguments.items())]
    details += [(label, getattr(found, label)) for label in ("expected", "got", "difference", "where")]
    details += [("look at", hint) for hint in found.hints]
    # What is no result breaks all laws, in the words that say so.
    broken = [law for law in found.laws if law["kept"] is False and law["says"] and law["says"] not in found.says]
    details += [("breaks", f"{law['law'].split(':')[0]}: {law['says']}") for law in broken]
    kept = [law["law"].split(":")[0] for law in found.laws if law["kept"]]
    details += [("keeps", ", ".join(kept))]
    return [(label, text) for label, text in details if text]


def to_json(report):
    """The report as JSON, with all that `to_text` says."""
    functions = [asdict(found) for found in report.functions.values() if found is not None]
    problem = None if report.problem is None else asdict(report.problem)
    content = {"file": report.file, "passed": report.passed, "incomplete": report.incomplete, "problem": problem,
               "functions": functions, "notes": report.sentences, "others": report.others, "helpers": report.helpers,
               "printed": report.printed, "first_printed": report.first_printed}  # fmt: skip
    return json.dumps(content, ensure_ascii=False, indent=2)


def from_json(text):
    """The report that `to_json` wrote.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        content = json.loads(text)
        functions = {found["name"]: FunctionReport(**found) for found in content["functions"]}
        problem = None if content["problem"] is None else FunctionReport(**content["problem"])
        rest = {name: content[name] for name in ("others", "helpers", "printed", "first_printed")}
        return FileReport(content["file"], dict(functions), problem, **rest)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"text is no report of a check ({type(error).__name__}: {error})") from None


def to_junit(report):
    """The report as JUnit XML: a test case for each function."""
    found = list(report.functions.values())
    if report.problem is not None or not found:
        found.append(report.problem or FunctionReport("", "wrong", report.sentences[0]))
    counts = {
        "tests": len(found),
        "failures": sum(each.status in ("wrong", "handed over") for each in found),
        "errors": sum(each.status == "incomplete" for each in found),
        "skipped": sum(each.status in ("not started", "not reached") for each in found),
    }
    suite = ElementTree.Element("testsuite", {"name": report.file} | {key: str(value) for key, value in counts.items()})
    for each in found:
        case = ElementTree.SubElement(suite, "testcase", classname=report.file, name=each.name or report.file)
        if each.status == "passed":
            continue
        kind = {"not started": "skipped", "not reached": "skipped", "incomplete": "error"}.get(each.status, "failure")
        element = ElementTree.SubElement(case, kind, message=each.says)
        element.text = "\n".join(_function_lines(each.name or report.file, each))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"
