"""Compiled kernels on disk: valid for as long as no file here changes, and never the cause of an error."""

import logging
import pickle
from functools import cache
from pathlib import Path

from numba.core.caching import FunctionCache

__all__ = ["keep_on_disk"]

# What a compiled kernel is valid for: the state of all files here. Numba looks at the function's own file alone, and
# would keep a driver whose leaves have changed in another.
_STAMP = tuple(
    (path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(Path(__file__).parent.glob("*.py"))
)


class _Cache(FunctionCache):
    def __init__(self, function, key):
        super().__init__(function)
        self._key, self._cache_file._source_stamp = key, _STAMP

    def _index_key(self, sig, codegen):
        return super()._index_key(sig, codegen), self._key

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


def keep_on_disk(dispatcher, key):
    """Let `dispatcher` keep what it compiles, apart from what it compiled with another `key`."""
    try:
        dispatcher._cache = _Cache(dispatcher.py_func, key)
    except RuntimeError:  # Numba found no folder that it may write to
        _say_once("cannot be kept (no folder for them can be written)")


@cache  # once for each trouble
def _say_once(trouble):
    logging.getLogger("ghostnp").warning(
        "ghostnp: compiled kernels %s, so each run compiles them anew, for half a minute; set NUMBA_CACHE_DIR to a "
        "folder of yours",
        trouble,
    )
