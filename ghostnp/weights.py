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
import struct
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple

import numpy as np

from ghostnp.files import check_path, open_file, replace, target

# vgg16, the largest network here, takes 1.1 GB in float64. A GhostNet's safetensors header takes 60 kB.
LARGEST_FILE, LARGEST_HEADER = 2**31, 2**24
# Trained weights are packed to nine tenths of their size, those of a new network to nearly nothing. All networks here
# but vgg16 and alexnet unpack to less than the first; beyond it, a file is packed to a twentieth at most.
LARGEST_UNPACKED, _MOST_PACKED = 2**28, 20
_MOST_AXES = 64  # of NumPy's arrays
_REFUSED = "is no file of weights that can be read, and nothing was loaded"

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
with open({old!r}, "rb") as file: state = torch.load(file, map_location="cpu", weights_only=True)
safetensors.torch.save_file(state.get("state_dict", state), {new!r})"""

# How files begin that are given a suffix of ours by a download, or by hand; and what to do.
_OTHERS = (
    (b"version https://git-lfs", "a Git LFS pointer to the file: the rule is the file itself, by git lfs pull"),
    (b"\x93NUMPY", "one array of NumPy: the rule is several with names, as by numpy.savez"),
    (b"\x89HDF", "an HDF5 file, as Keras writes: the rule is .safetensors or .npz, as by save_weights"),
    (b"\x1f\x8b", "packed by gzip: the rule is the file inside, as by gunzip"),
)  # fmt: skip
_PAGES = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml")
_ZIP, _PICKLED = b"PK\x03\x04", (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

# What the readers raise when a file lies about what it is. Of places before its beginning they ask the system.
_BROKEN = (
    ValueError, TypeError, OverflowError, EOFError, RuntimeError, OSError, struct.error, zlib.error, zipfile.BadZipFile,
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


def load_weights(path, *, model=None):
    """Read a state dict.

    Parameters
    ----------
    path : str or Path
        A .safetensors or .npz file.
    model : Module, optional
        What the weights are for. Names become the official ones then, as by `official_names`, and a file whose names,
        shapes or dtypes are not those of the model is refused by what it says of them, before any number is read.

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
        If its suffix is another one, if it is truncated, corrupted, too large or holds other kinds of numbers, or if
        it does not fit `model`.

    Examples
    --------
    ::

        model.load_state_dict(ghostnp.load_weights("ghostnet_100.safetensors", model=model))
    """
    check_path(path)
    path = Path(path)
    read, _ = _format(path)
    if not path.exists():
        raise FileNotFoundError(f"no weights at {path}: the rule is the path of a file, such as weights.safetensors")
    if not path.is_file():
        raise ValueError(f"{path} is no file: the rule is one file of weights, such as {path / 'weights.safetensors'}")
    with open_file(path) as file:
        size = file.seek(0, os.SEEK_END)
        if size > LARGEST_FILE:
            raise ValueError(f"{path} has {size:,} bytes: the rule is at most {LARGEST_FILE:,}")
        file.seek(0)
        _refuse_other(path, file.read(512))
        file.seek(0)
        with _refusing(path):
            headers, load = read(file, size)
            _check_size(headers, size, model)
        names = {name: name for name in headers}
        if model is not None:
            names = official_names(names)
            model.check_state_dict({official: headers[name] for official, name in names.items()})
        with _refusing(path):
            arrays = load(names.values())
    return {official: arrays[name] for official, name in names.items()}


def save_weights(path, state):
    """Write a state dict, so that `path` holds all of it or what it held before.

    Parameters
    ----------
    path : str or Path
        Where to: a .safetensors or .npz file, in a folder that exists. A file that is there keeps its permissions.
    state : dict of str to ndarray
        Such as `Module.state_dict` gives: float32, float64 or int64, of any shape and memory order.

    Raises
    ------
    OSError
        If there is no such folder, the file is read-only, or the disk is full; the error names `path`.
    TypeError, ValueError
        If the suffix is another one, or `state` holds something else. Nothing is written then.

    Notes
    -----
    An error while writing leaves no other file behind. A process that is killed may leave one, ``.….part``.
    """
    check_path(path)
    path = Path(path)
    _, write = _format(path)
    _check_state(state)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: the rule is the path of a file, such as {path / 'weights.safetensors'}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} for {path.name}: the rule is a folder that exists, such as .")
    target(path)
    # The safetensors library writes memory as it lies; `ascontiguousarray` would turn a scalar into a vector.
    replace(path, write({name: np.asarray(array, order="C") for name, array in state.items()}))


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


def _format(path):
    """The reader and the writer for this suffix."""
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        raise _pickle(path, f"{suffix} files of PyTorch are pickles")
    if suffix not in _FORMATS:
        raise ValueError(f"{path} has the suffix {suffix!r}: the rule is {' or '.join(_FORMATS)}, such as weights.npz")
    return _FORMATS[suffix]


def _pickle(path, what):
    old = str(path)
    new = f"{old.removesuffix('.tar').rpartition('.')[0] or old}.safetensors"
    recipe = _RECIPE.format(old=old, new=new if new != old else f"{old.removesuffix('.safetensors')}-1.safetensors")
    return ValueError(
        f"{path} was not opened: {what}, which can run any program when they are loaded, and the rule is .safetensors "
        f"or .npz. Where PyTorch is installed, this converts it:\n{recipe}"
    )


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
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError(
                f"state[{name!r}] is a masked array, and neither format holds masks: the rule is a plain one, such as "
                "array.filled(0)"
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


class Header(NamedTuple):
    """What a file says of one array."""

    shape: tuple
    dtype: np.dtype  # that it is loaded as


def _check_size(headers, size, model):
    """Refuse what a small file would blow up to; where the model is known, that says what is too large."""
    loaded = sum(math.prod(header.shape) * header.dtype.itemsize for header in headers.values())
    if loaded > LARGEST_FILE:
        raise ValueError(f"it unpacks to {loaded:,} bytes: the rule is at most {LARGEST_FILE:,}")
    if model is None and loaded > max(LARGEST_UNPACKED, _MOST_PACKED * size):
        raise ValueError(
            f"it unpacks from {size:,} to {loaded:,} bytes, as weights do not: the rule is at most {_MOST_PACKED} "
            f"times as many, or {LARGEST_UNPACKED:,}, save where load_weights(path, model=model) knows what it is for"
        )


def _refuse_other(path, start):
    """Raise what says what a file is, where its first bytes are those of another kind."""
    suffix, length = path.suffix.lower(), int.from_bytes(start[:8], "little")
    if start[8:9] == b"{" and length <= LARGEST_HEADER:  # a length may look like any of the following
        if suffix == ".safetensors":
            return
        raise ValueError(f"{path} {_REFUSED}: it is a .safetensors file: the rule is that suffix")
    if start.startswith(_PICKLED) or (start.startswith(_ZIP) and b"data.pkl" in start):
        raise _pickle(path, f"it is no {suffix} file but one of PyTorch, and these are pickles")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        what = "a page, as of a site that wants a login: the rule is the file itself"
    elif start.startswith(_ZIP) and suffix == ".safetensors":
        what = "a zip: the rule is a .safetensors file, or the suffix .npz if NumPy wrote it"
    else:
        what = next((what for magic, what in _OTHERS if start.startswith(magic)), "")
    if what:
        raise ValueError(f"{path} {_REFUSED}: it is {what}")


@contextmanager
def _refusing(path):
    try:
        yield
    except _BROKEN as error:
        raise ValueError(f"{path} {_REFUSED}: {str(error) or type(error).__name__}") from None


def _from_safetensors(file, size):
    from safetensors import SafetensorError, deserialize

    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, LARGEST_HEADER):
        raise ValueError(
            f"its header should have {length:,} bytes and the file has {size:,}: the rule is a header within "
            f"the file, of at most {LARGEST_HEADER:,}"
        )
    # The library silently takes the last of several tensors of one name.
    described = json.loads(file.read(length), object_pairs_hook=_without_repetition)
    if not isinstance(described, dict):
        raise ValueError(f"its header is a {type(described).__name__}: the rule is a dict")
    headers = {name: _described(name, tensor) for name, tensor in described.items() if name != "__metadata__"}

    def load(names):
        file.seek(0)
        try:
            tensors = dict(deserialize(file.read()))
        except SafetensorError as error:
            raise ValueError(f"{error}: the rule is a complete file, such as save_weights writes") from None
        return {name: _tensor(**tensors.pop(name)) for name in names}

    return headers, load


def _without_repetition(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"its header has {twice!r} more than once: the rule is one tensor of each name")
    return dict(pairs)


def _described(name, tensor):
    match tensor:
        case {"dtype": str(dtype), "shape": list(shape)} if len(shape) <= _MOST_AXES:
            if dtype != "BF16" and dtype not in _IN_SAFETENSORS:
                raise ValueError(f"{name} has dtype {dtype}: the rule is {', '.join(_IN_SAFETENSORS)} or BF16")
            return Header(_shape(name, shape), np.dtype(_LOADED_AS[_IN_SAFETENSORS.get(dtype, "f4")]))
    raise ValueError(f"its header says {str(tensor)[:80]} of {name}: the rule is a dtype, a shape and data_offsets")


def _shape(name, sizes):
    if not all(isinstance(size, int) and 0 <= size < 2**63 for size in sizes):
        raise ValueError(f"{name} has shape {str(sizes)[:80]}: the rule is whole numbers that are not negative")
    return tuple(sizes)


def _tensor(dtype, shape, data):
    if dtype == "BF16":
        # The upper half of a float32: NumPy has no name for it.
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    code = _IN_SAFETENSORS[dtype]
    return np.frombuffer(data, f"<{code}").reshape(shape).astype(_LOADED_AS[code])


def _to_safetensors(state):
    from safetensors.numpy import save

    return save(state)


def _from_npz(file, size):
    archive = zipfile.ZipFile(file)
    entries, headers = {}, {}
    # A few bytes of zip can stand for any number of zeros.
    total = sum(entry.file_size for entry in archive.infolist())
    if total > LARGEST_FILE:
        raise ValueError(f"it unpacks to {total:,} bytes: the rule is at most {LARGEST_FILE:,}")
    for entry in archive.infolist():
        name = entry.filename.removesuffix(".npy")
        if name in entries:
            raise ValueError(f"it has {name!r} more than once: the rule is one array of each name")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is packed by method {entry.compress_type}: the rule is that of np.savez")
        entries[name] = entry
        with archive.open(entry) as member:
            headers[name] = _npy_header(name, member, entry.file_size)

    def load(names):
        arrays = {}
        for name in names:
            with archive.open(entries[name]) as member:
                array = np.lib.format.read_array(member, allow_pickle=False)
            arrays[name] = np.asarray(array, headers[name].dtype, order="C")
        return arrays

    return headers, load


def _npy_header(name, file, size):
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
    expected = math.prod(_shape(name, shape)) * dtype.itemsize
    if expected != size - file.tell():
        raise ValueError(f"{name} of shape {shape} takes {expected:,} bytes, and {size - file.tell():,} follow")
    return Header(shape, np.dtype(_LOADED_AS[code]))


def _to_npz(state):
    # np.savez would take arrays named "file" and "allow_pickle" for its own arguments.
    contents = BytesIO()
    with zipfile.ZipFile(contents, "w") as archive:
        for name, array in state.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return contents.getvalue()


_FORMATS = {".safetensors": (_from_safetensors, _to_safetensors), ".npz": (_from_npz, _to_npz)}
