"""The six ablations: each compares what it says it compares."""

import numpy as np
import pytest

import ghostnp
from ghostnp.modules import initializer
from ghostnp.training.ablations import ABLATIONS
from ghostnp.training.ablations.grid import cells_of
from ghostnp.training.ablations.networks import shuffle_net

each_ablation = pytest.mark.parametrize("ablation", ABLATIONS.values(), ids=ABLATIONS)


def built(row, data, seed=0):
    with initializer(seed):
        return row.build(data)


def costs(name):
    """Parameters and MACs of each row."""
    ablation = ABLATIONS[name]
    data = ablation.data[0].load(0)
    counted = {row.name: ghostnp.count(built(row, data), (1, *data.shape)) for row in ablation.rows}
    return {name: (table.params, table.macs) for name, table in counted.items()}


@each_ablation
def test_every_network_classifies_every_data_set(ablation):
    for task in ablation.data:
        data = task.load(1)
        for row in ablation.rows:
            y = built(row, data)(data.test.images[:2])
            assert y.shape == (2, len(data.classes))
            assert np.isfinite(y).all()


@each_ablation
def test_rows_differ_and_are_compared_with_rows_that_there_are(ablation):
    names = [row.name for row in ablation.rows]
    assert len(set(names)) == len(names)
    for place, row in enumerate(ablation.rows):
        assert place > 0 or row.against is None
        assert row.against is None or row.against in names
    cells = cells_of(ablation, [0])
    marks = [cell.mark for cell in cells if cell.data == ablation.data[0].name]
    assert len(set(marks)) == len(marks), "two rows are the same network"
    assert all((ablation.question.endswith("?"), ablation.mirrors, ablation.says))


def test_units_cost_the_same():
    found = costs("units")
    for size in ("small", "large"):
        macs = [macs for name, (_, macs) in found.items() if name.endswith(size)]
        assert len(macs) == 5
        assert max(macs) < 1.06 * min(macs)


def test_a_shuffle_costs_nothing_and_groups_save():
    found = costs("shuffle")
    for groups in (2, 3, 4, 8):
        assert found[f"g={groups}, shuffled"] == found[f"g={groups}, not shuffled"]
    in_order = [found["g=1"], *(found[f"g={groups}, shuffled"] for groups in (2, 3, 4, 8))]
    assert in_order == sorted(in_order, reverse=True)


def test_without_shuffle_the_last_group_does_not_hear_of_the_first_channel():
    """The reason why mixed-groups cannot be learnt: the logits are a sum over groups."""
    data = next(task for task in ABLATIONS["shuffle"].data if task.name == "mixed-groups").load(0)
    x = data.test.images[:1].copy()
    changed = x.copy()
    changed[:, 0] += 1
    for shuffled, heard in ((False, 6), (True, 24)):
        with initializer(0):
            model = shuffle_net(4, shuffled=shuffled)(data)
        maps = [model.blocks(images) for images in (x, changed)]
        reached = np.flatnonzero(np.abs(maps[1] - maps[0]).max(axis=(0, 2, 3)) > 0)
        # Of a ReLU's maps some are zero for both.
        assert len(reached) <= heard
        assert (reached.max() > 6) == shuffled


def test_ghosts_save_and_crelu_saves():
    found = costs("ghost")
    macs = [found[name][1] for name in ("s=1, no ghosts", "s=2, d=3", "s=3, d=3", "s=4, d=3")]
    assert macs == sorted(macs, reverse=True)
    found = costs("crelu")
    params = [found[name][0] for name in ("ReLU", *(f"CReLU in {n}, half the filters" for n in (1, 2, 4)))]
    assert params == sorted(params, reverse=True)
