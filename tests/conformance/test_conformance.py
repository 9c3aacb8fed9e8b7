"""The report on frameworks: what it finds, the scripts that show it, and the page."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.conformance import holding
from ghostnp.conformance.page import from_json, to_markdown
from ghostnp.conformance.peers import PEERS
from ghostnp.conformance.spelling import Recorder, watching
from ghostnp.testing import Call
from ghostnp.testing.comparison import compare

FEW, ENOUGH = 3, 30  # calls for each question; and as many as find any mistake that is planted


# TensorFlow is too large a download for the tests: `test_what_is_watched_is_written_down` has what is ours of Keras.
# JAX is held in a process of its own, by `tests/testing/jax_functions.py`.
@pytest.fixture(scope="module", params=["pytorch", "onnxruntime", "openvino"])
def peer(request):
    return PEERS[request.param]()


def hold(peer, *names, dtypes=("float32",), examples=FEW):
    return list(holding.hold(peer, examples=examples, names=names, dtypes=dtypes))


def test_an_operator_that_is_right(peer):
    held = hold(peer, "add")
    assert {one.kind for one in held} == {"match", "law"}
    assert [one for one in held if one.failure] == []
    assert {one.against for one in held if one.kind == "match"} == set(holding.promised(holding.operator_named("add")))
    assert all(one.calls >= FEW for one in held)
    laws = {one.against for one in held if one.kind == "law"}
    assert "images independent" in laws
    assert ("gradient matches" in laws) == peer.differentiates


def test_a_node_that_does_nothing_is_no_refusal():
    """OpenVINO leaves out a concatenation of one part, and gives the input a second name."""
    peer = PEERS["openvino"]()
    call = Call("concat", xs=[(1, 2, 1, 1)], keep=1)
    compare(peer.function("concat"), None, call, peer.style("concat", "float32"))


def test_a_failure_is_shown_without_ghostnp():
    """Float64 `hardsigmoid` of PyTorch 2.13 has a slope with the digits of float32."""
    held = hold(PEERS["pytorch"](), "hard_sigmoid", dtypes=("float64",))
    (usual,) = [one for one in held if one.against == "usual"]
    assert usual.failure["says"].startswith("dx[0, 0, 0, 0] is ")
    assert usual.failure["reproduced"]
    script = usual.failure["script"]
    assert "ghostnp" not in script
    assert "torch.nn.functional.hardsigmoid(x" in script
    (slope,) = [one for one in held if one.against == "gradient matches"]
    assert slope.failure["reproduced"]


@pytest.fixture
def one_script(monkeypatch):
    """Of the scripts the first alone is run, that of the usual regime: each imports PyTorch in a process of its own."""
    run, scripts = holding._reproduced, []

    def reproduced(script, seen, raised):
        scripts.append(script)
        return run(script, seen, raised) if len(scripts) == 1 else None

    monkeypatch.setattr(holding, "_reproduced", reproduced)
    return scripts


def test_a_mistake_that_is_planted(monkeypatch, one_script):
    peer = PEERS["pytorch"]()
    monkeypatch.setitem(peer.functions, "softmax", lambda x: torch.nn.functional.softmax(x, 0))
    failures = [one for one in hold(peer, "softmax", examples=ENOUGH) if one.failure]
    (usual,) = [one for one in failures if one.against == "usual"]
    assert "torch.nn.functional.softmax(x, dim=0" in usual.failure["script"]
    assert usual.failure["reproduced"]
    assert one_script == [one.failure["script"] for one in failures]
    assert {"pixels alike", "images independent"} & {one.against for one in failures}


def test_a_refusal_is_told_once_and_left_out(monkeypatch):
    peer = PEERS["pytorch"]()

    def refuses(x):
        return torch.reshape(x, (-1, 7919)) if len(x) > 1 else torch.relu(x)

    monkeypatch.setitem(peer.functions, "relu", refuses)
    held = hold(peer, "relu", examples=ENOUGH)
    (refusal,) = [one for one in held if one.kind == "refusal"]
    assert refusal.failure["says"].startswith("it raised RuntimeError")
    assert refusal.failure["reproduced"]
    assert all(one.failure is None for one in held if one is not refusal)


@pytest.mark.usefixtures("one_script")
def test_a_result_of_another_shape_is_wrong_and_no_refusal(monkeypatch):
    peer = PEERS["pytorch"]()
    monkeypatch.setitem(peer.functions, "relu", lambda x: torch.cat([torch.relu(x)] * 2, 1))
    held = hold(peer, "relu", examples=ENOUGH)
    assert {one.kind for one in held} == {"match", "law"}
    assert all(one.failure for one in held if one.against in ("usual", "gradient matches"))


def test_onnx_models_are_written_down(monkeypatch):
    peer = PEERS["onnxruntime"]()
    monkeypatch.setitem(holding.__dict__, "compare", refuse_all)
    (usual,) = [one for one in hold(peer, "max_pool2d") if one.against == "usual"]
    assert "onnx.helper.make_node('MaxPool', ['x'], " in usual.failure["script"]
    assert usual.failure["reproduced"]


def refuse_all(function, backward, call, style):
    style.adapter(function, list(call.arguments(np.float32).values()), call.keywords, style.form, [False] * 2)
    raise AssertionError("wanted")


def test_what_is_watched_is_written_down():
    """As Keras is: the functions of a module that a vocabulary calls, up to the one that raises."""
    vocabulary = SimpleNamespace(keras=SimpleNamespace(relu=abs, add=max))
    x, kept = -1.5, vocabulary.keras
    recorder = Recorder({"x": x})
    with watching(vocabulary, {"keras": "keras"}, recorder):
        vocabulary.keras.add(vocabulary.keras.relu(x), 2, key=abs)
    assert recorder.lines == ["v1 = keras.relu(x)", "v2 = keras.add(v1, 2, key=abs)"]
    assert vocabulary.keras is kept


def test_the_command_writes_a_page(tmp_path):
    page, file = tmp_path / "page.md", tmp_path / "all.json"
    said = ["--framework", "pytorch", "--operator", "hard_sigmoid", "--dtype", "float64", "--calls", "2"]
    done = CliRunner().invoke(main, ["conformance", *said, "--markdown", str(page), "--json", str(file)])
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    assert f"PyTorch (torch {torch.__version__}" in text
    assert "| hard_sigmoid | float64 | ✗ 1" in text
    assert "```py\n# dx[" in text
    read = from_json(file.read_text())
    assert to_markdown([read]) == text
    assert json.loads(file.read_text())["frameworks"][0]["held"][0]["operator"] == "hard_sigmoid"
    again = CliRunner().invoke(main, ["conformance", "--read", str(file)])
    assert again.output.strip() == text.strip()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["--operator", "conv3d"],
            "--operator 'conv3d': the rule is an operator of the vocabulary, nearest first: conv2d",
        ),
        (["--read", "pyproject.toml"], "--read: .*"),
        (["--framework", "caffe"], "'caffe' is not one of"),
    ],
)
def test_bad_options(options, says):
    done = CliRunner().invoke(main, ["conformance", *options])
    assert done.exit_code == 2
    assert says.removesuffix(".*") in done.output
