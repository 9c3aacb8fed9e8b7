"""Freed memory is kept, given back when asked, and left alone where a setting says so."""

import mmap
import platform

import pytest

from ghostnp.kernels.runtime.memory import keep_freed_memory

# Forty arrays of a megabyte, again and again; then how many page faults a round cost once it was going, and how many
# kibibytes `release` gave back. The kernel counts them page by page here; what `statm` says may be some pages behind.
ROUNDS = """
import resource
import numpy as np
from ghostnp.kernels import memory

def resident():
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))

def a_round():
    arrays = [np.zeros(1 << 20, np.uint8) for _ in range(40)]
    for array in arrays:
        array[:] = 1

a_round()
a_round()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
a_round()
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
kept = resident()
memory.release()
print(faults, kept - resident())
"""

GLIBC = platform.libc_ver()[0] == "glibc"


@pytest.mark.small
def test_freed_memory_is_found_again_and_released_on_request(run_python):
    if GLIBC:
        faults, released = map(int, run_python(ROUNDS).split())
        assert faults < 100  # of 10,240
        # Of each array its first and its last page may be shared with something that lives on.
        assert released >= 40 * (1024 - 2 * mmap.PAGESIZE // 1024)
    else:
        assert run_python("from ghostnp.kernels import memory; memory.release(); print('harmless')") == "harmless\n"


@pytest.mark.small
@pytest.mark.parametrize("setting", [{"GHOSTNP_MEMORY": "0"}, {"MALLOC_TRIM_THRESHOLD_": "1000000"}], ids=str)
def test_malloc_may_be_left_alone(run_python, setting):
    code = ROUNDS if GLIBC else "import ghostnp.kernels; print(10240)"
    assert int(run_python(code, **setting).split()[0]) > 1000


@pytest.mark.small
@pytest.mark.parametrize("setting", ["lots", "-1", "2048", "1.5", ""])
def test_a_setting_that_is_no_number_of_megabytes_is_named(monkeypatch, setting):
    monkeypatch.setenv("GHOSTNP_MEMORY", setting)
    with pytest.raises(ValueError, match=f"GHOSTNP_MEMORY={setting!r}.* up to 2047, such as 512"):
        keep_freed_memory()
