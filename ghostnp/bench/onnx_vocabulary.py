"""The vocabulary in ONNX: each operator as nodes of a graph, under its own name and arguments.

Values are `Value`s, a name in the graph and a shape; constants are values too. Every function adds its nodes and
returns the name of its result. Networks in evaluation need no more than is here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.external_data_helper import set_external_data

from ghostnp.ops.checks import pair
from ghostnp.ops.geometry import sliding_window

OPSET, IR_VERSION = 18, 10
# From how many bytes on a constant is no part of the model's own file, which may hold two gigabytes.
LARGE = 1024


@dataclass(frozen=True)
class Value:
    """A value of the graph."""

    name: str
    shape: tuple[int, ...]


class Graph:
    """Nodes and constants, while they are gathered; the numbers of large constants go into a file right away."""

    def __init__(self, file):
        self.nodes, self.constants, self._file = [], {}, file

    def node(self, kind, *inputs, outputs=1, **attributes):
        """Add a node; the names of its outputs, or the name where there is one."""
        names = [f"{kind}_{len(self.nodes)}_{number}" for number in range(outputs)]
        read = [value.name if isinstance(value, Value) else value for value in inputs]
        self.nodes.append(helper.make_node(kind, read, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, array, name=None):
        """Add an array; its name."""
        name = name or f"constant_{len(self.constants)}"
        tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
        if array.nbytes >= LARGE:
            place = self._file.tell()
            set_external_data(tensor, Path(self._file.name).name, place, self._file.write(tensor.raw_data))
            tensor.ClearField("raw_data")
        self.constants[name] = tensor
        return name

    def numbers(self, *values):
        """A small list of integers, such as a shape."""
        return self.constant(np.array(values, np.int64))


def write(tape, batch, path):
    """Write a tape down as an ONNX model, with a file of weights next to it.

    Parameters
    ----------
    tape : Tape
        Of a model in evaluation with one input.
    batch : int
        Images of that input.
    path : Path
        Of the model; the weights get the same name with another ending.
    """
    with path.with_suffix(".weights").open("wb") as weights:
        model = _translate(tape, batch, Graph(weights))
    onnx.save(model, path)
    onnx.checker.check_model(path)


def _translate(tape, batch, graph):
    steps = iter(tape.steps)

    def nodes_for(function):
        def add(**arguments):
            """Add a step's nodes; the values of what it returns, None for what ONNX keeps to itself."""
            names = function(graph, **arguments)
            named = zip_longest([names] if isinstance(names, str) else names, next(steps).results)
            return [name and Value(name, tape.values[number].shape) for name, number in named]

        return add

    run = tape.prepare(
        {name: nodes_for(function) for name, function in VOCABULARY.items()},
        constant=lambda constant: Value(graph.constant(constant.array, constant.name), constant.array.shape),
    )
    x = Value("x", tape.values[0].shape)

    def described(value):
        return helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, (batch, *value.shape[1:]))

    inputs, outputs = [described(x)], [described(run(x))]
    body = helper.make_graph(graph.nodes, "ghostnp", inputs, outputs, list(graph.constants.values()))
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _window(x, kernel, stride, padding, dilation=1):
    window = sliding_window(x.shape[2:], kernel, stride, padding, dilation)
    (top, bottom), (left, right) = window.padding
    attributes = {"kernel_shape": window.kernel, "strides": window.stride, "pads": (top, left, bottom, right)}
    return attributes | ({} if window.dilation == (1, 1) else {"dilations": window.dilation})


def _conv2d(graph, x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=None):
    groups = x.shape[1] // weight.shape[1]
    window = _window(x, weight.shape[2:], stride, padding, dilation)
    return graph.node("Conv", x, weight, *([] if bias is None else [bias]), group=groups, **window)


def _batch_norm_eval(graph, x, weight, bias, mean, var, *, eps):
    return graph.node("BatchNormalization", x, weight, bias, mean, var, epsilon=eps)


def _linear(graph, x, weight, bias=None):
    return graph.node("Gemm", x, weight, *([] if bias is None else [bias]), transB=1)


def _clip(graph, x, low=0.0, high=1.0):
    return graph.node("Clip", x, graph.constant(np.float32(low)), graph.constant(np.float32(high)))


def _crelu(graph, x):
    return graph.node("Relu", graph.node("Concat", x, graph.node("Neg", x), axis=1))


def _max_pool2d(graph, x, kernel_size, *, stride, padding):
    return graph.node("MaxPool", x, **_window(x, kernel_size, kernel_size if stride is None else stride, padding))


def _avg_pool2d(graph, x, kernel_size, *, stride, padding, count_include_pad):
    window = _window(x, kernel_size, kernel_size if stride is None else stride, padding)
    return graph.node("AveragePool", x, count_include_pad=int(count_include_pad), **window)


def _resize_nearest(graph, x, size):
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.node("Resize", x, "", "", graph.numbers(*pair("size", size, 1)), axes=(2, 3), **how)


def _resize_bilinear(graph, x, size, *, align_corners):
    how = "align_corners" if align_corners else "half_pixel"
    sizes = graph.numbers(*pair("size", size, 1))
    return graph.node("Resize", x, "", "", sizes, axes=(2, 3), mode="linear", coordinate_transformation_mode=how)


def _channel_shuffle(graph, x, groups):
    _, channels, height, width = x.shape
    parted = graph.node("Reshape", x, graph.numbers(0, groups, channels // groups, height, width))
    dealt = graph.node("Transpose", parted, perm=(0, 2, 1, 3, 4))
    return graph.node("Reshape", dealt, graph.numbers(0, channels, height, width))


def _concat(graph, xs, *, keep):
    y = graph.node("Concat", *xs, axis=1)
    if keep is None or keep == sum(x.shape[1] for x in xs):
        return y
    return graph.node("Slice", y, graph.numbers(0), graph.numbers(keep), graph.numbers(1))


def _split(graph, x, sizes):
    names = graph.node("Split", x, graph.numbers(*sizes), outputs=len(sizes), axis=1)
    return [names] if isinstance(names, str) else names


def _node(kind, **attributes):
    return lambda graph, *values, **named: graph.node(kind, *values, *named.values(), **attributes)


VOCABULARY: dict[str, Callable[..., Any]] = {
    "standard_conv2d": _conv2d,
    "pointwise_conv2d": _conv2d,
    "grouped_conv2d": _conv2d,
    "depthwise_conv2d": _conv2d,
    "batch_norm_eval": _batch_norm_eval,
    "linear": _linear,
    "relu": _node("Relu"),
    "relu6": lambda graph, x: _clip(graph, x, high=6.0),
    "clip": _clip,
    "crelu": _crelu,
    "sigmoid": _node("Sigmoid"),
    "hard_sigmoid": _node("HardSigmoid", alpha=1 / 6, beta=0.5),
    "softmax": _node("Softmax", axis=1),
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "global_avg_pool2d": _node("GlobalAveragePool"),
    "resize_nearest": _resize_nearest,
    "resize_bilinear": _resize_bilinear,
    "channel_shuffle": _channel_shuffle,
    "flatten": _node("Flatten", axis=1),
    "concat": _concat,
    "split": _split,
    "add": _node("Add"),
    "multiply": _node("Mul"),
}
