"""A browser with the page in it."""

import os

import pytest

from ghostnp.course.explorer import explorer_page
from tests.course.explorer.browser import INSTALL, found, started


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The page, as a file."""
    path = tmp_path_factory.mktemp("explorer") / "explore.html"
    path.write_text(explorer_page(), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests."""
    if found() is None:
        # Where the whole project is checked there is one, or the check fails.
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say(f"`ghostnp explore` was NOT tested: there is no Chromium with its chromedriver here ({INSTALL})")
    browser = started()
    yield browser
    browser.quit()
