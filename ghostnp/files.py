"""Files, whole or not at all: what is written takes its name once all of it is on the disk, and only files are read.

Everything that ghostnp keeps goes through `replace` and `replace_all`, and what it is given by name through `read`. A
pipe or a device is no file: opening one can wait for ever.
"""

import errno
import os
import stat
from contextlib import contextmanager
from pathlib import Path

__all__ = ["check_path", "new_folder", "open_file", "read", "replace", "replace_all", "target"]


def check_path(path):
    """Require a str or a Path: Python would take a number, and so a bool, for a file that is open already."""
    _check_path("path", path)


def _check_path(name, path):
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} is of type {type(path).__name__}: the rule is a str or a Path, such as 'weights.npz'")


def _check_contents(name, contents):
    if not isinstance(contents, bytes):
        raise TypeError(f"{name} is of type {type(contents).__name__}: the rule is bytes, such as b'' or text.encode()")


def open_file(path):
    """Open a file for reading bytes.

    Parameters
    ----------
    path : str or Path
        Of the file.

    Returns
    -------
    binary file

    Raises
    ------
    TypeError
        If `path` is neither a str nor a Path.
    OSError
        If there is none, it cannot be read, or `path` is a folder, a pipe or a device; the error names `path`.
    """
    check_path(path)
    # Without O_NONBLOCK a pipe that has no writer would keep us waiting here. Windows knows neither of the two flags.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except ValueError as error:  # a NUL inside, or letters that no file name can have
        raise FileNotFoundError(errno.ENOENT, f"no file can be called that ({error})", os.fspath(path)) from None
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "a folder, and the rule is a file", os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "a pipe or a device, and the rule is a file", os.fspath(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read(path):
    """All bytes of a file; it raises what `open_file` does."""
    with open_file(path) as file:
        return file.read()


def target(path):
    """Where writing to `path` writes to: the file itself, at the end of all links.

    Raises
    ------
    TypeError
        If `path` is neither a str nor a Path.
    OSError
        If a file cannot be written there: it is read-only, no file, or in no folder that exists; the error names
        `path`.
    """
    check_path(path)
    try:
        end = Path(os.path.realpath(path))
    except ValueError as error:
        raise FileNotFoundError(errno.ENOENT, f"no file can be called that ({error})", os.fspath(path)) from None
    if end.is_symlink():
        raise OSError(errno.ELOOP, "a link that leads back to itself, and the rule is a file", os.fspath(path))
    if end.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a folder, and the rule is a file", os.fspath(path))
    if end.exists():
        if not end.is_file():
            raise OSError(errno.EINVAL, "a pipe or a device, and the rule is a file", os.fspath(path))
        # Renaming would replace it all the same, since that asks for the folder's permission alone; and an
        # administrator may write to any file.
        if not end.stat().st_mode & 0o222 or not os.access(end, os.W_OK):
            raise PermissionError(errno.EACCES, "this file is read-only, and stays as it is", os.fspath(path))
    elif not end.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", os.fspath(path))
    return end


def replace(path, contents):
    """Write a file, so that `path` holds all of `contents` or what it held before.

    Parameters
    ----------
    path : str or Path
        Of the file. A link stays a link, and an existing file keeps its permissions.
    contents : bytes
        What is in it afterwards.

    Raises
    ------
    TypeError
        If `path` is neither a str nor a Path, or `contents` is not bytes.
    OSError
        If it cannot be written; the error names `path`, and nothing has changed.

    Notes
    -----
    A process that is killed may leave another file behind, ``.….part``.
    """
    check_path(path)
    _check_contents("contents", contents)
    replace_all({path: contents})


def replace_all(files):
    """Write several files, none before all of them are on the disk; the rest as in `replace`.

    Parameters
    ----------
    files : dict of Path to bytes
        What goes where.
    """
    if not isinstance(files, dict):
        raise TypeError(f"files is of type {type(files).__name__}: the rule is a dict, such as {{'weights.npz': b''}}")
    for path, contents in files.items():
        _check_path("a path in files", path)
        _check_contents(f"files[{os.fspath(path)!r}]", contents)
    waiting = {}
    try:
        for path, contents in files.items():
            end = target(path)
            # Next to it, since moving a file is only all-or-nothing within one file system.
            part = end.with_name(f".{os.urandom(8).hex()}.part")
            waiting[part] = path, end
            with _naming(path):
                _write(part, contents, end.stat().st_mode & 0o777 if end.exists() else None)
        for part, (path, end) in waiting.items():
            with _naming(path):
                os.replace(part, end)
    finally:
        for part in waiting:
            part.unlink(missing_ok=True)


@contextmanager
def new_folder(path):
    """Make a folder, and those above it, for the time of a ``with``: what was made and is still empty then goes again.

    Parameters
    ----------
    path : str or Path
        Of the folder; it may be there already.

    Yields
    ------
    Path

    Raises
    ------
    TypeError
        If `path` is neither a str nor a Path.
    OSError
        If it cannot be made; the error says so in words, and names the folder.
    """
    check_path(path)
    folder, made = Path(path), []
    try:
        try:
            for above in (*reversed(folder.parents), folder):
                if not above.is_dir():
                    above.mkdir(exist_ok=True)
                    made.append(above)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise OSError(f"the folder {folder} cannot be made ({why}): the rule is one that can be written, such as "
                          "one in your home") from None  # fmt: skip
        yield folder
    finally:
        for empty in reversed(made):
            if any(empty.iterdir()):
                break
            empty.rmdir()


def _write(part, contents, mode):
    # What others may not read is not theirs to read while it is written either.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(part, flags, 0o666 if mode is None else 0o600)
    with os.fdopen(handle, "wb") as file:
        if mode is not None:
            os.chmod(part, mode)
        file.write(contents)
        file.flush()
        # The name must not reach the disk before the bytes, or a power cut between the two leaves an empty file.
        os.fsync(file.fileno())


@contextmanager
def _naming(path):
    """An OSError from inside names `path`: that of a full disk names none, and others name the file beside it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from None


def no_formula(text):
    """A text as a cell of a CSV file: one that begins like a formula would be run when the sheet is opened."""
    return f"'{text}" if text[:1] in tuple("=+-@") else text
