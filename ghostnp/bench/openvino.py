"""OpenVINO's side: inference of recorded networks, set to answer one request as soon as it can, in float32."""

from pathlib import Path
from tempfile import TemporaryDirectory

import openvino

from ghostnp.bench.contenders import Prepared
from ghostnp.bench.onnx_vocabulary import write


def prepare(task, variant, threads):
    """Get a network ready."""
    core = openvino.Core()
    # On processors that have bfloat16 it would compute in that: the others do not.
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        write(task.tape, task.batch, model := Path(folder, "network.onnx"))
        request = core.compile_model(core.read_model(model), "CPU", settings).create_infer_request()
    inputs = {"x": task.images()}
    return Prepared(lambda: request.infer(inputs, share_inputs=True), lambda outputs: {"logits": outputs[0].copy()})
