"""The command `ghostnp`, as someone types it."""

import re
from functools import partial
from types import SimpleNamespace

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ghostnp
from ghostnp import ops
from ghostnp.cli import main
from ghostnp.course import tour as tour_module
from ghostnp.course.tour.lessons import LESSONS

pytestmark = pytest.mark.small


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the command in an empty folder, on a small tour that compiles nothing."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, kernels=ops):
        small = partial(tour_module.tour, size=64, lessons=LESSONS[:2], kernels=kernels)
        with monkeypatch.context() as patched:
            patched.setattr(tour_module, "tour", small)
            return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


def assert_one_clear_line(result, *words):
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert all(word in result.stderr for word in words)


def test_help_explains(run):
    result = run("--help")
    assert result.exit_code == 0
    assert all(word in result.output for word in ("guided tour", "--image FILE", "--output FOLDER", "--version"))


@pytest.mark.parametrize("command", [main, *main.commands.values()], ids=lambda command: command.name)
def test_help_explains_every_option_in_whole_sentences(command):
    said = {option.opts[0]: option.help or "" for option in command.params if isinstance(option, click.Option)}
    assert [name for name, text in said.items() if not re.fullmatch(r"[A-Z].*[.\]]", text, re.DOTALL)] == []


def test_help_lists_the_commands_by_first_sentences_that_fit(run):
    _, listed = run("--help").output.split("Commands:\n")
    assert len(listed.splitlines()) == len(main.commands)
    assert [line for line in listed.splitlines() if not re.search(r"[^.]\.$", line)] == []


def test_version(run):
    assert run("--version").output == f"ghostnp, version {ghostnp.__version__}\n"


def test_help_loads_nothing_heavy(run_python):
    code = """
import sys
from ghostnp.cli import main
main(["--help"], standalone_mode=False)
print([name for name in ("numba", "matplotlib", "rich", "jinja2", "safetensors") if name in sys.modules])
"""
    assert run_python(code).endswith("[]\n")


def test_without_arguments_it_is_the_tour_and_names_its_folder(run, tmp_path):
    result = run()
    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith(str(tmp_path / "ghostnp-tour"))
    assert (tmp_path / "ghostnp-tour" / "index.html").is_file()


def test_a_photo_of_one_s_own_and_another_folder(run, tmp_path):
    Image.new("CMYK", (31, 17), (9, 90, 200, 20)).save(tmp_path / "mine [1].jpg")
    result = run("--image", "mine [1].jpg", "--output", "out [bold]/here")
    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith("out [bold]/here")
    assert (tmp_path / "out [bold]" / "here" / "index.html").is_file()


@pytest.mark.parametrize("name", ["nowhere.jpg", ".", "text.jpg"])
def test_what_is_no_photo(run, tmp_path, name):
    (tmp_path / "text.jpg").write_text("no picture")
    assert_one_clear_line(run("--image", name), name)
    assert not (tmp_path / "ghostnp-tour").exists()


@pytest.mark.parametrize("output", ["file", "file/below", "x" * 300])
def test_folders_that_cannot_be_written(run, tmp_path, output):
    (tmp_path / "file").write_text("kept")
    assert_one_clear_line(run("--output", output), "cannot write to", output)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_in_the_page_s_place(run, tmp_path):
    (tmp_path / "out" / "index.html").mkdir(parents=True)
    assert_one_clear_line(run("--output", "out"), "cannot write to out")


def test_disagreement_is_an_error_that_says_where(run, tmp_path):
    def shifted(*args, **keywords):
        return ops.grouped_conv2d(*args, **keywords) + np.float32(0.01)

    wrong = SimpleNamespace(grouped_conv2d=shifted)
    result = run(kernels=wrong)
    assert result.exit_code == 1
    assert "definitions and kernels disagree" in result.stderr
    assert "Grouped convolution: output" in result.stderr
    assert "disagree" in (tmp_path / "ghostnp-tour" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("typed", "nearest"), [("turo", "the tour is `ghostnp` without"), ("clasify", "first: classify")]
)
def test_a_mistyped_command_is_answered_with_the_nearest(run, typed, nearest):
    result = run(typed)
    assert result.exit_code == 2
    assert nearest in result.stderr


def test_a_word_too_many_is_not_a_tour(run):
    result = run("photo.jpg")
    assert result.exit_code == 2
    assert "photo.jpg" in result.output
