"""The report on frameworks: what it finds, the scripts that show it, and the page."""

import json
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from ghostnp.cli import main
from ghostnp.conformance import holding
from ghostnp.conformance.page import from_json, to_markdown
from ghostnp.conformance.peers import PEERS

FEW = 3  # calls for each question


@pytest.fixture(scope="module", params=list(PEERS))
def peer(request):
    found = PEERS[request.param]()
    if request.param == "keras":
        assert not found.installed  # too large a download for the tests; `test_keras_is_written_down` has what is ours
        pytest.skip("TensorFlow is no dependency of the tests")
    return found


def hold(peer, *names, dtypes=("float32",)):
    return list(holding.hold(peer, examples=FEW, names=names, dtypes=dtypes))


def test_an_operator_that_is_right(peer):
    held = hold(peer, "relu")
    assert {one.kind for one in held} == {"match", "law"}
    assert [one for one in held if one.failure] == []
    assert {one.against for one in held if one.kind == "match"} == set(holding.promised(holding.operator_named("relu")))
    assert all(one.calls >= FEW for one in held)
    laws = {one.against for one in held if one.kind == "law"}
    assert "images independent" in laws
    assert ("gradient matches" in laws) == peer.differentiates


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


# A mistake for each of our own vocabularies: what is planted, and the call of the framework that shows it.
PLANTED = {
    "pytorch": ("softmax", lambda x: torch.nn.functional.softmax(x, 0), "torch.nn.functional.softmax(x, 0"),
    "jax": ("softmax", lambda x: jax_vocabulary().jax.nn.softmax(x, 2), "jax.nn.softmax(x, 2)"),
}


def jax_vocabulary():
    from ghostnp.conformance import jax_vocabulary as vocabulary

    return vocabulary


@pytest.mark.parametrize("name", PLANTED)
def test_a_mistake_that_is_planted(name, monkeypatch):
    operator, mistake, shown = PLANTED[name]
    peer = PEERS[name]()
    monkeypatch.setitem(peer.functions, operator, mistake)
    failures = [one for one in hold(peer, operator) if one.failure]
    (usual,) = [one for one in failures if one.against == "usual"]
    assert shown in usual.failure["script"]
    assert usual.failure["reproduced"]
    assert {"pixels alike", "channels alike"} & {one.against for one in failures}


def test_a_refusal_is_told_once_and_left_out(monkeypatch):
    peer = PEERS["pytorch"]()

    def refuses(x):
        return torch.nn.functional.conv2d(x, x) if len(x) > 1 else torch.relu(x)

    monkeypatch.setitem(peer.functions, "relu", refuses)
    held = hold(peer, "relu")
    (refusal,) = [one for one in held if one.kind == "refusal"]
    assert refusal.failure["says"].startswith("it raised RuntimeError")
    assert refusal.failure["reproduced"]
    assert all(one.failure is None for one in held if one is not refusal)


def test_onnx_models_are_written_down(monkeypatch):
    peer = PEERS["onnxruntime"]()
    monkeypatch.setitem(holding.__dict__, "compare", refuse_all)
    (usual,) = [one for one in hold(peer, "max_pool2d") if one.against == "usual"]
    assert "onnx.helper.make_node('MaxPool', ['x'], " in usual.failure["script"]
    assert usual.failure["reproduced"]


def refuse_all(function, backward, call, style):
    import numpy as np

    style.adapter(function, list(call.arguments(np.float32).values()), call.keywords, style.form, [False] * 2)
    raise AssertionError("wanted")


def test_keras_is_written_down():
    """Without TensorFlow: tensors of NumPy, and a module with the functions that a script names."""
    from ghostnp.conformance.spelling import Recorder, watching

    keras = SimpleNamespace(ops=SimpleNamespace(relu=lambda x: abs(x), add=lambda a, b: a + b))
    vocabulary = SimpleNamespace(keras=keras)
    recorder = Recorder({"x": -1.5})
    with pytest.raises(AttributeError, match="softmax"), watching(vocabulary, {"keras": "keras"}, recorder):
        vocabulary.keras.ops.add(vocabulary.keras.ops.relu(-1.5), 2)
        vocabulary.keras.ops.softmax(1)
    assert vocabulary.keras is keras


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
