"""Laws of the channel shuffle."""

import numpy as np
import pytest
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from ghostnp.testing import assert_adjoint, assert_linear, assert_matches, calls, shapes

shuffles = given(calls("channel_shuffle"))


def by_hand(x, groups):
    """Channel p·g + q comes from channel q·(C / g) + p: deal one of each group, then the next of each group."""
    hands = np.split(x, groups, axis=1)
    return np.stack([hand[:, place] for place in range(hands[0].shape[1]) for hand in hands], axis=1)


@pytest.mark.small
@shuffles
def test_deals_channels_out(backend, call):
    x, groups = call.arguments(np.float32).values()
    assert_array_equal(backend.channel_shuffle(x, groups), by_hand(x, groups))


def test_equals_pytorch(backend):
    assert_matches(F.channel_shuffle, "channel_shuffle", against=backend, exact=True)


@pytest.mark.small
@shuffles
def test_shuffle_back_is_by_the_other_factor(backend, call):
    x, groups = call.arguments(np.float32).values()
    y = backend.channel_shuffle(x, groups)
    assert_array_equal(backend.channel_shuffle(y, x.shape[1] // groups), x)
    assert_array_equal(backend.channel_shuffle_backward(y, x, groups), x)


@shuffles
def test_is_linear_and_backward_its_adjoint(backend, call):
    x, groups = call.arguments(np.float32).values()
    other = call.arguments(np.float32, stream=1)["x"]
    y = backend.channel_shuffle(x, groups)
    dy = call.gradient(y)
    dx = backend.channel_shuffle_backward(dy, x, groups)
    assert dx.any() or not dx.size
    assert_adjoint(y, dy, (dx, x))
    assert_linear(lambda x: backend.channel_shuffle(x, groups), x, other)


@given(calls("channel_shuffle", x=shapes()))
def test_one_group_and_groups_of_one_change_nothing(backend, call):
    x = call.arguments(np.float32)["x"]
    assert_array_equal(backend.channel_shuffle(x, 1), x)
    assert_array_equal(backend.channel_shuffle(x, x.shape[1]), x)


@given(groups=st.integers(1, 4), factor=st.integers(1, 3))
def test_every_new_group_hears_from_every_old_one(backend, groups, factor):
    """The reason for the shuffle: a grouped convolution afterwards sees all groups."""
    members = groups * factor
    origin = np.repeat(np.arange(float(groups)), members).reshape(1, -1, 1, 1)
    for new_group in np.split(backend.channel_shuffle(origin, groups).ravel(), groups):
        assert_array_equal(np.bincount(new_group.astype(int), minlength=groups), factor)


@given(call=calls("depthwise_conv2d"), data=st.data())
def test_depthwise_commutes_with_shuffle(backend, call, data):
    """Channels that never mix may be filtered before or after: only their filters have to move along."""
    x, weight, *_ = call.arguments(np.float32).values()
    weight = weight[: x.shape[1]]
    groups = data.draw(st.sampled_from([g for g in range(1, x.shape[1] + 1) if x.shape[1] % g == 0]))
    moved = by_hand(weight.transpose(1, 0, 2, 3), groups).transpose(1, 0, 2, 3)
    after = backend.channel_shuffle(backend.depthwise_conv2d(x, weight, **call.keywords), groups)
    before = backend.depthwise_conv2d(backend.channel_shuffle(x, groups), moved, **call.keywords)
    assert_array_equal(after, before)
