"""What is read as Python: a file in any encoding, or a notebook, whose code cells follow one another."""

import ast
import codecs
import json
import linecache
import re
from importlib.machinery import SourceFileLoader
from importlib.util import decode_source
from pathlib import Path

# The longer mark first, since it begins with the shorter one.
_MARKS = [
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_MAGIC = re.compile(r"(\s*)(?:[\w, ]+=\s*)?(?:[%!?]|.*\?\s*$)")
_TIMED = ("%%time", "%%timeit", "%%capture", "%%prun")  # the rest of such a cell is Python


class Loader(SourceFileLoader):
    """Runs a file or a notebook as a module; `place` says where one of its lines is written."""

    def __init__(self, name, path):
        super().__init__(name, path)
        self.cells: list[tuple[int, int]] = []  # of a notebook: for each line its cell, and its line there

    def get_source(self, fullname):
        """The text: of a notebook, that of its code cells."""
        contents = Path(self.path).read_bytes()
        encoding = next((name for mark, name in _MARKS if contents.startswith(mark)), "")
        if Path(self.path).suffix != ".ipynb":
            return contents.decode(encoding) if encoding else decode_source(contents)
        return self._cells(contents.decode(encoding or "utf-8-sig"))

    def get_code(self, fullname):
        """Its code; its lines are kept where tracebacks look for them."""
        text = self.get_source(fullname)
        linecache.cache[self.path] = (len(text), None, text.splitlines(keepends=True), self.path)
        return compile(text, self.path, "exec", dont_inherit=True)

    def place(self, line):
        """Where a line is, in words."""
        if not 0 < line <= len(self.cells):
            return f"line {line}"
        return "cell {}, line {}".format(*self.cells[line - 1])

    def _cells(self, text):
        if not text.strip():
            raise SyntaxError("it is empty, and the rule is a notebook of Jupyter's format 4")
        try:
            notebook = json.loads(text)
            cells = [("tests" if _is_test(cell) else cell["cell_type"], cell["source"]) for cell in notebook["cells"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SyntaxError(f"it is no notebook of Jupyter's format 4 ({type(error).__name__}: {error})") from None
        lines: list[str] = []
        for number, (kind, source) in enumerate(cells, 1):
            if kind == "code":
                added = _without_magics("".join(source)).split("\n")
                self.cells += [(number, line) for line in range(1, len(added) + 1)]
                lines += added
        return "\n".join(lines) + "\n"


def _is_test(cell):
    """Whether nbgrader put a test there: it is the course's own, and stops the notebook where an answer is wrong."""
    metadata = cell.get("metadata")
    marked = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return isinstance(marked, dict) and bool(marked.get("grade")) and not marked.get("solution")


def _without_magics(cell):
    """A cell as Python: what is meant for Jupyter alone does nothing."""
    first, _, rest = cell.partition("\n")
    if first.startswith("%%"):
        return f"\n{_without_magics(rest)}" if first.split()[0] in _TIMED else ""
    try:
        ast.parse(cell)
    except SyntaxError:
        lines = [re.sub(r"\S.*", "pass", line) if _MAGIC.match(line) else line for line in cell.split("\n")]
        return "\n".join(lines)
    return cell
