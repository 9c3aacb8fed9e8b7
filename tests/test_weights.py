"""Weights on disk: what is saved is loaded, what is broken loads nothing, and saving is all or nothing."""

import gzip
import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import ghostnp
from ghostnp import weights
from ghostnp.weights import load_weights, official_names, save_weights
from tests import oracle_networks as oracle

pytestmark = pytest.mark.small
SUFFIXES = [".safetensors", ".npz"]
REFUSED = "no file of weights that can be read, and nothing was loaded"


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    return tmp_path / f"weights{request.param}"


def small_state():
    return {"conv.weight": np.arange(12.0).reshape(3, 4), "bn.num_batches_tracked": np.array(7)}


def assert_same(loaded, state):
    assert loaded.keys() == state.keys()
    for name, array in state.items():
        assert loaded[name].dtype == array.dtype, name
        assert loaded[name].shape == array.shape, name
        np.testing.assert_array_equal(loaded[name], array, err_msg=name)
        assert loaded[name].flags.c_contiguous
        assert loaded[name].flags.writeable


def safetensors_file(path, header, data=b"", *, length=None):
    """A file with any header, whether it fits the data or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def npz_file(path, entries, method=zipfile.ZIP_STORED):
    """A zip with any bytes under any names."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def npy(array, **keywords):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), **keywords)
    return file.getvalue()


def npy_header(text, data=b""):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def assert_refused(path, *words):
    with pytest.raises(ValueError, match=REFUSED) as refused:
        load_weights(path)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert all(word in message for word in words), message
    assert "\n" not in message


# Round trips


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_comes_back(path, dtype):
    model = ghostnp.create_model("ghostnet_050", num_classes=10, dtype=dtype)
    model.state_dict()["bn1.num_batches_tracked"][...] = 7
    save_weights(path, model.state_dict())
    loaded = load_weights(path)
    assert_same(loaded, model.state_dict())
    other = ghostnp.create_model("ghostnet_050", num_classes=10, seed=1, dtype=dtype)
    other.load_state_dict(loaded)
    assert_same(other.state_dict(), model.state_dict())


def test_any_memory_order_and_any_shape(path):
    block = np.arange(120.0).reshape(2, 3, 4, 5)
    state = {
        "fortran": np.asfortranarray(block),
        "sliced": block[:, ::2, 1:, ::-1],
        "transposed": block.transpose(3, 1, 0, 2),
        "broadcast": np.broadcast_to(np.float32(3), (2, 2)),
        "scalar": np.array(3),
        "real scalar": np.array(0.5, np.float32),
        "empty": np.empty((0, 3), np.float32),
        "special": np.array([np.nan, np.inf, -0.0, 5e-324]),
    }
    save_weights(path, state)
    assert_same(load_weights(path), {name: np.array(array, order="C") for name, array in state.items()})


def test_no_arrays_at_all(path):
    save_weights(path, {})
    assert load_weights(path) == {}


def test_names_that_mean_something_to_the_writers(path):
    names = ["file", "allow_pickle", "a.npy", "../up", "/root", "ä·ß", "a b"]
    state = {name: np.array(number) for number, name in enumerate(names)}
    save_weights(path, state)
    assert_same(load_weights(path), state)


def test_the_same_state_gives_the_same_bytes(path):
    save_weights(path, small_state())
    first = path.read_bytes()
    save_weights(path, small_state())
    assert path.read_bytes() == first


def test_suffix_in_capitals_and_path_as_text(path):
    shouting = str(path.with_suffix(path.suffix.upper()))
    save_weights(shouting, small_state())
    assert_same(load_weights(shouting), small_state())


# What others write


def test_numpy_s_own_file(tmp_path):
    for number, write in enumerate((np.savez, np.savez_compressed)):
        path = tmp_path / f"{number}.npz"
        state = small_state() | {"fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3))}
        write(path, **state)
        assert_same(load_weights(path), state)


def test_others_read_ours(tmp_path):
    save_weights(tmp_path / "w.npz", small_state())
    with np.load(tmp_path / "w.npz", allow_pickle=False) as archive:
        assert_same(dict(archive), small_state())
    save_weights(tmp_path / "w.safetensors", small_state())
    theirs = safetensors.torch.load_file(tmp_path / "w.safetensors")
    assert_same({name: tensor.numpy() for name, tensor in theirs.items()}, small_state())


def test_pytorch_s_network_loads_strictly(tmp_path):
    network = oracle.randomise(oracle.GhostNet(0.5, num_classes=10), seed=0)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "torch.safetensors")
    model = ghostnp.create_model("ghostnet_050", num_classes=10, seed=None)
    model.load_state_dict(official_names(load_weights(tmp_path / "torch.safetensors")))
    assert_same(model.state_dict(), {name: tensor.numpy() for name, tensor in network.state_dict().items()})


@pytest.mark.parametrize(
    ("stored", "loaded"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
        (torch.int32, torch.int64),
        (torch.int64, torch.int64),
    ],
)
def test_each_dtype_is_widened_without_rounding(tmp_path, stored, loaded):
    values = torch.tensor([[0, 1, -3], [7, 100, 2**14]]).to(stored)
    if stored.is_floating_point:
        info = torch.finfo(stored)
        values = torch.cat([values, torch.tensor([[info.smallest_normal, info.max, -info.eps]]).to(stored)])
    safetensors.torch.save_file({"w": values, "scalar": values[1, 1].clone()}, tmp_path / "w.safetensors")
    expected = {"w": values.to(loaded).numpy(), "scalar": values[1, 1].to(loaded).numpy()}
    assert_same(load_weights(tmp_path / "w.safetensors"), expected)


@pytest.mark.parametrize(
    ("stored", "loaded"), [("<f2", "f4"), (">f4", "f4"), (">f8", "f8"), (">i4", "i8"), (">i8", "i8")]
)
def test_each_dtype_of_npz(tmp_path, stored, loaded):
    values = np.array([[1, -2], [300, 4]], stored)
    np.savez(tmp_path / "w.npz", w=values)
    assert_same(load_weights(tmp_path / "w.npz"), {"w": np.array(values.tolist(), loaded)})


# Broken files


def test_truncated_anywhere(path):
    save_weights(path, small_state())
    whole = path.read_bytes()
    for length in {0, 1, 7, 8, 9, 20, 60, len(whole) // 2, len(whole) - 30, len(whole) - 1}:
        path.write_bytes(whole[:length])
        assert_refused(path)


def test_flipped_bytes_are_refused_or_are_another_file(path):
    """No byte of a file may make the reader fail in a way of its own."""
    save_weights(path, small_state())
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place, change in enumerate(rng.integers(1, 256, len(whole))):
        changed = bytearray(whole)
        changed[place] ^= int(change)
        path.write_bytes(changed)
        with suppress(ValueError):
            assert all(array.nbytes < 1000 for array in load_weights(path).values())


@pytest.mark.parametrize("length", [0, 1, 3, 10**6, 2**40, 2**64 - 1])
def test_a_wrong_length_of_the_header(tmp_path, length):
    header = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    assert_refused(safetensors_file(tmp_path / "w.safetensors", header, bytes(4), length=length))


def test_a_huge_header(tmp_path):
    path = safetensors_file(tmp_path / "w.safetensors", b"{}" + b" " * weights.LARGEST_HEADER)
    assert_refused(path, f"{weights.LARGEST_HEADER:,}")


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b"\xff\xfe", b""),
        (b"[]", b""),
        (b"{", b""),
        (b"[" * 10_000, b""),
        ({"w": 3}, b""),
        ({"__metadata__": {"format": 3}}, b""),
        ({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)),
        ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(8)),
        ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)),
        ({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        ({"w": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, bytes(4)),
        ({"w": {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}, b""),
        ({"w": {"dtype": "F32", "shape": [1] * 100, "data_offsets": [0, 4]}}, bytes(4)),
        ({"w": {"dtype": "F32", "shape": [10**18] * 500_000, "data_offsets": [0, 4]}}, bytes(4)),
        ({"w": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}}, bytes(4)),
        ({"w": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}}, bytes(4)),
        ({"w": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        (b"3", b""),
    ],
)
def test_a_header_that_is_none(tmp_path, header, data):
    assert_refused(safetensors_file(tmp_path / "w.safetensors", header, data))


@pytest.mark.parametrize("dtype", ["U8", "I8", "I16", "U64", "BOOL", "C64", "F8_E4M3", "F4", "nonsense"])
def test_other_numbers_of_safetensors(tmp_path, dtype):
    size = {"U8": 8, "I8": 8, "I16": 16, "BOOL": 8, "F8_E4M3": 8, "F4": 4}.get(dtype, 64)
    header = {"conv.weight": {"dtype": dtype, "shape": [2], "data_offsets": [0, size // 4]}}
    assert_refused(safetensors_file(tmp_path / "w.safetensors", header, bytes(size // 4)), dtype, "F32", "BF16")


@pytest.mark.parametrize("values", [np.ones(2, np.uint8), np.ones(2, bool), np.ones(2, complex), np.array(["a"])])
def test_other_numbers_of_npz(tmp_path, values):
    np.savez(tmp_path / "w.npz", **{"conv.weight": values})
    assert_refused(tmp_path / "w.npz", "conv.weight", str(values.dtype), "float32")


def test_a_name_twice(tmp_path):
    entry = b'"w": {"dtype": "F32", "shape": [%s], "data_offsets": [0, 4]}'
    twice = safetensors_file(tmp_path / "w.safetensors", b"{%s, %s}" % (entry % b"1", entry % b"1, 1"), bytes(4))
    assert_refused(twice, "'w' more than once")
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = npz_file(tmp_path / "w.npz", [("w.npy", npy([1.0])), ("w.npy", npy([2.0]))])
    assert_refused(twice, "'w' more than once")


class Program:
    def __reduce__(self):
        return os.abort, ()


def test_objects_are_never_unpickled(tmp_path):
    objects = npy(np.array([Program()], object), allow_pickle=True)
    assert_refused(npz_file(tmp_path / "w.npz", [("w.npy", objects)]), "w has dtype object")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY\x03\x00",
        npy_header("("),
        npy_header("(" * 4000),
        npy_header("-" * 9000 + "1"),
        npy_header("'" * 3),
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(3)),
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}", bytes(4)),
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", bytes(4)),
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}"),
        npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9999999999999999999999)}"),
        npy_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (0,)}"),
    ],
)
def test_an_array_that_is_none(tmp_path, data):
    assert_refused(npz_file(tmp_path / "w.npz", [("w.npy", data)]))


def test_a_zip_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "LARGEST_FILE", 100_000)
    path = npz_file(tmp_path / "w.npz", [("w.npy", npy(np.zeros(20_000)))], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1000
    assert_refused(path, "unpacks to 160,128 bytes", "at most 100,000")


def test_a_file_that_would_fill_the_memory(path, monkeypatch):
    save_weights(path, {"w": np.zeros(1000)})
    monkeypatch.setattr(weights, "LARGEST_FILE", 5000)
    with pytest.raises(ValueError, match=r"8,\d\d\d bytes: the rule is at most 5,000"):
        load_weights(path)


def test_a_zip_packed_otherwise(tmp_path):
    assert_refused(npz_file(tmp_path / "w.npz", [("w.npy", npy([1.0]))], zipfile.ZIP_LZMA), "method 14")


def test_the_other_format_under_this_suffix(path):
    other = path.with_suffix(next(suffix for suffix in SUFFIXES if suffix != path.suffix))
    save_weights(other, small_state())
    other.replace(path)
    assert_refused(path)


def packed(path, **arrays):
    """A zip of a few bytes for any number of zeros."""
    np.savez_compressed(path, **arrays)
    return path


def test_a_small_file_that_would_fill_the_memory_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "LARGEST_UNPACKED", 2**20)
    path = packed(tmp_path / "w.npz", w=np.zeros(2**19, np.float16))  # float32, it will be twice as large
    monkeypatch.setattr(np.lib.format, "read_array", None)
    assert_refused(path, "to 2,097,152 bytes", "at most 20 times as many, or 1,048,576")


def test_what_is_packed_as_weights_are_may_be_large(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "LARGEST_UNPACKED", 0)
    state = {"w": np.random.default_rng(0).standard_normal(2**18, np.float32)}
    assert_same(load_weights(packed(tmp_path / "w.npz", **state)), state)


def test_no_network_of_the_list_is_too_large_when_it_is_new():
    sizes = {
        name: sum(array.nbytes for array in ghostnp.create_model(name, seed=None).state_dict().values())
        for name in ("ghostnetv2_160", "resnet50", "mobilenetv2_100", "shufflenetv1_g8_2.0x", "googlenet")
    }
    assert max(sizes.values()) < weights.LARGEST_UNPACKED, sizes


def test_whose_model_is_known_is_held_against_it_before_anything_is_read(path, monkeypatch):
    model = ghostnp.create_model("ghostnet_050", num_classes=3)
    state = {f"module.{name}": array for name, array in model.state_dict().items()}
    save_weights(path, state | {"module.total_ops": np.zeros(2)})
    loaded = load_weights(path, model=model)
    assert_same(loaded, model.state_dict())
    wrong = state | {"module.conv_stem.weight": np.zeros((2**10, 2**10), np.float32), "extra": np.zeros(3)}
    save_weights(path, wrong)
    monkeypatch.setattr(np.lib.format, "read_array", None)
    monkeypatch.setattr("safetensors.deserialize", None)
    with pytest.raises(ValueError, match="nothing was loaded") as refused:
        load_weights(path, model=model)
    lines = str(refused.value).splitlines()[1:]
    assert lines == [
        "  surplus: extra (3,)",
        f"  shape: conv_stem.weight is (1024, 1024) and should be {model.conv_stem.weight.shape}",
    ]


def test_a_small_file_takes_little_memory(tmp_path, run_python):
    path = packed(tmp_path / "w.npz", w=np.zeros(2**28, np.float16))  # a gigabyte in float32
    assert path.stat().st_size < 6e5
    code = f"""
import ghostnp
for model in (None, ghostnp.create_model("ghostnet_050", seed=None)):
    try:
        ghostnp.load_weights({str(path)!r}, model=model)
    except ValueError as error:
        print("refused")
print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    *refused, kilobytes = run_python(code).split()
    assert refused == ["refused"] * 2
    assert int(kilobytes) < 200_000


# Other files by our names


def html(path):
    path.write_bytes(b"\xef\xbb\xbf\n<!DOCTYPE html>\n<title>Sign in</title>")


def lfs(path):
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 20891\n")


def numpy_array(path):
    path.write_bytes(npy(np.ones(100)))


def hdf5(path):
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))


def packed_by_gzip(path):
    path.write_bytes(gzip.compress(bytes(1000)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (html, ("a page", "login")),
        (lfs, ("Git LFS", "git lfs pull")),
        (numpy_array, ("one array of NumPy", "numpy.savez")),
        (hdf5, ("HDF5", "Keras")),
        (packed_by_gzip, ("gzip", "gunzip")),
    ],
)
def test_another_file_is_called_what_it_is(path, make, words):
    make(path)
    assert_refused(path, *words)


def test_a_zip_named_safetensors(tmp_path):
    np.savez(tmp_path / "w.npz", w=np.ones(3))
    (tmp_path / "w.npz").rename(tmp_path / "w.safetensors")
    assert_refused(tmp_path / "w.safetensors", "a zip", ".npz")


def test_a_safetensors_file_named_npz(tmp_path):
    save_weights(tmp_path / "w.safetensors", small_state())
    (tmp_path / "w.safetensors").rename(tmp_path / "w.npz")
    assert_refused(tmp_path / "w.npz", "a .safetensors file")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_called_a_pickle_and_the_recipe_works(path, zipped):
    state = {"conv.weight": torch.arange(6.0).reshape(2, 3)}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"was not opened: it is no .* file but one of PyTorch") as refused:
        load_weights(path)
    exec("\n".join(str(refused.value).splitlines()[-3:]), {})
    (converted,) = set(path.parent.iterdir()) - {path}
    assert_same(load_weights(converted), {"conv.weight": state["conv.weight"].numpy()})


def test_no_length_of_a_header_makes_weights_a_pickle(tmp_path):
    """The first bytes of a file of weights are its header's length, and may be those of any other file."""
    for length in (0x280, 0x380, 0x480, 0x580, 0x8B1F):
        header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode().ljust(length)
        safetensors_file(tmp_path / "w.safetensors", header, bytes(4))
        assert_same(load_weights(tmp_path / "w.safetensors"), {"w": np.zeros(1, np.float32)})


# Paths


def test_no_such_file(path):
    with pytest.raises(FileNotFoundError, match=re.escape(f"no weights at {path}")):
        load_weights(path)


def test_a_folder(path):
    path.mkdir()
    with pytest.raises(ValueError, match="is no file"):
        load_weights(path)
    with pytest.raises(ValueError, match="is a folder"):
        save_weights(path, small_state())


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        save_weights(tmp_path / "nowhere" / "w.npz", small_state())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["weights", "weights.h5", "weights.npy", ".npz"])
def test_other_suffixes_are_told_the_legal_ones(tmp_path, name):
    for act in (load_weights, lambda path: save_weights(path, small_state())):
        with pytest.raises(ValueError, match=r"suffix .*: the rule is \.safetensors or \.npz"):
            act(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_path_is_text_or_a_path():
    with pytest.raises(TypeError, match="path is of type int"):
        load_weights(3)


@pytest.mark.parametrize("name", ["w.pth", "w.PT", "w.bin", "w.pkl", "w.ckpt", "w.pth.tar"])
def test_pickles_are_refused_unopened_with_a_recipe(tmp_path, name):
    with pytest.raises(ValueError, match="was not opened") as refused:
        load_weights(tmp_path / name)  # there is no such file, and nobody looked
    recipe = str(refused.value).splitlines()[-3:]
    assert "weights_only=True" in recipe[1]
    assert repr(str(tmp_path / "w.safetensors")) in recipe[2]


@pytest.mark.parametrize("nested", [False, True])
def test_the_recipe_works(tmp_path, nested):
    state = {"conv.weight": torch.arange(6.0).reshape(2, 3), "bn.num_batches_tracked": torch.tensor(7)}
    torch.save({"state_dict": state, "epoch": 3} if nested else state, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="was not opened") as refused:
        load_weights(tmp_path / "w.pth")
    exec("\n".join(str(refused.value).splitlines()[-3:]), {})
    assert_same(load_weights(tmp_path / "w.safetensors"), {name: tensor.numpy() for name, tensor in state.items()})


# Saving


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ([np.ones(2)], TypeError, "state is of type list"),
        ({3: np.ones(2)}, TypeError, "the key 3"),
        ({"w": [1.0, 2.0]}, TypeError, r"state\['w'\] is of type list"),
        ({"w": np.float32(1)}, TypeError, r"state\['w'\] is of type float32"),
        ({"w": np.ones(2, np.float16)}, TypeError, "dtype float16"),
        ({"w": np.ones(2, np.int32)}, TypeError, "dtype int32"),
        ({"w": np.ones(2, ">f4")}, TypeError, "dtype >f4"),
        ({"w": np.array([None])}, TypeError, "dtype object"),
        ({"w": np.ma.masked_equal(np.ones(2), 1)}, TypeError, "is a masked array"),
        ({"": np.ones(2)}, ValueError, "the key ''"),
        ({"a\0b": np.ones(2)}, ValueError, "printable name"),
        ({"\ud800": np.ones(2)}, ValueError, "printable name"),
        ({"a" * 70_000: np.ones(2)}, ValueError, "short"),
        ({"__metadata__": np.ones(2)}, ValueError, "__metadata__"),
        ({"w": np.broadcast_to(np.ones(1), (2**28, 2))}, ValueError, "4,294,967,312 bytes"),
    ],
)
def test_a_state_that_is_none_is_refused_before_anything_is_written(path, state, error, words):
    path.write_bytes(b"the old file")
    with pytest.raises(error, match=words):
        save_weights(path, {"fine": np.ones(2)} | state if isinstance(state, dict) else state)
    assert path.read_bytes() == b"the old file"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
def test_a_crash_while_saving_leaves_the_old_file_alone(path, monkeypatch, moment, error):
    save_weights(path, small_state())

    def crash(*_):
        assert len(list(path.parent.iterdir())) == 2, "the new file is beside the old one"
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(os, moment, crash)
        with pytest.raises(type(error)):
            save_weights(path, {"w": np.ones(1000)})
    assert_same(load_weights(path), small_state())
    assert list(path.parent.iterdir()) == [path]


def test_a_writer_that_fails_leaves_the_old_file_alone(path, monkeypatch):
    save_weights(path, small_state())

    def fail(_):
        raise RuntimeError("no")

    monkeypatch.setitem(weights._FORMATS, path.suffix, (None, fail))
    with pytest.raises(RuntimeError):
        save_weights(path, {})
    monkeypatch.undo()
    assert_same(load_weights(path), small_state())
    assert list(path.parent.iterdir()) == [path]


def test_a_killed_process_leaves_the_old_file_alone(path):
    save_weights(path, small_state())
    code = (
        "import os, sys, numpy as np\n"
        "from ghostnp.weights import save_weights\n"
        f"os.fsync = lambda _: os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
        "save_weights(sys.argv[1], {'w': np.ones(1000)})"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1])}
    killed = subprocess.run([sys.executable, "-P", "-c", code, str(path)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert_same(load_weights(path), small_state())
    # Nobody can clean up after a process that is no more; what it left is hidden, and never called `path`.
    assert all(re.fullmatch(r"\..*\.part", left.name) for left in path.parent.iterdir() if left != path)
    save_weights(path, {"w": np.ones(3)})
    assert_same(load_weights(path), {"w": np.ones(3)})


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_permissions_stay(path, mode):
    path.touch()
    path.chmod(mode)
    save_weights(path, small_state())
    assert path.stat().st_mode & 0o777 == mode


def test_a_file_that_is_read_only_stays(path):
    path.write_bytes(b"the old file")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="read-only"):
        save_weights(path, small_state())
    assert path.read_bytes() == b"the old file"


def test_what_is_no_file_stays_and_is_not_read(path):
    os.mkfifo(path)
    with pytest.raises(OSError, match="a pipe or a device"):
        save_weights(path, small_state())
    with pytest.raises(ValueError, match="is no file"):
        load_weights(path)
    assert path.is_fifo()


def test_a_loop_of_links_is_one_line(path):
    path.symlink_to(path)
    with pytest.raises(OSError, match="leads back to itself"):
        save_weights(path, small_state())
    with pytest.raises(FileNotFoundError, match="no weights at"):
        load_weights(path)


def test_a_link_stays_a_link(path):
    there = path.with_name(f"there{path.suffix}")
    save_weights(there, {})
    path.symlink_to(there)
    save_weights(path, small_state())
    assert path.is_symlink()
    assert_same(load_weights(there), small_state())


def test_the_new_file_is_readable_by_whom_new_files_are(path):
    plain = path.with_name("plain")
    plain.touch()
    save_weights(path, small_state())
    assert path.stat().st_mode == plain.stat().st_mode


# Names


def test_official_names_stay():
    state = ghostnp.create_model("ghostnet_050", num_classes=3, seed=None).state_dict()
    renamed = official_names(state)
    assert list(renamed) == list(state)
    assert all(renamed[name] is state[name] for name in state)


def test_a_file_with_others_names_loads_strictly(path):
    model = ghostnp.create_model("ghostnet_050", num_classes=3)
    others = {}
    for name, array in model.state_dict().items():
        other = name.replace(".se.conv_reduce.", ".se.fc1.").replace(".se.conv_expand.", ".se.fc2.")
        others[f"module.{other.replace('blocks.9.0.bn1.', 'blocks.9.0.bn.')}"] = array
    others |= {name: np.zeros(1) for name in ("total_ops", "module.blocks.0.0.ghost1.gate_fn.total_params")}
    assert sum(name.removeprefix("module.") in model.state_dict() for name in others) < len(model.state_dict()) - 20
    save_weights(path, others)
    other = ghostnp.create_model("ghostnet_050", num_classes=3, seed=None)
    other.load_state_dict(official_names(load_weights(path)))
    assert_same(other.state_dict(), model.state_dict())


@pytest.mark.parametrize(
    ("name", "official"),
    [
        ("_orig_mod.module.bn1.weight", "bn1.weight"),
        ("blocks.3.0.se.fc1.weight", "blocks.3.0.se.conv_reduce.weight"),
        ("blocks.3.0.se.fc2.bias", "blocks.3.0.se.conv_expand.bias"),
        ("blocks.9.0.bn.num_batches_tracked", "blocks.9.0.bn1.num_batches_tracked"),
        ("classifier.1.fc1.weight", "classifier.1.fc1.weight"),
        ("a.module.b", "a.module.b"),
        ("total_opsy", "total_opsy"),
    ],
)
def test_each_row_of_the_table(name, official):
    assert list(official_names({name: np.zeros(1)})) == [official]


def test_two_names_for_one_array_are_refused():
    with pytest.raises(ValueError, match=r"'bn1.weight' and 'module.bn1.weight'"):
        official_names({"bn1.weight": np.ones(1), "module.bn1.weight": np.zeros(1)})


def test_a_wrong_network_is_told_what_is_wrong(path):
    state = dict(ghostnp.create_model("ghostnet_050", num_classes=3, seed=None).state_dict())
    state["classifer.bias"] = state.pop("classifier.bias")
    state["conv_stem.weight"] = state["conv_stem.weight"][:, :1]
    save_weights(path, state)
    with pytest.raises(ValueError, match="nothing was loaded") as report:
        ghostnp.create_model("ghostnet_050", num_classes=3).load_state_dict(load_weights(path))
    for line in ("missing: classifier.bias", "surplus: classifer.bias", "shape: conv_stem.weight"):
        assert line in str(report.value)
    with pytest.raises(ValueError, match="does not fit") as before:
        load_weights(path, model=ghostnp.create_model("ghostnet_050", num_classes=3))
    assert str(before.value) == str(report.value)


def test_safetensors_is_imported_only_when_it_is_needed(run_python):
    loaded = run_python("import sys, ghostnp.weights; print('safetensors' in sys.modules)")
    assert loaded.strip() == "False"
