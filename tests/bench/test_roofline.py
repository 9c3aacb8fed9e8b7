"""What a call is bound by, against arithmetic done by hand."""

import math

import pytest

from ghostnp.bench.roofline import Machine, Work, measure, prepare, work
from ghostnp.bench.tasks import CallTask

pytestmark = pytest.mark.small
GEOMETRY = (("stride", 1), ("padding", 1), ("dilation", 1))
X, Y = 2 * 8 * 6 * 6, 2 * 4 * 6 * 6


@pytest.mark.parametrize(
    ("task", "flops", "numbers"),
    [
        (
            CallTask("standard_conv2d", (("x", (2, 8, 6, 6)), ("weight", (4, 8, 3, 3))), (*GEOMETRY, ("bias", None))),
            2 * Y * 8 * 9,
            X + 4 * 8 * 9 + Y,
        ),
        (
            CallTask(
                "standard_conv2d",
                (("x", (2, 8, 6, 6)), ("weight", (4, 8, 3, 3)), ("bias", (4,))),
                GEOMETRY,
                backward=True,
            ),
            2 * (2 * Y * 8 * 9 + Y),
            2 * (X + 4 * 8 * 9 + 4) + Y,
        ),
        (CallTask("relu", (("x", (2, 8, 6, 6)),)), X, 2 * X),
        (CallTask("relu", (("x", (2, 8, 6, 6)),), backward=True), X, 3 * X),
        (CallTask("concat", (("xs", ((2, 8, 6, 6), (2, 4, 6, 6))),), (("keep", None),)), 0, 2 * (X + Y)),
        (
            CallTask(
                "batch_norm_train", (("x", (2, 8, 6, 6)), ("weight", (8,)), ("bias", (8,))), (("eps", 1e-5),)
            ),
            6 * X,
            2 * X + 4 * 8,
        ),
    ],
    ids=["conv", "conv backward", "relu", "relu backward", "concat", "batch norm"],
)  # fmt: skip
def test_flops_and_bytes(task, flops, numbers):
    assert work(task) == Work(flops, 4 * numbers)


def test_the_bound_is_the_slower_of_arithmetic_and_memory():
    machine = Machine(flops=100.0, bandwidth=10.0)
    assert machine.bound(Work(flops=1000, bytes=10)) == 10.0
    assert machine.bound(Work(flops=1000, bytes=1000)) == 100.0
    assert Work(flops=1000, bytes=250).intensity == 4.0


def test_the_machine_is_measured_by_its_best_turn():
    class Fake:
        def __init__(self):
            self.turns = {"flops": [3.0, 2.0, 4.0], "bandwidth": [1.0, 0.5, 2.0]}

        def prepare(self, variant, task):
            assert variant == task

        def turn(self, variant):
            return self.turns[variant].pop(0)

        def forget(self):
            pass

    machine = measure(Fake(), repeat=3)
    assert machine.flops == 2 * 2048**3 / 2.0
    assert machine.bandwidth == 3 * 4 * 16_000_000 / 0.5


@pytest.mark.parametrize("name", ["flops", "bandwidth"])
def test_what_is_measured_does_its_work(name):
    ready = prepare(name, name, 2)
    result = ready.run()
    if name == "bandwidth":
        assert [(part.min(), part.max()) for part in result] == [(2, 2)] * 2
        assert sum(len(part) for part in result) == 16_000_000
    else:
        assert math.isfinite(result[0, 0])
        assert result.shape == (2048, 2048)
