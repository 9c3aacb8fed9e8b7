"""What holds for the variants of attention and of ShuffleNet's unit whatever their weights: laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import ghostnp
from ghostnp.modules import (
    AvgPool2d,
    DFCAttention,
    GhostModule,
    GhostModuleV2,
    MaxPool2d,
    Sequential,
    ShuffleUnit,
)
from ghostnp.modules.shuffle_unit import DOCUMENT_001, MEGVII, PAPER, ShuffleStyle
from tests.modules.comparison import build, normal

pytestmark = pytest.mark.small
seeds = st.integers(0, 2**16)
pools = st.sampled_from([AvgPool2d, MaxPool2d])
UPSAMPLINGS = ("nearest", "bilinear")


def run(module, x, backend, training=True):
    """Output, dx, gradients and state after a forward and a backward pass."""
    with ghostnp.use_backend(backend):
        y, cache = module.forward(x, training=training)
        return y, *module.backward(normal(7, *y.shape), cache), module.state_dict()


def factors(backend, seed, pool, upsample, gate_last, size):
    attention = build(seed, DFCAttention, 3, 4, pool=pool, upsample=upsample, gate_last=gate_last)
    return run(attention, normal(seed, 2, 3, *size), backend)


@given(seed=seeds, pool=pools, height=st.integers(2, 9), width=st.integers(2, 9))
def test_nearest_commutes_with_the_sigmoid(backend, seed, pool, height, width):
    """To the last bit: where the gate stands makes no difference, forward, and backward but for the order of sums."""
    first, last = (factors(backend, seed, pool, "nearest", gate_last, (height, width)) for gate_last in (False, True))
    assert_array_equal(first[0], last[0])
    # Sums of some ten products of numbers around 1, and a norm over a few values: 1e-13 at most.
    assert_allclose(first[1], last[1], rtol=1e-10, atol=1e-10)
    for name, gradient in first[2].items():
        assert_allclose(last[2][name], gradient, rtol=1e-10, atol=1e-10, err_msg=name)


@given(seed=seeds, pool=pools, height=st.integers(4, 9), width=st.integers(2, 9))
def test_bilinear_does_not_commute_with_the_sigmoid(backend, seed, pool, height, width):
    """With two rows or more to go between; they differ, and by less than the sigmoid itself can."""
    first, last = (
        factors(backend, seed, pool, "bilinear", gate_last, (height, width))[0] for gate_last in (False, True)
    )
    assert 1e-6 < np.abs(first - last).max() < 1


@given(
    seed=seeds,
    pool=pools,
    upsample=st.sampled_from(UPSAMPLINGS),
    gate_last=st.booleans(),
    height=st.integers(2, 9),
    width=st.integers(2, 9),
)
def test_factors_stay_strictly_between_0_and_1(backend, seed, pool, upsample, gate_last, height, width):
    """Document 003 says otherwise: but nearest and bilinear values are means of numbers from inside.

    In training the last norm keeps the scores below 37, from where on a float64 rounds the sigmoid to 1.
    """
    y = factors(backend, seed, pool, upsample, gate_last, (height, width))[0]
    assert np.all((y > 0) & (y < 1))
    small = factors(backend, seed, pool, "nearest", gate_last, (height, width))[0]
    slack = 1e-15  # three products and their sum, rounded
    assert np.all(y.max((2, 3)) <= small.max((2, 3)) + slack)
    assert np.all(y.min((2, 3)) >= small.min((2, 3)) - slack)


@given(seed=seeds, height=st.integers(1, 4), width=st.integers(1, 4))
def test_bilinear_and_nearest_meet_where_the_small_map_is_one_pixel(backend, seed, height, width):
    """Maps of 2x2 and 3x3 pool to one pixel, and there is nothing to go between."""
    size = min(height + 1, 3), min(width + 1, 3)
    near, between = (factors(backend, seed, AvgPool2d, upsample, False, size)[0] for upsample in UPSAMPLINGS)
    assert_allclose(near, between, rtol=1e-14)


@given(seed=seeds, pool=pools, upsample=st.sampled_from(UPSAMPLINGS))
def test_enhancing_multiplies_the_ghost_module_and_nothing_else(backend, seed, pool, upsample):
    def attention(c_in, c_out):
        return DFCAttention(c_in, c_out, pool=pool, upsample=upsample)

    module, x = build(seed, GhostModuleV2, 3, 6, attention=attention, relu=False), normal(seed, 2, 3, 7, 6)
    with ghostnp.use_backend(backend):
        product = GhostModule.forward(module, x)[0] * module.short_conv(x)
        assert_array_equal(module(x), product)


def order(groups, channels, inverse):
    """Which channel comes to each place: the paper reads `groups` rows by column, Megvii's code rows of `groups`."""
    rows = channels // groups if inverse else groups
    return np.arange(channels).reshape(rows, -1).T.ravel()


@given(groups=st.integers(2, 5), share=st.integers(1, 5))
def test_megviis_permutation_is_the_inverse_of_the_papers(backend, groups, share):
    channels = groups * share
    x = np.arange(2.0 * channels).reshape(2, channels, 1, 1)
    shuffles = {
        name: build(0, ShuffleUnit, groups, groups, groups=groups, bottleneck_channels=channels, style=style).shuffle
        for name, style in {"paper": PAPER, "document 001": DOCUMENT_001, "Megvii": MEGVII}.items()
    }
    with ghostnp.use_backend(backend):
        assert_array_equal(shuffles["paper"](x), x[:, order(groups, channels, inverse=False)])
        assert_array_equal(shuffles["document 001"](x), shuffles["paper"](x))
        assert_array_equal(shuffles["Megvii"](x), x[:, order(groups, channels, inverse=True)])
        assert_array_equal(shuffles["Megvii"](shuffles["paper"](x)), x)
        assert_array_equal(shuffles["paper"](shuffles["Megvii"](x)), x)
        # The same one only where the channels are a square of rows and columns, or a single row of them.
        assert np.array_equal(shuffles["Megvii"](x), shuffles["paper"](x)) == (share in (1, groups))


@given(seed=seeds, groups=st.integers(2, 4), share=st.integers(1, 4), stride=st.integers(1, 2), inverse=st.booleans())
def test_a_depthwise_convolution_commutes_with_the_shuffle(backend, seed, groups, share, stride, inverse):
    """Shuffling after it equals shuffling before it, once its filters and its norm are shuffled too."""
    channels, style = groups * share, ShuffleStyle(inverse=inverse)
    geometry = {"groups": groups, "stride": stride, "bottleneck_channels": channels}
    after, before = (
        build(seed, ShuffleUnit, groups, groups * stride, style=style._replace(after_depthwise=late), **geometry)
        for late in (True, False)
    )
    permutation = order(groups, channels, inverse)

    def shuffled(arrays):
        depthwise = ("branch_main_1.3.", "branch_main_1.4.")
        return {
            name: array[permutation] if name.startswith(depthwise) and array.ndim else array
            for name, array in arrays.items()
        }

    before.load_state_dict(shuffled(after.state_dict()))
    x = normal(seed, 2, groups, 5, 6)
    y, dx, grads, state = run(after, x, backend)
    same_y, same_dx, same_grads, same_state = run(before, x, backend)
    # The same sums, channel by channel: at most their order differs, and a norm over a few values makes 1e-13 of that.
    assert_allclose(same_y, y, rtol=1e-10, atol=1e-10)
    assert_allclose(same_dx, dx, rtol=1e-10, atol=1e-10)
    for mine, wanted in ((same_grads, shuffled(grads)), (same_state, shuffled(state))):
        assert mine.keys() == wanted.keys()
        for name, array in wanted.items():
            assert_allclose(mine[name], array, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("inverse", [False, True], ids=["paper's", "Megvii's"])
@pytest.mark.parametrize("after_depthwise", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("group", range(3))
def test_groups_meet_through_the_shuffle_and_never_without(backend, group, inverse, after_depthwise):
    """Two units (b) in a row: what is done to one group of the input stays there, or reaches all three."""
    style = ShuffleStyle(inverse=inverse, after_depthwise=after_depthwise)
    own, others = slice(4 * group, 4 * group + 4), [g for g in range(3) if g != group]
    x = normal(3, 2, 12, 6, 5)
    moved = x.copy()
    moved[:, own] += normal(4, 2, 4, 6, 5)
    for shuffled in (False, True):
        units = build(
            5,
            Sequential,
            *(
                ShuffleUnit(12, 12, groups=3, bottleneck_channels=9, style=style._replace(shuffled=shuffled))
                for _ in "12"
            ),
        ).astype(np.float64)
        with ghostnp.use_backend(backend):
            y, cache = units.forward(x)
            changed = (units(moved) != y).any(axis=(0, 2, 3)).reshape(3, 4).any(axis=1)
            dy = np.zeros_like(y)
            dy[:, own] = normal(6, 2, 4, 6, 5)
            seen = (units.backward(dy, cache)[0] != 0).any(axis=(0, 2, 3)).reshape(3, 4).any(axis=1)
        assert changed[group]
        assert seen[group]
        # And backward: an output sees its own group of the input alone, or all of them.
        assert changed[others].tolist() == seen[others].tolist() == [shuffled] * 2


@given(seed=seeds, groups=st.integers(1, 3))
def test_a_relu_over_the_pooled_shortcut_changes_nothing_behind_another_relu(backend, seed, groups):
    x = np.abs(normal(seed, 2, 6, 5, 4))
    results = [
        run(build(seed, ShuffleUnit, 6, 12, groups=groups, stride=2, bottleneck_channels=6, style=style), x, backend)
        for style in (PAPER, PAPER._replace(relu_pooled=False))
    ]
    assert_array_equal(results[0][0], results[1][0])
    assert_array_equal(results[0][1], results[1][1])


@given(seed=seeds, height=st.integers(1, 8), width=st.integers(1, 8))
def test_unit_c_pools_what_it_says(backend, seed, height, width):
    """Ones stay ones where padding is left out of the mean; where it counts, a corner keeps 4 of 9."""
    x = np.ones((2, 4, 2 * height, 2 * width))
    for style, corner in ((PAPER, 4 / 9), (DOCUMENT_001, 1.0)):
        unit = build(seed, ShuffleUnit, 4, 8, groups=2, stride=2, bottleneck_channels=4, style=style)
        pooled = slice(4, 8) if style.main_first else slice(0, 4)
        with ghostnp.use_backend(backend):
            y = unit(x)[:, pooled]
        assert_allclose(y[:, :, 0, 0], corner, rtol=1e-15)
        assert_allclose(y[:, :, 1:, 1:], 1, rtol=1e-15)


def test_a_ratio_that_does_not_divide_cannot_put_ghosts_first():
    """The last maps are cut off, and those would be intrinsic ones (document 000 loses a channel there instead)."""
    with pytest.raises(ValueError, match="ratio=2 does not divide out_channels=9; legal: 1, 3, 9"):
        GhostModule(4, 9, ghosts_first=True)
    assert GhostModule(4, 9).out_channels == 9
