"""GhostNetV2 is the official network, and every ablation of document 003 is a table of it: against PyTorch."""

from functools import lru_cache, partial

import numpy as np
import pytest
import torch

import ghostnp
from ghostnp.models import GhostNet
from ghostnp.models.ghostnet import STAGES_DOCUMENT_003, STAGES_V2, with_attention
from ghostnp.modules import DFCAttention
from tests import oracle_networks as oracle
from tests.models.comparison import (
    Twins,
    assert_is_pytorchs,
    assert_same_names_shapes_and_counts,
    build,
    run_pytorch,
    statistics,
)
from tests.modules.variants import dfc
from tests.oracle_networks import calibrate, randomise

NOWHERE = (None,) * 16
# No attention in the first two bottlenecks: the official code.
OFFICIAL = (None,) * 2 + (oracle.DFCAttention,) * 14
WIDTHS = {"ghostnetv2_100": 1.0, "ghostnetv2_130": 1.3, "ghostnetv2_160": 1.6}
# Odd sizes all the way down (97, 49, 25, 13, 7, 4 by 75, 38, 19, 10, 5, 3), each halved once more for the attention.
ODD = (2, 3, 97, 75)
# 33, 17, 9, 5, 3, 2: with 32 the last maps would have one pixel, of which there is no half. Inference alone, since in
# training a norm over single pixels takes away nearly all that the layer before did: gradients would be rounding.
SMALLEST = (2, 3, 33, 33)
# A constant that goes through 1x1 convolutions alone to the next norm, as in test_ghostnet.py: pools keep it.
LOST_BELOW = {f"blocks.{place}.shortcut.1.bias" for place in ("1.0", "3.0", "5.0", "6.3", "7.0")}
LOST_BELOW |= {"blocks.1.0.bn_dw.bias", "blocks.5.0.bn_dw.bias", "blocks.7.0.shortcut.3.bias"}
LAST = ("7.0", "8.0", "8.1", "8.2", "8.3")
LOST_UNDER_THE_LAST_NORM = {f"blocks.{place}.ghost2.cheap_operation.1.bias" for place in LAST}


def one_column(ghost, places):
    """The first norm of an attention on maps of one column: to a kernel along rows its constant stays one."""
    return {f"blocks.{place}.{ghost}.short_conv.1.bias" for place in places}


# At 97x75 the attention of the last four blocks sees maps of 2x1.
ONE_COLUMN = one_column("ghost1", LAST[1:])
WHOLE = {
    name: Twins(
        partial(GhostNet, stages=STAGES_V2),
        partial(oracle.GhostNet, widened=OFFICIAL),
        shape,
        frozenset(LOST_BELOW | LOST_UNDER_THE_LAST_NORM | ONE_COLUMN),
    )
    for name, shape in (("97x75", ODD), ("33x33, the smallest", SMALLEST))
}


def ablation(widened, narrowed=(), kernel=lambda row: 5, **keywords):
    """Attention in the bottlenecks of these numbers, at half the width: with less, norms magnify rounding."""
    columns = [
        [dfc(kernel(row), **keywords) if row in rows else (None, None) for row in range(16)]
        for rows in (widened, narrowed)
    ]
    ours, theirs = ([[factors[side] for factors in column] for column in columns] for side in (0, 1))
    lost = set(LOST_BELOW)
    lost |= one_column("ghost1", [place for row, place in enumerate(LAST[1:], 12) if row in widened])
    # The narrowing module of block 7.0 sees the small maps already.
    lost |= one_column("ghost2", [place for row, place in enumerate(LAST, 11) if row in narrowed])
    # A constant that is weighed pixel by pixel is none.
    lost |= LOST_UNDER_THE_LAST_NORM if not narrowed else set()
    return Twins(
        partial(GhostNet, width=0.5, stages=with_attention(*ours)),
        partial(oracle.GhostNet, 0.5, widened=theirs[0], narrowed=theirs[1]),
        ODD,
        frozenset(lost),
    )


ALL, MOST = range(16), range(2, 16)
ABLATIONS = {
    "max pool": ablation(MOST, pool="max"),
    "bilinear": ablation(MOST, upsample="bilinear"),
    "gate behind nearest": ablation(MOST, gate_last=True),
    "gate behind bilinear": ablation(MOST, upsample="bilinear", gate_last=True),
    # Document 003's three stages, by the size of their maps.
    "kernels 7, 5, 3": ablation(MOST, kernel=lambda row: 7 if row < 5 else 5 if row < 11 else 3),
    "kernels 3, 9, 7": ablation(MOST, kernel=lambda row: 3 if row < 5 else 9 if row < 11 else 7),
    "first stage": ablation(range(5)),
    "second stage": ablation(range(5, 11)),
    "third stage": ablation(range(11, 16)),
    "capacity": ablation((), ALL),
    "expressiveness and capacity": ablation(ALL, ALL),
    "all at once": ablation(ALL, MOST, lambda row: 3 + 2 * (row % 3), pool="max", upsample="bilinear", gate_last=True),
}
ABLATIONS["document 003's words"] = ablation(ALL, pool="max", upsample="bilinear")._replace(
    ours=partial(GhostNet, width=0.5, stages=STAGES_DOCUMENT_003)
)
NETWORKS = WHOLE | ABLATIONS
RUNS = [(name, training) for name in NETWORKS for training in (True, False) if not (training and "smallest" in name)]


@lru_cache(maxsize=2)  # of the network that is tested now
def expected(name, training):
    return run_pytorch(NETWORKS[name], training)


@pytest.mark.parametrize(
    ("name", "training"), RUNS, ids=[f"{name}, {('eval', 'training')[mode]}" for name, mode in RUNS]
)
def test_logits_all_gradients_and_statistics_are_pytorchs(backend, name, training):
    assert_is_pytorchs(NETWORKS[name], expected(name, training), backend, training)


@pytest.mark.small
@pytest.mark.parametrize("name", WIDTHS)
def test_names_shapes_and_counts_are_those_of_the_live_build(name):
    assert_same_names_shapes_and_counts(
        partial(ghostnp.create_model, name, seed=None), partial(oracle.GhostNet, WIDTHS[name], widened=OFFICIAL)
    )


@pytest.mark.small
@pytest.mark.parametrize("name", ABLATIONS)
def test_names_shapes_and_counts_of_an_ablation_are_those_of_the_live_build(name):
    assert_same_names_shapes_and_counts(ABLATIONS[name].ours, ABLATIONS[name].theirs)


@pytest.mark.small
def test_totals_are_those_of_the_original():
    model = ghostnp.create_model("ghostnetv2_100", seed=None)
    table = ghostnp.count(model, (1, 3, 224, 224))
    assert (table.params, statistics(model), table.macs) == (6_156_908, 62_384, 167_048_288)
    assert table.macs - sum(row.macs for row in table.rows if row.path == "classifier") == 165_768_288


@pytest.mark.small
@pytest.mark.parametrize(
    ("name", "printed"), [("ghostnetv2_100", 167), ("ghostnetv2_130", 269), ("ghostnetv2_160", 399)]
)
def test_the_papers_millions_are_reproduced(name, printed):
    macs = ghostnp.count(ghostnp.create_model(name, seed=None), (1, 3, 224, 224)).macs
    assert round(macs / 1e6) == printed


@pytest.mark.small
def test_fourteen_of_sixteen_bottlenecks_have_attention_under_its_official_names():
    state = ghostnp.create_model("ghostnetv2_100", seed=None).state_dict()
    prefixes = {key.split(".short_conv.")[0] for key in state if "short_conv" in key}
    places = ("2.0", "3.0", "4.0", "5.0", *(f"6.{place}" for place in range(5)), *LAST)
    assert prefixes == {f"blocks.{place}.ghost1" for place in places}
    own = "blocks.2.0.ghost1.short_conv"
    shapes = [state[f"{own}.{layer}.weight"].shape for layer in range(6)]
    assert shapes == [
        (72, 24, 1, 1),
        (72,),
        (72, 1, 1, 5),
        (72,),
        (72, 1, 5, 1),
        (72,),
    ]  # along the row, then the column


@pytest.mark.small
def test_attention_adds_names_and_changes_none():
    plain = ghostnp.create_model("ghostnet_100", seed=None).state_dict()
    enhanced = ghostnp.create_model("ghostnetv2_100", seed=None).state_dict()
    kept = {key: array.shape for key, array in enhanced.items() if "short_conv" not in key}
    assert list(kept.items()) == [(key, array.shape) for key, array in plain.items()]


@pytest.mark.small
@pytest.mark.parametrize("size", [(32, 32), (33, 32), (32, 97)])
def test_an_image_too_small_to_halve_once_more_gets_a_clear_error(size):
    model = build(partial(GhostNet, stages=STAGES_V2), num_classes=2)
    last = tuple(-(-pixels // 32) for pixels in size)
    words = rf"x has shape \(1, 160, {last[0]}, {last[1]}\): attention halves the maps, .* such as \(1, 160, 2, 2\)"
    with pytest.raises(ValueError, match=words), ghostnp.use_backend(ghostnp.ops):
        model(np.zeros((1, 3, *size)))
    with pytest.raises(ValueError, match=words):
        ghostnp.count(model, (1, 3, *size))
    assert ghostnp.count(model, (1, 3, 33, 33)).rows[-1].output == (1, 2)


@pytest.mark.small
@pytest.mark.parametrize("column", ["widened", "narrowed"])
def test_a_column_of_the_wrong_length_is_named(column):
    columns = {"widened": NOWHERE, "narrowed": NOWHERE} | {column: (DFCAttention,) * 15}
    with pytest.raises(ValueError, match=f"{column} has 15 entries: the rule is one for each of the 16 bottlenecks"):
        with_attention(**columns)


def test_logits_of_a_whole_image_in_float32(backend):
    """The official size, at which the attention of the last blocks enlarges 3x3 to 7x7."""
    torch.set_num_threads(1)
    network = randomise(oracle.GhostNet(widened=OFFICIAL), seed=1)
    calibrate(network, torch.tensor(np.random.default_rng(0).standard_normal((4, 3, 224, 224), np.float32))).eval()
    model = ghostnp.create_model("ghostnetv2_100", seed=None)
    model.load_state_dict({key: tensor.numpy() for key, tensor in network.state_dict().items()})
    x = np.random.default_rng(1).standard_normal((1, 3, 224, 224), np.float32)
    with torch.no_grad(), ghostnp.use_backend(backend):
        logits, y = network(torch.tensor(x)).numpy(), model(x)
    assert y.dtype == np.float32
    # Two float32 networks agree as far as one rounding (6e-8) for each of some 100 layers in a row lets them.
    assert np.abs(y - logits).max() <= 1e-5 * np.abs(logits).max()
