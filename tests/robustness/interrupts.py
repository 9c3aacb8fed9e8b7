"""A Jupyter kernel that is interrupted while ghostnp compiles, computes or trains: what comes afterwards is right.

It takes minutes, since each compilation begins with an empty cache, and needs the extra `tutorials`:

    python -m tests.robustness.interrupts 20
"""

import os
import random
import sys
import tempfile
import time

from jupyter_client.manager import KernelManager

# Numba is imported first: if its own import is interrupted, Numba cannot be imported again in that process.
START = """
import numpy as np
import ghostnp, ghostnp.kernels
from ghostnp.training.loop import tiny_ghostnet
x = np.random.default_rng(0).normal(size=(64, 1, 16, 16)).astype(np.float32)
labels = np.arange(64) % 10
model = tiny_ghostnet(seed=0)
with ghostnp.use_backend(ghostnp.ops):
    expected = model(x)
"""
# What is interrupted, and how many seconds after its beginning it may be.
INTERRUPTED = {
    "compiling": ("model(x)", 8.0),
    "computing": ("while True: model(x)", 0.5),
    "an engine": ("engine = ghostnp.compile(model)\nwhile True: engine(x)", 0.5),
    "training": (
        "step = ghostnp.compile(tiny_ghostnet(seed=1), training=True)\nwhile True: step(x, labels, rate=0.1)",
        0.5,
    ),
}
RIGHT = """
assert np.abs(model(x) - expected).max() <= 1e-4 * np.abs(expected).max()
assert np.abs(ghostnp.compile(model)(x) - expected).max() <= 1e-4 * np.abs(expected).max()
steps = [ghostnp.compile(tiny_ghostnet(seed=2), training=True) for _ in range(2)]
assert steps[0](x, labels, rate=0.1) == steps[1](x, labels, rate=0.1)
"""


def run(client, code):
    """The reply to a cell: "ok", or the name of what it raised."""
    while True:  # behind a cell that was interrupted, Jupyter drops for a moment what is asked of it
        content = client.execute_interactive(code, timeout=600, output_hook=lambda message: None)["content"]
        if content["status"] != "aborted":
            return "ok" if content["status"] == "ok" else f"{content['ename']}: {content['evalue']}"
        time.sleep(0.1)


def interrupt(manager, client, code, seconds):
    """Interrupt a cell after so long; what became of it."""
    waiting = client.execute(code)
    time.sleep(seconds)
    manager.interrupt_kernel()
    while True:
        reply = client.get_shell_msg(timeout=600)
        if reply["parent_header"].get("msg_id") == waiting:
            content = reply["content"]
            return "ok" if content["status"] == "ok" else "\n".join([content["ename"], *content["traceback"]])


def interrupted(kind, seed, cache):
    """Start a kernel, interrupt it, and see whether it still computes what is right; what became of the cell."""
    code, longest = INTERRUPTED[kind]
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=os.environ | {"NUMBA_CACHE_DIR": cache})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        assert run(client, START) == "ok"
        became = interrupt(manager, client, code, random.Random(seed).uniform(0.01, longest))
        name = became.split("\n")[0]
        assert name in ("ok", "KeyboardInterrupt"), became
        after = run(client, RIGHT)
        assert after == "ok", after
        return name
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def main(count):
    """So many interrupts of each kind, and what they came to."""
    with tempfile.TemporaryDirectory() as warm:
        for kind in INTERRUPTED:
            results = []
            for seed in range(count):
                with tempfile.TemporaryDirectory() as cold:
                    results.append(interrupted(kind, seed, cold if kind == "compiling" else warm))
            caught = results.count("KeyboardInterrupt")
            print(f"{kind}: {count} interrupts, {caught} were raised in the cell; afterwards all was right", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
