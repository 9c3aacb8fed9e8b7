"""A driver's shares are all done, once each; and a recording keeps launches for later."""

import gc

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ghostnp import kernels
from ghostnp.kernels.runtime import (
    FEW,
    SHARES,
    Program,
    Scratch,
    bounds,
    driver,
    empty,
    pieces_for,
    recorded,
    recording,
    shares_for,
    side_by_side,
    zeros,
)

pytestmark = pytest.mark.small


@driver
def _mark(share, shares, counts, seen):
    counts[share] += 1
    seen[share] = shares


@driver
def _add_to(share, shares, x, number, y):
    begin, end = bounds(share, shares, y.size)
    for i in range(begin, end):
        y[i] = x[i] + number


@driver
def _fail_late(share, shares, sizes):
    np.empty(sizes[share])


@pytest.mark.parametrize("shares", [1, 2, 16, 17, 1000])
def test_each_share_is_done_once(shares):
    counts, seen = np.zeros((2, shares), int)
    for n in range(20):
        _mark(shares, counts, seen)
        assert_array_equal(counts, n + 1)
        assert_array_equal(seen, shares)


def test_bounds_cover_all_jobs_once():
    for count in (0, 1, 5, 16, 100):
        pieces = [bounds(share, 16, count) for share in range(16)]
        assert [job for begin, end in pieces for job in range(begin, end)] == list(range(count))


def test_little_work_is_one_share():
    assert shares_for(0) == shares_for(FEW - 1) == 1
    assert shares_for(FEW) == SHARES


def test_short_steps_are_cut_into_no_more_pieces_than_it_takes():
    assert pieces_for(0) == pieces_for(1) == pieces_for(FEW - 1) == 1
    assert pieces_for(FEW) == pieces_for(2 * FEW - 1) == 2
    assert pieces_for(SHARES // 2 * FEW - 1) == SHARES // 2
    assert pieces_for(SHARES // 2 * FEW) == pieces_for(2**40) == SHARES


def test_a_recorded_launch_runs_later_and_again():
    x, y = np.zeros(1000), np.zeros(1000)
    with recording() as launches:
        _add_to(SHARES, x, 1.0, y)
        _add_to(1, y, 2.0, x)
    assert_array_equal([x, y], 0)
    program = Program(launches)
    for n in range(1, 4):
        program()
        assert_array_equal(x, 3 * n)
    _add_to(1, x, 1.0, y)
    assert_array_equal(y, 10)


def test_a_program_keeps_its_arguments_alive():
    y = np.zeros(100)
    with recording() as launches:
        _add_to(SHARES, np.arange(100.0), 0.5, y)
    program = Program(launches)
    del launches
    gc.collect()
    others = [np.full(100, 7.0) for _ in range(100)]  # whatever was freed is used again
    program()
    assert_array_equal(y, np.arange(100) + 0.5)
    assert len(others) == 100


def test_kernels_can_be_recorded():
    x, y, z = np.random.default_rng(0).standard_normal((3, 2, 8, 5, 5))
    x, y, z = (np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0) for a in (x, y, z))
    with recording() as launches:
        kernels.add(x, y, out=y)
        kernels.channel_shuffle(y, 2, out=z)
        kernels.relu(z, out=z)
    expected = kernels.relu(kernels.channel_shuffle(kernels.add(x, y), 2))
    Program(launches)()
    assert_array_equal(z, expected)


def test_recordings_nest_and_end():
    x, y = np.zeros((2, 10))
    with recording() as outer:
        with recording() as inner:
            _add_to(1, x, 1.0, y)
        _add_to(1, x, 2.0, y)
    assert (len(inner), len(outer)) == (1, 1)
    _add_to(1, x, 3.0, y)
    assert_array_equal(y, 3)


def test_scratch_is_shared_by_calls_and_never_within_one():
    scratch = Scratch()
    with recording(scratch):
        first = [empty((100, 3), np.float32), empty((7,), np.float64), empty((0,), np.float64)]
        assert not any(np.shares_memory(a, b) for a in first for b in first if a is not b)
    with recording(scratch):
        second = [empty((2,), np.float32), empty((50,), np.float64)]
        assert np.shares_memory(second[1], first[0])
        assert not np.shares_memory(*second)
    assert all(array.ctypes.data % 64 == 0 for array in (*first, *second))
    assert not np.shares_memory(empty((2,), np.float32), empty((2,), np.float32))  # without a recording


@pytest.mark.parametrize("count", [1, 5000, 1 << 20])
def test_recorded_zeros_are_zeros_each_time(count):
    with recording() as launches:
        scratch = zeros((count,), np.float32)
    program = Program(launches)
    for _ in range(2):
        scratch[...] = 7
        program()
        assert not scratch.any()
    assert not zeros((count,), np.float64).any()


def test_launches_that_are_not_bound_say_their_shares():
    x, y = np.zeros((2, 10))
    with recording(bind=False) as launches:
        _add_to(3, x, 1.0, y)
        kernels.relu(np.zeros((1, 6, 300, 300)))
    assert [launch.shares for launch in launches] == [3, SHARES]
    assert not y.any()


def _count_up(row, source):
    """Three launches, each of which reads what the one before wrote; `source` is theirs alone."""
    _add_to(SHARES, source, 1.0, row)
    _add_to(3, row, 2.0, row)
    _add_to(1, row, 3.0, row)


def _all_side_by_side(rows):
    side_by_side([recorded(_count_up, row, np.full(row.shape, n)) for n, row in enumerate(rows)])


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_sequences_side_by_side_keep_their_own_order(count):
    rows, expected = np.zeros((count, 500)), np.arange(float(count))[:, None] + 6
    _all_side_by_side(rows)
    assert_array_equal(rows, np.broadcast_to(expected, rows.shape))
    rows[...] = 0
    with recording() as launches:
        _all_side_by_side(rows)
    assert [launch.shares for launch in launches] == [count]
    program = Program(launches)
    del launches
    gc.collect()
    others = [np.full(500, 7.0) for _ in range(100)]  # whatever was freed is used again
    assert_array_equal(rows, 0)
    for _ in range(3):
        program()
        assert_array_equal(rows, np.broadcast_to(expected, rows.shape))
    assert_array_equal(others, 7)


def test_an_error_in_a_sequence_is_raised():
    sizes = np.array([5, 1 << 60, 5])
    for n in range(3):
        y = np.zeros(1000)
        sequences = [recorded(_add_to, 1, y, 1.0, y) for _ in range(n)] + [recorded(_fail_late, 3, sizes)]
        with pytest.raises((MemoryError, ValueError)):
            side_by_side(sequences)
        _add_to(SHARES, y, 1.0, y)
        assert y.all()


def test_sequences_that_are_not_bound_are_one_launch():
    with recording(bind=False) as launches:
        _all_side_by_side(np.zeros((5, 10)))
    assert [launch.shares for launch in launches] == [5]


def test_an_empty_program_does_nothing():
    Program([])()


def test_an_error_in_a_program_is_raised_and_leaves_the_team_usable():
    x, y, sizes = np.zeros(1000), np.zeros(1000), np.array([5, 1 << 60, 5])
    with recording() as launches:
        _fail_late(3, sizes)
        _add_to(SHARES, x, 1.0, y)
    program = Program(launches)
    with pytest.raises((MemoryError, ValueError)):  # ValueError is NumPy's word for it, without a compiler
        program()
    assert_array_equal(y, 0)  # what comes after it did not run
    sizes[1] = 5
    program()
    assert_array_equal(y, 1)
