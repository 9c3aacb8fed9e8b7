"""One call and more of every operator, for laws that hold for all of them: `calls` makes them, `run` goes both ways."""

import inspect
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ghostnp import ops
from ghostnp.testing import in_memory, values


@dataclass(frozen=True)
class Call:
    """An operator, the shapes of its arrays (other arguments as they are) and its keywords."""

    operator: str
    arguments: dict[str, Any]
    keywords: dict[str, Any] = field(default_factory=dict)

    def __str__(self):
        plain = [(name, value) for name, value in self.arguments.items() if name == "b" or not _is_shape(name)]
        return " ".join([self.operator, *(f"{name}={value}" for name, value in (*plain, *self.keywords.items()))])

    def arrays(self, dtype, memory="C", draw=values, seed=0):
        """The arguments with arrays for shapes, laid out as `memory` says."""
        rng = np.random.default_rng(seed)

        def fill(name, value):
            if name == "xs":
                return [fill("x", shape) for shape in value]
            if name == "labels":
                return np.arange(value[0]) % 3
            if not _is_shape(name):
                return value
            array = draw(rng, value, dtype)
            return in_memory(np.abs(array) if name == "var" else array, memory)

        return {name: fill(name, value) for name, value in self.arguments.items()}


def _is_shape(name):
    return name not in ("kernel_size", "size", "sizes", "groups")


def forward(backend, call, arguments):
    """The result y and a list of what comes with it."""
    result = getattr(backend, call.operator)(*arguments.values(), **call.keywords)
    y, *extra = result if isinstance(result, tuple) else (result,)
    return y, extra


def backward_arguments(call, arguments, dy, extra):
    """What backward takes, by name and in order: dy, those of forward's arguments that it needs, what came with y."""
    parameters = inspect.signature(getattr(ops, call.operator + "_backward")).parameters.values()
    first, *rest = [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    extra = iter(extra)
    return {first: dy, **{name: arguments[name] if name in arguments else next(extra) for name in rest}}


def run(backend, call, arguments, memory="C", draw=values):
    """Run forward and then backward: every array that comes out, by name."""
    y, extra = forward(backend, call, arguments)
    rng = np.random.default_rng(1)

    def gradient(part):
        dy = draw(rng, part.shape, part.dtype)
        return in_memory(dy, memory) if dy.ndim else dy

    dy = [gradient(part) for part in y] if isinstance(y, list) else gradient(y)
    backward = getattr(backend, call.operator + "_backward")
    gradients = backward(*backward_arguments(call, arguments, dy, extra).values(), **call.keywords)
    return dict([*_named("y", y), *_named("y_extra", extra), *_named("d", gradients)])


def _named(name, value):
    """Names of the form y, y[0] for a list's parts, and dweight for a gradient's fields."""
    if isinstance(value, np.ndarray | np.generic):
        return [("dx" if name == "d" else name, value)]
    fields = getattr(value, "_fields", [f"[{number}]" for number in range(len(value))])
    return [(name + field, part) for field, part in zip(fields, value, strict=True)]


def calls(batch=2):
    """Calls of every operator: most with an odd map, so that no two axes can be taken for each other."""
    x, channel, factor = (batch, 6, 7, 5), (6,), (batch, 6, 1, 1)
    norm = {"x": x, "weight": channel, "bias": channel}
    statistics = {"mean": channel, "var": channel}

    def convolution(operator, weight, **keywords):
        return Call(operator, {"x": x, "weight": weight, "bias": (weight[0],)}, keywords)

    return [
        convolution("standard_conv2d", (4, 6, 3, 2), padding=1),
        convolution("standard_conv2d", (4, 6, 3, 3), stride=2, padding="same", dilation=(2, 1)),
        convolution("pointwise_conv2d", (9, 6, 1, 1)),
        convolution("pointwise_conv2d", (9, 6, 1, 1), stride=2, padding=1),
        convolution("grouped_conv2d", (9, 2, 1, 1), groups=3),
        convolution("grouped_conv2d", (9, 2, 3, 3), groups=3, padding=((2, 0), (0, 3))),
        convolution("depthwise_conv2d", (6, 1, 3, 3), padding=1),
        convolution("depthwise_conv2d", (12, 1, 3, 5), stride=(2, 1), padding=2),
        convolution("depthwise_conv2d", (6, 1, 3, 3), dilation=2, padding=4),
        convolution("conv2d", (4, 3, 2, 3), groups=2),
        Call(
            "separable_conv2d",
            {"x": x, "depthwise_weight": (12, 1, 3, 3), "pointwise_weight": (5, 12, 1, 1), "bias": (5,)},
            {"padding": 1},
        ),
        Call("linear", {"x": (batch, 6), "weight": (4, 6), "bias": (4,)}),
        Call("batch_norm_train", norm),
        Call("batch_norm_relu_train", norm, {"eps": 1e-3}),
        Call("batch_norm_eval", norm | statistics),
        *(Call(name, {"x": x}) for name in ("relu", "relu6", "sigmoid", "hard_sigmoid", "clip", "crelu", "softmax")),
        Call("dropout", {"x": x, "mask": x}),
        Call("softmax_cross_entropy", {"logits": (batch, 5), "labels": (batch,)}, {"label_smoothing": 0.1}),
        Call("max_pool2d", {"x": x, "kernel_size": 3}, {"stride": 2, "padding": 1}),
        Call("max_pool2d", {"x": x, "kernel_size": (2, 3)}),
        Call("avg_pool2d", {"x": x, "kernel_size": 2}),
        Call("avg_pool2d", {"x": x, "kernel_size": 3}, {"stride": 2, "padding": "same", "count_include_pad": False}),
        Call("global_avg_pool2d", {"x": x}),
        Call("resize_nearest", {"x": x, "size": (14, 10)}),
        Call("resize_nearest", {"x": x, "size": (9, 3)}),
        Call("resize_bilinear", {"x": x, "size": (9, 3)}),
        Call("resize_bilinear", {"x": x, "size": (14, 9)}, {"align_corners": True}),
        Call("channel_shuffle", {"x": x, "groups": 3}),
        Call("flatten", {"x": x}),
        Call("concat", {"xs": [x, x]}),
        Call("concat", {"xs": [x, x]}, {"keep": 7}),
        Call("split", {"x": x, "sizes": (1, 3, 2)}),
        Call("add", {"a": x, "b": x}),
        Call("add", {"a": x, "b": factor}),
        Call("multiply", {"a": x, "b": x}),
        Call("multiply", {"a": x, "b": factor}),
        Call("scale", {"x": x, "s": factor}),
        Call("full_attention", {"z": x, "weight": (6, 7, 5, 7, 5)}),
        Call("decoupled_attention", {"z": x, "weight_h": (6, 7, 7, 5), "weight_w": (6, 5, 7, 5)}),
    ]
