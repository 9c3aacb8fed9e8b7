"""The vocabulary as ONNX models of one operator, run by ONNX Runtime or by OpenVINO.

Every array of a call is an input of its model, weights too.
"""

from functools import cached_property

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ghostnp.bench.onnx_vocabulary import IR_VERSION, OPSET, VOCABULARY, Graph, Value
from ghostnp.ops.vocabulary import operator_named
from ghostnp.testing.frameworks import OnnxRuntime

_FLOAT = onnx.TensorProto.FLOAT


class OneOperator:
    """One operator as a function of NumPy arrays: each call writes a model and runs it.

    Parameters
    ----------
    operator : str
        What it is.
    """

    run_by: type = OnnxRuntime

    def __init__(self, operator):
        self.operator = operator
        self.__name__ = operator

    @cached_property
    def _runner(self):
        return self.run_by()

    def graph(self, arguments, keywords):
        """The nodes of a call, its inputs, and the names of its outputs."""
        row, graph, inputs, values = operator_named(self.operator), Graph(None), {}, []

        def value(name, array):
            inputs[name] = array
            return Value(name, array.shape)

        for name, given in zip(row.positional, arguments, strict=False):
            if isinstance(given, list):
                values.append([value(f"{name}_{place}", part) for place, part in enumerate(given)])
            else:
                values.append(value(name, given) if hasattr(given, "dtype") else given)
        outputs = VOCABULARY[self.operator](graph, *values, **dict(row.keywords) | keywords)
        return graph, inputs, [outputs] if isinstance(outputs, str) else outputs

    def __call__(self, *arguments, **keywords):
        """The first output, or all of a split."""
        graph, inputs, outputs = self.graph(arguments, keywords)
        body = helper.make_graph(
            graph.nodes,
            "g",
            [helper.make_tensor_value_info(name, _FLOAT, array.shape) for name, array in inputs.items()],
            [helper.make_tensor_value_info(name, _FLOAT, None) for name in outputs],
            list(graph.constants.values()),
        )
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        _, infer = self._runner.load(model.SerializeToString())
        y = infer({name: np.ascontiguousarray(array) for name, array in inputs.items()})
        return y if "sizes" in operator_named(self.operator).positional else y[0]

    def spelled(self, arguments, keywords):
        """The model as lines of Python."""
        graph, inputs, outputs = self.graph(arguments, keywords)
        nodes = ",\n    ".join(_node(node) for node in graph.nodes)
        constants = ",\n    ".join(
            f"onnx.numpy_helper.from_array(np.array({numpy_helper.to_array(tensor).tolist()}, "
            f"'{numpy_helper.to_array(tensor).dtype.name}'), '{name}')"
            for name, tensor in graph.constants.items()
        )
        taken = ", ".join(
            f"onnx.helper.make_tensor_value_info('{name}', {_FLOAT}, {array.shape})" for name, array in inputs.items()
        )
        given = ", ".join(f"onnx.helper.make_tensor_value_info('{name}', 1, None)" for name in outputs)
        return [
            f"nodes = [{nodes}]",
            f"graph = onnx.helper.make_graph(nodes, 'g', [{taken}], [{given}], [{constants}])",
            f"model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', {OPSET})], "
            f"ir_version={IR_VERSION})",
        ]

    def runs(self, feeds):
        """The lines that run the model."""
        return [
            "session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])",
            f"found = session.run(None, {feeds})",
        ]


def _node(node):
    attributes = [f"{one.name}={_value(helper.get_attribute_value(one))}" for one in node.attribute]
    said = [repr(node.op_type), str(list(node.input)), str(list(node.output)), *attributes]
    return f"onnx.helper.make_node({', '.join(said)})"


def _value(value):
    return repr(value.decode() if isinstance(value, bytes) else list(value) if hasattr(value, "__len__") else value)


FUNCTIONS = {operator: OneOperator(operator) for operator in VOCABULARY}
