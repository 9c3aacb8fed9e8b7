"""`ghostnp explore`: where it writes, and what it opens."""

import pytest
from click.testing import CliRunner

from ghostnp.cli import main


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
