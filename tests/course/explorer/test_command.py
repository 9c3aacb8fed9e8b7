"""`ghostnp explore`: where it writes, and what it opens."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.course.explorer.offers import OFFERS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """The addresses that a browser was asked to open; it can be told to refuse."""
    addresses = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("webbrowser.open", lambda address: addresses.append(address) or "refused" not in address)
    return addresses


def test_it_writes_the_page_and_opens_nothing_unasked(opened, page, tmp_path):
    result = CliRunner().invoke(main, ["explore"])
    assert (result.exit_code, result.output) == (0, "page: explore.html\n")
    assert (tmp_path / "explore.html").read_bytes() == page.read_bytes()
    assert opened == []


@pytest.mark.parametrize("offer", OFFERS)
def test_the_page_begins_with_the_layer_that_was_asked_for(opened, tmp_path, offer):
    page = tmp_path / "explore.html"
    for words, start in [([offer.name], offer.name), ([offer.name, "--backward"], f"{offer.name}?direction=backward")]:
        assert CliRunner().invoke(main, ["explore", *words]).exit_code == 0
        assert f'data-start="{start}"' in page.read_text(encoding="utf-8")


def test_help_names_every_layer():
    listed = CliRunner().invoke(main, ["explore", "--help"]).output.split("LAYER: ")[1].split(".")[0]
    assert re.split(r",\s+|\s+or\s+", listed) == [offer.name for offer in OFFERS]


def test_readers_are_sent_to_layers_that_there_are():
    pages = [ROOT / "README.md", *(ROOT / "tutorials").glob("*.py")]
    sent = [
        name for page in pages for name in re.findall(r"ghostnp explore ([a-z]\S*)", page.read_text(encoding="utf-8"))
    ]
    assert len(sent) >= 10
    assert set(sent) <= {offer.name for offer in OFFERS}


def test_an_unknown_layer_is_told_and_nothing_is_written(opened, tmp_path):
    result = CliRunner().invoke(main, ["explore", "gost"])
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "layer='gost': the rule is one of 12, nearest first: ghost" in result.stderr


def test_it_opens_the_page_that_it_wrote(opened, tmp_path):
    assert CliRunner().invoke(main, ["explore", "--open", "--output", "a page.html"]).exit_code == 0
    assert opened == [(tmp_path / "a page.html").as_uri()]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--output", "nowhere/a.html"], "cannot write to nowhere/a.html: there is no such folder"),
        (["--output", "."], "cannot write to .: a folder, and the rule is a file"),
        (["--output", "refused.html", "--open"], "no browser could be started: open refused.html by hand"),
    ],
)
def test_what_goes_wrong_is_one_line(opened, words, said):
    result = CliRunner().invoke(main, ["explore", *words])
    assert (result.exit_code, result.stderr) == (1, f"Error: {said}\n")
