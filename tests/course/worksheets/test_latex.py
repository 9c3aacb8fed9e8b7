"""Papers as LaTeX: nothing in them is taken for a command, and pdflatex compiles them."""

import os
import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.cli import main
from ghostnp.course.worksheets import FORMATS, TOPICS, Heading, Student, numbered, plan
from ghostnp.course.worksheets.writing.latex import NEEDED, literal

pytestmark = pytest.mark.small
PLAN = plan(list(TOPICS), 40, 7)
NASTY = r"""\input{x} $^~_%#& "a" ?` --- ''[]| <José İĳ 李伟 ạ í Ł ő> · × − ⌊⌋"""
HEADING = Heading("Midterm {1}: 100% & more", "Deep_Nets", "3 May", (1, 2, 3), answer_sheet=True)
MADE = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "char36": "$", "cdot": "·", "times": "×"}
MADE |= {"lfloor": "⌊", "rfloor": "⌋"}


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=30))
def test_text_is_printed_as_it_is(text):
    """Read back as TeX reads: commands, and groups that only hold signs apart."""
    written = literal(text)
    found = ""
    for token in re.findall(r"\\[a-z]+(?:36)?(?:\{\})?|\\.|\$.*?\$|\{\}|[^\\]", written):
        if token == "{}":
            continue
        inner = token.strip("$") if len(token) > 1 else token
        name = inner.lstrip("\\").removesuffix("{}")
        found += MADE[name] if inner.startswith("\\") and name in MADE else name if inner.startswith("\\") else inner
    assert found == text
    assert not re.search(r"--|''|``|,,|[!?]`", written)


def test_accents_are_commands_and_other_letters_say_which_they_are():
    assert literal("José Őí ß") == r"Jos\'{e} \H{O}\'{\i{}} \ss{}"
    assert literal("Jose\u0301") == literal("Jos\u00e9")
    assert literal("李") == r"\hanzi{674E}{李}"
    assert literal("偉Ж") == r"\letter{5049}{偉}\letter{0416}{Ж}"  # which GB 2312 lacks, or calls no Chinese one


@pytest.mark.parametrize("engine", ["pdflatex", "lualatex"])
def test_it_compiles_and_no_letter_vanishes(tmp_path, engine):
    """With what Debian's texlive-latex-base has; where there is no LaTeX, the check of the whole project brings it."""
    papers = PLAN.papers([*numbered(2), Student("=1+1", NASTY), Student("王偉 Жуков", "李伟")])
    text = FORMATS["latex"](PLAN, papers, HEADING)
    assert text.count("\\begin{") == text.count("\\end{")
    assert [re.sub(r"\[.*?\]", "", each) for each in re.findall(r"\\usepackage.*?\}", text)] == [
        "\\usepackage{geometry}",
        "\\usepackage{ctex}",  # for xelatex and lualatex, where it is installed
        "\\usepackage{CJKutf8}",  # and this for pdflatex
    ]
    ran = compiled(tmp_path, engine, text)
    if ran:
        assert ran.returncode == 0, ran.stdout[-3000:]
        assert (tmp_path / "papers.pdf").read_bytes().startswith(b"%PDF")
        log = (tmp_path / "papers.log").read_text(encoding="utf-8", errors="replace")
        assert "Overfull" not in log
        assert "Missing character" not in log


def test_nothing_is_loaded_that_is_not_needed():
    text = FORMATS["latex"](PLAN, PLAN.papers([Student("17", "José")]), HEADING)
    assert re.findall(r"\\usepackage", text) == ["\\usepackage"]
    assert NEEDED not in text


def test_a_paper_in_chinese_compiles_or_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, ["worksheet", "--count", "2", "--language", "zh", "--output", "papers.tex"])
    assert said.stderr == f"{NEEDED}\npapers: papers.tex\n"
    text = (tmp_path / "papers.tex").read_text(encoding="utf-8")
    assert "\\IfFileExists{CJKutf8.sty}" in text
    ran = compiled(tmp_path, "pdflatex", text)
    if ran and ran.returncode:
        assert f"! {NEEDED}"[:60] in ran.stdout


def compiled(folder, engine, text):
    compiler = shutil.which(engine)
    assert compiler or "CI" not in os.environ
    if compiler is None:
        return None
    (folder / "papers.tex").write_text(text, encoding="utf-8")
    command = [compiler, "-interaction=nonstopmode", "-halt-on-error", "papers.tex"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
