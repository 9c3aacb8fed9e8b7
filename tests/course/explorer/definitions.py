"""What `ghostnp.ops` gives for the numbers of the page: each layer of the page as a call or a module of its own."""

import numpy as np

from ghostnp import ops
from ghostnp.backend import use_backend
from ghostnp.modules import (
    Conv2d,
    CReLU,
    DFCAttention,
    GhostModule,
    HardSigmoid,
    Sequential,
    Sigmoid,
    SqueezeExcite,
    initializer,
)


def conv(numbers, groups=1, bias=True, **geometry):
    x, weight, dy = numbers["x"], numbers["w"], numbers["dy"]
    y = ops.conv2d(x, weight, numbers.get("b"), groups=groups, **geometry)
    grads = ops.conv2d_backward(dy, x, weight, groups=groups, **geometry)
    return {"y": y, "dx": grads.x, "dw": grads.weight} | ({"db": grads.bias} if bias else {})


def module(numbers, names, build):
    """A module in float64; `names` says under which name of the page each of its parameters stands."""
    with initializer(0, np.float64), use_backend(ops):
        made = build()
        state = made.state_dict()
        for name, array in state.items():
            if name in names:
                array[...] = numbers[names[name]]
            elif name.endswith("running_var"):
                array[...] = 1 - 1e-5  # with eps it is 1, so the norm changes nothing at all
        y, cache = made.forward(numbers["x"])
        dx, grads = made.backward(numbers["dy"], cache)
    return {"y": y, "dx": dx} | {f"d{ours}": grads[name] for name, ours in names.items()}


def standard(options, numbers):
    names = ("stride", "padding", "dilation")
    return conv(numbers, **{name: int(options[name]) for name in names})


def grouped(options, numbers):
    names = ("stride", "padding", "dilation", "groups")
    return conv(numbers, bias=False, **{name: int(options[name]) for name in names})


def depthwise(options, numbers):
    names = ("stride", "padding", "dilation")
    return conv(numbers, groups=2, bias=False, **{name: int(options[name]) for name in names})


def pointwise(options, numbers):
    return conv(numbers, stride=int(options["stride"]))


def shuffle(options, numbers):
    groups = int(options["groups"])
    dx = ops.channel_shuffle_backward(numbers["dy"], numbers["x"], groups)
    return {"y": ops.channel_shuffle(numbers["x"], groups), "dx": dx}


def ghost(options, numbers):
    ratio, relu = int(options["ratio"]), options["relu"] == "yes"
    names = {"primary_conv.0.weight": "w′"} | ({"cheap_operation.0.weight": "Φ"} if ratio > 1 else {})
    kernel = int(options["cheap kernel"])
    return module(numbers, names, lambda: GhostModule(3, 4, ratio=ratio, cheap_kernel_size=kernel, relu=relu))


def squeeze_excite(options, numbers):
    names = {"conv_reduce.weight": "W₁", "conv_reduce.bias": "b₁"}
    names |= {"conv_expand.weight": "W₂", "conv_expand.bias": "b₂"}
    gate = HardSigmoid if options["gate"] == "hard sigmoid" else Sigmoid
    return module(numbers, names, lambda: SqueezeExcite(4, hidden=int(options["hidden"]), gate=gate))


def dfc(options, numbers):
    names = {"0.weight": "W", "2.weight": "w_row", "4.weight": "w_col"}
    kernel, upsample = int(options["kernel"]), options["upsample"]
    return module(numbers, names, lambda: DFCAttention(2, 2, kernel_size=kernel, upsample=upsample))


def crelu(options, numbers):
    kernel = int(options["kernel"])
    return module(
        numbers,
        {"0.weight": "w"},
        lambda: Sequential(Conv2d(2, 2, kernel, padding=kernel // 2, bias=False), CReLU()),
    )


def pooling(options, numbers):
    x, dy, kind = numbers["x"], numbers["dy"], options["kind"]
    if kind == "global average":
        return {"y": ops.global_avg_pool2d(x), "dx": ops.global_avg_pool2d_backward(dy, x)}
    kernel, geometry = int(options["kernel"]), {name: int(options[name]) for name in ("stride", "padding")}
    if kind == "average":
        dx = ops.avg_pool2d_backward(dy, x, kernel, **geometry)
        return {"y": ops.avg_pool2d(x, kernel, **geometry), "dx": dx}
    y, argmax = ops.max_pool2d(x, kernel, **geometry)
    return {"y": y, "dx": ops.max_pool2d_backward(dy, x, kernel, argmax, **geometry)}


def resizing(options, numbers):
    x, dy, size = numbers["x"], numbers["dy"], int(options["size"])
    if options["kind"] == "nearest":
        return {"y": ops.resize_nearest(x, size), "dx": ops.resize_nearest_backward(dy, x, size)}
    aligned = options["corners"] == "aligned"
    dx = ops.resize_bilinear_backward(dy, x, size, align_corners=aligned)
    return {"y": ops.resize_bilinear(x, size, align_corners=aligned), "dx": dx}


def batch_norm(options, numbers):
    x, weight, bias, dy = (numbers[name] for name in ("x", "weight", "bias", "dy"))
    if options["mode"] == "training":
        y, mean, var = ops.batch_norm_train(x, weight, bias)
        grads, statistics = ops.batch_norm_train_backward(dy, x, weight, mean, var), {"mean": mean, "var": var}
    else:
        mean, var, statistics = numbers["mean"], numbers["var"], {}
        y = ops.batch_norm_eval(x, weight, bias, mean, var)
        grads = ops.batch_norm_eval_backward(dy, x, weight, mean, var)
    return {"y": y, "dx": grads.x, "dweight": grads.weight, "dbias": grads.bias} | statistics


DEFINITIONS = {
    "standard": standard,
    "grouped": grouped,
    "depthwise": depthwise,
    "pointwise": pointwise,
    "shuffle": shuffle,
    "ghost": ghost,
    "squeeze-excite": squeeze_excite,
    "dfc": dfc,
    "crelu": crelu,
    "pooling": pooling,
    "resizing": resizing,
    "batch-norm": batch_norm,
}
