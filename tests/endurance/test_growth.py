"""Call it again and again: no memory is kept that the call before had not.

`GHOSTNP_CALLS=10000 pytest tests/endurance` makes so many calls of each; the suite makes a hundred.
"""

import os

import pytest

# As often with each of the twelve shapes, so that the same plans are in memory before and after.
CALLS = 12 * -(-int(os.environ.get("GHOSTNP_CALLS", "100")) // 12)
# What may be left over in all, for tables of the interpreter that grow by doubling: less than a small array for a call.
BYTES, OBJECTS = 64 << 10, 500

# How many bytes of glibc's heap, and how many of Python's small objects, are in use. Both are counted exactly.
COUNTED = """
import ctypes, gc, platform, sys
import numpy as np
import ghostnp
from ghostnp.training.loop import tiny_ghostnet

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

if platform.libc_ver()[0] == "glibc":
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Heap
else:
    mallinfo = Heap

# Python keeps up to 4,096 names of attributes that were looked up. Those that a call makes anew fill it slowly.
forget = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache

def used():
    forget()
    gc.collect()
    heap = mallinfo()
    return heap.uordblks + heap.hblkhd, sys.getallocatedblocks()

rng = np.random.default_rng(0)
images = [rng.standard_normal((n, 1, 8, 8), dtype=np.float32) for n in range(1, 13)]
model = tiny_ghostnet(attention=True)
engine = ghostnp.compile(model)
step = ghostnp.compile(tiny_ghostnet(), training=True)

def forward(x):
    model(x)

def backward(x):
    y, cache = model.forward(x, training=len(x) > 1)
    model.backward(y, cache)

def infer(x):
    engine(x)

def train(x):
    step(np.concatenate([x, x]), np.zeros(2 * len(x), int), rate=1e-6)

def count(x):
    ghostnp.count(model, x.shape)

def trace(x):
    str(ghostnp.trace(ghostnp.ops.conv2d, x[:, :, :4, :4], np.ones((2, 1, 3, 3), np.float32), padding=1))

def refused(x):
    try:
        ghostnp.kernels.pointwise_conv2d(x, np.ones((2, 5, 1, 1), np.float32))
    except ValueError:
        return
    raise AssertionError("it was taken")

def run(call, calls):
    for number in range(calls):
        call(images[number % len(images)])
"""


@pytest.mark.parametrize("call", ["forward", "backward", "infer", "train", "count", "trace", "refused"])
def test_nothing_grows(call, run_python):
    # When counting begins, each shape has been seen, plans have been dropped for others, and free lists are full.
    code = f"run({call}, 12 * 3); before = used(); run({call}, {CALLS}); print(*before, *used())"
    bytes_before, objects_before, bytes_after, objects_after = map(int, run_python(COUNTED + code).split())
    assert bytes_after - bytes_before < BYTES
    assert objects_after - objects_before < OBJECTS


def test_a_small_array_for_a_call_would_be_seen(run_python):
    code = f"""
kept = []
before = used()
run(lambda x: kept.append([np.ones(200), [], []]), {CALLS})
print(*before, *used())
"""
    bytes_before, objects_before, bytes_after, objects_after = map(int, run_python(COUNTED + code).split())
    assert bytes_after - bytes_before > BYTES or objects_after - objects_before > OBJECTS
