"""One call and more of every operator, for what holds for all of them: `examples` makes them, `run` goes both ways."""

from ghostnp.ops.vocabulary import operators, signature
from ghostnp.testing import Call, values
from ghostnp.testing import run as forward
from ghostnp.testing.calls import named_gradients, row_of

__all__ = ["backward_by_name", "cost_arguments", "examples", "forward", "run"]


def backward_by_name(call, arguments, dy, extra):
    """What backward takes, by name and in order."""
    first = next(iter(signature(call.row.backward).parameters))
    return {first: dy} | call.row.backward_arguments(arguments, extra)


def cost_arguments(call):
    """The arguments of an operator's cost function, by name."""
    asked = signature(call.row.cost).parameters

    def found(name):
        if name == "bias":
            return call["bias"] is not None
        for ending in ("s_shapes", "_shapes", "_shape"):
            if name.endswith(ending):
                return call[name.removesuffix("_shapes" if ending != "_shape" else ending)]
        return call[name]

    return {name: found(name) for name in asked}


def run(backend, call, arguments, draw=values):
    """Run forward and then backward: every array that comes out, by name."""
    y, extra = forward(backend, call, arguments)
    dy = call.gradient(y, draw)
    took = backward_by_name(call, arguments, dy, extra)
    result = getattr(backend, call.operator + "_backward")(*took.values(), **call.keywords)
    gradients = {f"d{name}": part for name, part in named_gradients(call.operator, result).items()}
    return _flat({"y": y} | dict(zip(call.row.extra, extra, strict=True)) | gradients)


def _flat(results):
    parts = {}
    for name, value in results.items():
        many = isinstance(value, list)
        parts |= {f"{name}[{number}]": part for number, part in enumerate(value)} if many else {name: value}
    return parts


def _of_maps_alone():
    return [name for name in operators() if row_of(name).positional == ("x",)]


def examples(batch=2):
    """Calls of every operator: most with an odd map, so that no two axes can be taken for each other."""
    x, channel, factor = (batch, 6, 7, 5), (6,), (batch, 6, 1, 1)
    norm = {"x": x, "weight": channel, "bias": channel}

    def convolution(operator, weight, **keywords):
        return Call(operator, x=x, weight=weight, bias=(weight[0],), **keywords)

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
            x=x,
            depthwise_weight=(12, 1, 3, 3),
            pointwise_weight=(5, 12, 1, 1),
            bias=(5,),
            padding=1,
        ),
        Call("linear", x=(batch, 6), weight=(4, 6), bias=(4,)),
        Call("batch_norm_train", **norm),
        Call("batch_norm_relu_train", **norm, eps=1e-3),
        Call("batch_norm_eval", **norm, mean=channel, var=channel),
        *(Call(name, x=x) for name in _of_maps_alone()),
        Call("softmax_cross_entropy", logits=(batch, 5), labels=(batch,), label_smoothing=0.1),
        Call("max_pool2d", x=x, kernel_size=3, stride=2, padding=1),
        Call("max_pool2d", x=x, kernel_size=(2, 3)),
        Call("avg_pool2d", x=x, kernel_size=2),
        Call("avg_pool2d", x=x, kernel_size=3, stride=2, padding="same", count_include_pad=False),
        Call("resize_nearest", x=x, size=(14, 10)),
        Call("resize_nearest", x=x, size=(9, 3)),
        Call("resize_bilinear", x=x, size=(9, 3)),
        Call("resize_bilinear", x=x, size=(14, 9), align_corners=True),
        Call("channel_shuffle", x=x, groups=3),
        Call("concat", xs=[x, x]),
        Call("concat", xs=[x, x], keep=7),
        Call("split", x=x, sizes=(1, 3, 2)),
        Call("add", a=x, b=x),
        Call("add", a=x, b=factor),
        Call("multiply", a=x, b=x),
        Call("multiply", a=x, b=factor),
        Call("full_attention", z=x, weight=(6, 7, 5, 7, 5)),
        Call("decoupled_attention", z=x, weight_h=(6, 7, 7, 5), weight_w=(6, 5, 7, 5)),
    ]
