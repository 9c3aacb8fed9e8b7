"""A plan that can be read."""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ghostnp
from ghostnp.cli import main
from ghostnp.modules import Conv2d, GhostBottleneck, GhostModule, ReLU, Sequential, ShuffleUnit
from tests.graph.engine.networks import Function

pytestmark = pytest.mark.small


def test_every_step_has_a_line():
    plan = ghostnp.compile(Sequential(GhostBottleneck(8, 8, 8), ShuffleUnit(8, 8, groups=2))).plan((1, 8, 6, 6))
    lines = [line for line in str(plan).splitlines() if re.match(r" +\d+  ", line)]
    assert len(lines) == len(plan.tape.steps)
    for line, step in zip(lines, plan.tape.steps, strict=True):
        assert step.op in line
        assert line.rstrip().endswith(step.path)
        assert all(f"#{number}" in line for number in step.inputs)


def test_a_plan_says_what_was_folded_and_where_results_live():
    lines = str(ghostnp.compile(GhostBottleneck(4, 8, 4)).plan((1, 4, 6, 6))).splitlines()
    assert lines[:2] == [
        "GhostBottleneck, input 1x4x6x6, float32",
        "13 calls are 7 steps: 4 batch_norm_eval and 2 relu went into others; 2 of them have nothing to do",
    ]
    rows = [re.split(r"  +", line.strip()) for line in lines if re.match(r" +[1-7]  ", line)]
    assert [row[1] for row in rows] == [
        *["pointwise_conv2d", "depthwise_conv2d", "concat"] * 2,
        "add",
    ]
    notes = [row[6] for row in rows]
    assert notes == [
        "+ batch_norm_eval, + relu, in #7",
        "+ batch_norm_eval, + relu, in #7",
        "is there already",
        "+ batch_norm_eval, in #12",
        "+ batch_norm_eval, in #12",
        "is there already",
        "over #12",
    ]
    bars = [row[5] for row in rows]
    assert bars[2] == "============............"  # 8 of 16 channels: beside them 4 of x, and 4 to come
    assert bars[5] == bars[6]


def test_a_plan_with_one_step_that_does_nothing_says_so_in_the_singular():
    assert "; 1 of them has nothing to do\n" in str(ghostnp.compile(GhostModule(4, 8)).plan((1, 4, 6, 6)))


def test_a_plan_says_how_its_steps_run():
    plan = ghostnp.compile(Function(lambda b, x: b.softmax(b.relu(b.concat([x, x, b.sigmoid(x)]))))).plan(
        (2, 8, 64, 64)
    )
    text = str(plan)
    heading = text.splitlines()[5]
    assert heading.startswith("3 launches in 1 native call; 1 step is called from Python")
    # sigmoid, the copy of x beside it, ReLU and softmax; a number has 4 bytes.
    x = 2 * 8 * 64 * 64 * 4
    lines = [line for line in text.splitlines() if re.match(r" +\d+  ", line)]
    assert [tuple(re.split(r"  +", line.strip())[-3:]) for line in lines] == [
        (f"{2 * x:,}", "16", "2"),
        (f"{2 * x:,}", "1", "3"),
        (f"{6 * x:,}", "4", "4"),
        (f"{6 * x:,}", "Python", "end"),
    ]


def test_memory_is_that_of_the_arrays():
    plan = ghostnp.compile(Sequential(ReLU(), ReLU())).plan((1, 2, 4, 4))
    assert plan.memory == (128, 256, 384)
    in_two_ways = Function(lambda b, x: b.add(b.flatten(b.clip(x)), b.flatten(x)))
    # x, the clip and the sum; views take nothing; the sum may overwrite either.
    assert ghostnp.compile(in_two_ways).plan((1, 2, 4, 4)).memory == (256, 384, 384)


@pytest.mark.parametrize("name", ["ghostnet_100", "ghostnetv2_100", "shufflenetv2_1.0x", "googlenet", "ghost_resnet50"])
def test_a_plan_takes_less_memory_than_arrays_that_are_let_go(name):
    memory = ghostnp.compile(ghostnp.create_model(name, seed=None)).plan((1, 3, 224, 224)).memory
    assert memory.planned < memory.let_go < memory.kept


def test_all_parts_of_ghostnet_and_shufflenet_are_born_in_place():
    for name in ("ghostnet_100", "ghostnetv2_100", "shufflenetv1_g3_1.0x", "shufflenetv2_1.0x", "googlenet"):
        plan = ghostnp.compile(ghostnp.create_model(name, seed=None)).plan((1, 3, 224, 224))
        concats = [step for step in plan.tape.steps if step.op == "concat"]
        assert all(plan.homes.in_place(part) for step in concats for part in plan.homes.parts(step.results[0]))


def test_what_was_not_born_in_place_is_said():
    text = str(ghostnp.compile(Function(lambda b, x: b.concat([x, x]))).plan((1, 2, 4, 4)))
    assert "copies 1 of 2" in text


def test_a_plan_of_an_empty_batch_can_be_printed():
    plan = ghostnp.compile(GhostBottleneck(4, 8, 4)).plan((0, 4, 6, 6))
    assert plan.homes.size == 0
    assert "bytes: 0 for the input and all results" in str(plan)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda plan: pickle.loads(pickle.dumps(plan))])
def test_a_plan_can_be_copied(clone):
    plan = ghostnp.compile(GhostBottleneck(4, 8, 4)).plan((1, 4, 6, 6))
    assert str(clone(plan)) == str(plan)


def test_the_command_prints_it():
    result = CliRunner().invoke(main, ["compile", "shufflenetv2_0.5x", "--size", "64x32", "--batch", "2"])
    assert result.exit_code == 0
    model = ghostnp.create_model("shufflenetv2_0.5x", seed=None)
    assert result.output == f"{ghostnp.compile(model).plan((2, 3, 64, 32))}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ghostnet_55"], "name='ghostnet_55': the rule is"),
        (["vgg16", "--size", "64"], "the rule is images of 224x224"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, words):
    result = CliRunner().invoke(main, ["compile", *arguments])
    assert result.exit_code == 1
    assert words in result.output


def test_a_plan_of_any_dtype_counts_its_bytes():
    sizes = {
        dtype: ghostnp.compile(GhostBottleneck(4, 8, 4).astype(dtype)).plan((1, 4, 8, 8)).memory.kept
        for dtype in (np.float32, np.float64)
    }
    assert sizes[np.float64] == 2 * sizes[np.float32]


def test_the_readme_shows_a_plan():
    """As far as it shows it: without the last column, and not all of the steps."""
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"^GhostNet, input.*?(?=^```)", readme, re.DOTALL | re.MULTILINE)[0].splitlines()
    lines = str(ghostnp.compile(ghostnp.create_model("ghostnet_050", seed=None)).plan((1, 3, 224, 224))).splitlines()
    assert len(shown) > 10
    for line in shown:
        assert any(whole.startswith(line) for whole in lines), line


def test_an_empty_batch_has_a_plan_too():
    assert "input 0x3x8x8" in str(ghostnp.compile(Conv2d(3, 4, 3)).plan((0, 3, 8, 8)))
