"""What is right, found out in another way: PyTorch's layers and its counter of operations, and cards that are dealt."""

import math
from fractions import Fraction
from functools import cache

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ghostnp import ops, use_backend
from ghostnp.models import create_model


def conv(i, o, k, s=1, p=0, d=1, g=1, bias=False):
    return nn.Conv2d(i, o, k, s, p, d, g, bias, device="meta")


def params(*layers):
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def macs(channels, size, *layers):
    """Half of PyTorch's operations, on maps of (rows, columns) or a square."""
    rows, columns = size if isinstance(size, tuple) else (size, size)
    with FlopCounterMode(display=False) as counter:
        nn.Sequential(*layers)(torch.zeros(1, channels, rows, columns, device="meta"))
    return counter.get_total_flops() // 2


def rows(size, *layers):
    return nn.Sequential(*layers)(torch.zeros(1, 1, size, size, device="meta")).shape[2]


def dealt(cards, groups):
    """One card of each heap, then the next of each heap."""
    share = len(cards) // groups
    heaps = [cards[start : start + share] for start in range(0, len(cards), share)]
    return [card for round_ in zip(*heaps, strict=True) for card in round_]


def separable(i, o, k, s=1, p=0, m=1):
    return conv(i, i * m, k, s, p, g=i), conv(i * m, o, 1)


def ghost(i, o, k, s):
    m = math.ceil(o / s)
    return conv(i, m, 1), conv(m, m * (s - 1), k, p=k // 2, g=m)


def excitation(c, h):
    return conv(c, h, 1, bias=True), conv(h, c, 1, bias=True)


def divisible(value, divisor=4):
    """As in the official GhostNet."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def attention(i, o, k):
    deep = {"groups": o, "bias": False, "device": "meta"}
    return (
        nn.AvgPool2d(2),
        conv(i, o, 1),
        nn.Conv2d(o, o, (1, k), padding=(0, k // 2), **deep),
        nn.Conv2d(o, o, (k, 1), padding=(k // 2, 0), **deep),
    )


def decoupled(channels, height, width):
    """Every weight of both steps is used once: count the pairs of pixels that share a column, or a row."""
    pixels = [(i, j) for i in range(height) for j in range(width)]
    return channels * sum((a[1] == b[1]) + (a[0] == b[0]) for a in pixels for b in pixels)


def unit(c, m, g1, g3, size):
    return macs(c, size, conv(c, m, 1, g=g1), conv(m, m, 3, p=1, g=g3), conv(m, c, 1, g=g1))


def tool_totals(i, o, k, size):
    """By the rules that were measured on the tools, for convolution with bias, batch norm, ReLU and average."""
    bare, numbers = macs(i, size, conv(i, o, k, p=k // 2)), o * size * size
    return {
        "flops": 2 * bare,
        "fvcore": bare + 2 * numbers + numbers,
        "ptflops": bare + numbers + 2 * numbers + numbers + numbers,
        "ptflops-aten": bare + numbers,
        "thop": bare + 4 * numbers + numbers + o,
        "torchinfo": bare + numbers + 2 * o,
    }


class Listening:
    """The definitions, which note how many numbers go into each operator and come out, while a network really runs."""

    def __init__(self):
        self.sizes = {}

    def __getattr__(self, name):
        if name.startswith("__"):  # Python's own, such as a name that it has not
            raise AttributeError(name)
        function = getattr(ops, name)

        def heard(x, *args, **keywords):
            result = function(x, *args, **keywords)
            y = result[0] if isinstance(result, tuple) else result
            if hasattr(x, "size") and hasattr(y, "size"):
                went, came, biased = self.sizes.get(name, (0, 0, 0))
                bias = args[1] if len(args) > 1 else keywords.get("bias")
                self.sizes[name] = went + x.size, came + y.size, biased + (0 if bias is None else y.size)
            return result

        return heard


@cache
def sizes_of_network(name, size):
    listening = Listening()
    with use_backend(listening):
        create_model(name, seed=None)(torch.zeros(1, 3, size, size).numpy())
    return listening.sizes


def left_to_explain(network, size, convention):
    sizes = sizes_of_network(network, size)
    went, came, _ = sizes["global_avg_pool2d"]
    if convention == "fvcore":
        return went
    if convention == "thop":
        return went + came + sizes.get("avg_pool2d", (0, 0, 0))[1]
    read = sum(sizes.get(op, (0, 0, 0))[0] for op in ("relu", "relu6", "max_pool2d", "avg_pool2d"))
    return went + read + sum(biased for op, (_, _, biased) in sizes.items() if "conv2d" in op or op == "linear")


def shrunk(whole, less):
    return Fraction(params(whole), params(less))


ORACLES = {
    "standard: weights": lambda in_channels, out_channels, kernel, size: params(
        conv(in_channels, out_channels, kernel)
    ),
    "standard: parameters with bias": lambda in_channels, out_channels, kernel, size: params(
        conv(in_channels, out_channels, kernel, bias=True)
    ),
    "standard: multiply adds": lambda in_channels, out_channels, kernel, size: macs(
        in_channels, size, conv(in_channels, out_channels, kernel, 2, kernel // 2)
    ),
    "grouped: grouped weights": lambda in_channels, out_channels, kernel, groups: params(
        conv(in_channels, out_channels, kernel, g=groups)
    ),
    "grouped: grouped parameters with bias": lambda in_channels, out_channels, kernel, groups: params(
        conv(in_channels, out_channels, kernel, g=groups, bias=True)
    ),
    "grouped: grouped multiply adds": lambda in_channels, out_channels, kernel, groups, size: macs(
        in_channels, size, conv(in_channels, out_channels, kernel, 2, kernel // 2, g=groups)
    ),
    "depthwise: depthwise weights": lambda channels, kernel: params(conv(channels, channels, kernel, g=channels)),
    "depthwise: separable weights": lambda in_channels, out_channels, kernel, multiplier: params(
        *separable(in_channels, out_channels, kernel, m=multiplier)
    ),
    "depthwise: separable multiply adds": lambda in_channels, out_channels, kernel, size, stride: macs(
        in_channels, size, *separable(in_channels, out_channels, kernel, stride, kernel // 2)
    ),
    "size: output rows": lambda size, kernel, stride, padding: rows(size, conv(1, 1, kernel, stride, padding)),
    "size: output rows of a dilated window": lambda size, kernel, stride, padding, dilation: rows(
        size, conv(1, 1, kernel, stride, padding, dilation)
    ),
    "size: pixels behind a pool": lambda size, kernel, stride, padding, pool: (
        rows(size, conv(1, 1, kernel, stride, padding), nn.MaxPool2d(pool, 2)) ** 2
    ),
    "shuffle: where a channel goes": lambda channels, groups, channel: dealt(range(channels), groups).index(channel),
    "shuffle: which channel arrives": lambda channels, groups, channel: dealt(range(channels), groups)[channel],
    "shuffle: two shuffles": lambda channels, groups, channel: dealt(dealt(range(channels), groups), groups).index(
        channel
    ),
    "shrink: factor of the weights": lambda channels, kernel, groups: shrunk(
        conv(channels, channels, kernel), conv(channels, channels, kernel, g=groups)
    ),
    "shrink: factor with biases": lambda channels, kernel, groups: shrunk(
        conv(channels, channels, kernel, bias=True), conv(channels, channels, kernel, g=groups, bias=True)
    ),
    "shrink: factor of a separable convolution": lambda in_channels, out_channels, kernel, size: Fraction(
        macs(in_channels, size, conv(in_channels, out_channels, kernel, p=kernel // 2)),
        macs(in_channels, size, *separable(in_channels, out_channels, kernel, p=kernel // 2)),
    ),
    "ghost: ghost weights": lambda in_channels, out_channels, kernel: params(
        *ghost(in_channels, out_channels, kernel, 2)
    ),
    "ghost: ghost weights with a surplus": lambda in_channels, out_channels, ratio, kernel: params(
        *ghost(in_channels, out_channels, kernel, ratio)
    ),
    "ghost: ghost multiply adds": lambda in_channels, out_channels, ratio, kernel, size: macs(
        in_channels, size, *ghost(in_channels, out_channels, kernel, ratio)
    ),
    "dfc: decoupled multiply adds": decoupled,
    "dfc: long kernels": lambda channels, size, kernel: macs(
        channels, size, *attention(channels, channels, kernel)[2:]
    ),
    "dfc: attention branch": lambda in_channels, out_channels, size, kernel: macs(
        in_channels, size, *attention(in_channels, out_channels, kernel)
    ),
    "se: excitation parameters": lambda channels, hidden: params(*excitation(channels, hidden)),
    "se: excitation parameters as released": lambda channels: params(*excitation(channels, divisible(channels / 4))),
    "se: excitation multiply adds": lambda channels, hidden, size: macs(
        channels, size, nn.AdaptiveAvgPool2d(1), *excitation(channels, hidden)
    ),
    "crelu: numbers out": lambda channels, size: torch.cat(
        [torch.zeros(channels, size, size).relu(), (-torch.zeros(channels, size, size)).relu()]
    ).numel(),
    "crelu: parameters behind it": lambda channels, out_channels, kernel: params(
        conv(channels + channels, out_channels, kernel, bias=True)
    ),
    "crelu: multiply adds around it": lambda channels, out_channels, kernel, in_channels, size: (
        macs(in_channels, size, conv(in_channels, channels, kernel, p=kernel // 2))
        + macs(channels + channels, size, conv(channels + channels, out_channels, kernel, p=kernel // 2))
    ),
    "units: resnet": lambda size, c, m: unit(c, m, 1, 1, size),
    "units: resnext": lambda size, c, m, g: unit(c, m * g, 1, g, size),
    "units: shufflenet": lambda size, c, m, g: unit(c, m, g, m, size),
    "conventions: floating point operations": lambda in_channels, out_channels, kernel, size: tool_totals(
        in_channels, out_channels, kernel, size
    )["flops"],
    "conventions: all that keras counts": lambda in_channels, out_channels, kernel, size: (
        params(conv(in_channels, out_channels, kernel, bias=True), nn.BatchNorm2d(out_channels))
        + sum(buffer.numel() for buffer in nn.BatchNorm2d(out_channels).buffers() if buffer.is_floating_point())
    ),
    "conventions: totals of a tool": lambda in_channels, out_channels, kernel, size, convention: tool_totals(
        in_channels, out_channels, kernel, size
    )[convention],
    "reconcile: which rule": lambda in_channels, out_channels, kernel, size, convention: convention,
    "reconcile: batch norms share": lambda in_channels, out_channels, kernel, size, convention: (
        {
            "fvcore": 2,
            "ptflops": 2,
            "thop": 4,
        }[convention]
        * out_channels
        * size
        * size
    ),
    "reconcile: what is left to explain": left_to_explain,
}
