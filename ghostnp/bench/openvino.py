"""OpenVINO's side: inference of recorded networks, set to answer one request as soon as it can, in float32."""

import openvino

from ghostnp.bench.contenders import Prepared
from ghostnp.bench.onnx_vocabulary import translate


def prepare(task, variant, threads):
    """Get a network ready."""
    core = openvino.Core()
    model = core.read_model(translate(task.tape, task.batch).SerializeToString(), b"")
    # On processors that have bfloat16 it would compute in that: the others do not.
    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    inputs = {"x": task.images()}
    return Prepared(lambda: request.infer(inputs, share_inputs=True), lambda outputs: {"logits": outputs[0].copy()})
