"""Compiled kernels on disk: valid for as long as no file here changes, and never the cause of an error."""

import logging
import pickle
from functools import cache
from pathlib import Path

from numba.core.caching import FunctionCache

__all__ = ["keep_on_disk"]

# What a compiled kernel is valid for: the state of all files of the kernels. Numba looks at the function's own file
# alone, and would keep a driver whose leaves have changed in another.
_KERNELS = Path(__file__).parents[1]
_STAMP = tuple(
    (path.relative_to(_KERNELS).as_posix(), path.stat().st_size, path.stat().st_mtime_ns)
    for path in sorted(_KERNELS.rglob("*.py"))
)


class _Cache(FunctionCache):
    def __init__(self, function):
        super().__init__(function)
        self._cache_file._source_stamp = _STAMP

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            _say_once(f"cannot be read ({error})")

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say_once(f"cannot be kept ({error})")


def keep_on_disk(compiled, function):
    """Let `compiled`, which Numba makes of `function`, keep its machine code on disk."""
    try:
        compiled._cache = _Cache(function)
    except RuntimeError:  # Numba found no folder that it may write to
        _say_once("cannot be kept (no folder for them can be written)")


@cache  # once for each trouble
def _say_once(trouble):
    logging.getLogger("ghostnp").warning(
        "ghostnp: compiled kernels %s, so each run compiles them anew, for half a minute; set NUMBA_CACHE_DIR to a "
        "folder of yours",
        trouble,
    )
