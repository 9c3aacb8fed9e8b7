"""What holds for the building blocks whatever their weights: laws, with no second implementation to compare with."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import ghostnp
from ghostnp.modules import (
    BatchNorm2d,
    ChannelShuffle,
    Conv2d,
    CReLU,
    DFCAttention,
    Dropout,
    GhostBottleneck,
    GhostModule,
    GhostModuleV2,
    ReLU,
    Sequential,
    ShuffleUnit,
    SqueezeExcite,
    under,
)
from ghostnp.modules.conv_norm import PYTORCH, numbered
from tests.modules.cases import FIXED
from tests.modules.comparison import build, normal

pytestmark = pytest.mark.small
seeds = st.integers(0, 2**16)


@given(seed=seeds, ratio=st.integers(1, 4), channels=st.integers(1, 9))
def test_ghost_module_without_relu_is_affine_in_eval(backend, seed, ratio, channels):
    """f(2a - 3b) - f(0) = 2 (f(a) - f(0)) - 3 (f(b) - f(0)): convolutions and fixed norms are sums."""
    f = build(seed, GhostModule, 3, channels, ratio=ratio, relu=False)
    a, b = normal(seed, 2, 2, 3, 5, 4)
    with ghostnp.use_backend(backend):
        at_zero = f(np.zeros_like(a))
        left, right = f(2 * a - 3 * b) - at_zero, 2 * (f(a) - at_zero) - 3 * (f(b) - at_zero)
    assert at_zero.any()
    # Sums of some 30 products of numbers around 10, in another order: 1e-15 of 1e3.
    assert_allclose(left, right, rtol=1e-10, atol=1e-10)


@given(seed=seeds)
def test_ghost_module_puts_its_intrinsic_maps_first(backend, seed):
    module, x = build(seed, GhostModule, 3, 8), normal(seed, 2, 3, 5, 4)
    with ghostnp.use_backend(backend):
        y, intrinsic = module(x), module.primary_conv(x)
        ghosts = module.cheap_operation(intrinsic)
    assert_array_equal(y[:, :4], intrinsic)
    assert_array_equal(y[:, 4:], ghosts)


@given(seed=seeds, height=st.integers(2, 9), width=st.integers(2, 9))
def test_attention_only_ever_makes_maps_quieter(backend, seed, height, width):
    module, x = build(seed, GhostModuleV2, 3, 6), normal(seed, 2, 3, height, width)
    with ghostnp.use_backend(backend):
        y, plain, factors = module(x), GhostModule.forward(module, x)[0], module.short_conv(x)
    assert np.all((factors >= 0) & (factors <= 1))  # in mathematics less than 1; for scores above 37 it is rounded
    assert np.all(np.abs(y) <= np.abs(plain))
    assert np.any(np.abs(y) < np.abs(plain))


def test_attention_on_7x7_reads_rows_0001122_of_its_3x3(backend):
    """The only size in GhostNetV2 at 224 at which nearest is not an exact doubling."""
    module, x = build(0, DFCAttention, 2, 3), normal(0, 1, 2, 7, 7)
    with ghostnp.use_backend(backend):
        factors = module(x)
    rows = [0, 3, 5]
    small = factors[:, :, rows][:, :, :, rows]
    source = [0, 0, 0, 1, 1, 2, 2]
    assert_array_equal(factors, small[:, :, source][:, :, :, source])
    assert len(np.unique(small)) == small.size


@given(seed=seeds)
def test_bottleneck_of_silent_weights_is_its_input(backend, seed):
    """With the last norm silenced, the main path adds nothing: a residual block starts as the identity."""
    module, x = build(seed, GhostBottleneck, 4, 10, 4), normal(seed, 2, 4, 5, 4)
    for array in module.ghost2.parameters().values():
        array[...] = 0
    with ghostnp.use_backend(backend):
        assert_array_equal(module(x), x)


@given(seed=seeds, groups=st.sampled_from([1, 2, 4]))
def test_shuffle_unit_of_stride_1_is_residual(backend, seed, groups):
    unit, x = build(seed, ShuffleUnit, 8, 8, groups=groups, bottleneck_channels=4), normal(seed, 2, 8, 5, 4)
    unit.branch_main_2[1].weight[...] = 0
    unit.branch_main_2[1].bias[...] = 0
    with ghostnp.use_backend(backend):
        assert_array_equal(unit(x), np.maximum(x, 0))


@pytest.mark.parametrize(("shuffle", "reached"), [(3, [0, 1, 2, 3, 4, 5]), (1, [0, 1])])
def test_groups_meet_in_the_shuffle_and_only_there(backend, shuffle, reached):
    """Document 001 slips on a negation: grouped convolutions do cut the groups off from each other."""
    unit, x = build(0, ShuffleUnit, 6, 6, groups=3, bottleneck_channels=9), normal(0, 2, 6, 5, 5)
    unit.shuffle = ChannelShuffle(shuffle)  # by 1 group: the identity
    unit.branch_main_1[0].weight[...] = 1
    moved = x.copy()
    moved[:, 0] += 10  # and no ReLU hides that behind it
    with ghostnp.use_backend(backend):
        changed = unit(moved) != unit(x)
    assert np.flatnonzero(changed.any(axis=(0, 2, 3))).tolist() == reached


@given(seed=seeds)
def test_squeeze_excite_scales_whole_maps(backend, seed):
    module, x = build(seed, SqueezeExcite, 5), normal(seed, 2, 5, 3, 4)
    with ghostnp.use_backend(backend):
        factors = module(x) / x
    assert_allclose(factors, np.broadcast_to(factors[:, :, :1, :1], factors.shape), rtol=1e-12, atol=1e-15)
    assert np.all((factors >= 0) & (factors <= 1 + 1e-12))


@given(seed=seeds)
def test_crelu_loses_nothing(backend, seed):
    x = normal(seed, 2, 3, 4, 4)
    with ghostnp.use_backend(backend):
        y = CReLU()(x)
    assert_array_equal(y[:, :3] - y[:, 3:], x)
    assert_array_equal(y[:, :3] * y[:, 3:], np.zeros_like(x))


def one_by_one(layers, x, dy, training=True):
    """What a Sequential is: each layer's forward in turn, then each one's backward in the opposite order."""
    steps, grads = [], {}
    for name, layer in layers.children().items():
        x, cache = layer.forward(x, training=training)
        steps.append((name, layer, cache))
    for name, layer, cache in reversed(steps):
        dy, own = layer.backward(dy, cache)
        grads = under(name, own) | grads
    return x, dy, grads


@given(seed=seeds, training=st.booleans())
def test_norm_with_relu_is_norm_and_then_relu(backend, seed, training):
    def layers(norm_and_relu):
        return build(
            seed,
            Sequential,
            **numbered(Conv2d(2, 3, 3), *norm_and_relu(), *norm_and_relu(), ReLU(), BatchNorm2d(3)),
        ).astype(np.float64)

    together = layers(lambda: [BatchNorm2d(3, relu=True)])
    plain = layers(lambda: [BatchNorm2d(3), ReLU()])
    x, dy = normal(seed, 2, 2, 6, 5), normal(seed + 1, 2, 3, 4, 3)
    assert list(together.state_dict()) == list(plain.state_dict())
    with ghostnp.use_backend(backend):
        y, cache = together.forward(x, training=training)
        dx, grads = together.backward(dy, cache)
        expected = one_by_one(plain, x, dy, training)
    assert_allclose(y, expected[0], rtol=1e-10, atol=1e-10)
    assert_allclose(dx, expected[1], rtol=1e-10, atol=1e-10)
    assert list(grads) == list(expected[2])
    for name, gradient in expected[2].items():
        assert_allclose(grads[name], gradient, rtol=1e-10, atol=1e-10, err_msg=name)
    for name, array in plain.state_dict().items():
        assert_allclose(together.state_dict()[name], array, rtol=1e-12, atol=1e-12, err_msg=name)


def test_a_subclass_of_relu_is_a_layer_of_its_own(backend):
    class Loud(ReLU):
        def forward(self, x, *, training=False, rng=None):
            return super().forward(x + 1, training=training, rng=rng)

    x = normal(0, 2, 3, 4, 4)
    recipe = PYTORCH(3, 3, 1, activation=Loud)
    assert [type(layer) for layer in recipe] == [Conv2d, BatchNorm2d, Loud]
    for layers in (Sequential(BatchNorm2d(3), Loud()), Sequential(BatchNorm2d(3), ReLU()), recipe):
        layers.astype(np.float64)
        with ghostnp.use_backend(backend):
            y, _ = layers.forward(x, training=True)
            assert_allclose(y, one_by_one(layers, x, y)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
def test_forward_on_one_backend_and_backward_on_the_other(training):
    module, x = build(0, GhostModuleV2, 3, 8, ratio=3), normal(0, 2, 3, 7, 6)
    dy, results = normal(1, 2, 8, 7, 6), []
    for first, second in ((ghostnp.ops, ghostnp.ops), (ghostnp.ops, ghostnp.kernels), (ghostnp.kernels, ghostnp.ops)):
        with ghostnp.use_backend(first):
            _, cache = module.forward(x, training=training)
        with ghostnp.use_backend(second):
            results.append(module.backward(dy, cache))
    (dx, grads), *others = results
    for other_dx, other_grads in others:
        assert_allclose(other_dx, dx, rtol=1e-10, atol=1e-10)
        for name, gradient in grads.items():
            assert_allclose(other_grads[name], gradient, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("name", FIXED)
def test_a_cache_stays_what_it_is_whatever_passes_follow(name, training):
    """Backward after other passes, in training and not, gives the very bits that it gives right away."""
    case, results = FIXED[name], []
    x, other = normal(0, 2, *case.shape)
    for is_late in (False, True):
        module = build(0, case.ours)
        y, cache = module.forward(x, training=training)
        for others in (False, True, False) if is_late else ():
            between, their_cache = module.forward(other, training=others)
            module.backward(between, their_cache)
        dx, grads = module.backward(y, cache)
        results.append({"dx": dx} | grads)
    at_once, late = results
    assert at_once["dx"].any()
    for array in at_once:
        assert_array_equal(late[array], at_once[array], err_msg=array)


def test_dropout_is_the_identity_without_training_or_rng(backend):
    x, rng = normal(0, 3, 4), np.random.default_rng(0)
    with ghostnp.use_backend(backend):
        for keywords in ({}, {"training": True}, {"rng": rng}):
            y, cache = Dropout(0.5).forward(x, **keywords)
            assert_array_equal(y, x)
            assert_array_equal(Dropout(0.5).backward(y, cache)[0], y)
        y, _ = Dropout(0).forward(x, training=True, rng=rng)
        assert_array_equal(y, x)


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_drops_the_share_it_should(backend, p):
    x = np.ones((40, 2500))
    with ghostnp.use_backend(backend):
        y, cache = Dropout(p).forward(x, training=True, rng=np.random.default_rng(3))
        dx, _ = Dropout(p).backward(2 * x, cache)
    assert_allclose(np.unique(y), [0, 1 / (1 - p)], rtol=1e-15)
    # 100,000 draws: five standard errors of a share.
    assert np.mean(y == 0) == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / y.size))
    assert_array_equal(dx, 2 * y)  # the same mask backward


def test_dropout_is_reproducible_and_takes_no_global_randomness(backend):
    x = np.ones((4, 50), np.float32)

    def drop(seed):
        with ghostnp.use_backend(backend):
            return Dropout(0.5).forward(x, training=True, rng=np.random.default_rng(seed))[0]

    assert_array_equal(drop(1), drop(1))
    assert not np.array_equal(drop(1), drop(2))
    assert drop(1).dtype == np.float32
