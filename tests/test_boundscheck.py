"""Whether NUMBA_BOUNDSCHECK sees a mistake in a kernel: what a run with it would otherwise prove is nothing."""

import pytest

PLANTED = """
from ghostnp.kernels.jit import driver, leaf, prange

@leaf
def shift(row, out, by):
    for i in range(len(row)):
        out[i] = row[i + by]

@driver
def shift_each(rows, out, by):
    for s in prange(len(rows)):
        shift(rows[s], out[s], by[s])
"""

CALLS = {
    "leaf": "planted.shift(np.zeros(4), np.zeros(4), {by})",
    # Only the last share reads too far: the one that another thread would have run.
    "driver": "planted.shift_each(np.zeros((4, 4)), np.zeros((4, 4)), np.array([0, 0, 0, {by}]))",
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
except SystemError as error:  # how a driver reports what one of its shares raised
    assert isinstance(error.__cause__, IndexError)
    print("caught")
"""


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize(("by", "printed"), [(0, ""), (1, "caught\n")])
def test_out_of_range_read_is_caught(kind, by, printed, tmp_path, run_python):
    (tmp_path / "planted.py").write_text(PLANTED)
    code = CAUGHT.format(folder=str(tmp_path), call=CALLS[kind].format(by=by))
    environment = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_NUM_THREADS": "1", "NUMBA_DISABLE_JIT": "0"}
    assert run_python(code, **environment, NUMBA_CACHE_DIR=str(tmp_path)) == printed
