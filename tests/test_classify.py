"""What is in a photo: prepared as the official evaluation does, named in the official order, and said plainly."""

import re
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ghostnp
from ghostnp import ops
from ghostnp.classify import class_names, classify, evaluation_photo
from ghostnp.cli.classify import classify as classify_command
from ghostnp.modules import Conv2d, Flatten, GlobalAvgPool2d, Linear, Module, Sequential
from ghostnp.photo import PhotoError
from ghostnp.pictures import answer_bars
from ghostnp.weights import save_weights

pytestmark = pytest.mark.small
MEAN = np.array([0.485, 0.456, 0.406])[:, None, None]
DEVIATION = np.array([0.229, 0.224, 0.225])[:, None, None]
RED = (255, 0, 0)


def save(image, path, **keywords):
    image.save(path, **keywords)
    return path


def levels(path):
    """The colours, 0 to 255, that the network gets: (3, 224, 224)."""
    x = evaluation_photo(path)
    assert x.shape == (1, 3, 224, 224)
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    return 255 * (x[0] * DEVIATION + MEAN)


def noise(height, width, seed=0):
    """A photo with detail of every size, so that a wrong filter shows."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).resize((width, height))
    return Image.fromarray(np.uint8(np.asarray(coarse) * 0.7 + rng.integers(0, 76, (height, width, 3))))


def triangle(length, size):
    """The matrix (size, length) of an antialiased bilinear resize: triangles as wide as what is left of two pixels."""
    scale = max(length / size, 1)
    centres = (np.arange(size) + 0.5) * length / size
    weights = np.maximum(0, 1 - np.abs(np.arange(length) + 0.5 - centres[:, None]) / scale)
    return weights / weights.sum(1, keepdims=True)


# The photo


@pytest.mark.parametrize("size", [(300, 400), (224, 224), (1, 1), (1, 3000), (3000, 1), (256, 256)])
def test_one_colour_gives_the_normalised_constant(tmp_path, size):
    x = evaluation_photo(save(Image.new("RGB", size, (10, 128, 255)), tmp_path / "photo.png"))
    expected = (np.array([10, 128, 255])[:, None, None] / 255 - MEAN) / DEVIATION
    np.testing.assert_allclose(x, np.broadcast_to(expected, (1, 3, 224, 224)), rtol=1e-5, atol=1e-6)


def test_without_resizing_the_middle_is_cut_out_exactly(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (256, 513, 3), np.uint8)
    seen = levels(save(Image.fromarray(photo), tmp_path / "photo.png"))
    # (513 - 224) / 2 = 144.5, which Python, and so torchvision, rounds to 144.
    np.testing.assert_allclose(seen, photo[16:240, 144:368].transpose(2, 0, 1), atol=1e-3)


def test_a_gradient_stays_a_gradient(tmp_path):
    # 512 pixels, halved: each result is a mean of four neighbours, (v - 1, v, v, v + 1) by (1, 3, 3, 1) / 8.
    ramp = np.tile(np.uint8(np.arange(512) // 2), (512, 1))
    seen = levels(save(Image.fromarray(ramp), tmp_path / "photo.png"))
    np.testing.assert_allclose(seen, np.broadcast_to(np.arange(16.0, 240), (3, 224, 224)), atol=1e-3)


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (1000, 333), (100, 180), (257, 999)])
def test_against_the_definition_of_resize_and_crop(tmp_path, size):
    """Short side to 256 by triangles, long side by the same factor and cut to an int, the middle 224."""
    image = noise(*size)
    resized = [256 if length == min(size) else int(256 * length / min(size)) for length in size]
    rows, columns = (triangle(length, new) for length, new in zip(size, resized, strict=True))
    whole = np.einsum("ij,jkc,lk->cil", rows, np.asarray(image, float), columns, optimize=True)
    top, left = (round((length - 224) / 2) for length in resized)
    seen = levels(save(image, tmp_path / "photo.png"))
    # Pillow rounds to whole levels after each of the two directions.
    assert np.abs(seen - whole[:, top : top + 224, left : left + 224]).max() < 1.5


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("CMYK", (0, 255, 255, 0), RED),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("L", 51, (51, 51, 51)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 0, (0, 0, 0)),
    ],
)
def test_every_kind_of_pixel(tmp_path, mode, value, expected):
    seen = levels(save(Image.new(mode, (20, 30), value), tmp_path / "photo.tif"))
    np.testing.assert_allclose(seen, np.broadcast_to(np.reshape(expected, (3, 1, 1)), seen.shape), atol=1e-3)


def test_palettes(tmp_path):
    image = Image.new("P", (20, 30), 1)
    image.putpalette([0, 0, 0, *RED])
    seen = levels(save(image, tmp_path / "photo.gif"))
    np.testing.assert_allclose(seen[0], 255, atol=1e-3)


def missing(folder):
    return folder / "nowhere.jpg"


def a_folder(folder):
    return folder


def text(folder):
    (folder / "text.jpg").write_text("no picture")
    return folder / "text.jpg"


def empty(folder):
    (folder / "empty.png").touch()
    return folder / "empty.png"


def truncated(folder):
    path = save(noise(64, 64), folder / "cut.jpg")
    path.write_bytes(path.read_bytes()[:700])
    return path


def bomb(folder):
    path = save(Image.new("1", (1, 1)), folder / "bomb.bmp")
    data = bytearray(path.read_bytes())
    data[18:26] = (20_000).to_bytes(4, "little") * 2
    path.write_bytes(data)
    return path


NO_PHOTOS = [missing, a_folder, text, empty, truncated, bomb]


@pytest.mark.parametrize("make", NO_PHOTOS)
def test_what_is_no_photo_is_refused_in_one_line(tmp_path, make):
    path = make(tmp_path)
    with pytest.raises(PhotoError, match=re.escape(str(path))) as refused:
        evaluation_photo(path)
    assert "\n" not in str(refused.value)


# The classes


def test_a_thousand_different_names():
    names = class_names()
    assert len(names) == 1000
    assert len({name.lower() for name in names}) == 1000
    assert all(name == name.strip() and name.isascii() and 2 <= len(name) < 40 for name in names)


@pytest.mark.parametrize(
    "line",
    """0 tench; 1 goldfish; 9 ostrich; 99 goose; 100 black swan; 134 crane (bird); 151 Chihuahua; 207 golden retriever
    235 German shepherd; 250 Siberian husky; 254 pug; 281 tabby; 282 tiger cat; 285 Egyptian cat; 291 lion; 292 tiger
    301 ladybug; 323 monarch; 340 zebra; 388 giant panda; 393 anemone fish; 398 abacus; 404 airliner; 409 analog clock
    430 basketball; 457 bow tie; 468 cab; 497 church; 504 coffee mug; 508 computer keyboard; 517 crane (machine)
    530 digital clock; 555 fire engine; 579 grand piano; 605 iPod; 620 laptop; 638 maillot (tights)
    639 maillot (tank suit); 652 military uniform; 671 mountain bike; 701 parachute; 751 race car; 779 school bus
    805 soccer ball; 812 space shuttle; 817 sports car; 849 teapot; 879 umbrella; 906 Windsor tie; 920 traffic light
    928 ice cream; 933 cheeseburger; 948 Granny Smith; 950 orange; 954 banana; 963 pizza; 970 alp; 980 volcano
    985 daisy; 999 toilet tissue""".replace("\n", ";").split(";"),
)
def test_names_stand_at_their_places(line):
    number, name = line.strip().split(" ", 1)
    assert class_names()[int(number)] == name


# The answer


def colour_network(weight, bias, dtype=np.float32):
    """Logits from the mean colour alone: short enough to compute by hand."""
    head = Linear(3, 1000)
    head.weight[...], head.bias[...] = weight, bias
    return Sequential(GlobalAvgPool2d(), Flatten(), head).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_answers_by_hand(tmp_path, dtype):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(1000, 3)), rng.normal(size=1000)
    photo = save(Image.new("RGB", (30, 20), (10, 128, 255)), tmp_path / "photo.png")
    with ghostnp.use_backend(ops):
        answers = classify(photo, colour_network(weight, bias, dtype), top=7)
    colour = ((np.array([10, 128, 255]) / 255).reshape(3, 1, 1) - MEAN).ravel() / DEVIATION.ravel()
    logits = weight @ colour + bias
    probabilities = np.exp(logits) / np.exp(logits).sum()
    order = np.argsort(probabilities)[::-1][:7]
    assert [name for name, _ in answers] == [class_names()[index] for index in order]
    np.testing.assert_allclose([share for _, share in answers], probabilities[order], rtol=1e-4)
    assert all(type(share) is float for _, share in answers)


class Softmax(Module):
    def forward(self, x, *, training=False, rng=None):
        return ghostnp.backend.backend().softmax(x), None


def test_a_softmax_of_the_network_s_own_is_not_taken_twice(tmp_path):
    photo = save(Image.new("RGB", (30, 20), RED), tmp_path / "photo.png")
    network = colour_network(0, np.arange(1000) / 100)
    with ghostnp.use_backend(ops):
        once = classify(photo, network, top=1000)
        twice = classify(photo, Sequential(network, Softmax()), top=1000)
    assert [name for name, _ in once] == [name for name, _ in twice] == list(class_names())[::-1]
    np.testing.assert_allclose([share for _, share in twice], [share for _, share in once], rtol=1e-5)


@pytest.mark.parametrize(("top", "error"), [(0, ValueError), (1001, ValueError), (2.0, TypeError), (True, TypeError)])
def test_top_is_checked_before_the_photo_is_read(top, error):
    with pytest.raises(error, match=f"top={top}"):
        classify("nowhere.jpg", None, top=top)


def test_networks_that_cannot_answer(tmp_path):
    photo = save(Image.new("RGB", (30, 20), RED), tmp_path / "photo.png")
    with ghostnp.use_backend(ops):
        with pytest.raises(ValueError, match=r"output of shape \(1, 10\): the rule is \(1, 1000\)"):
            classify(photo, Sequential(GlobalAvgPool2d(), Flatten(), Linear(3, 10)))
        with pytest.raises(ValueError, match=r"output of shape \(1, 4, 224, 224\)"):
            classify(photo, Conv2d(3, 4, 1))
        with pytest.raises(ValueError, match="gives NaN or infinity"):
            classify(photo, colour_network(0, np.nan))


@pytest.mark.parametrize("count", [1, 5, 20])
def test_bars_show_names_and_shares(count):
    answers = [(name, 0.5 / 2**place) for place, name in enumerate(class_names()[:count])]
    figure = answer_bars(np.zeros((224, 224, 3), np.float32), answers, "a title")
    seen, axes = figure.axes
    assert seen.images
    assert axes.get_title("left") == "a title"
    by_height = sorted(zip(axes.get_yticks(), axes.get_yticklabels(), strict=True), key=lambda tick: -tick[0])
    assert [label.get_text() for _, label in by_height] == [name for name, _ in answers]
    widths = sorted(((bar.get_y(), bar.get_width()) for bar in axes.patches), reverse=True)
    assert [width for _, width in widths] == [share for _, share in answers]


# The command


@pytest.fixture
def photo(tmp_path):
    return save(noise(60, 80), tmp_path / "photo.png")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with ghostnp.use_backend(ops):  # compiles nothing
            return CliRunner().invoke(classify_command, [str(argument) for argument in arguments])

    return partial(run, "--model", "ghostnet_050")


def assert_error(result, *words):
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert all(word in result.stderr for word in words), result.stderr


def test_the_command_with_weights(run, photo, tmp_path):
    model = ghostnp.create_model("ghostnet_050", seed=3)
    save_weights("weights.safetensors", {f"module.{name}": array for name, array in model.state_dict().items()})
    result = run(photo, "--weights", "weights.safetensors", "--top", 3, "--picture", "bars.png")
    assert result.exit_code == 0, result.output
    assert "photo.png according to ghostnet_050" in result.stdout
    assert "untrained" not in result.stdout
    with ghostnp.use_backend(ops):
        answers = classify(photo, model, top=3)
    for name, share in answers:
        assert re.search(rf"{re.escape(name)}\W+{share:.2%}", result.stdout)
    assert result.stdout.count("%") == 3
    assert result.stdout.endswith("picture: bars.png\n")
    with Image.open("bars.png") as picture:
        assert picture.width > 500


def test_the_command_without_weights_says_so(run, photo, tmp_path):
    result = run(photo)
    assert result.exit_code == 0, result.output
    assert "untrained" in result.stdout
    assert "means nothing" in result.stdout
    assert result.stdout.count("%") == 5
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_weights_of_another_network_are_reported(run, photo):
    state = dict(ghostnp.create_model("ghostnet_050", seed=None).state_dict())
    state["spare.weight"] = np.zeros(2)
    state["classifier.weight"] = state["classifier.weight"][:10]
    del state["bn1.bias"]
    save_weights("other.npz", state)
    report = ("missing: bn1.bias (8,)", "surplus: spare.weight (2,)", "classifier.weight is (10, 1280)", "(1000, 1280)")
    assert_error(run(photo, "--weights", "other.npz"), "other.npz does not hold the weights of ghostnet_050", *report)


def test_of_a_state_that_fits_nowhere_both_sides_are_shown(run, photo):
    state = ghostnp.create_model("resnet50", num_classes=1000, seed=None).state_dict()
    save_weights("other.npz", {name.replace(".", "_"): array for name, array in state.items()})
    result = run(photo, "--weights", "other.npz")
    assert_error(result, "missing: conv_stem.weight (8, 3, 3, 3)", "surplus: ", " more")
    assert result.stderr.count("\n") == 13
    save_weights(
        "other.npz",
        {f"model.{name}": array for name, array in ghostnp.create_model("ghostnet_050").state_dict().items()},
    )
    result = run(photo, "--weights", "other.npz")
    assert_error(result, "prefix: all keys begin with 'model.'")
    assert result.stderr.count("\n") == 2


@pytest.mark.parametrize("make", NO_PHOTOS)
def test_the_command_refuses_what_is_no_photo_in_one_line(run, tmp_path, make):
    result = run(make(tmp_path))
    assert_error(result)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--weights", "nowhere.npz"], "no weights at nowhere.npz"),
        (["--weights", "nowhere.pth"], "weights_only=True"),
        (["--weights", "photo.png"], ".safetensors or .npz"),
        (["--model", "ghostnet"], "nearest first: ghostnet_"),
        (["--picture", "bars.xls"], ".png, .pdf, .svg"),
        (["--picture", "nowhere/bars.png"], "no folder nowhere"),
    ],
)
def test_other_mistakes_are_told_before_anything_is_printed_or_written(run, photo, tmp_path, options, words):
    assert_error(run(photo, *options), words)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


def test_broken_weights_are_one_clear_line(run, photo, tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 100)
    result = run(photo, "--weights", "broken.safetensors")
    assert_error(result, "broken.safetensors", "nothing was loaded")
    assert result.stderr.count("\n") == 1


def test_help_explains(run):
    result = run("--help")
    assert result.exit_code == 0
    assert all(word in result.stdout for word in ("PHOTO", "--model", "--weights", "--top", "--picture"))


def test_matplotlib_is_imported_only_for_pictures(run_python):
    loaded = run_python("import sys, ghostnp.classify; print('matplotlib' in sys.modules, 'rich' in sys.modules)")
    assert loaded.split() == ["False", "False"]
