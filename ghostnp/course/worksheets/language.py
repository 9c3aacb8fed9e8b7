"""The language that papers are in: every message is English in the code, and a catalogue has it in another language.

A catalogue is a pair of files in ``languages``: ``zh.po``, which people write, and ``zh.mo``, which is made from it. A
new language is a new pair, and is offered from there. ``python -m tests.course.worksheets.catalogues`` brings the
catalogues up to what the code says and compiles them.

A message has named places, such as ``"{channels} maps"``, so that a translator may put them in another order. A message
that a catalogue lacks is an error, and never printed in English between other sentences.
"""

import gettext
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from pathlib import Path

from ghostnp.ops.checks import shown

SOURCE = "en"
FOLDER = Path(__file__).parent / "languages"
LANGUAGES = (SOURCE, *sorted(path.stem for path in FOLDER.glob("*.mo")))

_spoken = ContextVar("language", default=SOURCE)


class _Missing(gettext.NullTranslations):
    """What is asked for a message that a catalogue lacks."""

    def gettext(self, message):
        raise LookupError(f"message {message!r} is not in the catalogue: the rule is a translation for every message")

    def ngettext(self, msgid1, msgid2, n):
        return self.gettext(msgid1)


@cache
def _catalogue(language):
    if language == SOURCE:
        return gettext.NullTranslations()
    with (FOLDER / f"{language}.mo").open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    catalogue.add_fallback(_Missing())
    return catalogue


def language_named(language):
    """The same word, if there is such a language.

    Raises
    ------
    ValueError
        If there is none; the error lists those that are there.
    """
    if not isinstance(language, str) or language not in LANGUAGES:
        raise ValueError(f"language={shown(language)}: the rule is one of {', '.join(LANGUAGES)}")
    return language


def speaking(language):
    """Make a context in which messages are in `language`.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.

    Returns
    -------
    context manager

    Raises
    ------
    ValueError
        If there is no such language.

    Examples
    --------
    >>> with speaking("zh"):
    ...     print(_("Right."))
    正确。
    """
    return _speaking(language_named(language))


@contextmanager
def _speaking(language):
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def in_language_of_plan(write):
    """Make a method of a plan, or a function whose first argument is one, speak the language of that plan."""

    @wraps(write)
    def written(plan, *arguments, **keywords):
        with speaking(getattr(plan, "language", SOURCE)):
            return write(plan, *arguments, **keywords)

    return written


def _(message, /, **places):
    """A message in the language of this moment, with its places filled."""
    text = _catalogue(_spoken.get()).gettext(message)
    return text.format(**places) if places else text


def ngettext(one, many, n, /, **places):
    """A message that is another one for a single thing."""
    return _catalogue(_spoken.get()).ngettext(one, many, n).format(**places)


def N_(message):  # noqa: N802  # the name that tools for catalogues look for
    """Mark a message that is translated later, where it is printed."""
    return message


def if_known(name):
    """A name of the library's in the language of this moment; a teacher's own stays as it is."""
    try:
        return _(name)
    except LookupError:
        return name
