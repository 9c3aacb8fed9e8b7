"""Kernels are kept on disk for as long as no file of theirs has changed, and a disk that takes none is no error."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import ghostnp

# Four channels of so many pixels that compiled code copies them.
SHUFFLE = """
import numpy as np
from ghostnp import kernels
x = np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1).repeat(300, axis=2).repeat(300, axis=3)
print(kernels.channel_shuffle(x, 2)[0, :, 0, 0])
"""


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
    full = "from numba.core import caching\ndef save(*_): raise OSError(28, 'No space left on device')\n"
    full += "caching.IndexDataCacheFile.save = save\n"
    done = run(Path(ghostnp.__file__).parents[1], tmp_path, full + SHUFFLE)
    assert done.stdout == "[0. 2. 1. 3.]\n", done.stderr
    assert done.stderr.count("No space left on device") == done.stderr.count("NUMBA_CACHE_DIR") == 1


def test_a_folder_that_is_a_file_is_no_error(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert run(Path(ghostnp.__file__).parents[1], file).stdout == "[0. 2. 1. 3.]\n"


def test_compiling_is_announced_and_a_warm_start_is_silent(tmp_path):
    at_once = "from ghostnp.kernels.runtime import progress\nprogress._progress.due = 0\n"
    cold, warm = (run(Path(ghostnp.__file__).parents[1], tmp_path, at_once + SHUFFLE) for _ in range(2))
    assert cold.stderr.startswith("ghostnp: compiling kernels, for the first run only: 1 of at most ")
    assert cold.stderr.count("\n") == 1
    assert warm.stderr == ""
