"""What stands in a count's rows, what its rows sum to, and how it is written down."""

import copy
import csv
import io
import json
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ghostnp
from ghostnp import count
from ghostnp.graph.counting.conventions import CONVENTIONS
from ghostnp.modules import BatchNorm2d, Conv2d, MaxPool2d, ReLU, Residual, Sequential, initializer
from tests.graph.counting.test_counting import IMAGE, by_pytorch, counted, totals

pytestmark = pytest.mark.small


class Added(torch.nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


@st.composite
def stacks(draw):
    """A random network, ours and PyTorch's, and the shape of its input."""
    channels = c_in = draw(st.integers(1, 6))
    ours, theirs = [], []
    for kind in draw(st.lists(st.sampled_from(["conv", "norm", "relu", "pool", "residual"]), min_size=1, max_size=7)):
        if kind == "conv":
            groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
            out, kernel = groups * draw(st.integers(1, 3)), draw(st.sampled_from([1, 3]))
            keywords = {"stride": draw(st.integers(1, 2)), "padding": kernel // 2, "groups": groups}
            keywords["bias"] = draw(st.booleans())
            ours.append(Conv2d(channels, out, kernel, **keywords))
            theirs.append(torch.nn.Conv2d(channels, out, kernel, **keywords))
            channels = out
        elif kind == "residual":
            ours.append(Residual(conv=Conv2d(channels, channels, 3, padding=1), norm=BatchNorm2d(channels)))
            conv = torch.nn.Conv2d(channels, channels, 3, padding=1)
            theirs.append(Added(conv, torch.nn.BatchNorm2d(channels)))
        else:
            pools = MaxPool2d(3, stride=1, padding=1), torch.nn.MaxPool2d(3, 1, 1)
            plain = {"norm": (BatchNorm2d(channels), torch.nn.BatchNorm2d(channels)), "pool": pools}
            mine, other = plain.get(kind, (ReLU(), torch.nn.ReLU()))
            ours.append(mine)
            theirs.append(other)
    cut = draw(st.integers(0, len(ours)))
    network = Sequential(Sequential(*ours[:cut]), *ours[cut:])
    return (
        network,
        torch.nn.Sequential(*theirs),
        (draw(st.integers(1, 2)), c_in, *draw(st.tuples(*[st.integers(4, 9)] * 2))),
    )


@given(stacks())
def test_random_networks_count_as_in_pytorch_and_their_rows_sum_up(stack):
    ours, theirs, shape = stack
    table = count(ours, shape)
    assert totals(table) == by_pytorch(theirs, shape)
    assert table.buffers == sum(b.numel() for b in theirs.buffers() if b.dim())
    for depth in (0, 1, 2, 5):
        folded = table.under("fvcore").folded(depth)
        assert folded.totals() == table.under("fvcore").totals()
        assert len({row.path for row in folded.rows}) == len(folded.rows)
    assert len(table.folded(0).rows) == (1 if table.rows else 0)


def test_geometry_is_that_of_the_call():
    table = counted(Conv2d, 4, 6, (3, 5), shape=(1, 4, 9, 8), stride=(2, 1), padding="same", dilation=(1, 2), groups=2)
    (row,) = table.rows
    window = (row.kernel, row.stride, row.padding, row.dilation, row.groups)
    assert window == ((3, 5), (2, 1), ((1, 1), (4, 4)), (1, 2), 2)
    (even,) = counted(Conv2d, 4, 4, 3, shape=(1, 4, 8, 8), stride=2, padding="same", groups=4).rows
    assert even.padding == ((0, 1), (0, 1))
    assert (even.record()["padding"], even.record()["stride"], even.record()["kernel"]) == ("0:1", "2", "3x3")
    (pool,) = counted(MaxPool2d, 2, shape=(1, 4, 8, 8)).rows
    assert (pool.kernel, pool.stride, pool.padding, pool.groups) == ((2, 2), (2, 2), ((0, 0), (0, 0)), None)


def test_an_array_counts_once_and_one_that_no_operator_sees_counts_too():
    shared = Conv2d(3, 3, 1, bias=False)
    table = count(Sequential(shared, ReLU(), shared), (1, 3, 2, 2))
    assert [row.params for row in table.rows] == [9, 0, 0]
    assert totals(table) == (9, 72)

    tied = Sequential(Conv2d(3, 3, 1), Conv2d(3, 3, 1))
    tied[1].weight = tied[0].weight
    table = count(tied, (1, 3, 2, 2))
    assert [(row.weights, row.bias) for row in table.rows] == [(9, 3), (0, 3)]
    assert table.params == 15

    class Idle(Sequential):
        parameter_names = ("weight",)
        weight = np.ones(5, np.float32)

    table = count(Sequential(Idle(ReLU())), (1, 3, 2, 2))
    assert [(row.path, row.op, int(row.params)) for row in table.rows] == [
        ("0.0", "relu", 0),
        ("0", "(no operator)", 5),
    ]
    assert table.params == 5


def test_memory_in_bytes():
    with initializer(None, np.float64):
        layers = Sequential(Conv2d(3, 4, 1), BatchNorm2d(4), ReLU())
    table = count(layers, (2, 3, 5, 6))
    values = 2 * 4 * 5 * 6
    assert table.memory == (8 * (3 * 4 + 4 + 2 * 4 + 2 * 4), 8 * 3 * values, 8 * 2 * values)
    assert (table.buffers, table.activations, table.other) == (8, 3 * values, values + 2 * values + values)
    skip = count(Residual(conv=Conv2d(3, 3, 1)), (1, 3, 5, 6))
    assert skip.memory.step == 4 * 3 * 90  # the sum reads two and writes one


def test_written_tables_say_the_same_again():
    table = count(ghostnp.create_model("ghostnet_050", seed=None), IMAGE, name="ghostnet_050").under("thop")
    from_csv = list(csv.DictReader(io.StringIO(table.to_csv())))
    from_json = json.loads(table.to_json())
    assert [{key: str(value) for key, value in record.items()} for record in from_json["rows"]] == from_csv
    assert (from_json["params"], from_json["macs"]) == totals(table)
    assert (from_json["name"], from_json["input"], from_json["convention"]) == ("ghostnet_050", "1x3x224x224", "thop")
    assert from_json["memory"] == table.memory._asdict()
    assert [record["path"] for record in from_csv] == [row.path for row in table.rows]
    for sum_of in ("params", "weights", "bias", "buffers", "macs", "other", "activations", "thop"):
        assert sum(int(record[sum_of]) for record in from_csv) == from_json[sum_of]
    lines = [line for line in table.to_markdown().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|-")]
    assert cells[0][:10] == ["path", "op", "input", "output", "k", "s", "p", "d", "g", "weights"]
    assert cells[0][10:] == ["bias", "buffers", "params", "MACs", "share", "other", "activations", "thop"]
    assert cells[-1][0] == "total"
    assert [int(row[13].replace(",", "")) for row in cells[1:]] == [*(row.macs for row in table.rows), table.macs]
    assert str(table).splitlines()[-1].split()[-5:] == cells[-1][-5:]


def test_a_small_table_word_for_word():
    layers = Sequential(Conv2d(3, 8, 3, stride=2, padding="same"), BatchNorm2d(8), ReLU())
    heading, written = str(count(layers, (2, 3, 12, 11), name="mine").under("thop")).split("\n\n")
    name, _, _, numbers, memory, _ = heading.split("\n")
    assert (name, numbers, memory) == (
        "mine, input 2x3x12x11, float32",
        "240 parameters and 16 buffers; 15,552 MACs = 31,104 FLOPs; 2,304 other operations; 1,728 activations",
        "memory in bytes: 1,024 of parameters and buffers, 6,912 of all activations, 5,472 at most in and out of one "
        "operator",
    )
    assert [" ".join(line.split()) for line in written.split("\n") if "---" not in line] == [
        "path op input output k s p d g weights bias buffers params MACs share other activations thop",
        "0 standard_conv2d 2x3x12x11 2x8x6x6 3x3 2 0:1x1 1 1 216 8 0 224 15,552 100.00% 576 576 15,552",
        "1 batch_norm_eval 2x8x6x6 2x8x6x6 8 8 16 16 0 0.00% 1,152 576 2,304",
        "2 relu 2x8x6x6 2x8x6x6 0 0 0 0 0 0.00% 576 576 0",
        "total 224 16 16 240 15,552 100.00% 2,304 1,728 17,856",
    ]
    assert {len(line) for line in written.split("\n")} == {len(written.split("\n")[0])}


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_a_count_can_be_copied_and_stored(clone):
    for convention in CONVENTIONS.values():
        table = count(Sequential(Conv2d(3, 4, 3), BatchNorm2d(4), ReLU()), IMAGE).under(convention)
        assert str(clone(table)) == str(table)


def test_heading_names_model_input_convention_and_columns():
    table = count(ghostnp.create_model("ghostnet_050", seed=None), (2, 3, 64, 96))
    heading = str(table).split("\n\n")[0]
    assert heading == table.heading()
    assert "GhostNet, input 2x3x64x96, float32" in heading
    assert "convention macs: multiply-adds of convolutions and linear maps" in heading
    assert f"{table.macs:,} MACs = {table.flops:,} FLOPs" in heading
    assert all(f"{letter} {word}" in heading for letter, word in (("k", "kernel"), ("g", "groups"), ("p", "padding")))
    assert "convention thop: macs, 4 for each" in str(table.under("thop"))
    assert table.heading().splitlines()[0] in table.to_markdown()


def test_a_network_without_operators_has_an_empty_table():
    table = count(Sequential(), (1, 3, 4, 4))
    assert totals(table) == (0, 0)
    assert table.to_csv().startswith("path,op,input,output,kernel,stride,padding,dilation,groups,weights,bias,params,")
    assert json.loads(table.to_json())["rows"] == []
    assert "total" in table.to_markdown()
    assert table.memory == (0, 0, 0)


def test_a_convention_comes_before_the_fold():
    with pytest.raises(ValueError, match=r"fold last, such as under\('thop'\).folded\(1\)"):
        count(Sequential(ReLU(), ReLU()), (1, 3, 4, 4)).folded(0).under("thop")


def test_a_fold_needs_a_depth():
    with pytest.raises(ValueError, match="depth=-1"):
        count(ReLU(), (1, 3, 4, 4)).folded(-1)
