"""The picture of the page that opens the README: ``python -m tests.course.explorer.picture`` draws it anew."""

import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image

from ghostnp.course.explorer import explorer_page
from ghostnp.files import replace
from tests.course.explorer.browser import load, show, started

PICTURE = Path(__file__).parents[3] / "tutorials" / "explore.png"
SIZE, SCALE = (1240, 1192), 1.25


def main():
    """Take a picture of the page as it opens."""
    browser = started()
    try:
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "explore.html"
            page.write_text(explorer_page(), encoding="utf-8")
            show(browser, SIZE, scale=SCALE)
            load(browser, page)
            drawn = Image.open(BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    finally:
        browser.quit()
    written = BytesIO()
    drawn.save(written, "PNG", optimize=True)
    replace(PICTURE, written.getvalue())


if __name__ == "__main__":
    main()
