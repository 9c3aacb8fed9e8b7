"""What the documents count, number by number, with the working as it is printed.

The same laws hold for every geometry in the operators' own tests: there the numbers are counted by running on ones.
"""

import copy
import math
import pickle

import numpy as np
import pytest

from ghostnp import ops
from ghostnp.ops.cost import Cost, Worked
from ghostnp.testing.calls import leaves, run
from tests.ops.examples import examples

pytestmark = pytest.mark.small


# Row of the table of worked arithmetic, operator, shapes of x and weight, keywords, parameters with their working.
PARAMETERS = [
    (1, "standard_conv2d", (1, 256, 9, 9), (256, 256, 5, 5), {"bias": True}, "256·(256·5·5 + 1) = 1,638,656"),
    (2, "grouped_conv2d", (1, 256, 9, 9), (256, 8, 5, 5), {"bias": True, "groups": 32}, "256·(8·5·5 + 1) = 51,456"),
    (4, "standard_conv2d", (1, 1024, 9, 9), (1024, 1024, 5, 5), {"bias": True}, "1024·(1024·5·5 + 1) = 26,215,424"),
    (5, "depthwise_conv2d", (1, 1024, 9, 9), (1024, 1, 5, 5), {"bias": True}, "1024·(1·5·5 + 1) = 26,624"),
    (8, "standard_conv2d", (1, 12, 9, 9), (6, 12, 3, 3), {}, "6·12·3·3 = 648"),
    (9, "grouped_conv2d", (1, 12, 9, 9), (6, 4, 3, 3), {"groups": 3}, "6·4·3·3 = 216"),
    (19, "standard_conv2d", (1, 3, 64, 64), (4, 3, 3, 3), {}, "4·3·3·3 = 108"),
    (20, "depthwise_conv2d", (1, 3, 64, 64), (3, 1, 3, 3), {}, "3·1·3·3 = 27"),
    (21, "pointwise_conv2d", (1, 3, 64, 64), (4, 3, 1, 1), {}, "4·3·1·1 = 12"),
]


@pytest.mark.parametrize(("row", "operator", "x", "weight", "keywords", "working"), PARAMETERS)
def test_parameters_of_the_documents(backend, row, operator, x, weight, keywords, working):
    assert getattr(backend, operator + "_cost")(x, weight, **keywords).params.working == working
    if operator != "pointwise_conv2d":
        groups = {"groups": 1, **keywords} if operator != "depthwise_conv2d" else {**keywords, "groups": x[1]}
        assert backend.conv2d_cost(x, weight, **groups).params.working == working


def test_shrink_factors_are_exact_for_weights_alone(backend):
    """Rows 3 and 6: biases do not shrink, so "about 32 times" is 31.846 and "about 1024 times" is 984.65."""
    for channels, groups, with_bias in ((256, 32, 31.846), (1024, 1024, 984.65)):
        x, dense, grouped = (1, channels, 9, 9), (channels, channels, 5, 5), (channels, channels // groups, 5, 5)
        factors = [
            backend.conv2d_cost(x, dense, bias=bias).params
            / backend.conv2d_cost(x, grouped, groups=groups, bias=bias).params
            for bias in (False, True)
        ]
        assert factors[0] == groups
        assert factors[1] == pytest.approx(with_bias, rel=1e-5)


def test_separable_example(backend):
    """Rows 22 to 24: 39 weights for 108, and a share of 1/C_out + 1/k² of the multiply-adds."""
    separable = backend.separable_conv2d_cost((1, 3, 64, 64), (3, 1, 3, 3), (4, 3, 1, 1), padding="same")
    standard = backend.standard_conv2d_cost((1, 3, 64, 64), (4, 3, 3, 3), padding="same")
    assert separable.params.working == "3·1·3·3 + 4·3·1·1 = 39"
    assert separable.macs.working == "3·64·64·1·3·3 + 4·64·64·3·1·1 = 159,744"
    assert standard.macs.working == "4·64·64·3·3·3 = 442,368"
    assert separable.params / standard.params == separable.macs / standard.macs == pytest.approx(1 / 4 + 1 / 9)


def test_residual_units(backend):
    """Rows 10 to 12: ResNet, ResNeXt with m a width per group, and ShuffleNet by the line of its paper."""

    def macs(size, *layers):
        return sum(
            backend.conv2d_cost((1, cin, size, size), (cout, cin // groups, k, k), padding=k // 2, groups=groups).macs
            for cin, cout, k, groups in layers
        )

    assert macs(56, (256, 64, 1, 1), (64, 64, 3, 1), (64, 256, 1, 1)) == 218_365_952
    assert macs(56, (256, 128, 1, 1), (128, 128, 3, 32), (128, 256, 1, 1)) == 219_971_584
    assert macs(28, (240, 60, 1, 3), (60, 60, 3, 60), (60, 240, 1, 3)) == 7_949_760


def test_attention_in_its_three_forms(backend):
    """Rows 15 to 17, for one channel: (HW)², HW·H + HW·W and HW·(K_H + K_W)."""
    z = (1, 1, 14, 12)
    assert backend.full_attention_cost(z, (1, 14, 12, 14, 12)).macs == 168 * 168
    assert backend.decoupled_attention_cost(z, (1, 14, 14, 12), (1, 12, 14, 12)).macs == 168 * 14 + 168 * 12
    vertical = backend.depthwise_conv2d_cost(z, (1, 1, 5, 1), padding=(2, 0))
    horizontal = backend.depthwise_conv2d_cost(z, (1, 1, 1, 5), padding=(0, 2))
    assert vertical.macs + horizontal.macs == 168 * (5 + 5)


def test_ghost_module_can_be_dearer_than_what_it_replaces(backend):
    """Row 14: 384 weights beside the 192 of a plain 1x1 convolution; cheaper only than a 3x3 one with 1,728."""
    primary = backend.conv2d_cost((1, 3, 640, 640), (32, 3, 1, 1))
    cheap = backend.conv2d_cost((1, 32, 640, 640), (32, 1, 3, 3), padding=1, groups=32)
    assert primary.params + cheap.params == 384
    assert primary.macs + cheap.macs == 157_286_400
    assert backend.conv2d_cost((1, 3, 640, 640), (64, 3, 1, 1)).params == 192
    assert backend.conv2d_cost((1, 3, 640, 640), (64, 3, 3, 3), padding=1).params == 1_728


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("index", range(len(examples())))
def test_cost_gives_the_shapes_that_come_out(backend, index, batch):
    """The tally runs whole networks on these shapes alone."""
    call = examples(batch)[index]
    cost = call.cost(backend)
    y, extra = run(ops, call, call.arguments(np.float32))
    assert (cost.output if isinstance(cost.output, list) else [cost.output]) == [part.shape for part in leaves(y)]
    assert list(cost.extra) == [part.shape for part in extra]
    assert all(isinstance(count, Worked) for count in (cost.params, cost.macs))


@pytest.mark.parametrize("formula", ["1; import os", "2**9", "a·b", "", "__name__", "1/2", "(1", "1)", "()"])
def test_formulas_are_sums_and_products_of_whole_numbers(formula):
    with pytest.raises(ValueError, match="formula"):
        Worked(formula)


def test_a_count_is_a_number():
    count = Worked("256·(8·5·5 + 1)")
    assert count == 51_456
    assert count + 1 == 51_457
    assert (count.formula, count.working) == ("256·(8·5·5 + 1)", "256·(8·5·5 + 1) = 51,456")
    assert Worked("7").working == "7"


def test_a_worked_number_can_be_copied_and_pickled():
    worked = Worked("256·(8·5·5 + 1)")
    for twin in (copy.deepcopy(worked), pickle.loads(pickle.dumps(worked))):
        assert (twin, twin.working) == (worked, worked.working)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("index", range(len(examples())))
def test_formulas_give_their_values(backend, index, batch):
    cost = examples(batch)[index].cost(backend)
    for count in (cost.params, cost.macs, cost.other):
        assert isinstance(count, Worked)
        assert eval(count.formula.replace("·", "*")) == count


def test_a_batch_multiplies_work_and_not_parameters(backend):
    for one, three in zip(examples(1), examples(3), strict=True):
        small, large = one.cost(backend), three.cost(backend)
        assert (large.params, large.macs, large.other) == (small.params, 3 * small.macs, 3 * small.other)


def test_the_fields_of_a_cost_keep_their_places():
    assert Cost(Worked("1"), Worked("2"), (3,), ((4,),)) == (1, 2, (3,), ((4,),), 0)
    assert Cost(Worked("1"), Worked("2"), (3,)).other.working == "0"


@pytest.mark.parametrize("shape", [(), (1,), (5,), (1, 1), (0, 3)])
def test_shapes_of_any_length_are_counted(backend, shape):
    assert backend.relu_cost(shape).other == math.prod(shape)
