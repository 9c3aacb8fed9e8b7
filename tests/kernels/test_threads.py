"""The layer of threads is a setting that changes no result, and callers may come from many threads at once."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp import kernels
from ghostnp.kernels.threads import choose_layer

DIGEST = """
import numpy as np
from ghostnp import kernels
x = np.random.default_rng(0).normal(size=(9, 32, 7, 7)).astype(np.float32)
print(kernels.batch_norm_train(x, x[0, :, 0, 0], x[1, :, 0, 0])[0].sum(axis=(0, 2, 3)).tobytes().hex())
"""


def test_serial_threads_change_no_bit(run_python):
    assert run_python(DIGEST, GHOSTNP_THREADING="serial") == run_python(DIGEST)


def test_two_callers_at_once():
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, 16, 20, 20)), rng.normal(size=(24, 16, 1, 1))
    alone = kernels.pointwise_conv2d(x, weight)
    with ThreadPoolExecutor(4) as callers:
        for y in callers.map(lambda _: kernels.pointwise_conv2d(x, weight), range(200)):
            assert_array_equal(y, alone)


@pytest.mark.small
def test_a_layer_that_there_is_not_is_named(monkeypatch):
    monkeypatch.setenv("GHOSTNP_THREADING", "workqueue")
    with pytest.raises(ValueError, match=r"GHOSTNP_THREADING='workqueue'.* or serial"):
        choose_layer()


FORK = """
import os
import numpy as np
from ghostnp import kernels
x = np.ones((2, 4, 8, 8), np.float32)
kernels.relu(x)
child = os.fork() if hasattr(os, "fork") else None
if child == 0:
    os._exit(int(kernels.relu(x).sum() != x.size))
print(os.waitpid(child, 0)[1] if child else 0)
"""


def test_serial_kernels_survive_a_fork(run_python):
    assert run_python(FORK, GHOSTNP_THREADING="serial") == "0\n"
