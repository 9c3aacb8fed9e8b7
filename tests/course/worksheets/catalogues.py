"""The catalogues of other languages, kept by Babel.

``python -m tests.course.worksheets.catalogues`` brings them up to date. It looks through the sources for messages,
keeps the translations that a ``.po`` has, adds new messages without a translation, and where none is missing writes the
``.mo`` that is read. With the name of a language, such as ``pt``, it begins a new one. A message whose English has
changed is new: nothing is guessed.
"""

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import ghostnp
from ghostnp.course.worksheets import GENERATORS, MISCONCEPTIONS, TOPICS
from ghostnp.course.worksheets.language import FOLDER, LANGUAGES, SOURCE
from ghostnp.course.worksheets.topics.counted_layers import TOOLS, plain_rule, plainly
from ghostnp.graph.counting.conventions import CONVENTIONS, MEASURES
from ghostnp.ops.vocabulary import VOCABULARY

PACKAGE = Path(ghostnp.__file__).parent
METHODS = [
    ("course/worksheets/**.py", "python"),
    ("course/worksheets/**.j2", "jinja2.ext:babel_extract"),
    ("cli/quiz.py", "python"),
]


def messages():
    """All messages and the files that they stand in: dict of str, or pair of str for a plural, to set of str."""
    found = {}
    for file, _, message, _, _ in extract_from_dir(PACKAGE, method_map=METHODS, options_map={}):
        found.setdefault(message, set()).add(file)
    for file, names in by_name().items():
        for name in names:
            found.setdefault(name, set()).add(file)
    return found


def by_name():
    """The messages that are no text in a call, but names and sentences in a table."""
    return {
        "course/worksheets/topics/__init__.py": TOPICS,
        "course/worksheets/problem.py": [each.name for templates in GENERATORS.values() for each in templates],
        "course/worksheets/misconceptions.py": [*MISCONCEPTIONS, *MISCONCEPTIONS.values()],
        "course/worksheets/topics/counted_layers.py": [*operators(), *map(plain_rule, TOOLS)],
        "graph/counting/conventions.py": MEASURES.values(),
    }


def operators():
    """What the operators are called that a tool counts something of."""
    return {plainly(op) for tool in TOOLS for op in VOCABULARY if CONVENTIONS[tool].terms(op)}


def updated(language, old):
    """The text of a ``.po`` with the translations of an old one, for the messages of today."""
    before = read_po(io.BytesIO(old), locale=language)
    catalog = Catalog(language, domain="ghostnp", project="ghostnp", charset="utf-8", fuzzy=False)
    for message, files in sorted(messages().items(), key=lambda item: (sorted(item[1]), str(item[0]))):
        first = message if isinstance(message, str) else message[0]
        known = before.get(first)
        translated = known.string if known is not None and known.id == message else None
        catalog.add(message, translated, locations=[(file, 0) for file in sorted(files)])
    text = io.BytesIO()
    # Without a date and a version of Babel, so that the same messages are the same file.
    write_po(text, catalog, width=120, omit_header=True, include_lineno=False)
    return _header(language, catalog) + text.getvalue()


def _header(language, catalog):
    lines = [
        f"Language: {language}",
        f"Plural-Forms: nplurals={catalog.num_plurals}; plural={catalog.plural_expr};",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    return "".join(['msgid ""\n', 'msgstr ""\n', *(f'"{line}\\n"\n' for line in lines), "\n"]).encode()


def untranslated(language, text):
    """How many messages of a ``.po`` wait for a translation."""
    catalogue = read_po(io.BytesIO(text), locale=language)
    forms = ((each.string,) if isinstance(each.string, str) else each.string for each in catalogue if each.id)
    return sum(not texts or not all(texts) for texts in forms)


def compiled(language, text):
    """The ``.mo`` of a ``.po``."""
    file = io.BytesIO()
    catalogue = read_po(io.BytesIO(text), locale=language)
    catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)  # not the moment of compiling
    write_mo(file, catalogue)
    return file.getvalue()


if __name__ == "__main__":
    for language in sys.argv[1:] or LANGUAGES:
        if language != SOURCE:
            path = FOLDER / f"{language}.po"
            path.write_bytes(updated(language, path.read_bytes() if path.exists() else b""))
            if missing := untranslated(language, path.read_bytes()):
                print(f"{path}: {missing} messages have no translation, so that it is not compiled")
            else:
                path.with_suffix(".mo").write_bytes(compiled(language, path.read_bytes()))
