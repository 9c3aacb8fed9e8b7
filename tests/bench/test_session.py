"""A row: everyone prepares, results are compared, and only those who are right are timed."""

import os
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
import pytest

from ghostnp.bench import sections, session
from ghostnp.bench.roofline import Work
from ghostnp.bench.session import Measurement, Session
from ghostnp.bench.surroundings import Others, processor
from ghostnp.bench.tasks import CallTask, NetworkTask
from ghostnp.bench.timing import Samples
from ghostnp.bench.worker import WorkerError

pytestmark = pytest.mark.small
TASK = CallTask("relu", (("x", (1, 2, 3, 3)),))
EVERYONE = ("ghostnp", "PyTorch", "definitions")


class FakeWorker:
    """Answers as it is told to, by contender; the fixture below empties both."""

    answers: ClassVar = {}
    turns: ClassVar = []

    def __init__(self, module, threads):
        self.module = module

    process = os.getpid()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def prepare(self, variant, task):
        answer = self.answers.get(variant, 1.0)
        if isinstance(answer, str):
            raise WorkerError(answer)
        return {"y": np.full(5, answer)}, 1.0

    def turn(self, variant):
        self.turns.append(variant)
        if self.module in self.answers.get("ended", ()):
            raise WorkerError(f"the process of {self.module} ended")
        return 2.0 if variant == "ghostnp" else 4.0

    def peak(self, variant, small, task):
        assert (small.size, small.batch) == (64, 2)
        return 1000 * task.batch

    def forget(self):
        self.turns.append("forget")
        if self.module in self.answers.get("ended", ()):
            raise WorkerError("ended")


@pytest.fixture
def answers(monkeypatch):
    """What contenders answer, to be changed; ghostnp and all others say 1."""
    monkeypatch.setattr(FakeWorker, "answers", {})
    monkeypatch.setattr(FakeWorker, "turns", [])
    monkeypatch.setattr(Others, "share", 0.0)
    for module in (session, sections):
        monkeypatch.setattr(module, "Worker", FakeWorker)
    return FakeWorker.answers


def measure(contenders=EVERYONE, repeat=3):
    with Session(contenders, threads=1, repeat=repeat, seconds=1) as running:
        return running.row("ops", {"operator": "relu"}, TASK, Work(1, 1)), running.failures


@pytest.mark.usefixtures("answers")
def test_all_take_turns_when_all_agree():
    row, failures = measure()
    expected = {"ghostnp": Samples((2.0,) * 3), "PyTorch": Samples((4.0,) * 3), "definitions": Samples((4.0,) * 3)}
    where = {"processor": processor(), "threads": "1"}
    assert row == Measurement("ops", {"operator": "relu"}, expected, {}, Work(1, 1), 0.0, where)
    assert failures == []
    assert FakeWorker.turns == [*EVERYONE] * 4 + ["forget"] * 3


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(
    ("shares", "kept", "tries"), [([0.5, 0.05], 0.05, 2), ([0.5, 0.3, 0.2, 0.4, 0.3, 0.0], 0.2, 5), ([None], 0.0, 1)]
)
def test_a_row_that_others_disturb_is_measured_again(monkeypatch, shares, kept, tries):
    left = list(shares)
    monkeypatch.setattr(session, "sleep", lambda seconds: None)
    monkeypatch.setattr(Others, "share", property(lambda self: left.pop(0)))
    row, _ = measure()
    assert row.others == kept
    assert len(left) == len(shares) - tries
    assert FakeWorker.turns.count("ghostnp") == 4 * tries


@pytest.mark.usefixtures("answers")
def test_a_core_is_busy_while_times_are_taken_and_its_time_is_not_that_of_others(monkeypatch):
    happened, counted = FakeWorker.turns, []

    @contextmanager
    def busy_core():
        happened.append("begin")
        yield 4321
        happened.append("end")

    monkeypatch.setattr(session, "busy_core", busy_core)
    monkeypatch.setattr(Others, "__init__", lambda self, processes=(): counted.extend(processes))
    with Session(("ghostnp",), threads=2, repeat=3, busy=True) as running:
        row = running.row("ops", {"operator": "relu"}, TASK)
    assert happened == ["begin", *["ghostnp"] * 4, "end", "forget"]
    assert counted == [FakeWorker.process, 4321]
    assert row.where["threads"] == "2 beside a busy core"


@pytest.mark.usefixtures("answers")
def test_a_training_step_is_compared_with_more_images_where_one_is_too_few(monkeypatch):
    prepared = []
    monkeypatch.setattr(
        FakeWorker, "prepare", lambda self, variant, task: prepared.append(task.batch) or ({"y": np.ones(3)}, 1.0)
    )
    with Session(("ghostnp",), threads=1, repeat=1) as running:
        running.row("networks", {}, NetworkTask("ghostnet_100", 64, 1, training=True))
    assert prepared == [2, 1]


def test_a_wrong_result_is_shown_and_not_timed(answers):
    answers["PyTorch"] = 1.1
    row, failures = measure()
    assert list(row.samples) == ["ghostnp", "definitions"]
    assert "y is off by" in row.problems["PyTorch"]
    assert failures == [f"relu (threads: 1): PyTorch: {row.problems['PyTorch']}"]
    assert "PyTorch" not in FakeWorker.turns


def test_an_error_is_shown_and_the_others_go_on(answers):
    answers["definitions"] = "ValueError: no"
    row, failures = measure()
    assert list(row.samples) == ["ghostnp", "PyTorch"]
    assert failures == ["relu (threads: 1): definitions: ValueError: no"]


def test_a_process_that_ends_while_it_is_timed_costs_its_row_and_is_replaced(answers):
    answers["ended"] = ("pytorch",)
    with Session(EVERYONE, threads=1, repeat=3) as running:
        first, again = running.worker("ours"), running.worker("pytorch")
        row = running.row("ops", {"operator": "relu"}, TASK)
        assert row.samples == {}
        assert running.failures == ["relu (threads: 1): all: the process of pytorch ended while it was timed"]
        assert running.worker("ours") is first
        assert running.worker("pytorch") is not again


def test_what_is_only_missing_is_no_failure(answers):
    answers["definitions"] = "NotImplementedError: none here"
    row, failures = measure()
    assert row.problems == {"definitions": "NotImplementedError: none here"}
    assert failures == []


def test_ours_failing_leaves_the_peers_to_be_compared_with_each_other(answers):
    answers["ghostnp"] = "ValueError: no"
    row, failures = measure()
    assert list(row.samples) == ["PyTorch", "definitions"]
    assert failures == ["relu (threads: 1): ghostnp: ValueError: no"]


def test_the_compiled_engine_is_held_against_the_model(answers):
    answers["ghostnp compiled"] = 0.9
    with Session(("ghostnp", "ghostnp compiled"), threads=1, repeat=3) as running:
        task = NetworkTask("shufflenetv2_0.5x", 64, 1, training=False)
        row = running.row("networks", {"network": "small"}, task)
    assert list(row.samples) == ["ghostnp"]
    assert "off by" in row.problems["ghostnp compiled"]


@pytest.mark.usefixtures("answers")
def test_who_takes_part_in_what():
    with Session(("ghostnp", "ghostnp compiled", "PyTorch", "ONNX Runtime"), threads=1, repeat=1) as all_of:
        training = NetworkTask("ghostnet_100", 64, 2, training=True)
        assert [found.name for found in all_of.taking_part(training)] == ["ghostnp", "ghostnp compiled", "PyTorch"]
        assert [found.name for found in all_of.taking_part(TASK)] == ["ghostnp", "PyTorch"]


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize(("network", "size"), [("shufflenetv2_0.5x", 32), ("ghostnetv2_100", 96)])
def test_a_training_step_in_which_a_batch_norm_has_one_number_is_not_measured(network, size):
    with Session(("ghostnp",), threads=1, repeat=1) as running:
        rows = list(sections.networks(running, [network], [size], [1, 2]))
        assert running.failures == []
    assert [(row.labels["batch"], row.labels["pass"], bool(row.samples)) for row in rows] == [
        ("1", "inference", True),
        ("1", "training step", False),
        ("2", "inference", True),
        ("2", "training step", True),
    ]
    assert "N·H·W = 1 values" in rows[1].problems["ghostnp"]


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("section", ["networks", "memory"])
def test_a_network_that_cannot_take_so_small_an_image_says_so(section):
    with Session(("ghostnp",), threads=1, repeat=1) as running:
        rows = list(sections.SECTIONS[section](running, ["ghostnetv2_100"], [32], [8]))
        assert running.failures == []
    assert [(row.samples, "2x2 pixels or more" in row.problems["ghostnp"]) for row in rows] == [({}, True)] * 2


@pytest.mark.usefixtures("answers")
def test_memory_is_asked_of_a_process_for_each_contender():
    with Session(("ghostnp", "PyTorch", "ONNX Runtime"), threads=1, repeat=1) as running:
        rows = list(sections.memory(running, ["shufflenetv2_0.5x"], [64], [4]))
    assert [row.samples for row in rows] == [
        dict.fromkeys(("ghostnp", "PyTorch", "ONNX Runtime"), Samples((4000,))),
        dict.fromkeys(("ghostnp", "PyTorch"), Samples((4000,))),
    ]


@pytest.mark.usefixtures("answers")
def test_operators_go_forward_and_backward_but_for_those_that_only_hand_out_views():
    with Session(("ghostnp",), threads=1, repeat=1) as running:
        rows = list(sections.ops(running, ["shufflenetv2_0.5x"], [64], [2]))
    passes = {(row.labels["operator"], row.labels["pass"]) for row in rows}
    assert {("depthwise_conv2d", "forward"), ("depthwise_conv2d", "backward"), ("concat", "forward")} <= passes
    assert not {("concat", "backward"), ("flatten", "forward"), ("split", "forward")} & passes
    assert all(row.work.bytes > 0 for row in rows)


def test_what_is_not_installed_is_named_and_left_out(monkeypatch):
    monkeypatch.setattr("ghostnp.bench.contenders.installed", lambda package: None)
    assert sections.missing(("ghostnp", "PyTorch", "OpenVINO", "einsum")) == {
        "PyTorch": "torch",
        "OpenVINO": "openvino",
    }
    assert [found.name for found in Session(("ghostnp", "PyTorch"), threads=1, repeat=1).contenders] == ["ghostnp"]
