"""Compiled code does not depend on how it came into the process, and leaves the process's other code alone."""

import numpy as np
import pytest

from ghostnp.kernels.runtime import leaf

DIGEST = """
import hashlib, numpy as np
from ghostnp import kernels
rng = np.random.default_rng(0)
x, dy = rng.standard_normal((2, 8, 32, 21, 21), dtype=np.float32)
y, mean, var = kernels.batch_norm_relu_train(x, x[0, :, 0, 0], x[1, :, 0, 0])
grads = kernels.batch_norm_relu_train_backward(dy, x, x[0, :, 0, 0], x[1, :, 0, 0], mean, var)
for array in (y, mean, var, *grads):
    print(hashlib.sha256(array.tobytes()).hexdigest())
"""

# Which functions of its own LLVM's linker would find for others: by their names, internal or not.
NAMES = """
import numpy as np
from ghostnp import kernels
from ghostnp.kernels.layout import _copy_two
from ghostnp.kernels.shuffle import _shuffle_rows
x = np.zeros((2, 8, 4, 4), np.float32)
kernels.channel_shuffle(x, 2), kernels.concat([x, x])
seen = set()
for driver in (_shuffle_rows, _copy_two):
    (compiled,) = driver.dispatcher.overloads.values()
    names = {function.name for function in compiled.library.get_defined_functions()}
    assert len(names) > 3 and not names & seen, names & seen
    seen |= names
assert not any(name.startswith("NRT_") and "." not in name for name in seen), seen
"""


@leaf
def _double(row):
    for i in range(row.size):
        row[i] *= 2


def test_a_kernel_from_the_disk_computes_the_same_bits(run_python, tmp_path):
    just_compiled, loaded = (run_python(DIGEST, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert just_compiled == loaded


def test_drivers_share_no_names_of_functions(run_python, tmp_path):
    run_python(NAMES, NUMBA_CACHE_DIR=str(tmp_path))


@pytest.mark.small
def test_a_leaf_can_be_called_from_python_too():
    row = np.arange(3.0)
    _double(row)
    _double(row)
    np.testing.assert_array_equal(row, [0, 4, 8])
