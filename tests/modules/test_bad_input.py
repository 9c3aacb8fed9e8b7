"""Whoever builds a layer wrongly is told at once: which argument, what came, and what would do."""

import re

import numpy as np
import pytest

import ghostnp
from ghostnp.modules import (
    AvgPool2d,
    BatchNorm2d,
    ChannelShuffle,
    Conv2d,
    DFCAttention,
    Dropout,
    GhostBottleneck,
    GhostModule,
    GhostModuleV2,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    SeparableConv2d,
    Sequential,
    ShuffleUnit,
    SqueezeExcite,
    initializer,
)

pytestmark = pytest.mark.small

# Layer, legal arguments, and counts of channels among them, each of which has to be an int of 1 or more.
COUNTS = [
    (Conv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3}, ["in_channels", "out_channels"]),
    (Linear, {"in_features": 4, "out_features": 6}, ["in_features", "out_features"]),
    (BatchNorm2d, {"channels": 4}, ["channels"]),
    (ChannelShuffle, {"groups": 2}, ["groups"]),
    (SeparableConv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3}, ["in_channels", "out_channels"]),
    (SeparableConv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "multiplier": 2}, ["multiplier"]),
    (SqueezeExcite, {"channels": 8, "hidden": 4}, ["channels", "hidden"]),
    (GhostModule, {"in_channels": 4, "out_channels": 6, "ratio": 2}, ["in_channels", "out_channels", "ratio"]),
    (GhostModuleV2, {"in_channels": 4, "out_channels": 6, "ratio": 2}, ["in_channels", "out_channels", "ratio"]),
    (DFCAttention, {"in_channels": 4, "out_channels": 6}, ["in_channels", "out_channels"]),
    (
        GhostBottleneck,
        {"in_channels": 4, "hidden_channels": 8, "out_channels": 6},
        ["in_channels", "hidden_channels", "out_channels"],
    ),
    (
        ShuffleUnit,
        {"in_channels": 12, "out_channels": 12, "groups": 3, "bottleneck_channels": 6, "first_groups": 1},
        ["in_channels", "out_channels", "groups", "bottleneck_channels", "first_groups"],
    ),
]
NO_COUNTS = [
    (0, ValueError),
    (-2, ValueError),
    (4.0, TypeError),
    (True, TypeError),
    ("4", TypeError),
    ((4,), TypeError),
]


def legal(layer):
    return next(arguments for other, arguments, _ in COUNTS if other is layer)


# Layer, what is wrong, the error, and words of it in order: the argument, what came, what would do.
WRONG = [
    (Conv2d, {"kernel_size": 0}, ValueError, "kernel_size=0", "int of 1 or more"),
    (Conv2d, {"kernel_size": 3.0}, TypeError, "kernel_size=3.0", "such as 1 or (2, 1)"),
    (Conv2d, {"kernel_size": (3, 3, 3)}, TypeError, "kernel_size=(3, 3, 3)", "such as 1 or (2, 1)"),
    (Conv2d, {"stride": 0}, ValueError, "stride=0", "int of 1 or more"),
    (Conv2d, {"dilation": (1, -1)}, ValueError, "dilation[1]=-1", "int of 1 or more"),
    (Conv2d, {"padding": -1}, ValueError, "padding=-1", "int of 0 or more"),
    (Conv2d, {"padding": "valid"}, ValueError, "padding='valid'", "'same'"),
    (Conv2d, {"groups": 3}, ValueError, "groups=3 does not divide in_channels=4", "legal: 1, 2"),
    (Conv2d, {"groups": 4}, ValueError, "groups=4 does not divide out_channels=6", "legal: 1, 2"),
    (Conv2d, {"groups": 2.0}, TypeError, "groups=2.0", "int of 1 or more"),
    (Conv2d, {"bias": "no"}, TypeError, "bias='no'", "such as True"),
    (Conv2d, {"bias": None}, TypeError, "bias=None", "such as True"),
    (Linear, {"bias": 1}, TypeError, "bias=1", "such as True"),
    (SeparableConv2d, {"bias": 0}, TypeError, "bias=0", "such as True"),
    (SeparableConv2d, {"stride": 0}, ValueError, "stride=0", "int of 1 or more"),
    (BatchNorm2d, {"eps": 0}, ValueError, "eps=0", "1e-5"),
    (BatchNorm2d, {"eps": "small"}, TypeError, "eps='small'", "1e-5"),
    (BatchNorm2d, {"momentum": 1.5}, ValueError, "momentum=1.5", "0.1"),
    (BatchNorm2d, {"unbiased": "no"}, TypeError, "unbiased='no'", "such as True"),
    (BatchNorm2d, {"relu": 1}, TypeError, "relu=1", "such as True"),
    (MaxPool2d, {"kernel_size": 0}, ValueError, "kernel_size=0", "int of 1 or more"),
    (MaxPool2d, {"kernel_size": 2, "stride": 0}, ValueError, "stride=0", "int of 1 or more"),
    (MaxPool2d, {"kernel_size": 2, "padding": 2}, ValueError, "padding=((2, 2), (2, 2))", "smaller than the kernel"),
    (AvgPool2d, {"kernel_size": (2, 0)}, ValueError, "kernel_size[1]=0", "int of 1 or more"),
    (AvgPool2d, {"kernel_size": 2, "count_include_pad": 1}, TypeError, "count_include_pad=1", "such as True"),
    (Dropout, {"p": 1}, ValueError, "p=1", "such as 0.2"),
    (Dropout, {"p": -0.5}, ValueError, "p=-0.5", "such as 0.1"),
    (Dropout, {"p": float("nan")}, ValueError, "p=nan", "such as 0.1"),
    (SqueezeExcite, {"gate": "sigmoid"}, TypeError, "gate='sigmoid'", "such as HardSigmoid"),
    (SqueezeExcite, {"gate": ReLU()}, TypeError, "gate=", "such as HardSigmoid"),
    (SqueezeExcite, {"gate": int}, TypeError, "gate=<class 'int'>", "such as HardSigmoid"),
    (GhostModule, {"kernel_size": 0}, ValueError, "kernel_size=0", "int of 1 or more"),
    (GhostModule, {"kernel_size": (1, 1)}, TypeError, "kernel_size=(1, 1)", "int of 1 or more"),
    (GhostModule, {"cheap_kernel_size": 2}, ValueError, "cheap_kernel_size=2", "odd int", "such as 3"),
    (GhostModule, {"cheap_kernel_size": 0}, ValueError, "cheap_kernel_size=0", "int of 1 or more"),
    (GhostModule, {"cheap_kernel_size": "3"}, TypeError, "cheap_kernel_size='3'", "int of 1 or more"),
    (GhostModule, {"stride": 0}, ValueError, "stride=0", "int of 1 or more"),
    (GhostModule, {"relu": "yes"}, TypeError, "relu='yes'", "such as True"),
    (GhostBottleneck, {"stride": 0}, ValueError, "stride=0", "int of 1 or more"),
    (GhostBottleneck, {"stride": (2, 2)}, TypeError, "stride=(2, 2)", "int of 1 or more"),
    (GhostBottleneck, {"stride": 1.0}, TypeError, "stride=1.0", "int of 1 or more"),
    (GhostBottleneck, {"kernel_size": 4}, ValueError, "kernel_size=4", "odd int", "such as 5"),
    (GhostBottleneck, {"kernel_size": "3"}, TypeError, "kernel_size='3'", "int of 1 or more"),
    (GhostBottleneck, {"squeeze_excite": 0.25}, TypeError, "squeeze_excite", "float", "such as SqueezeExcite("),
    (GhostBottleneck, {"ghost1": GhostModule}, TypeError, "ghost1", "type", "such as GhostModule("),
    (GhostModuleV2, {"attention": 4}, TypeError, "attention=4", "such as DFCAttention"),
    (GhostModule, {"conv_norm": "keras"}, TypeError, "conv_norm='keras'", "such as PYTORCH"),
    (ShuffleUnit, {"style": "megvii"}, TypeError, "style='megvii'", "such as PAPER"),
    (DFCAttention, {"upsample": "cubic"}, ValueError, "upsample='cubic'", "'nearest', 'bilinear'"),
    (DFCAttention, {"pool": 2}, TypeError, "pool=2", "such as AvgPool2d"),
    (DFCAttention, {"gate_last": 1}, TypeError, "gate_last=1", "such as True"),
    (DFCAttention, {"kernel_size": 4}, ValueError, "kernel_size=4", "odd int", "such as 5"),
    (DFCAttention, {"kernel_size": 0}, ValueError, "kernel_size=0", "int of 1 or more"),
    (DFCAttention, {"kernel_size": (1, 5)}, TypeError, "kernel_size=(1, 5)", "int of 1 or more"),
    (ShuffleUnit, {"out_channels": 24}, ValueError, "in_channels=12 and out_channels=24", "stride=2"),
    (ShuffleUnit, {"stride": 2}, ValueError, "out_channels=12", "such as 24"),
    (ShuffleUnit, {"stride": 0}, ValueError, "stride=0", "int of 1 or more"),
    (ShuffleUnit, {"stride": (2, 2)}, TypeError, "stride=(2, 2)", "int of 1 or more"),
    (ShuffleUnit, {"groups": 4}, ValueError, "groups=4 does not divide bottleneck_channels=6", "legal: 1, 2, 3, 6"),
    (ShuffleUnit, {"first_groups": 5}, ValueError, "first_groups=5 does not divide in_channels=12", "legal: 1, 2, 3"),
    (ShuffleUnit, {"first_groups": 4}, ValueError, "first_groups=4 does not divide bottleneck_channels=6", "legal: 1"),
    (
        ShuffleUnit,
        {"out_channels": 16, "stride": 2},
        ValueError,
        "groups=3 does not divide out_channels - in_channels=4",
        "legal: 1, 2, 4",
    ),
]
POOLS = {MaxPool2d: {"kernel_size": 2}, AvgPool2d: {"kernel_size": 2}, Dropout: {"p": 0.5}}


@pytest.mark.parametrize(("value", "error"), NO_COUNTS, ids=map(repr, (value for value, _ in NO_COUNTS)))
@pytest.mark.parametrize(
    ("layer", "arguments", "name"),
    [(layer, arguments, name) for layer, arguments, names in COUNTS for name in names],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_a_count_is_a_positive_int(layer, arguments, name, value, error):
    layer(**arguments)
    with pytest.raises(error, match=re.escape(f"{name}={value!r}: the rule is an int of 1 or more, such as 1")):
        layer(**arguments | {name: value})


@pytest.mark.parametrize(("layer", "wrong", "error", "words"), [(*case[:3], case[3:]) for case in WRONG])
def test_a_wrong_argument_is_named(layer, wrong, error, words):
    arguments = POOLS[layer] if layer in POOLS else legal(layer)
    layer(**arguments)
    with pytest.raises(error, match=".*".join(map(re.escape, words))) as caught:
        layer(**arguments | wrong)
    # The name stands for itself: `kernel_size` is not an answer to a wrong `cheap_kernel_size`.
    assert re.search(rf"(^|\W){re.escape(words[0])}", str(caught.value))


@pytest.mark.parametrize("shape", [(1, 4, 1, 1), (1, 4, 1, 6), (1, 4, 6, 1)])
@pytest.mark.parametrize("layer", [DFCAttention, GhostModuleV2])
def test_attention_needs_two_pixels_in_each_direction(backend, layer, shape):
    with ghostnp.use_backend(backend), pytest.raises(ValueError, match=re.escape(f"x has shape {shape}") + ".*2x2"):
        layer(4, 6)(np.ones(shape, np.float32))


@pytest.mark.parametrize("layer", ["GhostModule(3)", 7, ReLU])
def test_sequential_takes_modules_alone(layer):
    with pytest.raises(TypeError, match=r"layer 1 is of type .*: the rule is a Module, such as ReLU\(\)"):
        Sequential(ReLU(), layer)


def test_sequential_does_not_let_a_layer_hide_a_method():
    with pytest.raises(ValueError, match=r"layer forward: .* another name"):
        Sequential(forward=ReLU())


def test_a_module_that_defines_nothing_says_so():
    with pytest.raises(TypeError, match="Module has no forward"):
        Module().forward(np.ones((1, 1, 1, 1)))
    with pytest.raises(TypeError, match="Module has no backward"):
        Module().backward(np.ones((1, 1, 1, 1)), None)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((1.5,), TypeError, "seed=1.5"),
        ((True,), TypeError, "seed=True"),
        ((-1,), ValueError, "seed=-1"),
        ((0, np.int32), TypeError, "dtype=<class 'numpy.int32'>"),
        ((0, "float16"), TypeError, "dtype='float16'"),
    ],
)
def test_initializer_names_what_is_wrong(arguments, error, words):
    with pytest.raises(error, match=re.escape(words) + ".* such as "), initializer(*arguments):
        pass


@pytest.mark.parametrize("dtype", [np.int32, np.float16, "half", None])
def test_modules_are_float32_or_float64(dtype):
    with pytest.raises(TypeError, match=r"dtype=.*: the rule is float32 or float64"):
        ReLU().astype(dtype)


@pytest.mark.parametrize("x", [[1.0], np.ones((1, 4, 2, 2), int), np.ones((4, 2, 2), np.float32)])
@pytest.mark.parametrize("layer", [Conv2d(4, 2, 1), BatchNorm2d(4), SqueezeExcite(4), GhostModule(4, 2)], ids=repr)
def test_wrong_maps_are_refused_before_any_kernel(backend, layer, x):
    with ghostnp.use_backend(backend), pytest.raises((TypeError, ValueError), match=r"^x "):
        layer(x)


@pytest.mark.parametrize("kernel_size", [2**31 - 1, (2**31 - 1, 2**20)])
def test_weights_that_no_machine_can_hold(kernel_size):
    with pytest.raises(
        MemoryError, match=r"^weight: its numbers, .* would take .*iB, and the machine has .*the rule is"
    ):
        Conv2d(1, 1, kernel_size)


@pytest.mark.parametrize("x", [None, "x", [1.0], 3])
def test_what_a_layer_reads_is_an_array(x):
    """Whatever the first layer is, and whatever it asks of its input."""
    for layer in (DFCAttention(3, 4), Dropout(0.5), Sequential(), GhostModule(3, 4)):
        for run in (layer, layer.forward):
            with pytest.raises(TypeError, match=r"^x is of type .*: the rule is a NumPy array of float32 or float64"):
                run(x)
