"""`ghostnp train`: what it leaves in its folder, that it goes on bit for bit, and what it says when it cannot."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ghostnp
from ghostnp.cli import main
from ghostnp.modules import Conv2d, Flatten, GlobalAvgPool2d, Linear, Module, Sequential
from ghostnp.ops.updates import UPDATES
from ghostnp.training.blame import first_odd
from ghostnp.training.data import list_data, load_data
from ghostnp.training.dataset import DataSet, Part, resized
from ghostnp.training.loop import Training, accuracy, tiny_ghostnet
from ghostnp.training.networks import TINY, begin_with, classifier_of, list_networks, network, usual_rate
from ghostnp.training.recipe import SCHEDULES, Recipe
from ghostnp.training.session import Request, Session, TrainingError

ALL = {"run.json", "checkpoint.safetensors", "log.json", "curves.png", "weights.safetensors"}


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, ["train", *map(str, words)])


def weights_of(folder):
    return ghostnp.load_weights(folder / "weights.safetensors")


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_a_training_leaves_weights_a_log_and_a_picture(run, tmp_path):
    result = run("--epochs", 3, "--output", "out")
    assert result.exit_code == 0, result.output
    assert "a step is one compiled program" in result.stdout
    assert "epoch 3/3: loss" in result.stdout
    folder = tmp_path / "out"
    assert {path.name for path in folder.iterdir()} == ALL
    log = json.loads((folder / "log.json").read_text())
    assert log["compiled"] is True
    assert log["steps"] == log["of"] == 69
    assert [row["epoch"] for row in log["epochs"]] == [1, 2, 3]
    assert log["request"]["recipe"]["rate"] == 0.1
    with Image.open(folder / "curves.png") as picture:
        picture.load()
    model = tiny_ghostnet(seed=5)
    model.load_state_dict(weights_of(folder))
    assert accuracy(model, *load_data("digits").test) == log["epochs"][-1]["accuracy"]
    assert f"accuracy {log['epochs'][-1]['accuracy']:.2%} on 360 test images" in result.stdout


def request(**recipe):
    given = {"epochs": 2, "batch": 300, "optimiser": "adamw", "rate": 0.01, "average": 0.9, "shift": 1, "clip": 1.0}
    return Request(recipe=Recipe.of(**{**given, **recipe}))


def test_stopped_anywhere_it_goes_on_to_the_same_weights(tmp_path):
    whole = Session(tmp_path / "whole", request())
    assert whole.run()
    assert whole.training.steps == 10
    for place in (0, 4, 5, 9):
        folder = tmp_path / str(place)
        first = Session(folder, request())
        assert not first.run(stop=lambda first=first, place=place: first.training.done == place)
        assert not (folder / "weights.safetensors").exists()
        second = Session(folder)
        assert second.training.done == place
        assert second.run(every=0)
        assert_same(weights_of(folder), weights_of(tmp_path / "whole"))
        assert [row[:3] for row in second.history] == [row[:3] for row in whole.history]


def test_going_on_with_what_has_ended_changes_nothing(run, tmp_path):
    assert run("--epochs", 1, "--output", "out").exit_code == 0
    before = weights_of(tmp_path / "out")
    (tmp_path / "out" / "weights.safetensors").unlink()
    result = run("--resume", "--output", "out")
    assert result.exit_code == 0, result.output
    assert_same(weights_of(tmp_path / "out"), before)


def test_a_training_is_not_begun_over_another(run):
    assert run("--epochs", 1, "--output", "out").exit_code == 0
    result = run("--epochs", 1, "--output", "out")
    assert result.exit_code == 1
    assert "out holds a training already: the rule is --resume" in result.stderr
    assert run("--epochs", 1, "--output", "out", "--force").exit_code == 0
    assert run("--resume", "--epochs", 1, "--output", "out").exit_code == 0
    for words, said in (
        (("--epochs", 2), "this training was begun with epochs=1, and here 2"),
        (("--momentum", 0.5), "settings={}, and here {'momentum': 0.5}"),
        (("--data", "far-pixels"), "data='digits', and here 'far-pixels'"),
        (("--layers",), "compiled=None, and here False"),
        (("--force",), "--resume and --force: the rule is one of them"),
    ):
        result = run("--resume", "--output", "out", *words)
        assert result.exit_code == 1
        assert said in result.stderr


BAD = [
    (("--resume", "--output", "nowhere"), "no training in nowhere: the rule is a folder with run.json"),
    (("--output", "no/where"), "no folder no for where: the rule is one that exists"),
    (("--model", "ghostnt_tiny"), "name='ghostnt_tiny': the rule is one of list_networks(), nearest first: ghostnet_t"),
    (("--data", "minst"), "name='minst': the rule is one of list_data()"),
    (("--data", "mnist"), "folder is None: the rule for mnist"),
    (("--data", "mnist", "--folder", "nowhere"), "there is no such folder"),
    (("--init", "nowhere.npz"), "no weights at"),
    (("--rate", "nan"), "rate=nan: the rule is"),
    (("--rate", "-1"), "rate=-1.0: the rule is"),
    (("--momentum", "2"), "momentum=2.0: the rule is"),
    (("--optimiser", "adam", "--momentum", "0.9"), "momentum=0.9: adam has no such setting"),
    (("--batch", "5000"), "batch=5000: the rule is 1 to the 1437 images"),
    (("--warm-up", "15"), "warm_up=15: the rule is fewer than the 15 epochs"),
    (("--clip", "0"), "clip=0.0"),
    (("--average", "1.5"), "average=1.5"),
    (("--crop", "0"), "crop=0"),
    (("--label-smoothing", "2"), "label_smoothing=2.0"),
    (("--fall", "-1"), "fall=-1.0"),
    (("--checkpoint-every", "-1"), "every=-1.0: the rule is"),
    (("--model", "alexnet"), "image_size"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "said"), BAD, ids=[" ".join(words) for words, _ in BAD])
def test_what_is_not_legal_is_one_line(run, words, said):
    result = run("--epochs", 15, *words)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert said in result.stderr


def test_photos_are_read_in_the_size_that_is_asked_for(tmp_path):
    """First made small and then large again, they would lose what is in them."""
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    asked = replace(request(batch=5), data="folder", folder=str(tmp_path / "photos"), size=48, compiled=False)
    data = Session(tmp_path / "out", asked).data
    expected = load_data("folder", folder=tmp_path / "photos", size=48)
    assert data.shape == (3, 48, 48)
    for part, right in zip((data.train, data.test), (expected.train, expected.test), strict=True):
        np.testing.assert_array_equal(part.images, right.images)


@pytest.mark.parametrize("words", [("--model", "nope"), ("--batch", 5000), ("--init", "nowhere.npz")])
def test_what_is_refused_leaves_no_folder_and_keeps_the_training_that_was_there(run, tmp_path, words):
    assert run(*words, "--output", "new").exit_code == 1
    assert not list(tmp_path.iterdir())
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.json").write_text("{}")
    assert run(*words, "--force", "--output", "old").exit_code == 1
    assert (tmp_path / "old" / "run.json").exists()


def test_a_name_that_is_unknown_is_told_before_a_folder_that_is_taken(run, tmp_path):
    (tmp_path / "run.json").touch()
    for words in (("--model", "nope"), ("--data", "nope")):
        assert "Error: name='nope'" in run(*words, "--output", ".").stderr


def test_a_folder_that_cannot_be_made_is_told_in_words(run):
    result = run("--output", "x" * 300)
    assert f"Error: the folder {'x' * 300} cannot be made (File name too long): the rule is one" in result.stderr


def test_the_commands_lists_are_those_of_the_library():
    options = {option.name: option for option in main.commands["train"].params}
    assert set(options["optimiser"].type.choices) == set(UPDATES)
    assert tuple(options["schedule"].type.choices) == SCHEDULES
    said = options["data"].help.removeprefix("Data set: ").removesuffix(".")
    assert set(re.split(", | or ", said)) == set(list_data())
    assert options["data"].default in list_data()
    assert options["model"].default in list_networks()
    rates = {name: usual_rate(TINY, name) for name in UPDATES}
    assert rates.keys() == UPDATES.keys()
    said = options["rate"].help
    assert f"{rates['sgd']} for sgd, {rates['rmsprop']} for rmsprop, {rates['adam']} for adam and adamw" in said
    assert rates["adam"] == rates["adamw"]
    assert "a tenth of that for a network without batch norm" in said
    for name, setting in (("momentum", "momentum"), ("decay", "decay")):
        told = [UPDATES[key].defaults[setting] for key in ("sgd", "rmsprop" if name == "momentum" else "adamw")]
        assert [float(number) for number in re.findall(r"\d[\d.e-]*\d|\d", options[name].help)][:2] == told


def test_networks_without_batch_norm_take_a_tenth_of_the_rate():
    for name in ghostnp.list_models():
        state = ghostnp.create_model(name, seed=None).state_dict()
        norms = sum(key.endswith("running_mean") for key in state)
        assert usual_rate(name, "sgd") == (0.1 if norms > 1 else 0.01), name


def test_a_ghost_resnet_begins_at_the_loss_of_guessing_and_learns(tmp_path):
    data = load_data("digits")
    data = resized(DataSet("digits", *(Part(part.images[:32], part.labels[:32]) for part in (data.train, data.test)),
                           data.classes), 32)  # fmt: skip
    recipe = Recipe(epochs=3, batch=16, rate=usual_rate("ghost_resnet50", "sgd"), clip=1.0)
    training = Training(network("ghost_resnet50", data), *data.train, recipe, compiled=False)
    losses = [training.epoch() for _ in range(3)]
    assert losses[0] < 3
    assert losses[-1] < losses[0]


def test_damaged_files_of_a_training_are_named(run, tmp_path):
    assert run("--epochs", 1, "--output", "out").exit_code == 0
    folder = tmp_path / "out"
    for name, contents, said in (
        ("run.json", b"", "run.json is damaged"),
        ("run.json", b'{"request": {"recipe": {"epochs": 0}}, "digest": ""}', "run.json is damaged (epochs=0"),
        ("run.json", b'{"request": 3, "digest": ""}', "run.json is damaged"),
        ("checkpoint.safetensors", b"nothing", "is no checkpoint of this training"),
        ("checkpoint.safetensors", (folder / "weights.safetensors").read_bytes(), "is no checkpoint of this training"),
    ):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(contents)
        result = run("--resume", "--output", "out")
        assert result.exit_code == 1, result.output
        assert said in result.stderr
        (folder / name).write_bytes(whole)
    asked = json.loads((folder / "run.json").read_text())
    asked["digest"] = "0" * 32
    (folder / "run.json").write_text(json.dumps(asked))
    assert "the data digits is not that of out any more" in run("--resume", "--output", "out").stderr


def test_a_loss_that_is_no_number_names_the_operator(run):
    result = run("--rate", "1e30", "--output", "out")
    assert result.exit_code == 1
    assert "the loss of step 2 is nan: it began in this step, with batch_norm_relu_train in bn1" in result.stderr
    assert result.stderr.endswith("the rule is a smaller step, such as --rate 0.1\n")
    result = run("--rate", "1e30", "--clip", "10", "--force", "--output", "out")
    assert result.stderr.endswith("such as --rate 0.1, or --clip 1\n")


def test_an_update_that_spoils_the_weights_is_found_a_step_later(tmp_path):
    session = Session(tmp_path / "out", request())
    weight = session.training.model.parameters()["classifier.weight"]

    def spoil(session):
        if session.training.done == 2:
            weight[0, 0] = np.inf

    with pytest.raises(TrainingError, match="it began in the step before, whose update it spoilt, with the update"):
        session.run(observe=spoil)


class Logarithm(Module):
    """Gives numbers that are none in its backward pass alone."""

    def forward(self, x, *, training=False, rng=None):
        return ghostnp.backend.backend().relu(x), x

    def backward(self, dy, cache):
        return ghostnp.backend.backend().multiply(dy, np.full_like(dy, np.inf)), {}


def test_the_first_odd_number_is_found_forward_and_backward():
    def build(*middle):
        return Sequential(Conv2d(1, 3, 3), *middle, GlobalAvgPool2d(), Flatten(), Linear(3, 4))

    images, labels = np.ones((2, 1, 5, 5), np.float32), np.array([0, 1])
    assert first_odd(build(), images, labels) == ""
    assert first_odd(build(Logarithm()), images, labels).startswith("multiply in 1: of the 54 numbers of its result")
    model = build()
    model.parameters()["0.weight"][...] = 3e38
    assert first_odd(model, images, labels).startswith("standard_conv2d in 0: of the 54 numbers of its result, 54")
    model.parameters()["0.weight"][0] = np.nan
    assert first_odd(model, images, labels) == "the weights themselves, before the step: 0.weight"
    images[1, 0, 2, 2] = np.nan
    assert first_odd(build(), images, labels) == "the images themselves: number 1 of the batch"


def test_fine_tuning_begins_with_all_weights_but_the_classifiers(run, tmp_path):
    pretrained = tiny_ghostnet(num_classes=3, seed=7)
    ghostnp.save_weights(tmp_path / "others.npz", pretrained.state_dict())
    model, before = tiny_ghostnet(seed=1), tiny_ghostnet(seed=1).state_dict()
    begin_with(model, ghostnp.load_weights(tmp_path / "others.npz"))
    for name, array in model.state_dict().items():
        source = before if name.startswith("classifier.") else pretrained.state_dict()
        np.testing.assert_array_equal(array, source[name], err_msg=name)
    result = run("--init", "others.npz", "--epochs", 1, "--rate", 0, "--output", "out")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(weights_of(tmp_path / "out")["conv_stem.weight"], pretrained.conv_stem.weight)
    with pytest.raises(ValueError, match="state does not fit"):
        begin_with(model, {"conv_stem.weight": pretrained.conv_stem.weight})


def test_networks_have_the_channels_and_classes_of_the_data():
    data = resized(load_data("mixed-groups", count=4, held_out=2), 64)
    assert data.shape == (24, 64, 64)
    for name in ("shufflenetv1_keras", "ghostnet_keras", "alexnet", TINY):
        if name == "alexnet":
            data = resized(data, 95)
        model = network(name, data)
        y = model(data.train.images[:2])
        assert y.shape == (2, 2)
        assert np.abs(y.sum(axis=1) - 1).max() > 1e-3  # logits, and no probabilities
        assert classifier_of(model).startswith("classifier")
    assert list_networks() == [TINY, *ghostnp.list_models()]
    with pytest.raises(TypeError, match="data=3: the rule is a DataSet"):
        network(TINY, 3)


def started(folder, *words, **keywords):
    home = {"PYTHONPATH": str(Path(ghostnp.__file__).parents[1]), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
    command = [sys.executable, "-P", "-m", "ghostnp", "train", "--output", "out", *words]
    return subprocess.Popen(command, cwd=folder, env=os.environ | home, text=True, **keywords)


def test_ctrl_c_stops_after_a_checkpoint_and_it_goes_on(tmp_path, run):
    with started(tmp_path, "--epochs", "30", stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            if line.startswith("epoch 1/30"):
                break
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    assert process.returncode == 130, said
    assert "with a checkpoint; to go on: ghostnp train --resume --output out" in said
    assert "Traceback" not in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == ALL - {"weights.safetensors"}
    assert run("--resume", "--output", "out").exit_code == 0
    assert run("--epochs", 30, "--output", "whole").exit_code == 0
    assert_same(weights_of(tmp_path / "out"), weights_of(tmp_path / "whole"))


def test_a_pipe_that_is_closed_ends_it_quietly(tmp_path):
    with started(tmp_path, "--epochs", "30", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 1
    assert "Error" not in said


def test_on_a_terminal_a_bar_shows_how_far_it_is(tmp_path):
    ours, theirs = pty.openpty()
    with started(tmp_path, "--epochs", "2", stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown, end = b"", time.monotonic() + 60
        while time.monotonic() < end:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux's end of a terminal
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    for words in ("epoch 2/2", "loss 0.", "accuracy ", " images/s", "0:00:00"):
        assert words in shown.decode(), words


def test_a_folder_can_be_moved_and_gone_on_with_elsewhere(run, tmp_path):
    session = Session(tmp_path / "first", request())
    session.run(stop=lambda: session.training.done == 3)
    shutil.move(tmp_path / "first", tmp_path / "second")
    assert run("--resume", "--output", "second").exit_code == 0
