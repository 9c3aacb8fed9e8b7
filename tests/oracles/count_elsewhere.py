"""What other counters say about the same networks, and by which rules, stored for the tests.

Remade in an environment of its own, from the repository's root:

    python -m venv /tmp/counters
    /tmp/counters/bin/pip install torch==2.13.0 fvcore ptflops==0.7.5 thop torchinfo keras numpy
    KERAS_BACKEND=torch /tmp/counters/bin/python -W ignore -m tests.oracles.count_elsewhere

It takes half a minute. Nothing here comes from ghostnp. `RULES` is each tool's count as multiples of an operation's
sizes: `macs`, `bias` (outputs where there is a bias), `inputs` and `outputs` (elements), `params`. Each is held to the
tool's answers, on single layers and on whole networks, so that a total is explained to the last unit; what is not in
it is zero. Per element:

                        fvcore  ptflops  ptflops modules only  ptflops aten  thop       torchinfo      torch
    multiply-add        1       1        1                     1             1          1              2
    bias, output        -       1        1                     1             -          1              -
    BatchNorm2d, input  2 (*)   2        2                     -             4 (**)     2C an image    -
    nn.ReLU, output     -       2 (***)  1                     -             -          -              -
    F.relu, F.relu6     -       1        -                     -             -          -              -
    nn.ReLU6            -       1        1                     -             -          -              -
    nn.MaxPool2d, input -       2        1                     -             -          -              -
    nn.AvgPool2d        -       2 input  1 input               -             1 output   -              -
    nn.AdaptiveAvgPool  1 input 2 input  1 input               -             1 in+1 out -              -
    F.adaptive_avg_pool 1 input 1 input  -                     -             -          -              -
    F.interpolate       1 out   1 out    -                     -             -          -              -
    sigmoids, x.mean, +, *, /, torch.cat: nothing anywhere, except torch.add, torch.mul and Tensor.add, .mul (ptflops)

(*) 5 in training, 1 without weights. (**) 2 without weights. (***) ptflops 0.7 hooks the module and patches the
function that the module calls, so it counts twice; "modules only" is its count_functional=False, and what 0.6.9 says.

Three of the tools look at modules, so the answer depends on how a network is written: each is counted as the code of
`tests` writes it ("functions") and as its released code does ("released": of modules, where that one uses modules).
"""

import contextlib
import copy
import io
import json
import operator
import platform
from collections import Counter
from functools import partial
from importlib.metadata import version
from pathlib import Path

import keras
import ptflops
import thop
import torch
import torch.nn.functional as F
import torchinfo
from fvcore.nn import FlopCountAnalysis
from ptflops import aten_engine, pytorch_ops
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.utils.flop_counter import FlopCounterMode

from tests.models.oracle_comparison import MobileNetV2, ResNet, ShuffleNetV2
from tests.oracle_networks import Apply, DFCAttention, GhostNet, chain, hard_sigmoid
from tests.oracle_shufflenet import ShuffleNetV1

STORED = Path(__file__).with_name("counts_elsewhere.json")

MACS = {"Conv2d": {"macs": 1}, "Linear": {"macs": 1}}
BIASED = {"Conv2d": {"macs": 1, "bias": 1}, "Linear": {"macs": 1, "bias": 1}}
INPUT, OUTPUT = {"inputs": 1}, {"outputs": 1}
MODULES = BIASED | {
    "BatchNorm2d": {"inputs": 2},
    "BatchNorm2d, training": {"inputs": 2},
    "BatchNorm2d, no weights": INPUT,
    "ReLU": OUTPUT,
    "ReLU6": OUTPUT,
    "MaxPool2d": INPUT,
    "AvgPool2d": INPUT,
    "AdaptiveAvgPool2d": INPUT,
    "Upsample, nearest": OUTPUT,
    "Upsample, bilinear": OUTPUT,
}
RULES = {
    "fvcore": MACS
    | {
        "BatchNorm2d": {"inputs": 2},
        "BatchNorm2d, training": {"inputs": 5},
        "BatchNorm2d, no weights": INPUT,
        "F.batch_norm": {"inputs": 2},
        "AdaptiveAvgPool2d": INPUT,
        "F.adaptive_avg_pool2d": INPUT,
        "F.interpolate, nearest": OUTPUT,
        "F.interpolate, bilinear": {"outputs": 4},
        "Upsample, nearest": OUTPUT,
        "Upsample, bilinear": {"outputs": 4},
    },
    "ptflops": MODULES
    | {
        "ReLU": {"outputs": 2},
        "MaxPool2d": {"inputs": 2},
        "AvgPool2d": {"inputs": 2},
        "AdaptiveAvgPool2d": {"inputs": 2},
        "Upsample, nearest": {"outputs": 2},
        "Upsample, bilinear": {"outputs": 2},
        "F.relu": INPUT,
        "F.relu6": INPUT,
        "SiLU": INPUT,
        "Softmax": INPUT,
        "F.softmax": INPUT,
        "F.max_pool2d": INPUT,
        "F.avg_pool2d": INPUT,
        "F.adaptive_avg_pool2d": INPUT,
        "F.interpolate, nearest": OUTPUT,
        "F.interpolate, bilinear": OUTPUT,
        "torch.add": OUTPUT,
        "torch.mul": OUTPUT,
        ".add": OUTPUT,
        ".mul": OUTPUT,
    },
    "ptflops modules only": MODULES,
    "ptflops aten": BIASED,
    "thop": MACS
    | {
        "BatchNorm2d": {"inputs": 4},
        "BatchNorm2d, training": {"inputs": 4},
        "BatchNorm2d, no weights": {"inputs": 2},
        "AvgPool2d": OUTPUT,
        "AdaptiveAvgPool2d": {"inputs": 1, "outputs": 1},
        "Upsample, nearest": OUTPUT,
        "Upsample, bilinear": {"outputs": 11},
        "Softmax": {"inputs": 3, "rows": -1},
    },
    "torchinfo": BIASED | {"BatchNorm2d": {"params": 1}, "BatchNorm2d, training": {"params": 1}},
    "torch": {"Conv2d": {"macs": 2}, "Linear": {"macs": 2}},
}
# Nothing is computed in these.
FREE = {"getitem", "getattr", "flatten", "chunk", "Identity", "Flatten", "Dropout"}


def late(name):
    """A function of torch.nn.functional, looked up when it is called, as in code: ptflops patches the name."""

    def call(*args, **keywords):
        return getattr(F, name)(*args, **keywords)

    call.__name__ = name
    return call


LATE = {getattr(F, name): late(name) for name in ("relu", "relu6", "avg_pool2d", "max_pool2d", "interpolate")}
FUNCTIONS = {getattr(F, n): f"F.{n}" for n in sorted(vars(F)) if n[0].islower() and callable(getattr(F, n))}
OPERATORS = {operator.add: "+", operator.mul: "*", operator.truediv: "/", operator.neg: "-"}


class Tracer(fx.Tracer):
    """Goes into every Sequential, also into one that was made by slicing and is no part of the network."""

    def call_module(self, module, forward, args, kwargs):
        if isinstance(module, nn.Sequential):
            return forward(*args, **kwargs)
        return super().call_module(module, forward, args, kwargs)


def traced(network):
    return fx.GraphModule(network, Tracer().trace(network))


def rewritten(network, **spelling):
    """The same network with some functions as modules: their names, and the global average under `mean`."""
    network = traced(network)
    for node in list(network.graph.nodes):
        name = FUNCTIONS.get(node.target, "").removeprefix("F.") or getattr(node.target, "__name__", node.target)
        if name in spelling and node.op != "call_module":
            make = spelling[name]
            with network.graph.inserting_before(node):
                if isinstance(make, str):
                    new = network.graph.call_function(late(make), (node.args[0], 1))
                else:
                    module = make(*node.args[1:], **node.kwargs) if name.endswith("pool2d") else make()
                    network.add_submodule(node.name, module)
                    new = network.graph.call_module(node.name, (node.args[0],))
                if name == "mean" and not node.kwargs.get("keepdim"):
                    new = network.graph.call_method("flatten", (new, 1))
            node.replace_all_uses_with(new)
            network.graph.erase_node(node)
        elif node.op == "call_function" and node.target in LATE:
            node.target = LATE[node.target]
    network.recompile()
    return network


def elements(value):
    """Elements of all the tensors behind a node, or a tuple of them."""
    if isinstance(value, fx.Node):
        meta = value.meta.get("tensor_meta")
        return meta.shape.numel() if hasattr(meta, "shape") else 0
    return sum(map(elements, value)) if isinstance(value, tuple | list) else 0


def sizes(network, x):
    """Of each kind of operation in `network`: calls, multiply-adds, elements in and out, parameters."""
    network = traced(copy.deepcopy(network))
    with torch.no_grad():
        ShapeProp(network).propagate(x)
    found = {}
    for node in network.graph.nodes:
        if node.op in ("placeholder", "output", "get_attr"):
            continue
        module = network.get_submodule(node.target) if node.op == "call_module" else None
        if module is not None:
            kind = type(module).__name__
        elif node.op == "call_method":
            kind = f".{node.target}"
        elif any(node.target is function for function in LATE.values()) or node.target.__qualname__.startswith("late."):
            kind = f"F.{node.target.__name__}"
        else:
            kind = OPERATORS.get(node.target) or FUNCTIONS.get(node.target) or f"torch.{node.target.__name__}"
        if kind.rpartition(".")[2] in FREE:
            continue
        if kind in OPERATORS.values() and not all(isinstance(argument, fx.Node) for argument in node.args):
            kind += " number"
        if isinstance(module, nn.BatchNorm2d):
            kind += ", no weights" if not module.affine else ", training" if module.training else ""
        if isinstance(module, nn.Upsample) or kind == "F.interpolate":
            kind += ", " + (module.mode if module else node.kwargs["mode"])
        row = found.setdefault(kind, Counter())
        outputs = elements(node)
        row.update(calls=1, inputs=elements(node.args[0]), outputs=outputs)
        if isinstance(module, nn.Conv2d | nn.Linear):
            row.update(macs=outputs * module.weight[0].numel(), bias=outputs * (module.bias is not None))
        if isinstance(module, nn.Softmax):
            row.update(rows=outputs // node.meta["tensor_meta"].shape[module.dim])
        if module is not None:
            row.update(params=sum(parameter.numel() for parameter in module.parameters()))
    return {kind: {name: row[name] for name in sorted(row) if row[name]} for kind, row in sorted(found.items())}


def explained(tool, found):
    """What `RULES` make of those sizes, kind by kind and quantity by quantity."""
    terms = {}
    for kind, row in found.items():
        for name, factor in RULES[tool].get(kind, {}).items():
            if row.get(name):
                terms[f"{factor} x {name} of {kind}"] = factor * row[name]
    return terms


def by_fvcore(network, x):
    analysis = FlopCountAnalysis(network, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.tracer_warnings("none")
    parts = {kind: int(count) for kind, count in analysis.by_operator().items() if count}
    return {"total": int(analysis.total()), "by operator": parts, "unsupported": dict(analysis.unsupported_ops())}


@contextlib.contextmanager
def recorded(parts):
    """Notes in `parts` what each handler of ptflops adds to the total."""

    def hook(kind, handler):
        def note(module, inputs, output):
            before = module.__flops__
            handler(module, inputs, output)
            parts[kind] += module.__flops__ - before

        return note

    def function(kind, handler):
        def note(*args, **keywords):
            count = handler(*args, **keywords)
            parts[kind] += int(count)
            return count

        return note

    tables = {"": pytorch_ops.MODULES_MAPPING, "F.": pytorch_ops.FUNCTIONAL_MAPPING}
    tables["torch."] = pytorch_ops.TENSOR_OPS_MAPPING
    kept = {place: dict(table) for place, table in tables.items()}
    for place, table in tables.items():
        wrap = function if place else hook
        table.update({key: wrap(place + key.__name__, handler) for key, handler in kept[place].items()})
    try:
        yield
    finally:
        for place, table in tables.items():
            table.update(kept[place])


def by_ptflops(network, x, functions=True):
    parts = Counter()
    with recorded(parts):
        total, params = ptflops.get_model_complexity_info(
            network,
            tuple(x.shape[1:]),
            print_per_layer_stat=False,
            as_strings=False,
            backend="pytorch",
            backend_specific_config={"count_functional": functions},
        )
    assert total == sum(parts.values())
    return {"total": total, "params": params, "by handler": {kind: count for kind, count in parts.items() if count}}


def by_ptflops_aten(network, x):
    total, params = ptflops.get_model_complexity_info(
        copy.deepcopy(network), tuple(x.shape[1:]), print_per_layer_stat=False, as_strings=False, backend="aten"
    )
    counter = aten_engine.FlopCounterMode(network, output_params={"print_params": {}, "serialize_params": {}})
    with counter:
        network(x)
    parts = {str(kind): count for kind, count in counter.flop_counts["Global"].items()}
    assert total == sum(parts.values())
    return {"total": total, "params": params, "by operator": parts}


def by_thop(network, x):
    total, params, layers = thop.profile(network, (x,), verbose=False, ret_layer_info=True)
    parts = Counter()

    def collect(module, below):
        for name, (count, _, inside) in below.items():
            child = getattr(module, name)
            if inside:
                collect(child, inside)
            else:
                parts[type(child).__name__] += int(count)

    collect(network, layers)
    assert total == sum(parts.values())
    return {"total": int(total), "params": int(params), "by module": {k: count for k, count in parts.items() if count}}


def by_torchinfo(network, x):
    result = torchinfo.summary(network, input_data=x, verbose=0, mode="train" if network.training else "eval")
    parts = Counter()
    for layer in result.summary_list:
        if layer.is_leaf_layer:
            parts[layer.class_name] += layer.macs
    parts = {kind: count for kind, count in parts.items() if count}
    return {"total": int(result.total_mult_adds), "params": result.total_params, "by module": parts}


def by_torch(network, x):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    parts = {str(kind): count for kind, count in counter.get_flop_counts().get("Global", {}).items()}
    return {"total": counter.get_total_flops(), "by operator": parts}


TOOLS = {
    "fvcore": by_fvcore,
    "ptflops": by_ptflops,
    "ptflops modules only": partial(by_ptflops, functions=False),
    "ptflops aten": by_ptflops_aten,
    "thop": by_thop,
    "torchinfo": by_torchinfo,
    "torch": by_torch,
}


def counted(network, x, what):
    """Every tool's answer, each held to `RULES`."""
    found, answers = sizes(network, x), {}
    for tool, count in TOOLS.items():
        with contextlib.redirect_stdout(io.StringIO()) as said:
            answer = count(copy.deepcopy(network), x)
        assert "not finished" not in said.getvalue(), said.getvalue()
        terms = explained(tool, found)
        if sum(terms.values()) != answer["total"]:
            raise AssertionError(f"{what}: {tool} says {answer}, and the rules {terms} from {found}")
        answers[tool] = {
            key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in answer.items()
        } | {"explained": terms}
    return found, answers


def probes():
    """Single layers: a name, how to make it, the input's shape, and whether in training mode."""
    maps, norm = (1, 6, 8, 10), torch.ones(6)
    layers = {
        "conv": nn.Conv2d(6, 4, 3, padding=1, bias=False),
        "conv, bias": nn.Conv2d(6, 4, 3, padding=1),
        "conv, groups, stride, bias": nn.Conv2d(6, 4, 3, stride=2, groups=2),
        "conv, dilated": nn.Conv2d(6, 4, 3, dilation=2, bias=False),
        "conv, depthwise": nn.Conv2d(6, 12, (1, 5), padding=(0, 2), groups=6, bias=False),
        "linear": chain(nn.Flatten(), nn.Linear(480, 7, bias=False)),
        "linear, bias": chain(nn.Flatten(), nn.Linear(480, 7)),
        "batch norm": nn.BatchNorm2d(6),
        "batch norm, training": nn.BatchNorm2d(6).train(),
        "batch norm, no weights": nn.BatchNorm2d(6, affine=False),
        "batch norm, function": Apply(lambda x: F.batch_norm(x, norm, norm, norm, norm)),
        "ReLU": nn.ReLU(),
        "ReLU, function": Apply(late("relu")),
        "ReLU, torch": Apply(torch.relu),
        "ReLU6": nn.ReLU6(),
        "ReLU6, function": Apply(late("relu6")),
        "hard sigmoid": nn.Hardsigmoid(),
        "hard sigmoid, function": Apply(late("hardsigmoid")),
        "hard sigmoid, by ReLU6": Apply(hard_sigmoid),
        "sigmoid": nn.Sigmoid(),
        "sigmoid, function": Apply(torch.sigmoid),
        "SiLU": nn.SiLU(),
        "softmax": nn.Softmax(1),
        "softmax, function": Apply(lambda x: F.softmax(x, 1)),
        "average pool": nn.AvgPool2d(3, 2, 1),
        "average pool, function": Apply(lambda x: F.avg_pool2d(x, 3, 2, 1)),
        "average pool, global": nn.AvgPool2d((8, 10)),
        "adaptive average pool": nn.AdaptiveAvgPool2d(1),
        "adaptive average pool to 4x5": nn.AdaptiveAvgPool2d((4, 5)),
        "adaptive average pool, function": Apply(lambda x: F.adaptive_avg_pool2d(x, 1)),
        "mean": Apply(lambda x: x.mean((2, 3))),
        "max pool": nn.MaxPool2d(3, 2, 1),
        "max pool, function": Apply(lambda x: F.max_pool2d(x, 3, 2, 1)),
        "add": Apply(lambda x: x + x),
        "add, torch": Apply(lambda x: torch.add(x, x)),
        "add, method": Apply(lambda x: x.add(x)),
        "multiply": Apply(lambda x: x * x),
        "multiply, torch": Apply(lambda x: torch.mul(x, x)),
        "multiply, method": Apply(lambda x: x.mul(x)),
        "multiply by a gate": Apply(lambda x: x * x[:, :, :1, :1]),
        "concatenate": Apply(lambda x: torch.cat([x, x], 1)),
        "interpolate, nearest": Apply(lambda x: F.interpolate(x, size=(16, 30), mode="nearest")),
        "interpolate, bilinear": Apply(lambda x: F.interpolate(x, size=(16, 30), mode="bilinear")),
        "upsample, nearest": nn.Upsample(size=(16, 30)),
        "upsample, bilinear": nn.Upsample(size=(16, 30), mode="bilinear"),
    }
    return {name: (nn.Sequential(layer), maps) for name, layer in layers.items()}


# Each network of `tests`, and which of its functions are modules in the released code (Huawei, Megvii, torchvision).
RELU, POOL = {"relu": nn.ReLU}, {"max_pool2d": nn.MaxPool2d, "avg_pool2d": nn.AvgPool2d}
GLOBAL, SEVEN = {"mean": partial(nn.AdaptiveAvgPool2d, 1)}, {"mean": partial(nn.AvgPool2d, 7)}
# ptflops patches names in torch.nn.functional, and would miss the pool that DFCAttention has as a default argument.
ATTENTION = (None,) * 2 + (partial(DFCAttention, pool=late("avg_pool2d")),) * 14
NETWORKS = {
    "ghostnet_100": (GhostNet, RELU | GLOBAL),
    "ghostnetv2_100": (partial(GhostNet, widened=ATTENTION), RELU | GLOBAL | {"sigmoid": nn.Sigmoid}),
    "shufflenet_v1_g3_100": (partial(ShuffleNetV1, (24, 240, 480, 960), 3), POOL | SEVEN),
    "shufflenet_v2_100": (partial(ShuffleNetV2, 24, (116, 232, 464), 1024), POOL | SEVEN),
    "mobilenet_v2_100": (MobileNetV2, {"mean": "adaptive_avg_pool2d"}),
    "resnet50": (ResNet, RELU | POOL | GLOBAL),
}


def by_keras():
    """Parameters as Keras's count_params and summary give them: total, trainable and not."""
    layers = keras.layers
    made = {
        "Conv2D": layers.Conv2D(4, 3, use_bias=False),
        "Conv2D, bias": layers.Conv2D(4, 3),
        "Conv2D, groups, bias": layers.Conv2D(4, 3, groups=2),
        "DepthwiseConv2D, bias": layers.DepthwiseConv2D(3),
        "SeparableConv2D, bias": layers.SeparableConv2D(4, 3),
        "Dense, bias": layers.Dense(4),
        "BatchNormalization": layers.BatchNormalization(),
        "BatchNormalization, no weights": layers.BatchNormalization(center=False, scale=False),
    }
    for layer in made.values():
        layer.build((None, 8, 10, 6))
    made["MobileNetV2"] = keras.applications.MobileNetV2(weights=None)
    made["ResNet50"] = keras.applications.ResNet50(weights=None)
    return {
        name: {
            "total": layer.count_params(),
            "trainable": sum(int(keras.ops.size(weight)) for weight in layer.trainable_weights),
            "not trainable": sum(int(keras.ops.size(weight)) for weight in layer.non_trainable_weights),
        }
        for name, layer in made.items()
    }


def main():
    torch.manual_seed(0)
    packages = ("torch", "fvcore", "ptflops", "thop", "torchinfo", "keras")
    stored = {
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
        "rules": RULES,
        "probes": {},
        "networks": {},
        "keras": by_keras(),
    }
    for name, (network, shape) in probes().items():
        if not name.endswith("training"):
            network.eval()
        found, answers = counted(network, torch.rand(shape), name)
        counts = {tool: answer["total"] for tool, answer in answers.items()}
        stored["probes"][name] = {"input": list(shape), "sizes": found, "counts": counts}
    for name, (build, spelling) in NETWORKS.items():
        network, x = build().eval(), torch.rand(1, 3, 224, 224)
        released = rewritten(copy.deepcopy(network), **spelling).eval()
        with torch.no_grad():
            assert torch.allclose(network(x), released(x), atol=1e-4)
        stored["networks"][name] = {"input": list(x.shape)}
        for manner, written in (("functions", network), ("released", released)):
            found, answers = counted(written, x, f"{name}, {manner}")
            stored["networks"][name][manner] = {"sizes": found} | answers
    STORED.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
