"""Files that a command writes: what the end of a name promises is what is in them."""

import os
from mimetypes import MimeTypes
from pathlib import Path

import click

# Endings that say what is in a file: those that Python knows, and some that it does not know in every version. Whatever
# else is behind a dot belongs to the name, as in "papers.2026" or "class 3.key".
_KNOWN = {*MimeTypes().types_map[True], ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub", ".md", ".markdown"}
_KNOWN |= {".ipynb", ".gift", ".npz", ".safetensors"}


class FileOf(click.Path):
    """A path of a file to write, whose name ends in one of the `endings`, or in nothing that is known."""

    def __init__(self, *endings):
        super().__init__(path_type=Path)
        self.endings = endings

    def convert(self, value, param, context):
        """The path, if its name promises nothing else than what will be written."""
        path = Path(os.fsdecode(super().convert(value, param, context)))
        if ending(path) not in ("", *self.endings):
            self.fail(not_written(path, self.endings), param, context)
        return path


def ending(path):
    """What the end of a name promises, such as ".csv"; empty if that is nothing."""
    return path.suffix.lower() if path.suffix.lower() in _KNOWN else ""


def not_written(path, endings):
    """What to say of a name that ends in something else than the `endings`."""
    return f"{str(path)!r} ends in {path.suffix!r}, which is not written: the rule is {', '.join(endings)}"
