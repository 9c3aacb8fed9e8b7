"""A browser with the page in it."""

import os
import shutil

import pytest

from ghostnp.course.explorer import explorer_page

INSTALL = "apt-get install chromium chromium-driver"


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """The page, as a file."""
    path = tmp_path_factory.mktemp("explorer") / "explore.html"
    path.write_text(explorer_page(), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests; it has no network to speak of, since the page is a file."""
    names = ("chromium", "chromium-browser", "google-chrome")
    browser, driver = next(filter(None, map(shutil.which, names)), None), shutil.which("chromedriver")
    if not (browser and driver):
        # Where the whole project is checked there is one, or the check fails.
        say = pytest.fail if "CI" in os.environ else pytest.skip
        say(f"`ghostnp explore` was NOT tested: there is no Chromium with its chromedriver here ({INSTALL})")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    # Without a sandbox, which root may not have; /dev/shm may be too small for it.
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()
