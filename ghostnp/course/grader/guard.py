"""What a file that is checked may not do: hand over to the definition, touch files, start programs, end the process.

This is a fence and no prison: it keeps slips and shortcuts apart from answers, and does not withstand an attack.
"""

import sys
from contextlib import contextmanager
from types import ModuleType

from ghostnp import ops, testing
from ghostnp.testing.calls import GHOST

# Where one definition does another's work, neither may be called in the other's place.
_FAMILIES = (
    {"standard_conv2d", "pointwise_conv2d", "grouped_conv2d", "depthwise_conv2d", "conv2d", "separable_conv2d"},
    {"batch_norm_train", "batch_norm_eval", "batch_norm_relu_train"},
    {"avg_pool2d", "global_avg_pool2d"},
    {"multiply", "scale", "dropout"},
)
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
    """Knows what may not be called while a function of the file runs."""

    def __init__(self):
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
        if self.caught is not None:  # the file may have swallowed it
            raise self.caught

    def stop(self, error):
        """Raise `error`, and remember it."""
        self.caught = error
        raise error

    def install(self):
        """Fence in this process: audit what Python does, and put sentries before the definitions."""
        for home, names in ((ops, ops.__all__), (testing, (GHOST.name, f"{GHOST.name}_backward"))):
            for name in names:
                definition = getattr(home, name)
                if not name.endswith("_cost"):
                    sentry = self._sentry(name, definition)
                    setattr(home, name, sentry)
                    setattr(sys.modules[definition.__module__], name, sentry)
        # The kernels would bring Numba, and their answers are the same.
        stand_in = ModuleType("ghostnp.kernels", "What the kernels compute, by the definitions.")
        vars(stand_in).update({name: getattr(ops, name) for name in ops.__all__})
        sys.modules["ghostnp.kernels"] = stand_in
        sys.addaudithook(self._audit)

    def _sentry(self, name, definition):
        def sentry(*args, **keywords):
            if name in self.barred:
                self.stop(HandedOverError(name))
            # What a definition is made of is its own affair.
            barred, self.barred = self.barred, frozenset()
            try:
                return definition(*args, **keywords)
            finally:
                self.barred = barred

        # `inspect` follows __wrapped__, so that its signature is the definition's.
        vars(sentry).update(__wrapped__=definition, stands_before=name)
        return sentry

    def _audit(self, event, arguments):
        if not self.watching:
            return
        if event in _CHANGES_FILES or (event == "open" and _writes(arguments)):
            self.stop(ForbiddenError(f"it changes files ({event} {arguments[0]!r}), which was prevented"))
        if event in _STARTS_PROGRAMS or event == "socket.connect":
            self.stop(ForbiddenError(f"it starts a program or opens a connection ({event}), which was prevented"))


def relatives(function):
    """The definitions that would do the work of `function`: itself, and its family in the same direction."""
    backward = "_backward" * function.endswith("_backward")
    operator = function.removesuffix("_backward")
    family = next((family for family in _FAMILIES if operator in family), {operator})
    return frozenset(name + backward for name in family)


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
