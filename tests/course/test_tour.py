"""The tour: small, on a photo of noise, with the definitions standing in for the kernels where these do not matter."""

import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import ghostnp
from ghostnp import ops
from ghostnp.course.tour import tour
from ghostnp.course.tour.lesson import random_gradient
from ghostnp.course.tour.lessons import LESSONS
from ghostnp.course.tour.two_backends import compare_backends, tolerance
from ghostnp.course.tour.whole_network import network_lesson
from ghostnp.modules import Conv2d

BY_NAME = {lesson.name: lesson for lesson in LESSONS} | {"network": network_lesson("ghostnet_050")}
SMALL = {"size": 64, "lessons": tuple(BY_NAME.values())}
OPERATORS = ["standard", "grouped", "depthwise", "pointwise", "shuffle", "squeeze-excite", "ghost", "dfc"]


def wrong(name, by=0.01):
    """A backend with one function that is a little off."""

    def function(*args, **keywords):
        return getattr(ops, name)(*args, **keywords) + np.float32(by)

    return SimpleNamespace(**{name: function})


def only(*names):
    return {"size": 64, "lessons": tuple(BY_NAME[name] for name in names)}


def quiet(width=80):
    return Console(file=io.StringIO(), width=width)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tour")
    (folder / "mine.txt").write_text("not the tour's")
    (folder / "index.html").write_text("an older page")
    assert tour(folder, console=quiet(), **SMALL) == []
    return folder


def test_definitions_and_kernels_agree_on_the_whole_tour(folder):
    assert "agree on every output and every gradient" in (folder / "index.html").read_text(encoding="utf-8")


def test_page_refers_to_all_pictures_and_they_are_pictures(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    shown = re.findall(r'<img src="([^"]+)"', page)
    assert sorted(shown) == sorted(path.name for path in folder.glob("*.png"))
    assert shown == sorted(shown)  # numbered in the order in which they are shown
    for name in shown:
        with Image.open(folder / name) as image:
            image.load()
            assert image.format == "PNG"
            assert np.asarray(image.convert("L")).std() > 5


def test_page_needs_nothing_from_elsewhere(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "http" not in page
    assert "<script" not in page
    assert all(target[1:] in re.findall(r'id="([^"]+)"', page) for target in re.findall(r'href="(#[^"]+)"', page))


def test_page_links_the_one_to_play_with_for_each_operator(folder):
    page, explorer = ((folder / name).read_text(encoding="utf-8") for name in ("index.html", "explore.html"))
    linked = re.findall(r'href="explore\.html#([^"]+)"', page)
    assert sorted(linked) == sorted(OPERATORS)
    assert all(f'"name":"{name}"' in explorer for name in linked)


def test_every_picture_has_a_sentence(folder):
    page = (folder / "index.html").read_text(encoding="utf-8")
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page, re.DOTALL)
    assert len(captions) == len(list(folder.glob("*.png")))
    assert all(len(caption) > 60 for caption in captions)


def test_only_the_tour_s_own_files_are_replaced(folder):
    assert (folder / "mine.txt").read_text() == "not the tour's"
    others = {path.name for path in folder.iterdir() if path.suffix != ".png"}
    assert others == {"mine.txt", "index.html", "explore.html"}


def test_there_is_a_lesson_on_every_operator():
    assert sorted(lesson.name for lesson in LESSONS) == sorted(OPERATORS)


@pytest.mark.small
@pytest.mark.parametrize("width", [30, 80, 200])
def test_terminal_says_what_the_page_says(tmp_path, width):
    console = quiet(width)
    tour(tmp_path / "a" / "b", kernels=ops, console=console, **only("standard", "network"))
    printed = console.file.getvalue()
    assert str((tmp_path / "a" / "b").resolve()) in printed  # whole, however narrow the terminal
    if width >= 80:
        assert "6·3·3·3 = 162" in printed
        assert "2,587,292" in printed  # the parameters of GhostNet 0.5x, by the original implementation
        assert printed.count("agree: output and gradients") == 2


@pytest.mark.small
@pytest.mark.parametrize(
    ("name", "lessons", "where"),
    [
        ("depthwise_conv2d", ["depthwise"], "Depthwise convolution: output"),
        ("sigmoid_backward", ["ghost", "dfc"], "DFC attention: gradient of the input"),
        ("linear", ["network"], "The whole of GhostNet: output"),
    ],
)
def test_disagreement_is_found_and_the_page_says_where(tmp_path, name, lessons, where):
    lines = tour(tmp_path, kernels=wrong(name), console=quiet(), **only(*lessons))
    assert any(line.startswith(where) for line in lines)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert where in page
    assert "agree on every output" not in page


@pytest.mark.small
def test_a_failed_tour_leaves_nothing_behind(tmp_path):
    def fail(*args, **keywords):
        raise RuntimeError("planted")

    for output in (tmp_path / "new", tmp_path):
        with pytest.raises(RuntimeError, match="planted"):
            tour(
                output, kernels=SimpleNamespace(depthwise_conv2d=fail), console=quiet(), **only("standard", "depthwise")
            )
    assert list(tmp_path.iterdir()) == []


def test_a_photo_without_any_contrast_agrees_too(tmp_path):
    """Batch norm divides by next to nothing there, which blows rounding up."""
    Image.new("RGB", (1, 1), "blue").save(tmp_path / "photo.png")
    assert tour(tmp_path / "tour", image=tmp_path / "photo.png", console=quiet(), **SMALL | {"size": 160}) == []


# What agreement means


def convolution(kernels):
    x = np.random.default_rng(1).standard_normal((2, 3, 9, 9), np.float32)
    return compare_backends(Conv2d(3, 4, 3), x, random_gradient, ops, kernels)


@pytest.mark.small
def test_agreement_is_of_the_output_and_every_gradient():
    comparison = convolution(ops)
    assert comparison.agrees
    assert [d.name for d in comparison.differences] == [
        "output",
        "gradient of the input",
        "gradient of weight",
        "gradient of bias",
    ]
    assert all(d.share == 0 for d in comparison.differences)


@pytest.mark.small
@pytest.mark.parametrize("by", [1e-3, -1e-3, np.nan, np.inf])
def test_small_mistakes_and_nan_are_disagreements(by):
    comparison = convolution(wrong("standard_conv2d", by))
    assert not comparison.agrees
    assert comparison.worst.name == "output"


@pytest.mark.small
def test_another_shape_is_a_disagreement():
    def function(*args, **keywords):
        return ops.standard_conv2d_backward(*args, **keywords)._replace(bias=np.zeros(1, np.float32))

    comparison = convolution(SimpleNamespace(standard_conv2d_backward=function))
    assert not comparison.agrees
    assert "shape (4,), and (1,)" in comparison.worst.name


@pytest.mark.small
def test_gradient_mistakes_are_found_by_name():
    def function(*args, **keywords):
        grads = ops.standard_conv2d_backward(*args, **keywords)
        return grads._replace(bias=grads.bias * np.float32(1.01))

    comparison = convolution(SimpleNamespace(standard_conv2d_backward=function))
    assert [d.name for d in comparison.differences if not d.agrees] == ["gradient of bias"]


@pytest.mark.small
def test_tolerance_by_hand():
    assert tolerance(4) == pytest.approx(32 * 2.0**-23)


def test_default_backends_are_those_of_the_package(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        ghostnp, "kernels", SimpleNamespace(relu=lambda x: asked.append(1) or ops.relu(x)), raising=False
    )
    tour(tmp_path, console=quiet(), **only("ghost"))
    assert asked
