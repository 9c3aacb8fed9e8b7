"""What one page says about another is true: the tutorial exists, and has the heading that is named."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "tutorials"
SCRIPTS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
PAGES = [*SCRIPTS, *sorted(FOLDER.glob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)

NAMED = r'[Tt]utorial (\d\d), "([^"]+)"'
# "Tutorial 07 has the curves", "the derivation is in tutorial 06": whoever says so says under which heading.
CLAIMING = (
    r"[Tt]utorial (\d\d) (?:has|shows|explains|derives|proves|works|lists|takes)\b",
    r"\b(?:derivation|proof|curves|table|list|shown|derived|explained|proved|measured|done) (?:is |are |stands )?in"
    r' tutorial (\d\d)(?!, ")',
)


def prose(page):
    """A page's text with its lines joined, so that a sentence is found wherever it is broken."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".py":
        text = "\n".join(line.removeprefix("#") for line in text.splitlines() if line.startswith("#"))
    return " ".join(text.split())


def headings(number):
    """What the headings of a tutorial say; none if there is no such tutorial."""
    texts = [script.read_text(encoding="utf-8") for script in SCRIPTS if script.name.startswith(f"{number}_")]
    return [heading for text in texts for heading in re.findall(r"^# #+ (.+)$", text, flags=re.MULTILINE)]


@each_page
def test_tutorials_that_a_page_mentions_exist(page):
    mentioned = re.findall(r"[Tt]utorials? (\d\d)(?: (?:and|to) (\d\d))?", prose(page))
    assert {number for pair in mentioned for number in pair if number and not headings(number)} == set()


@each_page
def test_headings_that_a_page_names_exist(page):
    assert [found for found in re.findall(NAMED, prose(page)) if found[1] not in headings(found[0])] == []


@each_page
def test_a_section_that_a_page_names_as_its_own_exists(page):
    own = headings(page.name[:2])
    assert [name for name in re.findall(r'[Tt]he section "([^"]+)"', prose(page)) if name not in own] == []


@each_page
def test_what_another_tutorial_is_said_to_show_has_a_heading(page):
    """The next page may be announced as a whole."""
    announced = f"{int(page.name[:2]) + 1:02}" if page in SCRIPTS else ""
    vague = [number for pattern in CLAIMING for number in re.findall(pattern, prose(page))]
    assert [number for number in vague if number != announced] == []


def test_there_are_references_with_headings():
    assert sum(len(re.findall(NAMED, prose(page))) for page in PAGES) > 15


def test_tutorials_in_the_glossary_s_last_column_use_the_word():
    """Each row's tutorial has the word in English (whatever its ending) or in Chinese, or ghostnp's function."""
    missing, rows = [], 0
    for line in (FOLDER / "GLOSSARY.md").read_text(encoding="utf-8").splitlines():
        cells = line.strip("| ").split(" | ")
        if len(cells) == 7 and re.fullmatch(r"\d\d(, \d\d)*", cells[-1]):
            words = [
                re.split(r"[:,(]", cells[0])[0].strip()[:8],
                *re.split(r"[,:] ?", re.sub(r" \(.*\)", "", cells[1])),
            ]
            words += [name.rpartition(".")[2] for name in re.findall(r"`(ops\.\w+)`", cells[5])]
            for number in cells[-1].split(", "):
                (script,) = (script for script in SCRIPTS if script.name.startswith(number))
                text, rows = (prose(script).replace("*", "") + script.read_text(encoding="utf-8")).lower(), rows + 1
                missing += [] if any(word.lower() in text for word in words) else [(number, words)]
    assert missing == []
    assert rows > 50


GREEK = ["beta", "epsilon", "eta", "gamma", "lambda", "mu", "Phi", "sigma", "varphi"]


def letters(script):
    """The letters that a tutorial's formulas use; words, functions and other commands of LaTeX are left out."""
    formulas = " ".join(re.findall(r"\$\$[^$]+\$\$|\$[^$]+\$", prose(script)))
    formulas = re.sub(r"\\(?:text|mathrm|begin|end)\{[^}]*\}", " ", formulas)
    found = {f"\\{name}" for name in GREEK if re.search(rf"\\{name}(?![A-Za-z])", formulas)}
    return found | set("".join(re.findall(r"(?<![A-Za-z\\])[A-Za-z]+", formulas)))


def test_symbols_in_the_glossary_are_those_of_the_tutorials():
    """Each row names tutorials that use its letter, and each letter of a formula has a row for its tutorial."""
    text = (FOLDER / "GLOSSARY.md").read_text(encoding="utf-8").partition("## Symbols")[2]
    rows = re.findall(r"^\| \$(.+?)\$ \|.*\| (\d\d(?:, \d\d)*) \|$", text, flags=re.MULTILINE)
    listed = {
        (number, letter)
        for symbols, numbers in rows
        for number in numbers.split(", ")
        for letter in re.findall(r"\\?[A-Za-z]+", symbols)
    }
    used = {(script.name[:2], letter) for script in SCRIPTS for letter in letters(script)}
    assert len(rows) > 100
    assert sorted(listed - used) == []
    assert sorted(used - listed) == []
