"""Kernels are kept on disk for as long as no file of theirs has changed, and a disk that takes none is no error."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ghostnp

# Four channels of so many pixels that compiled code copies them.
SHUFFLE = """
import numpy as np
from ghostnp import kernels
x = np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1).repeat(300, axis=2).repeat(300, axis=3)
print(kernels.channel_shuffle(x, 2)[0, :, 0, 0])
"""

# Compiling is announced, however short it is.
AT_ONCE = "from ghostnp.kernels.runtime import progress\nprogress._progress.due = 0\n"


def kept(folder):
    return sorted(Path(folder).rglob("*.kernel"))


def run(package, cache, code=SHUFFLE):
    environment = os.environ | {
        "PYTHONPATH": str(package),
        "NUMBA_CACHE_DIR": str(cache),
        "NUMBA_DISABLE_JIT": "0",
    }
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_leaf_that_changed_reaches_the_drivers_in_other_files(tmp_path):
    package = tmp_path / "copy"
    shutil.copytree(Path(ghostnp.__file__).parent, package / "ghostnp", ignore=shutil.ignore_patterns("__pycache__"))
    assert run(package, tmp_path / "cache").stdout == "[0. 2. 1. 3.]\n"
    loops = package / "ghostnp" / "kernels" / "loops.py"
    loops.write_text(loops.read_text().replace("target[p] = source[p]", "target[p] = source[p] + 1"))
    assert run(package, tmp_path / "cache").stdout == "[1. 3. 2. 4.]\n"


def test_a_disk_that_takes_no_cache_is_one_line_and_no_error(tmp_path):
    # Root may write anywhere, so the folders are taken from Numba's list instead of being protected.
    nowhere = "from numba.core import caching\ncaching.CacheImpl._locator_classes = []\n"
    done = run(Path(ghostnp.__file__).parents[1], tmp_path, nowhere + SHUFFLE)
    assert done.stdout == "[0. 2. 1. 3.]\n", done.stderr
    assert done.stderr.count("NUMBA_CACHE_DIR") == 1


def test_a_folder_that_fills_up_is_one_line_and_no_error(tmp_path):
    full = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    full += "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
    done = run(Path(ghostnp.__file__).parents[1], tmp_path, full + SHUFFLE)
    assert done.stdout == "[0. 2. 1. 3.]\n", done.stderr
    assert done.stderr.count("File too large") == done.stderr.count("NUMBA_CACHE_DIR") == 1
    assert kept(tmp_path) == []


def test_a_folder_that_is_a_file_is_no_error(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert run(Path(ghostnp.__file__).parents[1], file).stdout == "[0. 2. 1. 3.]\n"


def emptied(path):
    path.write_bytes(b"")


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def in_the_checksum(path):
    path.write_bytes(b"\xff" + path.read_bytes()[1:])


def a_flipped_bit(path):
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 4
    path.write_bytes(contents)


def another_s(path):
    path.write_bytes(max(kept(path.parents[1]), key=lambda other: other.stat().st_size).read_bytes() + b"\0")


def an_empty_pickle(path):
    path.write_bytes(b"\x80\x04N.")


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    cold = run(Path(ghostnp.__file__).parents[1], folder, AT_ONCE + SHUFFLE)
    assert cold.stdout == "[0. 2. 1. 3.]\n"
    assert cold.stderr.startswith("ghostnp: compiling kernels, for the first run only: 1 of at most ")
    assert cold.stderr.count("\n") == 1
    return folder


@pytest.mark.parametrize("damage", [emptied, cut_off, in_the_checksum, a_flipped_bit, another_s, an_empty_pickle])
def test_what_does_not_fit_is_compiled_again_and_replaced(tmp_path, warm, damage):
    shutil.copytree(warm, tmp_path / "cache")
    before = {path: path.stat().st_size for path in kept(tmp_path)}
    assert len(before) >= 1
    for path in before:
        damage(path)
    again, after = (run(Path(ghostnp.__file__).parents[1], tmp_path / "cache", AT_ONCE + SHUFFLE) for _ in range(2))
    assert again.stdout == after.stdout == "[0. 2. 1. 3.]\n", again.stderr
    assert again.stderr.startswith("ghostnp: compiling kernels")
    assert after.stderr == ""
    assert {path: path.stat().st_size for path in kept(tmp_path)}.keys() == before.keys()


@pytest.mark.parametrize("block", [a_pipe, lambda path: (path.unlink(), path.mkdir())])
def test_what_is_no_file_is_compiled_each_time(tmp_path, warm, block):
    shutil.copytree(warm, tmp_path / "cache")
    for path in kept(tmp_path):
        block(path)
    done = run(Path(ghostnp.__file__).parents[1], tmp_path / "cache")
    assert done.stdout == "[0. 2. 1. 3.]\n", done.stderr
    assert done.stderr.count("cannot be kept") == 1


def test_an_outdated_file_is_replaced_and_not_added_to(tmp_path, warm):
    package = tmp_path / "copy"
    shutil.copytree(Path(ghostnp.__file__).parent, package / "ghostnp", ignore=shutil.ignore_patterns("__pycache__"))
    run(package, tmp_path / "cache")
    before = kept(tmp_path / "cache")
    shuffle = package / "ghostnp" / "kernels" / "shuffle.py"
    shuffle.write_text("# a line more\n" + shuffle.read_text(encoding="utf-8"), encoding="utf-8")
    assert run(package, tmp_path / "cache").stdout == "[0. 2. 1. 3.]\n"
    assert kept(tmp_path / "cache") == before


def test_processes_that_compile_into_one_folder_at_once(tmp_path):
    environment = os.environ | {
        "PYTHONPATH": str(Path(ghostnp.__file__).parents[1]),
        "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0",
    }  # fmt: skip
    command = [sys.executable, "-P", "-c", SHUFFLE]
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in processes] == ["[0. 2. 1. 3.]\n"] * 4
    assert run(Path(ghostnp.__file__).parents[1], tmp_path, AT_ONCE + SHUFFLE).stderr == ""
    assert not list(tmp_path.rglob(".*"))


def test_compiling_is_announced_and_a_warm_start_is_silent(warm):
    """That it is announced, the first run of `warm` shows."""
    done = run(Path(ghostnp.__file__).parents[1], warm, AT_ONCE + SHUFFLE)
    assert (done.stdout, done.stderr) == ("[0. 2. 1. 3.]\n", "")
