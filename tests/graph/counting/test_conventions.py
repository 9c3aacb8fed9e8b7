"""Conventions give what the tools themselves gave: `tests/oracles/counts_elsewhere.json` holds their answers."""

import json
from pathlib import Path

import pytest

import ghostnp
from ghostnp.graph.counting import count
from ghostnp.graph.counting.conventions import CONVENTIONS, MACS, MEASURES, convention_named
from ghostnp.modules import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    HardSigmoid,
    Linear,
    MaxPool2d,
    ReLU,
    ReLU6,
    Sequential,
    Sigmoid,
    Softmax,
)
from ghostnp.ops.vocabulary import operators

pytestmark = pytest.mark.small
STORED = json.loads((Path(__file__).parents[2] / "oracles" / "counts_elsewhere.json").read_text(encoding="utf-8"))
IMAGE = (1, 3, 224, 224)
TOOLS = {  # conventions, and the names under which the answers are stored
    "flops": "torch",
    "fvcore": "fvcore",
    "ptflops": "ptflops modules only",
    "ptflops-0.7": "ptflops",
    "ptflops-aten": "ptflops aten",
    "thop": "thop",
    "torchinfo": "torchinfo",
}
NETWORKS = {
    "ghostnet_100": "ghostnet_100",
    "ghostnetv2_100": "ghostnetv2_100",
    "shufflenet_v1_g3_100": "shufflenetv1_g3_1.0x",
    "shufflenet_v2_100": "shufflenetv2_1.0x",
    "mobilenet_v2_100": "mobilenetv2_100",
    "resnet50": "resnet50",
}
# Written as functions in the released code, which tools that look at modules count in another way or not at all.
AS_FUNCTIONS = {"F.relu": "ReLU", "F.avg_pool2d": "AvgPool2d", "F.adaptive_avg_pool2d": "AdaptiveAvgPool2d"}


def total(name, table):
    convention = CONVENTIONS[name]
    by_row, by_part = convention.of_each(table), convention.parts(table)
    assert sum(by_row) == sum(part.factor * part.elements for part in by_part)
    return sum(by_row)


def by_rule(tool, kind, sizes):
    return sum(factor * sizes.get(size, 0) for size, factor in STORED["rules"][tool].get(kind, {}).items())


def elsewhere_if_all_were_modules(stored, tool):
    """The tool's total, and what it would count if functions were modules and the global average an adaptive pool."""
    released, answer = stored["released"]["sizes"], stored["released"][tool]["total"]
    expected = answer
    for function, module in AS_FUNCTIONS.items():
        if function in released:
            expected += by_rule(tool, module, released[function]) - by_rule(tool, function, released[function])
    if not any("adaptive_avg_pool2d" in kind.lower().replace("avgpool", "_avg_pool") for kind in released):
        mean = stored["functions"]["sizes"][".mean"]
        expected += by_rule(tool, "AdaptiveAvgPool2d", mean) - by_rule(tool, "AvgPool2d", mean)
    return answer, expected


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("network", NETWORKS)
def test_totals_of_whole_networks(network, name):
    table = count(ghostnp.create_model(NETWORKS[network], seed=None), IMAGE)
    answer, expected = elsewhere_if_all_were_modules(STORED["networks"][network], TOOLS[name])
    assert total(name, table) == expected
    if network in ("ghostnet_100", "resnet50") or name in ("flops", "ptflops-aten", "torchinfo"):
        assert expected == answer  # the tool's own number, with nothing put right


def test_what_is_said_of_ghostnet():
    table = count(ghostnp.create_model("ghostnet_100", seed=None), IMAGE)
    given = {name: total(name, table) for name in CONVENTIONS}
    assert given == {
        "params": 5_182_508,
        "keras-total": 5_204_476,
        "macs": 141_150_512,
        "without-classifier": 139_870_512,
        "flops": 282_301_024,
        "fvcore": 148_777_264,
        "ptflops": 151_228_112,
        "ptflops-0.7": 154_226_060,
        "ptflops-aten": 141_157_716,
        "thop": 155_858_544,
        "torchinfo": 141_179_684,
    }
    biases = 6_204 + 1_000  # of convolutions, and of the classifier
    assert given["ptflops"] == 141_150_512 + 7_076_384 + 2_443_644 + 550_368 + biases


@pytest.mark.parametrize(
    ("name", "trainable", "everything"),
    [("ghostnet_keras", 5_157_168, 5_180_320), ("shufflenetv1_keras", 1_877_008, 1_901_488)],
)
def test_parameters_as_keras_counts_them(name, trainable, everything):
    table = count(ghostnp.create_model(name, seed=None), IMAGE)
    assert (total("params", table), total("keras-total", table)) == (trainable, everything)


def test_keras_s_own_network():
    stored = STORED["keras"]["MobileNetV2"]
    table = count(ghostnp.create_model("mobilenetv2_100", seed=None), IMAGE)
    assert (total("params", table), table.buffers) == (stored["trainable"], stored["not trainable"])
    assert total("keras-total", table) == stored["total"]


@pytest.mark.parametrize("name", ["ghostnet_100", "shufflenetv1_g3_1.0x", "resnet50", "squeezenet1_0", "vgg16"])
def test_the_classifier_is_the_last_layer(name):
    model = ghostnp.create_model(name, seed=None)
    table = count(model, IMAGE)
    assert (
        total("macs", table) - total("without-classifier", table)
        == {
            "ghostnet_100": 1280 * 1000,
            "shufflenetv1_g3_1.0x": 960 * 1000,
            "resnet50": 2048 * 1000,
            "squeezenet1_0": 512 * 1000 * 13 * 13,
            "vgg16": 4096 * 1000,
        }[name]
    )


# Single layers under the names that they have in the stored answers; all take (1, 6, 8, 10).
LAYERS = {
    "conv": lambda: Conv2d(6, 4, 3, padding=1, bias=False),
    "conv, bias": lambda: Conv2d(6, 4, 3, padding=1),
    "conv, groups, stride, bias": lambda: Conv2d(6, 4, 3, stride=2, groups=2),
    "conv, dilated": lambda: Conv2d(6, 4, 3, dilation=2, bias=False),
    "conv, depthwise": lambda: Conv2d(6, 12, (1, 5), padding=(0, 2), groups=6, bias=False),
    "linear": lambda: Sequential(Flatten(), Linear(480, 7, bias=False)),
    "linear, bias": lambda: Sequential(Flatten(), Linear(480, 7)),
    "batch norm": lambda: BatchNorm2d(6),
    "ReLU": ReLU,
    "ReLU6": ReLU6,
    "hard sigmoid, by ReLU6": HardSigmoid,
    "sigmoid": Sigmoid,
    "softmax": Softmax,
    "average pool": lambda: AvgPool2d(3, stride=2, padding=1),
    "adaptive average pool": GlobalAvgPool2d,
    "max pool": lambda: MaxPool2d(3, stride=2, padding=1),
}


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("layer", LAYERS)
def test_totals_of_single_layers(layer, name):
    stored = STORED["probes"][layer]
    assert total(name, count(LAYERS[layer](), tuple(stored["input"]))) == stored["counts"][TOOLS[name]]


def test_conventions_are_documented_data():
    for name, convention in CONVENTIONS.items():
        assert convention.name == name
        assert convention.counts in ("operations", "parameters")
        assert convention.text
        assert convention.source
        for op, terms in convention.rules.items():
            assert op == "everything" or op in operators() or operators(op)  # an operator, or a family
            assert all(term.factor and term.measure in MEASURES for term in terms)


def test_conventions_by_name():
    assert convention_named("macs") is convention_named(MACS) is MACS
    with pytest.raises(ValueError, match="convention='thopp': the rule is one of CONVENTIONS, nearest first: thop, "):
        convention_named("thopp")


def test_versions_are_those_that_the_sources_name():
    for name, tool in TOOLS.items():
        package = tool.split()[0]
        version = STORED["versions"][package].split("+")[0].split("-")[0].split(".post")[0]
        assert package in CONVENTIONS[name].source
        assert version in CONVENTIONS[name].source
