"""GhostNet's dialects: each field changes what it says and nothing else, and together they are document 000.

The whole network of each is held against PyTorch; what stays as it was is held against the official one.
"""

import re
from functools import lru_cache, partial

import numpy as np
import pytest

import ghostnp
from ghostnp.models import GhostNet
from ghostnp.models.ghostnet import DOCUMENT_000, OFFICIAL, STAGES, STAGES_V2, Dialect
from ghostnp.modules import BatchNorm2d, GhostBottleneck, HardSigmoid, ReLU, Sigmoid, SqueezeExcite, initializer
from tests import oracle_keras as oracle
from tests import oracle_networks
from tests.models.comparison import (
    TOLERANCE,
    Twins,
    assert_close,
    assert_is_pytorchs,
    assert_same_names_shapes_and_counts,
    build,
    run_pytorch,
    statistics,
)
from tests.modules.comparison import run_ours

FIELDS = Dialect._fields
PLACES = [f"{stage}.{row}" for stage, rows in enumerate((1, 1, 1, 1, 1, 1, 5, 1, 4)) for row in range(rows)]
# Blocks that change the number of channels or of pixels; those of them that stride; and those with SE.
RESHAPING, STRIDING = ["1.0", "3.0", "5.0", "6.3", "7.0"], ["1.0", "3.0", "5.0", "7.0"]
SQUEEZING = ["3.0", "4.0", "6.3", "6.4", "7.0", "8.1", "8.3"]


def ghosts(*layers):
    return [
        f"blocks.{place}.{ghost}.{step}.{layer}.bias"
        for place in PLACES
        for ghost in ("ghost1", "ghost2")
        for step in ("primary_conv", "cheap_operation")
        for layer in layers
    ]


# Biases of convolutions right under a norm, which takes them away: their gradient in training is zero.
KERAS_BIASES = {"conv_stem.bias", "blocks.9.0.conv.bias", *ghosts(0)}
KERAS_BIASES |= {f"blocks.{place}.conv_dw.bias" for place in STRIDING}
SHORTCUT_BIASES = {f"blocks.{place}.shortcut.{layer}.bias" for place in RESHAPING for layer in (0, 2)}


def lost(*fields):
    """Constants that meet nothing but 1x1 convolutions before the next norm, as in test_ghostnet.py."""
    keys = set()
    if "relu_after_stride" not in fields:
        keys |= {"blocks.1.0.bn_dw.bias", "blocks.5.0.bn_dw.bias"}
    after_padding = PLACES
    if "projection" not in fields:
        # A shortcut's depthwise convolution pads, and a constant with a margin is none: so only behind the last.
        after_padding = PLACES[PLACES.index("7.0") :]
        keys |= {f"blocks.{place}.shortcut.1.bias" for place in RESHAPING} | {"blocks.7.0.shortcut.3.bias"}
    keys |= {f"blocks.{place}.ghost2.cheap_operation.1.bias" for place in after_padding}
    if "conv_norm" in fields:
        keys |= KERAS_BIASES
        keys |= SHORTCUT_BIASES if "projection" not in fields else set()
        keys |= {"conv_head.bias"} if "head_norm" in fields else set()
    return frozenset(keys)


def dialect(*fields):
    """The official dialect but for these fields, at half the width; four images, as the head's norm has one pixel."""
    ours = OFFICIAL._replace(**{field: getattr(DOCUMENT_000, field) for field in fields})
    theirs = {name: value for field in fields for name, value in oracle.DOCUMENT_000[field].items()}
    return Twins(
        partial(GhostNet, width=0.5, dialect=ours),
        partial(oracle.GhostNet, 0.5, **theirs),
        (4, 3, 97, 75),
        lost(*fields),
    )


def keras(*size):
    ours = partial(ghostnp.create_model, "ghostnet_keras", seed=None, dtype=np.float64)
    return Twins(ours, oracle.ghostnet_keras, (4, 3, *size), lost(*FIELDS))


NETWORKS = {
    "official": dialect(),
    **{field: dialect(field) for field in FIELDS},
    "all but conv_norm": dialect(*FIELDS[1:]),
    "conv_norm and head_norm": dialect("conv_norm", "head_norm"),
    "document 000": keras(97, 75),
    # Here 'same' pads at the bottom and the right alone; at odd sizes it pads on both sides.
    "document 000, even": keras(96, 64),
}
in_both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])


@lru_cache(maxsize=2)  # of the network that is tested now
def expected(name, training):
    return run_pytorch(NETWORKS[name], training)


@in_both_modes
@pytest.mark.parametrize("name", NETWORKS)
def test_output_all_gradients_and_statistics_are_pytorchs(backend, name, training):
    assert_is_pytorchs(NETWORKS[name], expected(name, training), backend, training)


@pytest.mark.small
@pytest.mark.parametrize("name", NETWORKS)
def test_names_shapes_and_counts_are_those_of_the_live_build(name):
    assert_same_names_shapes_and_counts(NETWORKS[name].ours, NETWORKS[name].theirs)


@pytest.mark.small
def test_totals_of_document_000():
    model = ghostnp.create_model("ghostnet_keras", seed=None)
    table = ghostnp.count(model, (1, 3, 224, 224))
    assert (table.params, statistics(model)) == (5_157_168, 23_152)
    # The document's classifier is a 1x1 convolution over one pixel: as many multiply-adds as a linear layer.
    assert table.macs == 134_660_576
    assert table.macs - sum(row.macs for row in table.rows if row.path == "classifier") == 133_380_576


def described(*fields):
    """State with shapes, the layers with what they say of themselves, and the counts, at full width."""
    with initializer(None):
        model = GhostNet(dialect=OFFICIAL._replace(**{field: getattr(DOCUMENT_000, field) for field in fields}))
    table = ghostnp.count(model, (1, 3, 224, 224))
    shapes = {key: array.shape for key, array in model.state_dict().items()}
    return shapes, model.tree(), (table.params, statistics(model), table.macs)


@pytest.mark.small
@pytest.mark.parametrize("field", ["ghosts_first", "relu_after_stride", "gate", "probabilities"])
def test_these_fields_change_no_name_and_no_count(field):
    assert described(field)[::2] == described()[::2]


@pytest.mark.small
def test_conv_norm_gives_each_convolution_under_a_norm_a_bias():
    (before, _, counts), (after, tree, biased) = described(), described("conv_norm")
    assert after.keys() - before.keys() == KERAS_BIASES | SHORTCUT_BIASES
    assert {key: after[key] for key in before} == before
    # One for each of the channels whose mean and variance are kept.
    assert biased == (5_182_508 + 21_968 // 2, 21_968, 141_150_512)
    assert counts == (5_182_508, 21_968, 141_150_512)
    norms = [layer for layer in tree.values() if hasattr(layer, "running_var")]
    assert {(norm.eps, norm.momentum, norm.unbiased) for norm in norms} == {(1e-3, 0.01, False)}


@pytest.mark.small
def test_projection_takes_away_five_shortcuts_and_leaves_five_blocks_without_a_sum():
    (before, _, _), (after, tree, _) = described(), described("projection")
    gone = {f"blocks.{place}.shortcut" for place in RESHAPING}
    assert {re.sub(r"\.\d\.[a-z_]+$", "", key) for key in before.keys() - after.keys()} == gone
    assert after.items() <= before.items()
    assert {path for path, block in tree.items() if isinstance(block, GhostBottleneck) and not block.added} == {
        f"blocks.{place}" for place in RESHAPING
    }


@pytest.mark.small
@pytest.mark.parametrize(("projection", "bridged"), [(True, 16), (False, 11)])
def test_what_crosses_a_block_whose_main_path_is_silent(backend, projection, bridged):
    """5 of document 000's 16 blocks lose their shortcut: with the last norms silenced, nothing comes through."""
    with initializer(0, np.float64):
        model = GhostNet(width=0.25, dialect=OFFICIAL._replace(projection=projection))
    blocks = [block for block in model.tree().values() if isinstance(block, GhostBottleneck)]
    crossed = []
    for block in blocks:
        for array in block.ghost2.parameters().values():
            array[...] = 0
        x = np.random.default_rng(0).normal(size=(1, block.ghost1.primary_conv[0].weight.shape[1], 5, 4))
        with ghostnp.use_backend(backend):
            crossed.append(bool(np.any(block(x))))
    assert (len(crossed), sum(crossed)) == (16, bridged)


@pytest.mark.small
def test_squeeze_divisor_changes_two_of_seven_hidden_layers():
    (before, _, counts), (after, _, smaller) = described(), described("squeeze_divisor")
    changed = {key: (before[key][0], after[key][0]) for key in before if before[key] != after[key] and "reduce" in key}
    pairs = {"3.0": (20, 18), "4.0": (32, 30)}  # of 72 and 120 channels
    assert changed == {
        f"blocks.{place}.se.conv_reduce.{name}": pair for place, pair in pairs.items() for name in ("weight", "bias")
    }
    # Each hidden channel has as many weights on each side as there are channels, and a bias.
    assert counts[0] - smaller[0] == 2 * (72 + 1 + 72) + 2 * (120 + 1 + 120)
    assert counts[2] - smaller[2] == 2 * (72 + 72) + 2 * (120 + 120)
    assert counts[1] == smaller[1]


@pytest.mark.small
def test_head_norm_replaces_a_bias_by_a_norm():
    (before, _, counts), (after, _, normed) = described(), described("head_norm")
    norm = {f"bn2.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")}
    assert before.keys() - after.keys() == {"conv_head.bias"}
    assert after.keys() - before.keys() == norm
    assert tuple(np.subtract(normed, counts)) == (2 * 1280 - 1280, 2 * 1280, 0)


@pytest.mark.small
def test_gate_changes_the_gates():
    for fields, gate in (((), HardSigmoid), (("gate",), Sigmoid)):
        _, tree, _ = described(*fields)
        gates = {path: type(layer.gate) for path, layer in tree.items() if isinstance(layer, SqueezeExcite)}
        assert gates == {f"blocks.{place}.se": gate for place in SQUEEZING}


def has_relu(layer):
    return isinstance(layer, ReLU) or (isinstance(layer, BatchNorm2d) and layer.relu)


@pytest.mark.small
def test_relu_after_stride_adds_four():
    plain, more = (
        {path for path, layer in described(*fields)[1].items() if has_relu(layer)}
        for fields in ((), ("relu_after_stride",))
    )
    assert more - plain == {f"blocks.{place}.bn_dw" for place in STRIDING}
    assert plain <= more


@pytest.mark.small
def test_probabilities_are_the_softmax_of_the_logits(backend):
    x, results = np.random.default_rng(0).normal(size=(3, 3, 33, 33)), []
    for answer in (False, True):
        with initializer(3, np.float64), ghostnp.use_backend(backend):
            model = GhostNet(
                width=0.25, num_classes=5, stages=STAGES[:2], dialect=OFFICIAL._replace(probabilities=answer)
            )
            results.append(model(x))
    odds = np.exp(results[0])
    np.testing.assert_allclose(results[1], odds / odds.sum(axis=1, keepdims=True), rtol=1e-12)
    assert np.ptp(results[0], axis=1).min() > 1e-3


# The next layers' weights, by the axis on which they meet a ghost module's maps or those of a block.
COMING_OUT = r"conv_stem\.|bn1\.|blocks\.[0-8]\..*(conv_dw|bn_dw|conv_expand|shortcut|short_conv)\."
GOING_IN = r"blocks\..*(ghost\d\.primary_conv\.0|ghost\d\.short_conv\.0|conv_reduce|shortcut\.2|9\.0\.conv)\.weight"


def halves_swapped(arrays):
    """The same values with the halves of all maps that ghost modules make, or that are added to such, swapped."""
    swapped = {}
    for key, array in arrays.items():
        axes = [0] * bool(array.ndim and re.match(COMING_OUT, key)) + [1] * bool(re.fullmatch(GOING_IN, key))
        swapped[key] = np.roll(array, [array.shape[axis] // 2 for axis in axes], axes) if axes else array
    return swapped


@in_both_modes
@pytest.mark.parametrize("stages", [STAGES, STAGES_V2], ids=["GhostNet", "GhostNetV2"])
def test_ghosts_first_is_a_permutation_of_channels(backend, stages, training):
    """Document 000's order: with the next layers' weights permuted it is the same network, and as they were another."""
    ours = partial(GhostNet, width=0.25, num_classes=5, stages=stages)
    state, x, _, dy = expected_of_width(0.25, stages is STAGES_V2, training)
    last, first, untouched = (
        build(ours, dialect=OFFICIAL._replace(ghosts_first=answer)) for answer in (False, True, True)
    )
    last.load_state_dict(state)
    first.load_state_dict(halves_swapped(state))
    untouched.load_state_dict(state)
    wanted, got = (run_ours(model, x, dy, backend, training) for model in (last, first))
    assert_close(got.y, wanted.y, "logits")
    assert_close(got.dx, wanted.dx, "dx")
    for kind in ("grads", "state"):
        permuted = halves_swapped(getattr(wanted, kind))
        for key, array in getattr(got, kind).items():
            # Gradients that are zero by mathematics leave rounding on both sides.
            error, scale = np.abs(array - permuted[key]).max(), max(np.abs(permuted[key]).max(), 1e-3)
            assert error <= TOLERANCE * scale, key
    assert np.abs(run_ours(untouched, x, dy, backend, training).y - wanted.y).max() > 1e-2


@lru_cache(maxsize=2)  # of the network that is tested now
def expected_of_width(width, enhanced, training):
    attention = (None,) * 2 + (oracle_networks.DFCAttention if enhanced else None,) * 14
    return run_pytorch(Twins(None, partial(oracle_networks.GhostNet, width, widened=attention)), training)
