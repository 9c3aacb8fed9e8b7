"""The picture of the page that opens the README: ``python -m tests.course.explorer.picture`` draws it anew."""

import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains

from ghostnp.course.explorer import explorer_page
from ghostnp.files import replace
from tests.course.explorer.browser import load, show, started

PICTURE = Path(__file__).parents[3] / "tutorials" / "explore.png"
ADDRESS, POINTED_AT = "grouped?groups=2&direction=backward", "dx[0, 1, 1]"


def main():
    """Point at a gradient, and take a picture of the window in as few colours as do it justice."""
    browser = started()
    try:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "explore.html"
            page.write_text(explorer_page(), encoding="utf-8")
            show(browser, (1280, 860), scale=1.5)
            load(browser, page, ADDRESS)
            cell = browser.find_element("css selector", f'#stage td[data-side=gradient][aria-label^="{POINTED_AT}"]')
            ActionChains(browser).move_to_element(cell).perform()
            browser.execute_script("scrollTo(0, 0)")
            drawn = Image.open(BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    finally:
        browser.quit()
    written = BytesIO()
    drawn.quantize(128, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    replace(PICTURE, written.getvalue())


if __name__ == "__main__":
    main()
