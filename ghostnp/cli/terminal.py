"""How wide the terminal is, and text that keeps to it. A file or a pipe gets everything, as wide as it is."""

import shutil
import sys
import textwrap

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
    # A word that is wider than the terminal, such as a path, is broken: the terminal would do so in the next column.
    return textwrap.fill(line.strip(), columns, initial_indent=indent, subsequent_indent=indent)
