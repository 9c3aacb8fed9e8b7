"""The layer of threads is a setting that changes no result; callers may come from many threads, and from a fork."""

import pytest
from ghostnp.kernels.threads import choose_layer, has_openmp

each_layer = pytest.mark.parametrize("layer", ["pool", "serial"] + ["omp"] * has_openmp())

# Kernels of every kind of loop, on arrays large enough to be shared out.
KERNELS = """
import hashlib, os
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from ghostnp import kernels
rng = np.random.default_rng(0)
x, dy = rng.standard_normal((2, 9, 32, 19, 19), dtype=np.float32)
weight, ones = rng.standard_normal((32, 32, 3, 3), dtype=np.float32), np.ones(32, np.float32)
CALLS = [
    lambda: kernels.relu(x),
    lambda: kernels.concat([x, dy]),
    lambda: kernels.global_avg_pool2d(x),
    lambda: kernels.batch_norm_relu_train(x, ones, ones),
    lambda: kernels.batch_norm_train_backward(dy, x, ones, ones, ones),
    lambda: kernels.pointwise_conv2d(x, weight[:, :, :1, :1]),
    lambda: kernels.pointwise_conv2d_backward(dy, x, weight[:, :, :1, :1]),
    lambda: kernels.depthwise_conv2d_backward(dy, x, weight[:, :1], padding=1),
    lambda: kernels.standard_conv2d(x, weight, stride=2),
]

def digest(call):
    result = call()
    arrays = [a for a in (result if isinstance(result, tuple) else [result]) if a is not None]
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()
"""

ALONE = "for call in CALLS: print(digest(call))"

# No kernel is compiled or read from the disk before the callers come.
TOGETHER = """
with ThreadPoolExecutor(4) as callers:
    many = list(callers.map(digest, CALLS * 20))
assert many == [digest(call) for call in CALLS] * 20
"""

# From Python 3.12 on a fork beside threads is warned of: it is what this is about.
FORKED = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
alone = [digest(call) for call in CALLS]
child = os.fork() if hasattr(os, "fork") else None
if child == 0:
    os._exit([digest(call) for call in CALLS] != alone)
print(os.waitpid(child, 0)[1] if child else 0)
"""


@each_layer
def test_the_layer_changes_no_bit(layer, run_python):
    assert run_python(KERNELS + ALONE, GHOSTNP_THREADING=layer) == run_python(KERNELS + ALONE)


def test_the_number_of_threads_changes_no_bit(run_python):
    assert run_python(KERNELS + ALONE, NUMBA_NUM_THREADS="1") == run_python(KERNELS + ALONE, NUMBA_NUM_THREADS="3")


@each_layer
def test_callers_from_several_threads(layer, run_python):
    run_python(KERNELS + TOGETHER, GHOSTNP_THREADING=layer)


@each_layer
def test_a_forked_process_computes_the_same_bits(layer, run_python):
    assert run_python(KERNELS + FORKED, GHOSTNP_THREADING=layer) == "0\n"


@pytest.mark.small
def test_a_layer_that_there_is_not_is_named(monkeypatch):
    monkeypatch.setenv("GHOSTNP_THREADING", "workqueue")
    with pytest.raises(ValueError, match=r"GHOSTNP_THREADING='workqueue'.* or serial"):
        choose_layer()
