"""Files that a command writes: what the end of a name promises is what is in them."""

import os
from pathlib import Path

import click


class FileOf(click.Path):
    """A path of a file to write, which ends in one of the `endings`, or has no ending at all."""

    def __init__(self, *endings):
        super().__init__(path_type=Path)
        self.endings = endings

    def convert(self, value, param, context):
        """The path, if its name promises nothing else than what will be written."""
        path = Path(os.fsdecode(super().convert(value, param, context)))
        if path.suffix.lower() not in ("", *self.endings):
            self.fail(not_written(path, self.endings), param, context)
        return path


def not_written(path, endings):
    """What to say of a name that ends in something else than the `endings`."""
    return f"{str(path)!r} ends in {path.suffix!r}, which is not written: the rule is {', '.join(endings)}"
