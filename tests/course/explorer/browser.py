"""Chromium, started for the tests and for the README's picture."""

import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "apt-get install chromium chromium-driver"


def found():
    """The paths of a Chromium and of its driver, or None."""
    browser, driver = next(filter(None, map(shutil.which, BROWSERS)), None), shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def started():
    """A Chromium without a window, that Selenium drives."""
    from selenium import webdriver

    browser, driver = found()
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    # Without a sandbox, which root may not have; /dev/shm may be too small for it.
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def show(browser, size, scheme="light", scale=1):
    """Give it a window of that many pixels; a narrow one is a phone, which is touched."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": width < 500})
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def load(browser, page, address=""):
    """Open the page, from the beginning."""
    browser.get("about:blank")
    browser.get(page.as_uri() + (f"#{address}" if address else ""))
