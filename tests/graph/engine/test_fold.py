"""Folding: what goes into what, and only where nobody else reads in between."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ghostnp
from ghostnp import ops
from ghostnp.backend import backend
from ghostnp.graph.engine import fold
from ghostnp.kernels import bands
from ghostnp.modules import BatchNorm2d, Clip, Conv2d, HardSigmoid, Linear, ReLU, ReLU6, Sequential
from ghostnp.ops.vocabulary import operator_named
from tests.graph.engine.networks import Function, assert_same, maps, network
from tests.modules.cases import FIXED, RANDOM
from tests.modules.comparison import build, run_theirs, twins


@pytest.mark.parametrize("name", RANDOM)
@given(data=st.data())
def test_compiled_layer_computes_what_pytorch_computes(name, data):
    case = data.draw(RANDOM[name])
    ours, theirs = twins(case)
    x = maps(case.shape)
    expected, _ = run_theirs(theirs, x, training=False)
    assert_same(ghostnp.compile(ours)(x), expected.y, 1e-9)


@pytest.mark.parametrize("name", FIXED)
def test_compiled_layer_computes_what_the_layer_computes(name):
    ours, _ = twins(FIXED[name])
    x = maps(FIXED[name].shape)
    with ghostnp.use_backend(ops):
        expected = ours(x)
    assert_same(ghostnp.compile(ours)(x), expected, 1e-12)


def operators(module, shape=(2, 4, 5, 5)):
    return [step.op for step in ghostnp.compile(module).plan(shape).tape.steps]


def conv_norm():
    return build(5, lambda: Sequential(Conv2d(4, 4, 1), BatchNorm2d(4)))


def test_a_batch_norm_and_a_relu_go_into_the_convolution():
    assert operators(Sequential(conv_norm(), ReLU())) == ["pointwise_conv2d"]
    assert operators(Sequential(conv_norm(), ReLU(), ReLU())) == ["pointwise_conv2d"]


@pytest.mark.parametrize(
    ("clipping", "limits"),
    [
        ([ReLU6], (0, 6)),
        ([Clip], (0, 1)),
        ([ReLU, ReLU6], (0, 6)),
        ([ReLU6, ReLU], (0, 6)),
        ([Clip, ReLU6], (0, 1)),
    ],
)
def test_whatever_clips_and_does_nothing_else_goes_into_the_step_before(clipping, limits):
    module = Sequential(conv_norm(), *(clip() for clip in clipping))
    (step,) = ghostnp.compile(module).plan((2, 4, 5, 5)).tape.steps
    assert step.arguments["limits"] == limits
    assert len(step.absorbed) == 1 + len(clipping)
    x = 9 * maps((2, 4, 5, 5))
    with ghostnp.use_backend(ops):
        expected = module(x)
    assert (expected == limits[1]).any()
    assert_same(ghostnp.compile(module)(x), expected, 1e-12)


def test_what_does_more_than_clip_stays_a_step():
    assert operators(Sequential(conv_norm(), HardSigmoid())) == ["pointwise_conv2d", "hard_sigmoid"]


def test_a_batch_norm_after_a_relu_does_not_go_into_the_convolution_before():
    module = Sequential(build(5, lambda: Sequential(Conv2d(4, 4, 1), ReLU(), BatchNorm2d(4), ReLU())))
    assert operators(module) == ["pointwise_conv2d", "batch_norm_eval"]


def test_a_relu_goes_into_a_linear_map_a_norm_and_a_sum():
    assert operators(Sequential(Linear(3, 4), ReLU()), (2, 3)) == ["linear"]
    assert operators(Sequential(BatchNorm2d(4), ReLU())) == ["batch_norm_eval"]
    assert operators(Function(lambda b, x: b.relu(b.add(x, x)))) == ["add"]
    assert operators(Function(lambda b, x: b.relu(b.multiply(x, x)))) == ["multiply", "relu"]


def added(b, x, w):
    y = b.sigmoid(x)
    return b.add(y, b.pointwise_conv2d(y, w))


def added_and_shown(b, x, w):
    y = b.sigmoid(x)
    return b.add(y, b.pointwise_conv2d(x, w)), y


# What is added, and whether that is left to the convolution.
ADDED = {
    "a residual": (lambda b, x, v, w: b.relu(b.add(b.pointwise_conv2d(b.sigmoid(x), w), x)), True),
    "the second to the first": (
        lambda b, x, v, w: b.add(b.pointwise_conv2d(x, v), b.pointwise_conv2d(b.sigmoid(x), w)),
        True,
    ),
    "the second to the first, turned round": (
        lambda b, x, v, w: b.add(*reversed([b.pointwise_conv2d(x, v), b.pointwise_conv2d(x, w)])),
        True,
    ),
    "to what it reads": (lambda b, x, v, w: added(b, x, w), True),
    "to what is read again": (lambda b, x, v, w: added_and_shown(b, x, w), True),
    "to what is not there yet": (lambda b, x, v, w: b.add(b.pointwise_conv2d(x, w), b.sigmoid(x)), False),
    "after a relu": (lambda b, x, v, w: b.add(x, b.relu(b.pointwise_conv2d(x, w))), False),
    "one number for each map": (lambda b, x, v, w: b.add(x, b.pointwise_conv2d(b.global_avg_pool2d(x), w)), False),
    "once, of twice": (lambda b, x, v, w: b.add(x, b.add(b.pointwise_conv2d(x, v), x)), False),
}


@pytest.mark.parametrize("size", [2, 5, 7])
@pytest.mark.parametrize("name", ADDED)
def test_a_convolution_is_added_to_what_was_made_before(name, size):
    function, is_folded = ADDED[name]
    rng = np.random.default_rng(0)
    module = Function(function, **{name: rng.normal(size=(4, 4, 1, 1)) for name in ("v", "w")})
    assert ("add" not in operators(module)) == is_folded
    x = maps((1, 4, size, size))
    with ghostnp.use_backend(ops):
        y = module(x)
    compiled = ghostnp.compile(module)(x)
    for one, other in zip(*(z if isinstance(z, tuple) else (z,) for z in (compiled, y)), strict=True):
        assert_same(one, other, 1e-12)


def test_a_product_reads_the_small_maps_that_are_enlarged_for_it():
    def gate(b, x, *, size=(5, 5)):
        return b.multiply(x, b.resize_nearest(b.sigmoid(b.avg_pool2d(x, 2)), size))

    def gate_and_show(b, x):
        large = b.resize_nearest(b.avg_pool2d(x, 2), (5, 5))
        return b.multiply(x, large), large

    assert operators(Function(gate))[1:] == ["sigmoid", "multiply"]
    assert operators(Function(gate_and_show))[1:] == ["resize_nearest", "multiply"]
    one_pixel = Function(partial(gate, size=(1, 1)))  # the pixel of the map, and not of maps of 2x2
    assert operators(one_pixel)[2:] == ["resize_nearest", "multiply"]
    for module in (Function(gate), one_pixel):
        x = maps((2, 4, 5, 5))
        with ghostnp.use_backend(ops):
            expected = module(x)
        assert_same(ghostnp.compile(module)(x), expected, 1e-12)


def test_a_relu_of_maps_side_by_side_goes_into_what_makes_them():
    def fire(b, x, w):
        return b.relu(b.concat([b.conv2d(x, w), b.add(x, x)]))

    weight = np.random.default_rng(0).normal(size=(4, 4, 1, 1))
    assert operators(Function(fire, w=weight)) == ["conv2d", "add", "concat"]
    assert operators(Function(lambda b, x: b.relu(b.concat([b.add(x, x), x])))) == ["add", "concat", "relu"]


def test_nothing_is_folded_where_somebody_else_reads_in_between():
    class Read(Sequential):
        def forward(self, x, *, training=False, rng=None):
            y, _ = self[0].forward(x)
            z, _ = self[1].forward(y)
            return (y, z), None

    module = Read(*conv_norm())
    assert operators(module) == ["pointwise_conv2d", "batch_norm_eval"]
    x = maps((2, 4, 5, 5))
    with ghostnp.use_backend(ops):
        expected = module(x)
    for actual, wanted in zip(ghostnp.compile(module)(x), expected, strict=True):
        assert_same(actual, wanted, 1e-12)


def test_one_convolution_under_two_norms_is_folded_twice():
    class Shared(Sequential):
        def forward(self, x, *, training=False, rng=None):
            conv, *norms = self
            return backend().concat([norm.forward(conv.forward(x)[0])[0] for norm in norms]), None

    module = build(6, lambda: Shared(Conv2d(4, 4, 3), BatchNorm2d(4), BatchNorm2d(4)))
    assert operators(module) == ["standard_conv2d", "standard_conv2d", "concat"]
    x = maps((2, 4, 5, 5))
    with ghostnp.use_backend(ops):
        expected = module(x)
    assert_same(ghostnp.compile(module)(x), expected, 1e-12)


def test_what_nobody_reads_is_not_computed():
    def wasteful(b, x):
        b.sigmoid(b.relu(x))
        return b.clip(x)

    assert operators(Function(wasteful)) == ["clip"]


def test_no_batch_norm_is_left_in_the_lightweight_networks():
    for name in ("ghostnet_100", "ghostnetv2_100", "shufflenetv1_g3_1.0x", "shufflenetv2_1.0x", "mobilenetv2_100"):
        steps = operators(ghostnp.create_model(name, seed=None), (1, 3, 64, 64))
        rows = [operator_named(op) for op in steps]
        assert not [row.name for row in rows if row.limits or row.family == "norm"]


@pytest.fixture
def all_are_large(monkeypatch):
    """Chains run in bands however small their maps are; in several, and with some of their channels at a time."""
    monkeypatch.setattr(fold, "LARGE", 0)
    for name, value in (("BAND_BYTES", 4000), ("MOST_CHANNELS", 24), ("LEAST_CHANNELS", 8), ("LEAST_ROWS", 2)):
        monkeypatch.setattr(bands, name, value)


def filtered(b, x, v, w, *, between=lambda b, x: x, **keywords):
    """A channel's filter is a row of v, and w mixes what comes out."""
    return b.pointwise_conv2d(between(b, b.depthwise_conv2d(x, v, padding=1)), w, **keywords)


def widened(b, x, u, v, w, **keywords):
    return filtered(b, b.relu6(b.pointwise_conv2d(x, u)), v, w, **keywords)


U, V, W = (4, 4, 1, 1), (4, 1, 3, 3), (4, 4, 1, 1)
# What is computed, with weights of these shapes, and in how many steps.
CHAINS = {
    "widened, filtered, narrowed": (widened, (U, V, W), 1),
    "from images": (
        lambda b, x, u, v, w: filtered(b, b.standard_conv2d(x, u, stride=2), v, w),
        ((6, 4, 3, 3), (6, 1, 3, 3), (4, 6, 1, 1)),
        1,
    ),
    "filtered, narrowed": (filtered, (V, W), 1),
    "limits between": (
        lambda b, x, *ws: widened(b, x, *ws, between=lambda b, x: b.relu(x)),
        (U, V, W),
        1,
    ),
    "a residual": (lambda b, x, *ws: b.relu(b.add(x, widened(b, x, *ws))), (U, V, W), 1),
    "two": (
        lambda b, x, u, v, w: widened(b, widened(b, x, u, v, w), u, v, w),
        (U, V, W),
        2,
    ),
    "a gate between": (
        lambda b, x, *ws: widened(b, x, *ws, between=lambda b, x: b.sigmoid(x)),
        (U, V, W),
        4,
    ),
    "a narrowing that skips pixels": (
        lambda b, x, *ws: widened(b, x, *ws, stride=2),
        (U, V, W),
        3,
    ),
    "two filters for a channel": (
        widened,
        (U, (8, 1, 3, 3), (4, 8, 1, 1)),
        3,
    ),
    "groups before": (
        lambda b, x, u, v, w: filtered(b, b.grouped_conv2d(x, u, groups=2), v, w),
        ((4, 2, 1, 1), V, W),
        2,
    ),
    "a sum before": (
        lambda b, x, u, v, w: filtered(b, b.add(x, b.pointwise_conv2d(x, u)), v, w),
        (U, V, W),
        2,
    ),
    "wide maps that are read again": (
        lambda b, x, u, v, w: [filtered(b, y := b.pointwise_conv2d(x, u), v, w), y],
        (U, V, W),
        2,
    ),
    "filtered maps that are read again": (
        lambda b, x, v, w: [b.pointwise_conv2d(y := b.depthwise_conv2d(x, v, padding=1), w), y],
        (V, W),
        2,
    ),
    "weights that are computed": (
        lambda b, x, u, v, w: filtered(b, b.pointwise_conv2d(x, u), b.sigmoid(v), w),
        (U, V, W),
        4,
    ),
}


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("name", CHAINS)
def test_convolutions_one_behind_the_other_are_one_step(name):
    function, shapes, steps = CHAINS[name]
    rng = np.random.default_rng(0)
    arrays = {letter: rng.normal(size=shape) for letter, shape in zip("uvw"[-len(shapes) :], shapes, strict=True)}
    module, x = Function(function, **arrays), maps((2, 4, 9, 12))
    assert len(operators(module, x.shape)) == steps
    with ghostnp.use_backend(ops):
        expected = module(x)
    actual = ghostnp.compile(module)(x)
    for one, other in zip(*(z if isinstance(z, tuple | list) else (z,) for z in (actual, expected)), strict=True):
        assert_same(one, other, 1e-12)


def test_small_maps_are_computed_one_after_the_other():
    rng = np.random.default_rng(0)
    shapes = {"u": (16, 8, 1, 1), "v": (16, 1, 3, 3), "w": (8, 16, 1, 1)}
    module = Function(widened, **{letter: rng.normal(size=shape) for letter, shape in shapes.items()})
    assert operators(module, (1, 8, 14, 14)) == ["pointwise_conv2d", "depthwise_conv2d", "pointwise_conv2d"]
    assert operators(module, (8, 8, 112, 112)) == ["pointwise_conv2d"]


@pytest.mark.usefixtures("all_are_large")
@pytest.mark.parametrize("name", ["mobilenetv1_100", "mobilenetv2_100", "ghostnet_050", "shufflenetv2_0.5x"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_a_network_in_bands_computes_what_it_computes(name, dtype, tolerance, count_threads):
    model, x = network(name, dtype), maps((3, 3, 97, 75), dtype)
    engine, results = ghostnp.compile(model), []
    plan = engine.plan(x.shape)
    assert sum("through" in step.arguments for step in plan.tape.steps) >= 3
    assert "in bands" in str(plan)
    for count in (1, 2, 5):
        count_threads(count)
        results.append(engine(x))
        np.testing.assert_array_equal(results[-1], results[0])
    assert_same(results[0], model(x), tolerance)
