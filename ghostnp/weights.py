"""Weights on disk: a dict of arrays by dotted path, as .safetensors or .npz.

Both formats hold names, shapes, dtypes and bytes, and nothing that could run. Even so a file comes from somewhere: what
it says of itself is checked before memory is set aside for it, and one that breaks a rule loads nothing. PyTorch's own
files are pickles, which are programs, so they are not even opened; the error says how to convert one.

Saving is all or nothing. The bytes go to a new file next to the old one, and take its name once they are on the disk.
"""

import json
import math
import os
import re
import secrets
import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tokenize import TokenError

import numpy as np

# vgg16, the largest network here, takes 1.1 GB in float64. A GhostNet's safetensors header takes 60 kB.
LARGEST_FILE, LARGEST_HEADER = 2**31, 2**24

# What numbers may be stored as, and are loaded as: the half precisions fit into float32 without rounding, and the only
# integers, batch norm's num_batches_tracked, are int64. Other integers would be quantised weights, which mean something
# only together with their scales.
_LOADED_AS = {"f8": np.float64, "f4": np.float32, "f2": np.float32, "i8": np.int64, "i4": np.int64}
_IN_SAFETENSORS = {"F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "I32": "i4"}
_NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_SAVED = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64))

_PICKLES = {".pth", ".pt", ".bin", ".pkl", ".pickle", ".ckpt", ".tar"}
_RECIPE = """\
import safetensors.torch, torch
state = torch.load({old!r}, map_location="cpu", weights_only=True)
safetensors.torch.save_file(state.get("state_dict", state), {new!r})"""

# What the readers raise when a file lies about what it is.
_BROKEN = (
    ValueError, TypeError, OverflowError, EOFError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip

# From the names in others' GhostNet checkpoints to the official ones; None: no weight, and dropped.
#
# timm's GhostNet and GhostNetV2 need no row: they have the official names, all of them
# (https://github.com/huggingface/pytorch-image-models/blob/main/timm/models/ghostnet.py).
_RENAMED = (
    # A profiler, thop, left its counts in the official GhostNetV2 checkpoints: timm skips them as well.
    # https://github.com/huawei-noah/Efficient-AI-Backbones/issues/164
    (r"(.*\.)?total_(ops|params)", None),
    # timm.layers' own squeeze-and-excitation and ConvNormAct, for networks put together from those.
    (r"(.*\.se)\.fc1\.(weight|bias)", r"\1.conv_reduce.\2"),
    (r"(.*\.se)\.fc2\.(weight|bias)", r"\1.conv_expand.\2"),
    (r"(blocks\.9\.0)\.bn\.(\w+)", r"\1.bn1.\2"),
)
# What DataParallel (as in the official validate.py) and torch.compile put in front of every name.
_WRAPPERS = r"^((module|_orig_mod)\.)+"


def load_weights(path):
    """Read a state dict.

    Parameters
    ----------
    path : str or Path
        A .safetensors or .npz file.

    Returns
    -------
    dict of str to ndarray
        For `Module.load_state_dict`. float32, float64 and int64 are kept; float16 and bfloat16 become float32 and int32
        becomes int64, all without rounding.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its suffix is another one, or if it is truncated, corrupted, too large or holds other kinds of numbers.
    """
    path = _path(path)
    read, _ = _format(path)
    if not path.exists():
        raise FileNotFoundError(f"no weights at {path}: the rule is the path of a file, such as weights.safetensors")
    if not path.is_file():
        raise ValueError(f"{path} is no file: the rule is one file of weights, such as {path / 'weights.safetensors'}")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes: the rule is at most {LARGEST_FILE:,}")
    contents = path.read_bytes()
    try:
        return read(contents)
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"{path} is no file of weights that can be read, and nothing was loaded: {reason}") from None


def save_weights(path, state):
    """Write a state dict, so that `path` holds all of it or what it held before.

    Parameters
    ----------
    path : str or Path
        Where to: a .safetensors or .npz file, in a folder that exists.
    state : dict of str to ndarray
        Such as `Module.state_dict` gives: float32, float64 or int64, of any shape and memory order.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    TypeError, ValueError
        If the suffix is another one, or `state` holds something else. Nothing is written then.

    Notes
    -----
    An error while writing leaves no other file behind. A process that is killed may leave one, ``.….part``.
    """
    path = _path(path)
    _, write = _format(path)
    _check_state(state)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: the rule is the path of a file, such as {path / 'weights.safetensors'}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} for {path.name}: the rule is a folder that exists, such as .")
    # The safetensors library writes memory as it lies; `ascontiguousarray` would turn a scalar into a vector.
    contents = write({name: np.asarray(array, order="C") for name, array in state.items()})
    _replace(path.resolve(), contents)


def official_names(state):
    """Rename others' GhostNet and GhostNetV2 weights to the official names, which are ours.

    Parameters
    ----------
    state : dict of str to ndarray
        As `load_weights` gives it.

    Returns
    -------
    dict of str to ndarray
        The same arrays. Unchanged if the names are official, as timm's are.

    Raises
    ------
    ValueError
        If two names become one.

    Examples
    --------
    >>> list(official_names({"module.conv_stem.weight": 0, "blocks.3.0.se.fc1.bias": 1, "blocks.3.total_ops": 2}))
    ['conv_stem.weight', 'blocks.3.0.se.conv_reduce.bias']
    """
    renamed: dict[str, np.ndarray] = {}
    origin: dict[str, str] = {}
    for key, value in state.items():
        name = _official_name(key)
        if name in origin:
            raise ValueError(f"state has {origin[name]!r} and {key!r}, both {name!r}: the rule is one of each name")
        if name is not None:
            renamed[name], origin[name] = value, key
    return renamed


def _official_name(key):
    key = re.sub(_WRAPPERS, "", key)
    for pattern, official in _RENAMED:
        if match := re.fullmatch(pattern, key):
            return match.expand(official) if official else None
    return key


def _path(path):
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is of type {type(path).__name__}: the rule is a str or a Path, such as 'weights.npz'")
    return Path(path)


def _format(path):
    """The reader and the writer for this suffix."""
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        old = str(path)
        new = f"{old.removesuffix('.tar').rpartition('.')[0] or old}.safetensors"
        recipe = _RECIPE.format(old=old, new=new)
        raise ValueError(
            f"{path} was not opened: {suffix} files of PyTorch are pickles, which can run any program when they are "
            f"loaded, and the rule is .safetensors or .npz. Where PyTorch is installed, this converts it:\n{recipe}"
        )
    if suffix not in _FORMATS:
        raise ValueError(f"{path} has the suffix {suffix!r}: the rule is {' or '.join(_FORMATS)}, such as weights.npz")
    return _FORMATS[suffix]


def _check_state(state):
    if not isinstance(state, Mapping):
        raise TypeError(
            f"state is of type {type(state).__name__}: the rule is a dict of arrays, such as model.state_dict()"
        )
    for name, array in state.items():
        if not isinstance(name, str):
            raise TypeError(f"state has the key {name!r}: the rule is a str, such as 'conv_stem.weight'")
        # Neither format can hold every name: a zip cuts it at a NUL, and safetensors takes __metadata__ for itself.
        if not name or not name.isprintable() or len(name.encode()) > 1000 or name == "__metadata__":
            raise ValueError(
                f"state has the key {name[:80]!r}: the rule is a short printable name, such as 'conv_stem.weight'"
            )
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"state[{name!r}] is of type {type(array).__name__}: the rule is a NumPy array, "
                "such as np.asarray(value, np.float32)"
            )
        if array.dtype not in _SAVED:
            raise TypeError(
                f"state[{name!r}] has dtype {array.dtype}: the rule is float32, float64 or int64, "
                "such as array.astype(np.float32)"
            )
    size = sum(array.nbytes for array in state.values())
    if size > LARGEST_FILE - LARGEST_HEADER:
        raise ValueError(f"state has {size:,} bytes: the rule is at most {LARGEST_FILE - LARGEST_HEADER:,}")


def _replace(path, contents):
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(contents)
            file.flush()
            # The name must not reach the disk before the bytes, or a power cut between the two leaves an empty file.
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _from_safetensors(contents):
    from safetensors import SafetensorError, deserialize

    length = int.from_bytes(contents[:8], "little")
    if len(contents) < 8 or length > min(len(contents) - 8, LARGEST_HEADER):
        raise ValueError(
            f"its header should have {length:,} bytes and the file has {len(contents):,}: the rule is a header within "
            f"the file, of at most {LARGEST_HEADER:,}"
        )
    try:
        tensors = deserialize(contents)
    except SafetensorError as error:
        raise ValueError(f"{error}: the rule is a complete file, such as save_weights writes") from None
    # The library silently takes the last of several tensors of one name.
    json.loads(contents[8 : 8 + length], object_pairs_hook=_without_repetition)
    return {name: _tensor(name, **tensor) for name, tensor in tensors}


def _without_repetition(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"its header has {twice!r} more than once: the rule is one tensor of each name")
    return dict(pairs)


def _tensor(name, dtype, shape, data):
    if dtype == "BF16":
        # The upper half of a float32: NumPy has no name for it.
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if dtype not in _IN_SAFETENSORS:
        raise ValueError(f"{name} has dtype {dtype}: the rule is {', '.join(_IN_SAFETENSORS)} or BF16")
    code = _IN_SAFETENSORS[dtype]
    return np.frombuffer(data, f"<{code}").reshape(shape).astype(_LOADED_AS[code])


def _to_safetensors(state):
    from safetensors.numpy import save

    return save(state)


def _from_npz(contents):
    state = {}
    with zipfile.ZipFile(BytesIO(contents)) as archive:
        entries = archive.infolist()
        # A few bytes of zip can stand for any number of zeros.
        total = sum(entry.file_size for entry in entries)
        if total > LARGEST_FILE:
            raise ValueError(f"it unpacks to {total:,} bytes: the rule is at most {LARGEST_FILE:,}")
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            if name in state:
                raise ValueError(f"it has {name!r} more than once: the rule is one array of each name")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{name} is packed by method {entry.compress_type}: the rule is that of np.savez")
            with archive.open(entry) as file:
                state[name] = _npy(name, file, entry.file_size)
    return state


def _npy(name, file, size):
    version = np.lib.format.read_magic(file)
    if version not in _NPY_HEADERS:
        raise ValueError(f"{name} has version {version} of the .npy format: the rule is (1, 0) or (2, 0)")
    try:
        shape, _, dtype = _NPY_HEADERS[version](file)
    except (ValueError, TypeError, SyntaxError, TokenError, MemoryError, RecursionError):
        # The header is the source of a Python literal, and each of Python's parsers fails in its own way.
        raise ValueError(f"the .npy header of {name} is broken: the rule is that of np.save") from None
    code = dtype.str[1:]  # without the byte order
    if code not in _LOADED_AS:
        # Arrays of Python objects among them, which are pickles.
        raise ValueError(f"{name} has dtype {dtype}: the rule is float64, float32, float16, int64 or int32")
    # NumPy sets memory aside for the shape that is written there, however large, before it reads on.
    expected = math.prod(shape) * dtype.itemsize
    if expected != size - file.tell():
        raise ValueError(f"{name} of shape {shape} takes {expected:,} bytes, and {size - file.tell():,} follow")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False).astype(_LOADED_AS[code], order="C")


def _to_npz(state):
    # np.savez would take arrays named "file" and "allow_pickle" for its own arguments.
    contents = BytesIO()
    with zipfile.ZipFile(contents, "w") as archive:
        for name, array in state.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return contents.getvalue()


_FORMATS = {".safetensors": (_from_safetensors, _to_safetensors), ".npz": (_from_npz, _to_npz)}
