"""One operator alone: the worked counts of a textbook, from channels and sizes."""

import inspect

import pytest

from ghostnp import count
from ghostnp.graph.counting import OPERATORS, count_operator
from ghostnp.modules import (
    BatchNorm2d,
    ChannelShuffle,
    Conv2d,
    GlobalAvgPool2d,
    MaxPool2d,
    SeparableConv2d,
    Softmax,
)

pytestmark = pytest.mark.small


def test_one_operator_alone():
    keywords = {"in_channels": 256, "out_channels": 256, "kernel_size": 5, "groups": 32, "bias": True, "size": 64}
    counted = count_operator("conv2d", padding=2, **keywords)
    assert {name: worked.working for name, worked in counted.lines.items()} == {
        "parameters": "256·(8·5·5 + 1) = 51,456",
        "MACs": "256·64·64·8·5·5 = 209,715,200",
        "FLOPs": "2·256·64·64·8·5·5 = 419,430,400",
        "other operations": "256·64·64 = 1,048,576",
        "activations": "256·64·64 = 1,048,576",
        "bytes of parameters": "4·(256·(8·5·5 + 1)) = 205,824",
        "bytes of input and output": "4·(256·64·64 + 256·64·64) = 8,388,608",
    }
    assert all(worked.working in str(counted) for worked in counted.lines.values())
    assert "1x256x64x64 to 1x256x64x64, float32\nkernel 5x5, stride 1, padding 2, dilation 1, groups 32" in str(counted)


def test_one_operator_word_for_word():
    keywords = {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": "same", "bias": True}
    counted = count_operator("conv2d", size=(7, 5), batch=2, dtype="float64", convention="ptflops", **keywords)
    text, _ = str(counted).rsplit(" (macs and biases, ", 1)
    assert (
        text
        == """\
conv2d: 2x4x7x5 to 2x6x4x3, float64
kernel 3x3, stride 2, padding 1, dilation 1, groups 1
parameters                 6·(4·3·3 + 1) = 222
MACs                       2·6·4·3·4·3·3 = 5,184
FLOPs                      2·2·6·4·3·4·3·3 = 10,368
other operations           2·6·4·3 = 144
activations                2·6·4·3 = 144
bytes of parameters        8·(6·(4·3·3 + 1)) = 1,776
bytes of input and output  8·(2·4·7·5 + 2·6·4·3) = 3,392
ptflops                    5,328"""
    )


# Arguments of `count_operator`, and the layer that is the same.
ALONE = {
    "conv2d": ({"out_channels": 6, "kernel_size": 3, "groups": 2}, lambda: Conv2d(4, 6, 3, groups=2, bias=False)),
    "standard_conv2d": ({"out_channels": 6, "kernel_size": (1, 3), "bias": True}, lambda: Conv2d(4, 6, (1, 3))),
    "grouped_conv2d": (
        {"out_channels": 6, "kernel_size": 3, "groups": 2},
        lambda: Conv2d(4, 6, 3, groups=2, bias=False),
    ),
    "depthwise_conv2d": (
        {"kernel_size": 3, "padding": "same"},
        lambda: Conv2d(4, 4, 3, groups=4, padding=1, bias=False),
    ),
    "pointwise_conv2d": ({"out_channels": 6, "stride": 2}, lambda: Conv2d(4, 6, 1, stride=2, bias=False)),
    "separable_conv2d": (
        {"out_channels": 6, "kernel_size": 3, "bias": True, "multiplier": 2},
        lambda: SeparableConv2d(4, 6, 3, multiplier=2),
    ),
    "batch_norm": ({}, lambda: BatchNorm2d(4)),
    "max_pool2d": ({"kernel_size": 3, "padding": 1}, lambda: MaxPool2d(3, padding=1)),
    "channel_shuffle": ({"groups": 2}, lambda: ChannelShuffle(2)),
    "softmax": ({}, Softmax),
    "global_avg_pool2d": ({}, GlobalAvgPool2d),
}


@pytest.mark.parametrize("name", ALONE)
def test_one_operator_costs_what_its_layer_costs(name):
    keywords, layer = ALONE[name]
    alone = count_operator(name, in_channels=4, size=(7, 6), batch=2, **keywords).table
    table = count(layer(), (2, 4, 7, 6))
    for total in ("params", "buffers", "macs", "flops", "other", "activations"):
        if (name, total) != ("separable_conv2d", "activations"):  # as one operator it keeps no map between its steps
            assert getattr(alone, total) == getattr(table, total)


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_can_be_counted_alone(name):
    more = {"out_channels": 4, "kernel_size": 3, "groups": 2}
    takes = inspect.signature(OPERATORS[name]).parameters
    counted = count_operator(name, in_channels=4, size=8, **{key: more[key] for key in more if key in takes})
    assert str(counted)
    for worked in counted.lines.values():
        assert eval(worked.formula.replace("·", "*")) == worked


@pytest.mark.parametrize(
    ("operator", "keywords", "words"),
    [
        ("conv", {}, "operator='conv': the rule is one of OPERATORS, nearest first: conv2d, "),
        ("conv2d", {"in_channels": 4}, "conv2d needs out_channels: the rule is an int"),
        ("relu", {}, "relu needs in_channels"),
        ("relu", {"in_channels": 4, "stride": 2}, "relu has no stride: the rule is one of in_channels"),
        ("linear", {"in_channels": 0, "out_channels": 2}, "in_channels=0: the rule is an int of 1 or more"),
        ("batch_norm", {"in_channels": 4, "batch": -1}, "batch=-1"),
        ("pointwise_conv2d", {"in_channels": 4, "out_channels": 2.5}, "out_channels=2.5"),
        ("max_pool2d", {"in_channels": 4, "kernel_size": 9}, "the output would be"),
        ("channel_shuffle", {"in_channels": 4, "groups": 3}, "legal: 1, 2, 4"),
        ("relu", {"in_channels": 4, "convention": "mac"}, "convention='mac': the rule is .* nearest first: macs"),
    ],
)
def test_bad_operator_is_named(operator, keywords, words):
    with pytest.raises((TypeError, ValueError), match=words):
        count_operator(operator, **keywords)
