"""What has to work wherever ghostnp is installed, without pytest: `python installed.py`, under any of Python's options.

Without Numba, what needs it says so, and all else works.
"""

import contextlib
import io
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import ghostnp
from ghostnp.classify import class_names
from ghostnp.cli import main
from ghostnp.graph.tracing.examples import example
from ghostnp.photo import load_photo
from ghostnp.training.digits import load_digits

NUMBA = find_spec("numba") is not None


def expect(what, holds):
    """An assertion that -O leaves alone."""
    if not holds:
        raise SystemExit(f"FAILED: {what}")
    print(f"  {what}")


def command(words):
    """The exit code and the standard error of a command."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        try:
            main(words.split())
        except SystemExit as ended:
            return ended.code, said.getvalue()
    return None, said.getvalue()


def run():
    """Everything, in the working folder."""
    model = ghostnp.create_model("ghostnet_050", num_classes=3)
    x = np.random.default_rng(0).standard_normal((2, 3, 32, 32), np.float32)
    with ghostnp.use_backend(ghostnp.ops):
        y = model(x)
        _, cache = model.forward(x, training=True)
        dx, grads = model.backward(np.ones_like(y), cache)
    expect("definitions run forward and backward", dx.shape == x.shape and grads.keys() == model.parameters().keys())
    counted = ghostnp.count(ghostnp.create_model("ghostnet_100"), (1, 3, 224, 224))
    expect("networks are counted", counted.macs == 141_150_512)
    module, image = example("ghost-module", 0)
    with ghostnp.use_backend(ghostnp.ops):
        expect("modules are traced", len(str(ghostnp.trace(module, image))) > 100)
    wrong = SimpleNamespace(relu=np.negative, relu_backward=ghostnp.ops.relu_backward)
    ghostnp.testing.assert_laws(ghostnp.ops, "relu")
    with contextlib.suppress(AssertionError):
        ghostnp.testing.assert_laws(wrong, "relu")
        expect("the test kit finds a wrong operator", False)
    expect("the test kit holds operators to their laws", True)
    for suffix in ("npz", "safetensors"):
        ghostnp.save_weights(f"w.{suffix}", model.state_dict())
        model.load_state_dict(ghostnp.load_weights(f"w.{suffix}", model=model))
    expect("weights are saved and loaded", {"w.npz", "w.safetensors"} <= set(os.listdir()))
    expect("all data came along", load_photo().shape == (1, 3, 224, 224) and len(load_digits()[0].labels) == 1437)
    expect("all classes came along", len(class_names()) == 1000)
    for words in (
        "count ghostnet_050 --plot costs.png",
        "trace ghost-module --backward",
        "worksheet --format html --output papers.html --key key.md",
        "explore --output explore.html",
        "reconcile ghostnet_100 141M",
        "claims N13",
    ):
        expect(f"ghostnp {words}", command(words) == (0, command_says(words)))
    if not NUMBA:
        for words in ("compile ghostnet_050", "--output tour"):
            code, said = command(words)
            one_line = code == 1 and "need Numba" in said and said.count("\n") == 1
            expect(f"ghostnp {words} says that it needs Numba", one_line)
        return
    fast = model(x)
    expect("kernels and definitions agree", nearly(fast, with_definitions(model, x)))
    expect("the engine agrees", nearly(ghostnp.compile(model)(x), fast))
    code, _ = command("compile ghostnet_050")
    expect("ghostnp compile ghostnet_050", code == 0)


def command_says(words):
    """What a command that goes well writes to the standard error."""
    return {
        "count": "picture: costs.png\n" if "--plot" in words else "",
        "worksheet": "papers: papers.html\nkey: key.md\n",
    }.get(words.split()[0], "")


def nearly(one, other):
    """Whether they agree but for float32's rounding, which a network that was never trained enlarges."""
    return np.linalg.norm(one - other) <= 1e4 * np.finfo(np.float32).eps * np.linalg.norm(other)


def with_definitions(model, x):
    """The output by the definitions."""
    with ghostnp.use_backend(ghostnp.ops):
        return model(x)


if __name__ == "__main__":
    print(f"ghostnp {ghostnp.__version__} in {Path(ghostnp.__file__).parent}, Python {sys.version.split()[0]}, "
          f"NumPy {np.__version__}, {'with' if NUMBA else 'without'} Numba")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        run()
