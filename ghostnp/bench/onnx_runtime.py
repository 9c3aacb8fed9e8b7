"""ONNX Runtime's side: inference of recorded networks, with every optimisation that it has by default."""

from pathlib import Path
from tempfile import TemporaryDirectory

import onnxruntime

from ghostnp.bench.contenders import Prepared
from ghostnp.bench.onnx_vocabulary import write


def prepare(task, variant, threads):
    """Get a network ready."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors alone
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        write(task.tape, task.batch, model := Path(folder, "network.onnx"))
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = {"x": task.images()}
    return Prepared(lambda: session.run(None, inputs), lambda outputs: {"logits": outputs[0]})
