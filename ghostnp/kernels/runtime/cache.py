"""Compiled kernels on disk: valid for as long as no file here changes, and never the cause of an error.

Each file begins with a checksum of what it is valid for and of what it holds. A file that does not fit, be it outdated,
cut off by a power failure or damaged, is not even looked into: the kernel is compiled again, and takes its place.
"""

import logging
import pickle
import re
import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.serialize import dumps

from ghostnp.files import replace
from ghostnp.kernels.runtime.interrupts import uninterrupted

__all__ = ["FOLDER", "is_kept", "is_on_disk", "keep_on_disk"]

FOLDER = numba.config.CACHE_DIR  # as it was when the kernels were imported; empty if none was chosen

# What a compiled kernel is valid for: these versions, and the state of all files of the kernels. Numba looks at the
# function's own file alone, and would keep a driver whose leaves have changed in another.
_KERNELS = Path(__file__).parents[1]
_STAMP = (
    sys.version, numba.__version__, llvmlite.__version__, np.__version__,
    *(
        (path.relative_to(_KERNELS).as_posix(), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(_KERNELS.rglob("*.py"))
    ),
)  # fmt: skip
_CHECKSUM = 16  # bytes


class _Files:
    """A file for each kernel, kind of arguments and processor, in the place of Numba's index and data files."""

    def __init__(self, folder, name):
        self._folder, self._name = Path(folder), name

    def load(self, key):
        data = self.read(key)
        return None if data is None else pickle.loads(data)

    def read(self, key):
        path = self._path(key)
        if not path.is_file():
            return None
        contents = memoryview(path.read_bytes())
        data = contents[_CHECKSUM:]
        return data if contents[:_CHECKSUM] == _checksum(key, data) else None

    def save(self, key, data):
        data = dumps(data)
        replace(self._path(key), _checksum(key, data) + data)

    def _path(self, key):
        # What changes with the source is left out, so that an outdated file is replaced.
        signature, processor, (_, closure) = key
        return self._folder / f"{self._name}.{_digest(repr((signature, processor, closure)).encode()).hex()}.kernel"


def _checksum(key, data):
    return _digest(repr((_STAMP, key)).encode(), data)


def _digest(*parts):
    digest = blake2b(digest_size=_CHECKSUM)
    for part in parts:
        digest.update(part)
    return digest.digest()


class _Cache(FunctionCache):
    def __init__(self, function):
        super().__init__(function)
        name = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}.{sys.implementation.cache_tag}"
        self._cache_file = _Files(self.cache_path, re.sub("[<>]", "", name))

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except OSError as error:
            _say_once(f"cannot be read ({error.strerror})")

    def holds(self, sig, target_context):
        with uninterrupted(), global_compiler_lock:
            target_context.refresh()
        try:
            return self._cache_file.read(self._index_key(sig, target_context.codegen())) is not None
        except OSError:  # `load_overload` will say so
            return False

    def save_overload(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say_once(f"cannot be kept ({error.strerror})")


def keep_on_disk(compiled, function):
    """Let `compiled`, which Numba makes of `function`, keep its machine code on disk."""
    try:
        compiled._cache = _Cache(function)
    except RuntimeError:  # Numba found no folder that it may write to
        _say_once("cannot be kept (no folder for them can be written)")


def is_kept(compiled):
    """Whether `compiled` keeps its machine code on disk."""
    return isinstance(compiled._cache, _Cache)


def is_on_disk(compiled, types):
    """Whether the machine code of `compiled` for arguments of these types is on disk, and valid."""
    return is_kept(compiled) and compiled._cache.holds(types, compiled.targetctx)


@cache  # once for each trouble
def _say_once(trouble):
    logging.getLogger("ghostnp").warning(
        "ghostnp: compiled kernels %s, so each run compiles them anew, for half a minute; set NUMBA_CACHE_DIR to a "
        "folder of yours",
        trouble,
    )
