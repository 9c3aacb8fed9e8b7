"""Letters beyond those of matplotlib's own font, such as Chinese ones: which installed font has them."""

import unicodedata
import warnings
from functools import lru_cache

from matplotlib import rcParams
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text


@lru_cache(maxsize=1024)
def _fonts_with(letters):
    """The fonts to draw letters with, the usual one first; None if no font has those that it lacks."""
    usual = findfont(FontProperties(family=rcParams["font.family"]))
    lacking = letters - get_font(usual).get_charmap().keys()
    if not lacking:
        return ()
    plain = [each for each in fontManager.ttflist if each.style == "normal" and str(each.weight) in ("400", "normal")]
    for entry in sorted(plain, key=lambda each: each.name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a font that is broken is not taken, and another may do
            try:
                found = get_font(entry.fname).get_charmap().keys()
            except (OSError, RuntimeError):
                continue
        if lacking <= found:
            return (*rcParams["font.family"], entry.name)
    return None


def _letters(text):
    return frozenset(ord(letter) for letter in text if unicodedata.category(letter)[0] not in "CZ")


def can_be_drawn(text):
    """Whether a font is installed here that has all letters of a text."""
    return _fonts_with(_letters(text)) is not None


def use_fonts(figure):
    """Give each text of a figure a font that has its letters, where one is installed."""
    for text in figure.findobj(Text):
        if fonts := _fonts_with(_letters(text.get_text())):
            text.set_fontfamily(list(fonts))
