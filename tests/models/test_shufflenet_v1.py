"""ShuffleNetV1 is Megvii's network, the paper's, and document 001's: against PyTorch, with all gradients and counts."""

from functools import lru_cache, partial

import numpy as np
import pytest

import ghostnp
from ghostnp.models.shufflenet_v1 import ShuffleNetV1
from ghostnp.modules.shuffle_unit import MEGVII, PAPER, ShuffleStyle
from tests import oracle_shufflenet as oracle
from tests.models.comparison import (
    Twins,
    assert_is_pytorchs,
    assert_same_names_shapes_and_counts,
    build,
    run_pytorch,
    statistics,
)

# Table 1 of the paper and Megvii's code: channels of the stem and of the three stages.
WIDTHS = {
    "g1_1.0x": (24, 144, 288, 576),
    "g2_1.0x": (24, 200, 400, 800),
    "g3_0.5x": (12, 120, 240, 480),
    "g3_1.0x": (24, 240, 480, 960),
    "g3_1.5x": (24, 360, 720, 1440),
    "g3_2.0x": (48, 480, 960, 1920),
    "g4_1.0x": (24, 272, 544, 1088),
    "g8_0.5x": (16, 192, 384, 768),
    "g8_1.0x": (24, 384, 768, 1536),
    "g8_1.5x": (24, 576, 1152, 2304),
    "g8_2.0x": (48, 768, 1536, 3072),
}
GROUPS = {name: int(name[1]) for name in WIDTHS}
# The depthwise norm's constant meets the second 1x1 convolution alone before the next norm, which takes it away.
LOST_UNDER_A_NORM = {f"features.{unit}.branch_main_1.4.bias" for unit in range(16)}
# Document 001's biases, each right under a norm.
LOST_IN_KERAS = LOST_UNDER_A_NORM | {"first_conv.0.bias"}
LOST_IN_KERAS |= {f"features.{unit}.branch_main_{place}.bias" for unit in range(16) for place in ("1.0", "1.3", "2.0")}


def megvii(name, **theirs):
    """By its public name, and PyTorch's of the same widths."""
    return Twins(
        partial(ghostnp.create_model, f"shufflenetv1_{name}", seed=None, dtype=np.float64),
        partial(oracle.ShuffleNetV1, WIDTHS[name], GROUPS[name], **theirs),
        lost_in_training=frozenset(LOST_UNDER_A_NORM),
    )


def styled(style, theirs, **keywords):
    """Three groups at half the width in another style."""
    ours = partial(ShuffleNetV1, groups=3, widths=WIDTHS["g3_0.5x"], style=style, **keywords)
    return megvii("g3_0.5x", unit=theirs, **keywords)._replace(ours=ours)


NETWORKS = {
    "g1_1.0x": megvii("g1_1.0x"),
    "g3_1.0x": megvii("g3_1.0x"),
    "g8_1.0x": megvii("g8_1.0x"),
    "the paper's unit": styled(PAPER, {}),
    "without shuffle": styled(MEGVII._replace(shuffled=False), oracle.MEGVII | {"shuffle": oracle.no_shuffle}),
    "grouped from the first on": styled(MEGVII, oracle.MEGVII, group_first=True),
    "keras": Twins(
        partial(ghostnp.create_model, "shufflenetv1_keras", seed=None, dtype=np.float64),
        oracle.ShuffleNetV1Keras,
        lost_in_training=frozenset(LOST_IN_KERAS),
    ),
    # Here 'same' pads at the bottom and the right alone; at odd sizes it pads on both sides.
    "keras, even": Twins(
        partial(ghostnp.create_model, "shufflenetv1_keras", seed=None, dtype=np.float64),
        oracle.ShuffleNetV1Keras,
        (3, 3, 96, 64),
        lost_in_training=frozenset(LOST_IN_KERAS),
    ),
}
in_both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])


@lru_cache(maxsize=2)  # of the network that is tested now
def expected(name, training):
    return run_pytorch(NETWORKS[name], training)


@in_both_modes
@pytest.mark.parametrize("name", NETWORKS)
def test_output_all_gradients_and_statistics_are_pytorchs(backend, name, training):
    assert_is_pytorchs(NETWORKS[name], expected(name, training), backend, training)


def create(name, **keywords):
    return ghostnp.create_model(f"shufflenetv1_{name}", seed=None, **keywords)


def without_classifier(table):
    return table.macs - sum(row.macs for row in table.rows if row.path.startswith("classifier"))


@pytest.mark.small
def test_all_widths_of_paper_and_official_code_are_listed():
    listed = {name for name in ghostnp.list_models() if name.startswith("shufflenetv1_g")}
    assert listed == {f"shufflenetv1_{name}" for name in WIDTHS}


@pytest.mark.small
@pytest.mark.parametrize("name", WIDTHS)
def test_names_shapes_and_counts_are_those_of_the_live_build(name):
    assert_same_names_shapes_and_counts(partial(create, name), partial(oracle.ShuffleNetV1, WIDTHS[name], GROUPS[name]))


@pytest.mark.small
@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in WIDTHS])
def test_names_shapes_and_counts_of_a_variant_are_those_of_the_live_build(name):
    assert_same_names_shapes_and_counts(NETWORKS[name].ours, NETWORKS[name].theirs)


@pytest.mark.small
@pytest.mark.parametrize(
    ("name", "printed"), [("g1_1.0x", 143), ("g2_1.0x", 140), ("g3_1.0x", 137), ("g4_1.0x", 133), ("g8_1.0x", 137)]
)
def test_the_papers_millions_are_those_without_the_classifier(name, printed):
    macs = without_classifier(ghostnp.count(create(name), (1, 3, 224, 224)))
    assert round(macs / 1e6) == printed


@pytest.mark.small
@pytest.mark.parametrize(
    ("name", "params", "macs", "rest"),
    [("g3_1.0x", 1_864_728, 137_460_672, 136_500_672), ("keras", 1_877_008, 134_450_112, 133_490_112)],
)
def test_totals_are_those_of_the_original(name, params, macs, rest):
    model = create(name)
    table = ghostnp.count(model, (1, 3, 224, 224))
    assert (table.params, statistics(model), table.macs) == (params, 24_480, macs)
    assert without_classifier(table) == rest


@pytest.mark.small
def test_grouping_the_first_convolution_saves_what_document_001_saves():
    """24 channels to 60: in three groups two thirds of the weights are gone, each of which met 56x56 pixels."""
    whole, grouped = (ghostnp.count(create("g3_1.0x", group_first=first), (1, 3, 224, 224)) for first in (False, True))
    assert whole.params - grouped.params == 24 * 60 * 2 // 3 == 960
    assert whole.macs - grouped.macs == 960 * 56 * 56
    assert grouped.macs == ghostnp.count(create("keras"), (1, 3, 224, 224)).macs


@pytest.mark.small
def test_a_style_moves_channels_and_neither_names_nor_counts():
    models = [create("g3_0.5x", style=style) for style in (MEGVII, PAPER, ShuffleStyle(shuffled=False))]
    states = [{key: array.shape for key, array in model.state_dict().items()} for model in models]
    assert states[0] == states[1] == states[2]
    tables = [ghostnp.count(model, (1, 3, 64, 64)) for model in models]
    assert len({(table.params, table.macs) for table in tables}) == 1


@pytest.mark.small
def test_official_keys_are_there():
    state = create("g3_1.0x").state_dict()
    expected_shapes = {
        "first_conv.0.weight": (24, 3, 3, 3),
        "first_conv.1.running_var": (24,),
        "features.0.branch_main_1.0.weight": (60, 24, 1, 1),  # the only one that is not grouped
        "features.0.branch_main_2.0.weight": (216, 20, 1, 1),
        "features.4.branch_main_1.3.weight": (120, 1, 3, 3),
        "features.15.branch_main_2.1.num_batches_tracked": (),
        "classifier.0.weight": (1000, 960),
    }
    assert {key: state[key].shape for key in expected_shapes} == expected_shapes
    assert "classifier.0.bias" not in state


@pytest.mark.small
@pytest.mark.parametrize(
    ("groups", "widths", "words"),
    [
        (8, (24, 200, 400, 800), r"groups=8 does not divide widths\[1\] // 4=50; legal: 1, 2, 5, 10, 25, 50"),
        (3, (24, 240, 484, 960), r"groups=3 does not divide widths\[2\] // 4=121"),
        (3, (24, 240, 480, 964), r"groups=3 does not divide widths\[3\] // 4=241"),
        (3, (25, 240, 480, 960), "groups=3 does not divide out_channels - in_channels=215"),
        (4, (26, 272, 544, 1088), "groups=4 does not divide out_channels - in_channels=246"),
        (3, (24, 240, 480), r"widths=\(24, 240, 480\): the rule .* such as \(24, 240, 480, 960\)"),
        (2, (24, 2, 400, 800), r"widths\[1\]=2"),
        (0, (24, 240, 480, 960), "groups=0"),
    ],
)
def test_an_illegal_width_names_the_division_that_fails(groups, widths, words):
    with pytest.raises(ValueError, match=words):
        build(ShuffleNetV1, groups=groups, widths=widths)


@pytest.mark.small
def test_any_width_that_divides_is_legal():
    """Document 001 hard-codes 240 and 480: its class builds no other network."""
    widths = (20, 120, 200, 480)
    assert_same_names_shapes_and_counts(
        partial(ShuffleNetV1, groups=5, widths=widths), partial(oracle.ShuffleNetV1, widths, 5), image=65
    )
