"""Whether NUMBA_BOUNDSCHECK sees a mistake in a kernel: what a run with it would otherwise prove is nothing."""

import pytest

PLANTED = """
from ghostnp.kernels.runtime import driver, leaf

@leaf
def shift(row, out, by):
    for i in range(len(row)):
        out[i] = row[i + by]

@driver
def shift_each(share, shares, rows, out, by):
    shift(rows[share], out[share], by[share])
"""

CALLS = {
    "leaf": "planted.shift(np.zeros(4), np.zeros(4), {by})",
    # Only the last share reads too far, and any thread may have it.
    "driver": "planted.shift_each(4, np.zeros((4, 4)), np.zeros((4, 4)), np.array([0, 0, 0, {by}]))",
}

CAUGHT = """
import sys
sys.path.append({folder!r})
import numpy as np
import planted
try:
    {call}
except IndexError:
    print("caught")
"""


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize(("by", "printed"), [(0, ""), (1, "caught\n")])
def test_out_of_range_read_is_caught(kind, by, printed, threads, tmp_path, run_python):
    (tmp_path / "planted.py").write_text(PLANTED)
    code = CAUGHT.format(folder=str(tmp_path), call=CALLS[kind].format(by=by))
    environment = {"NUMBA_BOUNDSCHECK": "1", "GHOSTNP_THREADS": threads, "NUMBA_DISABLE_JIT": "0"}
    assert run_python(code, **environment, NUMBA_CACHE_DIR=str(tmp_path)) == printed
