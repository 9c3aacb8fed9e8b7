"""What a file that is checked may not do: hand over to the definition, touch files, start programs, end the process.

It stops slips and shortcuts, and does not withstand an attack.
"""

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType

from ghostnp import ops, testing
from ghostnp.ops.vocabulary import BUILT_IN, operator_named, operators

# In these, one definition could do another's work, so none of the family may be called in the place of another.
_FAMILIES = ("convolution", "norm", "pool", "elementwise")
_GHOST = ("ghost_module", "ghost_module_backward")
_CHANGES_FILES = {
    "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate",
    "shutil.copyfile", "shutil.move", "shutil.rmtree",
}  # fmt: skip
_STARTS_PROGRAMS = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen"}


class HandedOverError(Exception):
    """A definition was called to do the work that was asked for."""


class ForbiddenError(Exception):
    """Files or programs were touched."""


class Guard:
    """Knows what may not be called while a function of the file runs.

    Parameters
    ----------
    home : pathlib.Path
        The folder of the file.
    caches : str
        A folder that may be written into.
    """

    def __init__(self, home, caches):
        self.home, self.caches = str(home), os.path.realpath(caches)
        self.watching = False
        self.barred: frozenset[str] = frozenset()
        self.caught: Exception | None = None

    @contextmanager
    def watch(self, function=None):
        """Run what is inside as the file's own code: that of `function`, or of the file as it is imported."""
        self.barred, self.watching, self.caught = (relatives(function) if function else frozenset()), True, None
        try:
            yield
        finally:
            self.watching, self.barred = False, frozenset()
        if self.caught is not None:  # the file may have caught it and gone on
            raise self.caught

    def stop(self, error):
        """Raise `error`, and remember it."""
        self.caught = error
        raise error

    def install(self):
        """Restrict this process: audit what Python does, and put a check before each definition."""
        for home, names in ((ops, ops.__all__), (testing, _GHOST)):
            for name in names:
                if not name.endswith("_cost"):
                    setattr(home, name, self._stand_before(name, getattr(home, name)))
        # The kernels would bring Numba, and their answers are the same.
        stand_in = ModuleType("ghostnp.kernels", "What the kernels compute, by the definitions.")
        vars(stand_in).update({name: getattr(ops, name) for name in ops.__all__})
        sys.modules["ghostnp.kernels"] = stand_in
        sys.addaudithook(self._audit)

    def protect(self, row):
        """Put a check before the definitions of an operator that was registered, in the module they are from."""
        for name, definition in ((row.name, row.forward), (f"{row.name}_backward", row.backward)):
            if definition is not None:
                self._stand_before(name, definition)

    def _stand_before(self, name, definition):
        checked = self._checked(name, definition)
        setattr(sys.modules[definition.__module__], name, checked)
        return checked

    def _checked(self, name, definition):
        def checked(*args, **keywords):
            if name in self.barred:
                self.stop(HandedOverError(name))
            # A definition may call other definitions.
            barred, self.barred = self.barred, frozenset()
            try:
                return definition(*args, **keywords)
            finally:
                self.barred = barred

        # `inspect` follows __wrapped__, so that its signature is the definition's.
        vars(checked).update(__wrapped__=definition, stands_before=name)
        return checked

    def _audit(self, event, arguments):
        if not self.watching:
            return
        changes = event in _CHANGES_FILES or (event == "open" and _writes(arguments))
        if changes and not self._in_caches(event, arguments) and not self._imports():
            self.stop(ForbiddenError(f"it changes files ({event} {arguments[0]!r}), which was prevented"))
        if (event in _STARTS_PROGRAMS or event == "socket.connect") and not self._imports():
            self.stop(ForbiddenError(f"it starts a program or opens a connection ({event}), which was prevented"))

    def _in_caches(self, event, arguments):
        """Whether all of what is changed is in the folder for that."""
        paths = [one for one in arguments[: 1 if event == "open" else 2] if isinstance(one, str | bytes | os.PathLike)]
        places = [Path(os.path.realpath(os.fsdecode(path))) for path in paths]
        return bool(places) and all(place.is_relative_to(self.caches) for place in places)

    def _imports(self):
        """Whether a library is being imported, which may make folders of its own: Matplotlib does."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith("<frozen importlib"):
                return True
            if os.path.dirname(name) == self.home:
                return False
            frame = frame.f_back
        return False


def relatives(function):
    """The definitions that would do the work of `function`: itself, and its family in the same direction."""
    backward = "_backward" * function.endswith("_backward")
    operator = function.removesuffix("_backward")
    family = operator_named(operator).family if operator in BUILT_IN else ""
    alike = set(operators(family)) & BUILT_IN if family in _FAMILIES else {operator}
    return frozenset(name + backward for name in alike)


def _writes(arguments):
    path, mode, flags = arguments
    if path == "/dev/null" or isinstance(path, int):
        return False
    return bool(mode and set(mode) & set("wax+")) or (mode is None and bool(flags & 3))


class Noise:
    """Stands for standard output: counts what is printed, and keeps the first line."""

    def __init__(self):
        self.lines, self.first = 0, ""

    def write(self, text):
        """Take note of `text`."""
        if not self.lines and len(self.first) < 80:
            self.first += text.split("\n")[0]
        self.lines += text.count("\n")
        return len(text)

    def flush(self):
        """Nothing is held back."""

    def isatty(self):
        """It is no terminal."""
        return False
