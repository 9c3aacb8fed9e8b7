"""What is in a photo? A network's answer over the thousand classes of ImageNet, and the command `ghostnp classify`.

The photo is prepared as in the evaluation of the official weights, for they were chosen by what they score on it: short
side resized to 256 pixels, the middle 224 × 224 cut out, colours normalised. The guided tour shows more of the photo
(`ghostnp.tools.photo.load_photo`), and a network gives other answers there.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

import click
import numpy as np
from PIL import Image

from ghostnp.backend import backend
from ghostnp.models import create_model
from ghostnp.ops.checks import integer
from ghostnp.tools.photo import denormalise, normalise, read_colours
from ghostnp.tools.weights import load_weights, official_names

# https://github.com/huawei-noah/Efficient-AI-Backbones/blob/master/ghostnet_pytorch/validate.py: Resize(256), which is
# bilinear, then CenterCrop(224).
SHORT_SIDE, CROP = 256, 224

_PICTURES = (".png", ".pdf", ".svg")


@cache
def class_names():
    """ImageNet's class names in the order of a network's outputs.

    Returns
    -------
    tuple of str
        One thousand different names.
    """
    return tuple(files("ghostnp.tools").joinpath("imagenet_classes.txt").read_text(encoding="utf-8").splitlines())


def evaluation_photo(path):
    """Read a photo as the official evaluation does.

    Parameters
    ----------
    path : str or Path
        Any image that Pillow reads.

    Returns
    -------
    ndarray
        Shape (1, 3, 224, 224), float32, normalised.

    Raises
    ------
    PhotoError
        If there is no such file, or it is no image that can be read; one line says which.
    """
    return normalise(read_colours(Path(path), _middle))


def _middle(image):
    """Resize and cut in one go: only the pixels that stay are computed, however long and narrow the image is."""
    short = min(image.size)
    sizes = [SHORT_SIDE * length // short for length in image.size]
    # torchvision's CenterCrop starts at a whole pixel of the resized image.
    starts = [round((size - CROP) / 2) for size in sizes]
    scales = [length / size for length, size in zip(image.size, sizes, strict=True)]
    left, top = (start * scale for start, scale in zip(starts, scales, strict=True))
    right, bottom = ((start + CROP) * scale for start, scale in zip(starts, scales, strict=True))
    return image.resize((CROP, CROP), Image.Resampling.BILINEAR, box=(left, top, right, bottom))


def classify(photo, model, *, top=5):
    """Name what is in a photo.

    Parameters
    ----------
    photo : str or Path
        Any image that Pillow reads.
    model : Module
        A network with one output for each class of ImageNet, such as ``create_model("ghostnet_100")``.
    top : int, default 5
        How many answers, 1 to 1000.

    Returns
    -------
    list of (str, float)
        Class names and their probabilities, the likeliest first.

    Raises
    ------
    PhotoError
        If the photo cannot be read.
    TypeError, ValueError
        If `top` is not legal, or if the network has other outputs or gives no finite numbers.
    """
    if integer("top", top, 1) > len(class_names()):
        raise ValueError(f"top={top}: the rule is 1 to {len(class_names())}, the number of classes, such as 5")
    return _answers(evaluation_photo(photo), model, top)


def _answers(x, model, top):
    dtype = next(iter(model.parameters().values())).dtype
    y = model(x.astype(dtype))
    if y.shape != (1, len(class_names())):
        raise ValueError(
            f"model gives an output of shape {y.shape}: the rule is (1, {len(class_names())}), a number for each class "
            "of ImageNet, such as create_model('ghostnet_100') gives"
        )
    if not np.isfinite(y).all():
        raise ValueError("model gives NaN or infinity: the rule is weights that are finite, such as trained ones")
    # Logits do not happen to be probabilities: a network that gives these ends in a softmax of its own.
    has_softmax = y.min() >= 0 and abs(y.sum() - 1) < 1e-3
    probabilities = (y if has_softmax else backend().softmax(y))[0]
    return [
        (class_names()[index], float(probabilities[index])) for index in np.argsort(-probabilities, stable=True)[:top]
    ]


def answer_bars(x, answers, title=""):
    """Draw what the network saw, and a bar for each of its answers.

    Parameters
    ----------
    x : ndarray
        The photo as `evaluation_photo` gives it.
    answers : list of (str, float)
        As `classify` gives them.
    title : str, default ""
        Above the bars.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from ghostnp.tools.pictures import INTRINSIC, plain_axes, sheet, show

    height = max(3.2, 0.4 * len(answers) + 0.6)
    figure, grid = sheet(10, height, nrows=1, ncols=2, width_ratios=[1, 1.7], wspace=0.65, top=1 - 0.35 / height)
    show(figure.add_subplot(grid[0]), denormalise(x), "what the network saw")
    axes = plain_axes(figure.add_subplot(grid[1]), title)
    # By place and not by name, and from the bottom up, as matplotlib counts.
    places = range(len(answers))[::-1]
    bars = axes.barh(places, [probability for _, probability in answers], height=0.62, color=INTRINSIC)
    axes.bar_label(bars, [f"{probability:.1%}" for _, probability in answers], padding=5, fontsize=10, color="#222222")
    axes.set(yticks=places, yticklabels=[name for name, _ in answers], xlim=(0, 1.15), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
    return figure


@click.command("classify")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--model", "name", default="ghostnet_100", show_default=True, help="One of ghostnp.list_models().")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Trained weights, .safetensors or .npz. Without them the network is untrained.",
)
@click.option("--top", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many answers.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Draw photo and answers here: {', '.join(_PICTURES)}.",
)
def classify_command(photo, name, weights, top, picture):
    """Name what is in a photo, by a network that was trained on ImageNet."""
    try:
        _check_picture(picture)
        x = evaluation_photo(photo)
        # Weights that will be replaced need not be drawn.
        model = create_model(name, seed=0 if weights is None else None)
        if weights is not None:
            _load(model, name, weights)
        answers = _answers(x, model, top)
        if picture is not None:
            title = name if weights is not None else f"{name}, untrained: these numbers mean nothing"
            answer_bars(x, answers, title).savefig(picture)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    _print(photo, name, answers, weights)
    if picture is not None:
        click.echo(f"picture: {picture}")


def _check_picture(picture):
    if picture is not None and picture.suffix.lower() not in _PICTURES:
        raise ValueError(f"--picture {picture} has the suffix {picture.suffix!r}: the rule is {', '.join(_PICTURES)}")
    if picture is not None and not picture.parent.is_dir():
        raise ValueError(f"no folder {picture.parent} for {picture.name}: the rule is a folder that exists, such as .")


def _load(model, name, weights):
    state = official_names(load_weights(weights))
    try:
        model.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"{weights} does not hold the weights of {name}: {error}") from None


def _print(photo, name, answers, weights):
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("class")
    table.add_column("probability", justify="right")
    for answer, probability in answers:
        table.add_row(answer, f"{probability:.2%}")
    console = Console()
    console.print(Text(f"{photo.name} according to {name}"), soft_wrap=True)
    console.print(table)
    if weights is None:
        console.print(
            f"{name} is untrained: its weights are random numbers, so this answer means nothing. "
            "Trained ones: --weights FILE",
            style="yellow",
            soft_wrap=True,
        )
