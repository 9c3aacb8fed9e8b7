"""What is printed, drawn and written down."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from ghostnp.bench.bench_report import BenchReport
from ghostnp.bench.roofline import Machine, Work
from ghostnp.bench.session import Measurement
from ghostnp.bench.surroundings import Others, surroundings
from ghostnp.bench.timing import Samples

pytestmark = pytest.mark.small
NETWORK = {"network": "ghostnet_100", "size": "224", "batch": "8", "pass": "inference"}
CALL = {"operator": "relu", "pass": "forward", "call": "8x16x7x7"}
WHERE = {"processor": "Abacus", "threads": "2"}


@pytest.fixture
def report():
    times = {"ghostnp": (0.02, 0.022, 0.021), "ghostnp compiled": (0.01,) * 3, "PyTorch": (0.04, 0.044, 0.05)}
    calls = {"ghostnp": Samples((2e-3,)), "PyTorch": Samples((1e-3,))}
    left_out = {"im2col": "NotImplementedError: none"}
    rows = [
        Measurement(
            "networks",
            NETWORK,
            {name: Samples(values) for name, values in times.items()},
            {"ONNX Runtime": "no"},
            where=WHERE,
        ),
        Measurement("ops", CALL, calls, left_out, Work(4_000_000, 1_000_000), where=WHERE, machine=Machine(1e10, 1e9)),
        Measurement("memory", NETWORK, {"ghostnp": Samples((6.4e9,)), "PyTorch": Samples((12.8e9,))}),
        Measurement("startup", {"what": "import"}, {"ghostnp": Samples((0.1,)), "PyTorch": Samples((2.0,))}),
    ]
    return BenchReport(surroundings("1, 2"), {"ONNX Runtime": "onnxruntime"}, rows, ["one failure"])


def cells(text, name):
    """The cells of the lines that begin with `name`, of a table in Markdown."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {name}")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_each_way_of_ours_has_a_line_and_each_peer_a_ratio(report):
    network, compiled, memory = cells(report.text("github"), "ghostnet_100")
    assert network == [*NETWORK.values(), *WHERE.values(), "ghostnp", "21", "0.50 (0.46–0.50)"]
    assert compiled == [*NETWORK.values(), *WHERE.values(), "ghostnp compiled", "10", "0.23 (0.21–0.24)"]
    assert memory == [*NETWORK.values(), "6,400", "0.50"]


def test_operators_stand_beside_their_bound(report):
    """4 MFLOP in 0.4 ms at 10 GFLOP/s, 1 MB in 1 ms at 1 GB/s: memory bounds, and 2 ms are half of what is possible."""
    (call,) = cells(report.text("github"), "relu")
    assert call == [*CALL.values(), *WHERE.values(), "2", "4", "1", "4", "1", "50%", "2.00"]
    assert "10 GFLOP/s and 1 GB/s (threads: 2)" in report.text()


def test_start_up_is_in_seconds(report):
    assert cells(report.text("github"), "import") == [["import", "0.1", "0.05"]]


def test_header_and_notes(report):
    text = report.text()
    for word in ("processor: ", "threads: 1, 2 for each", "OMP_WAIT_POLICY: ", "numpy: ", "torch: 2", "date: 2"):
        assert word in text
    assert "ONNX Runtime: takes no part, onnxruntime is not installed" in text
    assert "ghostnet_100 224 8 inference (threads: 2): ONNX Runtime: no" in text
    assert "NotImplementedError" not in text


def test_json_has_every_sample_and_ratio(report):
    found = json.loads(report.to_json())
    network, call, *_ = found["rows"]
    assert network["samples"]["ghostnp"] == [0.02, 0.022, 0.021]
    assert network["ratios"]["ghostnp compiled / PyTorch"]["value"] == pytest.approx(10 / 44)
    assert call["bound"] == 1e-3
    assert call["intensity"] == 4
    assert call["machine"] == {"flops": 1e10, "bandwidth": 1e9}
    assert all(row["processor"] == "Abacus" and row["threads"] == "2" for row in (network, call))
    assert found["failures"] == ["one failure"]


def test_the_picture_has_a_dot_for_each_ratio_and_each_operator(report, tmp_path):
    figure = report.picture()
    ratios, roof = figure.axes
    dots = [line for line in ratios.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [pytest.approx([0.5, 10 / 44, 0.5, 0.05])]
    points = [line for line in roof.lines if line.get_marker() == "o"]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in points] == [([4.0], [pytest.approx(2.0)])]
    figure.savefig(tmp_path / "bench.png")


@pytest.mark.parametrize("kept", [["networks"], ["ops"], []])
def test_a_part_of_it_is_drawn_as_well(report, kept):
    report.rows = [row for row in report.rows if row.section in kept]
    assert len(report.picture().axes) == 1


def test_other_programs_are_seen():
    """Nobody knows how busy a test machine is; it is a share, or not known."""
    others = Others()
    sum(number * number for number in range(1_000_000))
    assert others.share is None or 0 <= others.share <= 1


def test_the_time_of_a_child_is_not_that_of_others():
    code = "sum(n * n for n in range(10_000_000)); print(flush=True); input()"
    others = Others()
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        knowing = Others([child.pid])
        child.stdout.readline()
        ignorant_share, knowing_share = others.share, knowing.share
        child.communicate(b"\n")
    assert ignorant_share is None or knowing_share < ignorant_share


def test_rows_that_others_disturbed_are_named_and_have_no_ratios(report):
    assert "other programs took 10%" not in report.text()
    report.rows[0] = replace(report.rows[0], others=0.3)
    text = report.text("github")
    assert "other programs took 10% of the machine or more, again and again." in text
    assert "\n- ghostnet_100 224 8 inference (threads: 2)" in text
    assert [line[-2:] for line in cells(text, "ghostnet_100")[:2]] == [["21", "disturbed"], ["10", "disturbed"]]
    network, *_ = json.loads(report.to_json())["rows"]
    assert network["ratios"] == {}
    assert network["samples"]["PyTorch"] == [0.04, 0.044, 0.05]
    assert len(next(line for line in report.picture().axes[0].lines if line.get_marker() == "o").get_xdata()) == 2


def test_the_roof_is_that_of_the_first_number_of_threads(report):
    alone = replace(report.rows[1], where=WHERE | {"threads": "1"}, machine=Machine(5e9, 1e9))
    report.rows.append(alone)
    assert "10 GFLOP/s and 1 GB/s (threads: 2); 5 GFLOP/s and 1 GB/s (threads: 1)" in report.text()
    _, roof = report.picture().axes
    assert [len(line.get_xdata()) for line in roof.lines if line.get_marker() == "o"] == [1]
