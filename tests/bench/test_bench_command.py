"""The command `ghostnp bench`, as someone types it."""

import json

import pytest
from click.testing import CliRunner

from ghostnp.bench import sections
from ghostnp.bench.session import Measurement
from ghostnp.bench.timing import Samples
from ghostnp.cli.bench import bench


def run(*arguments):
    return CliRunner().invoke(bench, [str(argument) for argument in arguments])


def test_a_small_network_is_really_measured(tmp_path):
    options = ["--network", "shufflenetv2_0.5x", "--size", 64, "--batch", 2, "--repeat", 3, "--threads", 1]
    files = ["--json", tmp_path / "bench.json", "--plot", tmp_path / "bench.png"]
    result = run("networks", *options, *files)
    assert result.exit_code == 0, result.output
    inference, training = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert list(inference["samples"]) == [
        "ghostnp", "ghostnp compiled", "PyTorch", "PyTorch channels_last", "ONNX Runtime", "OpenVINO"
    ]  # fmt: skip
    assert list(training["samples"]) == ["ghostnp", "ghostnp compiled", "PyTorch", "PyTorch channels_last"]
    assert all(len(taken) == 3 for row in (inference, training) for taken in row["samples"].values())
    assert (tmp_path / "bench.png").stat().st_size > 1000
    assert "threads: 1 for each contender" in result.stdout
    assert "networks: shufflenetv2_0.5x 64 2 inference" in result.stderr


@pytest.fixture
def asked(monkeypatch):
    """What the sections are asked for, without measuring anything."""
    calls = {}

    def section(name):
        def rows(session, networks, sizes, batches):
            calls[name] = (tuple(networks), tuple(sizes), tuple(batches), session.seconds)
            yield Measurement("startup", {"what": name}, {"ghostnp": Samples((1.0,))})
            calls.setdefault("settings", {}).setdefault(name, []).append((session.threads, session.busy))
            session.failures += calls.get("failures", [])

        return rows

    monkeypatch.setattr(sections, "SECTIONS", {name: section(name) for name in sections.SECTIONS})
    monkeypatch.setattr("ghostnp.bench.session.Session.measure_machine", lambda self: None)
    return calls


@pytest.mark.small
def test_alone_it_runs_a_little_of_everything(asked):
    assert run().exit_code == 0
    assert asked["networks"] == (sections.NETWORKS, (224,), (1, 8), 3.0)
    assert asked["ops"] == (("ghostnet_100",), (224,), (8,), 0.3)
    assert asked["memory"] == (("ghostnet_100",), (224,), (1, 8), 3.0)
    assert "startup" in asked


@pytest.mark.small
def test_the_whole_of_it(asked):
    assert run("--full").exit_code == 0
    assert asked["networks"] == asked["memory"] == (sections.NETWORKS, (32, 96, 224), (1, 8, 32), 3.0)
    assert asked["ops"] == (sections.LAYERS_OF, (224,), (8,), 0.3)


@pytest.mark.small
def test_what_is_asked_for_is_run_and_nothing_else(asked):
    result = run("ops", "--network", "ghostnet_050", "--batch", 2, "--batch", 3, "--seconds", 1, "--format", "markdown")
    assert result.exit_code == 0
    assert asked.keys() == {"ops", "settings"}
    assert asked["ops"] == (("ghostnet_050",), (224,), (2, 3), 1.0)
    assert "| what   | ghostnp s   |" in result.stdout


@pytest.mark.small
def test_numbers_of_threads_and_a_busy_core_are_measured_side_by_side(asked):
    result = run("--threads", 1, "--threads", 2, "--busy")
    assert result.exit_code == 0
    assert "threads: 1, 2 for each contender" in result.stdout
    quiet, beside = [(1, False), (2, False)], [(1, True), (2, True)]
    assert asked["settings"] == {
        "ops": quiet + beside, "networks": quiet + beside, "memory": quiet, "startup": quiet,
    }  # fmt: skip


@pytest.mark.small
def test_a_wrong_result_fails_the_command_after_the_table(asked):
    asked["failures"] = ["relu: PyTorch: y is off by 1.0e+00"]
    result = run("startup")
    assert result.exit_code == 1
    assert "ghostnp s" in result.stdout
    assert result.stderr.endswith("Error: these are not right:\nrelu: PyTorch: y is off by 1.0e+00\n")


@pytest.mark.small
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plot", "nowhere/bench.png"], ["no folder nowhere", "bench.png"]),
        (["--network", "ghostnet"], ["'ghostnet' is not one of", "ghostnet_100"]),
        (["--batch", 0], ["--batch", "x>=1"]),
        (["--peers", "tensorflow"], ["'tensorflow' is not one of", "onnx-runtime"]),
        (["speed"], ["'speed' is not one of", "networks"]),
    ],
)
def test_bad_input(asked, arguments, words):
    result = run(*arguments)
    assert result.exit_code != 0
    assert all(word in result.stderr for word in words)
    assert asked == {}
