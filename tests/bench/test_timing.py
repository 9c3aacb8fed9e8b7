"""Turns, rounds and what is made of them, on a clock that goes as it is told to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnp.bench.timing import ROUNDS, Samples, ratio, rounds, turn

pytestmark = pytest.mark.small
SECONDS = st.floats(1e-6, 1e3)


class Clock:
    """Stands still, but while somebody works."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, *durations):
        """A function that takes so long: the first time, the second time, ...; then always the last."""
        left = list(durations)

        def run():
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return run


def test_long_work_is_run_once_a_turn():
    clock = Clock()
    assert turn(clock.work(2.0, 99.0), clock=clock) == 2.0
    assert clock.now == 2.0


def test_work_of_middling_length_is_run_once_to_wake_and_once_for_the_clock():
    clock = Clock()
    assert turn(clock.work(0.04, 0.03), clock=clock) == pytest.approx(0.03)
    assert clock.now == pytest.approx(0.07)


def test_short_work_is_run_once_to_wake_and_then_as_often_as_fits():
    clock = Clock()
    assert turn(clock.work(0.004, 0.001), clock=clock) == pytest.approx(0.001)
    assert clock.now == pytest.approx(0.004 + 3 * 0.001)


def test_work_that_the_clock_cannot_see_ends_nevertheless():
    assert turn(lambda: None, least=1e-6, clock=Clock()) == 0


def test_contenders_alternate_and_the_first_round_does_not_count():
    order, times = [], iter(range(100))

    def take(name):
        order.append(name)
        return float(next(times))

    found = rounds({name: lambda name=name: take(name) for name in "ab"}, repeat=3, seconds=10, clock=Clock())
    assert order == list("abababab")
    assert found == {"a": Samples((2.0, 4.0, 6.0)), "b": Samples((3.0, 5.0, 7.0))}


@pytest.mark.parametrize(("seconds", "expected"), [(0, ROUNDS), (4.5, 5), (100, 20)])
def test_rounds_end_when_the_time_is_up_but_not_before_there_are_a_few(seconds, expected):
    clock = Clock()
    work = clock.work(1.0)

    def take():
        work()
        return 1.0

    assert len(rounds({"a": take}, repeat=20, seconds=seconds, clock=clock)["a"].values) == expected


@given(st.lists(SECONDS, min_size=1, max_size=30))
def test_a_quarter_lies_on_each_side_of_the_quartiles(values):
    samples = Samples(tuple(values))
    lower, upper = samples.quartiles
    assert min(values) <= lower <= samples.median <= upper <= max(values)
    # Between two samples the quartile lies where their places say: a quarter of the way from the first to the last.
    assert sum(value < lower for value in values) <= (len(values) + 3) / 4
    assert sum(value > upper for value in values) <= (len(values) + 3) / 4


@given(st.lists(SECONDS, min_size=1, max_size=30), st.floats(0.01, 100))
def test_the_ratio_to_a_multiple_of_oneself_is_exact_however_the_machine_swings(values, factor):
    found = ratio(Samples(tuple(factor * value for value in values)), Samples(tuple(values)))
    assert [found.value, *found.quartiles] == pytest.approx([factor] * 3)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=30))
def test_the_ratio_lies_between_its_quartiles(pairs):
    found = ratio(*(Samples(values) for values in zip(*pairs, strict=True)))
    assert found.quartiles[0] <= found.value <= found.quartiles[1]


def test_the_ratio_is_the_median_of_the_ratios_of_the_rounds():
    ours, peer = Samples((1.0, 2.0, 9.0)), Samples((2.0, 4.0, 3.0))
    found = ratio(ours, peer)
    assert found.value == 0.5
    assert found.quartiles == pytest.approx(tuple(np.percentile([0.5, 0.5, 3.0], [25, 75])))
    assert str(found) == "0.50 (0.50–1.75)"
    assert str(ratio(Samples((0.00123,)), Samples((1.0,)))) == "0.0012"


def test_rounds_that_were_not_taken_together_are_not_compared():
    with pytest.raises(ValueError, match="shorter"):
        ratio(Samples((1.0, 2.0)), Samples((1.0,)))
