"""How wide the terminal is, and text that keeps to it. A file or a pipe gets everything, as wide as it is."""

import re
import shutil
import sys
import textwrap
import unicodedata

import click

# Wider lines of words are hard to read.
_WORDS = 100
_LEAST = 20


def width():
    """The columns of the terminal that is written to; None where it is none."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return max(_LEAST, shutil.get_terminal_size().columns)


def say(text):
    """Print text with its lines folded to the terminal; what stands further in stays further in."""
    columns = width()
    click.echo(text if columns is None else "\n".join(_folded(line, columns) for line in str(text).split("\n")))


def say_words(text):
    """Print a paragraph, folded to the terminal and no wider than is good to read."""
    columns = shutil.get_terminal_size((_WORDS, 24)).columns
    click.echo(_folded(text, min(_WORDS, max(_LEAST, columns))))


def _folded(line, columns):
    indent = " " * min(len(line) - len(line.lstrip()), columns // 2)
    if taken(line) > len(line):
        return _folded_between_letters(line.strip(), columns, indent)
    # A word that is wider than the terminal, such as a path, is broken: the terminal would do so in the next column.
    return textwrap.fill(line.strip(), columns, initial_indent=indent, subsequent_indent=indent)


def taken(text):
    """The columns that a text takes: Chinese letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


# A word or number, spaces, or one letter; the marks behind it stay on its line.
_PIECE = re.compile(r"(?:\s+|[!-\u2e7f]+|.)[，。：；？、）”]*")


def _folded_between_letters(line, columns, indent):
    """A paragraph of a language that has no spaces between words."""
    lines, room = [], columns - len(indent)
    now = ""
    for piece in _PIECE.findall(line):
        for part in textwrap.wrap(piece, room - (taken(piece) - len(piece)), drop_whitespace=False):
            if now and taken(now + part.rstrip()) > room:
                lines.append(now.rstrip())
                now = ""
            now += part if now else part.lstrip()
    return "\n".join(indent + each for each in [*lines, now])
