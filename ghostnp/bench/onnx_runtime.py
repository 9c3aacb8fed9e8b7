"""ONNX Runtime's side: inference of recorded networks, with every optimisation that it has by default."""

import onnxruntime

from ghostnp.bench.contenders import Prepared
from ghostnp.bench.onnx_vocabulary import translate


def prepare(task, variant, threads):
    """Get a network ready."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors alone
    model = translate(task.tape, task.batch).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = {"x": task.images()}
    return Prepared(lambda: session.run(None, inputs), lambda outputs: {"logits": outputs[0]})
