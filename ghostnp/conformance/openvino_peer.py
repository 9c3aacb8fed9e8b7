"""The same ONNX models, run by OpenVINO."""

import openvino

from ghostnp.bench.onnx_vocabulary import VOCABULARY
from ghostnp.conformance.onnx_peers import OneOperator


class _OpenVino:
    """Loads a model as ONNX Runtime's adapter does."""

    def load(self, model):
        """Names of inputs, and what infers."""
        core = openvino.Core()
        # On processors that have bfloat16 it would compute in that.
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
        network = core.read_model(model)
        said = {given.any_name for given in network.inputs}
        compiled = core.compile_model(network, "CPU", settings)
        # An input that no node reads is none to OpenVINO; and of a node that does nothing it has the result's name too.
        names = [next(name for name in given.names if name in said) for given in compiled.inputs]
        return names, lambda feeds: [part.copy() for part in compiled({name: feeds[name] for name in names}).values()]


class _OneOperator(OneOperator):
    run_by = _OpenVino

    def runs(self, feeds):
        """The lines that run the model."""
        return [
            "core = openvino.Core()",
            "settings = {'INFERENCE_PRECISION_HINT': 'f32'}",
            "compiled = core.compile_model(core.read_model(model.SerializeToString()), 'CPU', settings)",
            f"found = list(compiled({feeds}).values())",
        ]


FUNCTIONS = {operator: _OneOperator(operator) for operator in VOCABULARY}
