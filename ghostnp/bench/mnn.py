"""MNN's side: inference of recorded networks, converted from ONNX to its own format, in float32.

The package's command for converting, `mnnconvert`, installs another package and reports to its makers what was
converted. Here the same conversion is called directly, which does neither.
"""

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import _tools  # MNN's converter: its package installs it under this name
from MNN import expr, nn

from ghostnp.bench.contenders import Prepared
from ghostnp.bench.onnx_vocabulary import translate


def prepare(task, variant, threads):
    """Get a network ready."""
    model, images = translate(task.tape, task.batch), task.images()
    with TemporaryDirectory() as folder, _silence():
        # "high" is float32.
        runtime = nn.create_runtime_manager(({"backend": "CPU", "numThread": threads, "precision": "high"},))
        source, converted = Path(folder, "network.onnx"), Path(folder, "network.mnn")
        source.write_bytes(model.SerializeToString())
        _tools.mnnconvert(
            ["", "-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(converted), "--bizCode", "ghostnp"]
        )
        outputs = [output.name for output in model.graph.output]
        network = nn.load_module_from_file(str(converted), ["x"], outputs, runtime_manager=runtime)
    x = expr.const(images, list(images.shape), expr.NCHW, expr.float)

    def infer():
        (logits,) = network.forward([x])
        return logits.read()  # it computes no sooner than this

    return Prepared(infer, lambda y: {"logits": y})


@contextmanager
def _silence():
    """Throw away what compiled code prints: the converter prints a line for each of many nodes."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
