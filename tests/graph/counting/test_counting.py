"""Counts are exact: those of the papers and documents, of PyTorch, and of the network that really runs."""

import tracemalloc
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import ghostnp
from ghostnp import count, ops
from ghostnp.backend import backend
from ghostnp.modules import (
    Conv2d,
    Flatten,
    GhostModule,
    Linear,
    Module,
    ReLU,
    SeparableConv2d,
    Sequential,
    ShuffleUnit,
    initializer,
)
from tests import oracle_networks as oracle
from tests.models import oracle_comparison as comparison
from tests.modules.cases import FIXED, RANDOM
from tests.oracle_shufflenet import ShuffleNetV1

pytestmark = pytest.mark.small
IMAGE = (1, 3, 224, 224)


def counted(layer, *args, shape, **keywords):
    with initializer(None):
        return count(layer(*args, **keywords), shape)


def by_pytorch(network, shape):
    """Parameters, and MACs of convolutions and linear layers: half of its operations, which count both."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(shape))
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 2


def totals(table):
    return table.params, table.macs


@pytest.mark.parametrize(
    ("name", "params", "statistics", "macs"),
    [("ghostnet_050", 2_587_292, 10_984, 42_328_152), ("ghostnet_100", 5_182_508, 21_968, 141_150_512)],
)
def test_totals_of_the_published_networks(name, params, statistics, macs):
    model = ghostnp.create_model(name, seed=None)
    assert totals(count(model, IMAGE)) == (params, macs)
    buffers = {key: array for key, array in model.state_dict().items() if "running" in key}
    assert sum(array.size for array in buffers.values()) == statistics


def test_total_without_the_classifier():
    table = count(ghostnp.create_model("ghostnet_100", seed=None), IMAGE)
    assert sum(row.macs for row in table.rows if row.path != "classifier") == 139_870_512
    assert table.under("without-classifier").totals()["without-classifier"] == 139_870_512


@pytest.mark.parametrize(("name", "width"), [("ghostnet_050", 0.5), ("ghostnet_100", 1.0), ("ghostnet_130", 1.3)])
@pytest.mark.parametrize("shape", [IMAGE, (3, 3, 97, 75)])
def test_networks_count_as_in_pytorch(name, width, shape):
    assert totals(count(ghostnp.create_model(name, seed=None), shape)) == by_pytorch(oracle.GhostNet(width), shape)


@pytest.mark.parametrize("name", RANDOM)
@given(data=st.data())
def test_layers_count_as_in_pytorch(name, data):
    case = data.draw(RANDOM[name])
    assert totals(count(case.ours(), case.shape)) == by_pytorch(case.theirs(), case.shape)


# The worked numbers of the documents: arguments, input, parameters, MACs.
WORKED = {
    "000: 256x(256x5x5+1)": (Conv2d, (256, 256, 5), {}, (1, 256, 5, 5), 1_638_656, 1_638_400),
    "000: 256x(8x5x5+1)": (Conv2d, (256, 256, 5), {"groups": 32}, (1, 256, 5, 5), 51_456, 51_200),
    "000: 1024x(1024x5x5+1)": (Conv2d, (1024, 1024, 5), {}, (1, 1024, 5, 5), 26_215_424, 26_214_400),
    "000: 1024x(1x5x5+1)": (Conv2d, (1024, 1024, 5), {"groups": 1024}, (1, 1024, 5, 5), 26_624, 25_600),
    "001: 3x3x12x6": (Conv2d, (12, 6, 3), {"bias": False}, (1, 12, 3, 3), 648, 648),
    "001: 3x3x4x2x3": (Conv2d, (12, 6, 3), {"bias": False, "groups": 3}, (1, 12, 3, 3), 216, 216),
    "002: GhostModule(3, 64)": (GhostModule, (3, 64), {}, (1, 3, 640, 640), 512, 157_286_400),
    "004: standard": (Conv2d, (3, 4, 3), {"bias": False, "padding": 1}, (1, 3, 64, 64), 108, 442_368),
    "004: depthwise": (Conv2d, (3, 3, 3), {"bias": False, "padding": 1, "groups": 3}, (1, 3, 64, 64), 27, 110_592),
    "004: pointwise": (Conv2d, (3, 4, 1), {"bias": False}, (1, 3, 64, 64), 12, 49_152),
    "004: separable": (SeparableConv2d, (3, 4, 3), {"bias": False, "padding": 1}, (1, 3, 64, 64), 39, 159_744),
}


@pytest.mark.parametrize("name", WORKED)
def test_worked_numbers_of_the_documents(name):
    layer, args, keywords, shape, params, macs = WORKED[name]
    assert totals(counted(layer, *args, shape=shape, **keywords)) == (params, macs)


def test_ratios_that_the_documents_round():
    params = {name: case[4] for name, case in WORKED.items()}
    grouped = params["000: 256x(256x5x5+1)"] / params["000: 256x(8x5x5+1)"]
    depthwise = params["000: 1024x(1024x5x5+1)"] / params["000: 1024x(1x5x5+1)"]
    assert (round(grouped, 3), round(depthwise, 2)) == (31.846, 984.65)  # not 32 and 1024: biases are not shared
    assert Fraction(params["004: separable"], params["004: standard"]) == Fraction(13, 36)  # not a third


def test_ghost_module_of_document_002_is_dearer_than_a_pointwise_convolution():
    weights = [row.params for row in counted(GhostModule, 3, 64, shape=(1, 3, 640, 640)).rows if "conv2d" in row.op]
    assert weights == [3 * 32, 32 * 9]
    plain = {k: counted(Conv2d, 3, 64, k, bias=False, shape=(1, 3, 640, 640)).params for k in (1, 3)}
    assert plain == {1: 192, 3: 1728}
    assert plain[1] < sum(weights) < plain[3]


def test_units_of_document_001():
    def bottleneck(c, m, groups):
        shapes = (c, m, 1, 1), (m, m, 3, groups), (m, c, 1, 1)
        return Sequential(*(Conv2d(i, o, k, padding=k // 2, groups=g, bias=False) for i, o, k, g in shapes))

    with initializer(None):
        assert count(bottleneck(256, 64, 1), (1, 256, 56, 56)).macs == 218_365_952
        assert count(bottleneck(256, 128, 32), (1, 256, 56, 56)).macs == 219_971_584
        unit = ShuffleUnit(240, 240, groups=3, bottleneck_channels=60)
        assert count(unit, (1, 240, 28, 28)).macs == 7_949_760


@pytest.mark.parametrize("name", FIXED)
def test_rows_are_what_really_runs_and_add_up(name):
    ran = []

    def noted(operator):
        def call(*args, **keywords):
            y = getattr(ops, operator)(*args, **keywords)
            ran.append((operator, (y[0] if isinstance(y, tuple | list) else y).shape))
            return y

        return call

    forward = [name for name in ops.__all__ if not name.endswith(("_backward", "_cost"))]
    module, shape = FIXED[name].ours(), FIXED[name].shape
    with ghostnp.use_backend(SimpleNamespace(**{operator: noted(operator) for operator in forward})):
        module(np.zeros(shape, np.float32))
    table = count(module, shape)
    assert [(row.op, row.output) for row in table.rows] == ran
    assert (sum(row.params for row in table.rows), sum(row.macs for row in table.rows)) == totals(table)
    for row in table.rows:
        assert row.path in module.tree()


def test_formulas_give_their_values():
    table = count(ghostnp.create_model("ghostnet_100", seed=None), (2, *IMAGE[1:]))
    for worked in (number for row in table.rows for number in (row.params, row.macs, row.other)):
        assert eval(worked.formula.replace("·", "*")) == worked
    assert table.rows[0].macs.formula == "2·16·112·112·3·3·3"
    assert table.rows[-1].params.working == "1000·(1280 + 1) = 1,281,000"


WHOLE = {
    "ghostnetv2_100": lambda: oracle.GhostNet(widened=(None,) * 2 + (oracle.DFCAttention,) * 14),
    "shufflenetv1_g3_1.0x": lambda: ShuffleNetV1((24, 240, 480, 960), 3),
    "shufflenetv2_1.0x": lambda: comparison.ShuffleNetV2(24, (116, 232, 464), 1024),
    "mobilenetv1_100": comparison.MobileNetV1,
    "mobilenetv2_100": comparison.MobileNetV2,
    "resnet50": comparison.ResNet,
    "alexnet": comparison.alexnet,
    "squeezenet1_0": comparison.squeezenet,
    "googlenet": comparison.googlenet,
}


@pytest.mark.parametrize("name", WHOLE)
def test_other_networks_count_as_in_pytorch(name):
    assert totals(count(ghostnp.create_model(name, seed=None), IMAGE)) == by_pytorch(WHOLE[name](), IMAGE)


@pytest.mark.parametrize("name", ghostnp.list_models())
def test_rows_have_the_sizes_of_the_arrays_at_their_path(name):
    model = ghostnp.create_model(name, seed=None)
    table = count(model, IMAGE)
    arrays = model.parameters() | {key: a for key, a in model.state_dict().items() if "running_" in key}
    held = {path: {"weights": 0, "bias": 0, "buffers": 0} for path in model.tree()}
    for key, array in arrays.items():
        path, _, last = key.rpartition(".")
        held[path]["buffers" if "running_" in last else "bias" if last == "bias" else "weights"] += array.size
    for path, sizes in held.items():
        rows = [row for row in table.rows if row.path == path]
        assert {size: sum(getattr(row, size) for row in rows) for size in sizes} == sizes
    assert table.flops == 2 * table.macs
    assert sum(row.share for row in table.rows) == pytest.approx(1)
    assert [row.share for row in count(ReLU(), (1, 3, 4, 4)).rows] == [0]  # there is nothing to share


@given(
    groups=st.integers(1, 3),
    shares=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    size=st.tuples(st.integers(1, 2), st.integers(5, 8), st.integers(5, 8)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
)
def test_a_convolution_of_ones_over_ones_sums_to_its_own_multiply_adds(groups, shares, kernel, size, stride, dilation):
    c_in, c_out = (groups * share for share in shares)
    layer = Conv2d(c_in, c_out, kernel, groups=groups, stride=stride, dilation=dilation, bias=False)
    layer.weight[...] = 1
    x = np.ones((size[0], c_in, *size[1:]), np.float32)
    with ghostnp.use_backend(ops):
        y = layer(x)
    (row,) = count(layer, x.shape).rows
    assert y.sum() == row.macs
    assert (row.output, row.activations, row.alive) == (y.shape, y.size, x.size + y.size)
    assert (row.kernel, row.stride, row.groups) == (
        kernel,
        (stride,) * 2 if min(y.shape[2:]) > 1 else row.stride,
        groups,
    )
    assert (row.weights, row.bias) == (layer.weight.size, 0)


def test_counting_makes_no_maps():
    model = ghostnp.create_model("ghostnet_100", seed=None)
    tracemalloc.start()
    macs = count(model, (1, 3, 4096, 4096)).macs
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert macs > 40e9
    assert peak < 4e6  # the first map alone would take 268 MB


@pytest.mark.parametrize("ambient", [ops, ghostnp.kernels], ids=["ops", "kernels"])
def test_count_is_the_same_on_every_backend_and_leaves_it_in_force(ambient):
    with ghostnp.use_backend(ambient):
        assert totals(counted(GhostModule, 3, 64, shape=(1, 3, 640, 640))) == (512, 157_286_400)
        assert ghostnp.backend.backend() is ambient


def test_counting_needs_no_numba(run_python):
    code = """
import sys
sys.modules["numba"] = None  # from now on, importing it is an error
import ghostnp
print(ghostnp.count(ghostnp.create_model("ghostnet_100", seed=None), (1, 3, 224, 224)).macs)
"""
    assert run_python(code) == "141150512\n"


BYPASSES = {
    "ufunc": lambda x: np.maximum(x, 0),
    "addition": lambda x: x + 1,
    "multiplication": lambda x: 2 * x,
    "array on the left": lambda x: np.ones(3) * x,
    "negation": lambda x: -x,
    "comparison": lambda x: x > 0,
    "equality": lambda x: x == 0,
    "function": lambda x: np.concatenate([x, x]),
    "conversion": np.asarray,
    "method": lambda x: x.mean(),
    "transposition": lambda x: x.T,
    "indexing": lambda x: x[:, :2],
    "iteration": list,
    "in place": lambda x: x.__iadd__(1),
}


@pytest.mark.parametrize("name", BYPASSES)
def test_a_module_that_goes_past_the_backend_is_refused(name):
    class Bypass(Module):
        def forward(self, x, *, training=False, rng=None):
            return BYPASSES[name](x), None

    with pytest.raises(TypeError, match=r"past the backend .* such as backend\(\).add\(a, b\)"):
        count(Sequential(Conv2d(3, 4, 3), Bypass()), (1, 3, 8, 8))


@pytest.mark.parametrize(
    ("model", "shape", "error", "words"),
    [
        ("ghostnet_100", IMAGE, TypeError, "model is of type str: the rule is a Module, such as create_model"),
        (GhostModule, IMAGE, TypeError, "model is of type type: the rule is a Module"),
        (ReLU(), 224, TypeError, "input_shape is of type int"),
        (ReLU(), "1x3", TypeError, "input_shape is of type str"),
        (ReLU(), (), ValueError, "input_shape is empty"),
        (ReLU(), (1, 3.0), TypeError, r"input_shape\[1\]=3.0"),
        (ReLU(), (True, 3), TypeError, r"input_shape\[0\]=True"),
        (ReLU(), (1, -3), ValueError, r"input_shape\[1\]=-3"),
        (ReLU(), (-1, 3), ValueError, r"input_shape\[0\]=-1"),
        (Conv2d(3, 4, 3), (3, 8, 8), ValueError, r"x has shape \(3, 8, 8\)"),
        (Conv2d(3, 4, 3), (1, 3, 2, 2), ValueError, "the output would be 0x0"),
        (Sequential(Flatten(), Linear(12, 2)), (1, 3, 3, 2), ValueError, r"\(1, 18\)|\(2, 12\)"),
    ],
)
def test_bad_argument_is_named(model, shape, error, words):
    with pytest.raises(error, match=words):
        count(model, shape)


def test_a_call_that_reads_parameters_alone_counts():
    class Bias(Module):
        parameter_names = ("bias",)

        def __init__(self):
            self.bias = np.ones((2, 3, 4, 4), np.float32)

        def forward(self, x, *, training=False, rng=None):
            return backend().add(x, backend().relu(self.bias)), None

    relu, add = count(Bias(), (2, 3, 4, 4)).rows
    assert (relu.op, relu.input, relu.params) == ("relu", (2, 3, 4, 4), 96)
    assert (add.op, add.output, add.params) == ("add", (2, 3, 4, 4), 0)
