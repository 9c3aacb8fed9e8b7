"""Where results live: what each may share, and what it must not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ghostnp
from ghostnp import ops
from ghostnp.graph.engine.packing import LINE, Life, Stretch, pack
from tests.graph.engine.networks import Function, assert_same, maps

pytestmark = pytest.mark.small
SHAPE = (2, 6, 4, 4)
ONE = 4 * 2 * 4 * 4  # bytes of a channel


def swapped(b, x):
    first, second = b.split(x, [2, 4])
    return b.concat([second, first])


def middle_twice(b, x):
    _, middle, last = b.split(x, [2, 2, 2])
    return b.concat([middle, middle]), last


def dense(b, x):
    y = b.concat([x, b.crelu(x)])
    z = b.concat([y, b.sigmoid(y)])
    return b.concat([z, b.clip(z)])


def carried(b, x):
    """A unit of ShuffleNetV2: half of the channels pass by."""
    passing, entering = b.split(b.channel_shuffle(x, 3), [3, 3])
    return b.concat([passing, b.channel_shuffle(b.avg_pool2d(entering, 1), 3)])


def seen_twice(b, x):
    y = b.sigmoid(x)
    return y, b.relu(y)


def whole_overwritten(b, x):
    y = b.sigmoid(x)
    z = b.clip(y)
    return b.concat([b.relu(b.concat([y, z])), y, z])


def one_number_a_map(b, x):
    s = b.global_avg_pool2d(x)
    return b.multiply(s, s), b.concat([b.multiply(s, b.relu(s)), s])


def two_wholes(b, x):
    y = b.hard_sigmoid(x)
    return b.add(b.concat([y, b.clip(x)]), b.concat([y, b.sigmoid(x)]))


def two_axes(b, x):
    y = b.flatten(x)
    return b.softmax(b.add(b.relu(y), y))


HAZARDS = {
    "x itself": lambda b, x: x,
    "x and its ReLU": lambda b, x: (x, b.relu(x)),
    "a value and what could overwrite it": seen_twice,
    "view": lambda b, x: b.flatten(b.relu(x)),
    "part of a view": lambda b, x: b.split(b.relu(x), [1, 5])[1],
    "view of x": lambda b, x: b.flatten(x),
    "twice in a sum": lambda b, x: b.add(x, x),
    "twice in a concat": lambda b, x: b.concat([x, x]),
    "sum with its own view": lambda b, x: b.add(x, b.split(x, [6])[0]),
    "read after it was added": lambda b, x: b.multiply(b.add(b.relu(x), x), x),
    "part read after the whole was overwritten": whole_overwritten,
    "one number a map": one_number_a_map,
    "halves swapped": swapped,
    "middle twice": middle_twice,
    "cut": lambda b, x: b.concat([b.relu(x), b.sigmoid(x)], keep=7),
    "cut to less than the first": lambda b, x: b.concat([b.relu(x), b.sigmoid(x)], keep=4),
    "dense": dense,
    "carried": carried,
    "two wholes want one part": two_wholes,
    "largest alone": lambda b, x: b.max_pool2d(x, 2)[0],
    "two axes": two_axes,
}


@pytest.mark.parametrize("name", HAZARDS)
def test_result_is_that_of_the_definitions(name):
    module, x = Function(HAZARDS[name]), maps(SHAPE)
    with ghostnp.use_backend(ops):
        expected = module(x)
    engine = ghostnp.compile(module)
    for actual in (engine(x), engine(x)):
        for got, wanted in zip(tupled(actual), tupled(expected), strict=True):
            assert_same(got, wanted, 1e-12)
            assert not np.shares_memory(got, x)


def tupled(y):
    return y if isinstance(y, tuple) else (y,)


def planned(function, shape=SHAPE, **arrays):
    module = Function(function, **arrays)
    plan = ghostnp.compile(module).plan(shape)
    return plan, plan.homes.start


def copied(plan, step):
    """The parts of a concat that are not written right into it."""
    return [part for part in plan.homes.parts(step.results[0]) if not plan.homes.in_place(part)]


def channels(plan):
    return plan.homes.size / ONE


def test_a_chain_of_activations_overwrites_its_input():
    plan, start = planned(lambda b, x: b.clip(b.sigmoid(b.relu(x))))
    assert list(start.values()) == [0, 0, 0, 0]
    assert channels(plan) == 6


def test_an_operand_that_is_read_later_is_not_overwritten():
    plan, start = planned(lambda b, x: b.multiply(b.sigmoid(x), x))
    assert start[1] != start[0]
    assert start[2] in (start[0], start[1])
    assert channels(plan) == 12


def test_parts_are_born_in_a_concat_of_concats():
    plan, start = planned(dense)
    y, z, last = (plan.tape.steps[place].results[0] for place in (1, 3, 5))
    assert start[0] == start[y] == start[z] == start[last]
    assert not any(copied(plan, step) for step in plan.tape.steps)
    assert channels(plan) == 72  # the result and nothing else


def test_what_a_concat_cuts_off_is_made_beside_it():
    plan, _ = planned(lambda b, x: b.concat([b.avg_pool2d(x, 1), b.channel_shuffle(x, 2)], keep=7))
    assert not copied(plan, plan.tape.steps[-1])
    assert channels(plan) == 18


def test_a_part_that_two_concats_want_is_copied_to_one_of_them():
    plan, _ = planned(two_wholes)
    first, second = (step for step in plan.tape.steps if step.op == "concat")
    assert sorted(len(copied(plan, step)) for step in (first, second)) == [0, 1]


def test_a_unit_of_shufflenet_v2_is_written_into_its_shuffled_input():
    plan, start = planned(carried)
    shuffled, concat = plan.tape.steps[0].results[0], plan.tape.steps[-1]
    assert start[shuffled] == start[concat.results[0]]
    assert not copied(plan, concat)


def test_a_sum_overwrites_either_operand():
    for function in (
        lambda b, x: b.multiply(b.add(b.sigmoid(x), x), x),  # only the first may be
        lambda b, x: b.multiply(b.add(x, b.sigmoid(x)), x),  # only the second
    ):
        plan, start = planned(function)
        assert start[2] == start[1]
        assert channels(plan) == 12


lives = st.tuples(st.integers(-1, 8), st.integers(0, 5)).map(lambda ends: Life(ends[0], ends[0] + ends[1]))


stretches = st.builds(Stretch, lives, st.integers(0, 300), st.integers(0, 500))


@given(st.lists(st.lists(stretches, min_size=1, max_size=3), max_size=12))
def test_what_is_needed_at_one_time_does_not_overlap(blocks):
    starts, size = pack(dict(enumerate(blocks)))
    assert all(starts[block] % LINE == 0 <= starts[block] for block in starts)
    placed = [
        (block, life, starts[block] + at, starts[block] + at + length)
        for block, needed in enumerate(blocks)
        for life, at, length in needed
        if length
    ]
    assert all(end <= size for _, _, _, end in placed)
    for a, life, begin, end in placed:
        for b, other, first, last in placed:
            assert a == b or not life.meets(other) or last <= begin or end <= first
    largest = [-(-max(at + length for _, at, length in needed) // LINE) * LINE for needed in blocks]
    assert max(largest, default=0) <= size <= sum(largest)


def test_what_a_block_no_longer_needs_is_given_away():
    """The second half of a concat is not read again, and the first one is."""
    halves = [Stretch(Life(0, 9), 0, LINE), Stretch(Life(1, 3), LINE, LINE)]
    starts, size = pack({"whole": halves, "early": [Stretch(Life(2, 5), 0, 64)], "late": [Stretch(Life(4, 5), 0, 64)]})
    assert starts == {"whole": 0, "early": 2 * LINE, "late": LINE}
    assert size == 3 * LINE
