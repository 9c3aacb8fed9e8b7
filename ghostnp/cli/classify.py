"""The command `ghostnp classify`: what is in a photo."""

from itertools import groupby
from pathlib import Path

import click

from ghostnp.models import create_model
from ghostnp.weights import load_weights

# How many of the keys that do not fit are listed, of each kind: for another network's weights all of them would.
_PROBLEMS = 5
_PICTURES = (".png", ".pdf", ".svg")


@click.command("classify")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("--model", "name", default="ghostnet_100", show_default=True, help="A network of ghostnp.list_models().")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Trained weights, .safetensors or .npz. Without this option, the network is untrained and can only guess.",
)
@click.option(
    "--top",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Number of classes to print, the most probable first.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Draw the photo and its classes here: {', '.join(_PICTURES)}.",
)
def classify(photo, name, weights, top, picture):
    """Classify a PHOTO with a network for ImageNet."""
    # Pillow, and with a picture matplotlib, come in here, since `ghostnp --help` needs neither.
    from ghostnp.classify import answers, evaluation_photo
    from ghostnp.photo import denormalise

    try:
        _check_picture(picture)
        x = evaluation_photo(photo)
        # Weights that will be replaced need not be drawn.
        model = create_model(name, seed=0 if weights is None else None)
        if weights is not None:
            _load(model, name, weights)
        answered = answers(x, model, top)
        if picture is not None:
            title = name if weights is not None else f"{name}, untrained: these numbers mean nothing"
            from ghostnp.pictures import answer_bars
            from ghostnp.pictures.style import save

            save(answer_bars(denormalise(x), answered, title), picture)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    _print(photo, name, answered, weights)
    if picture is not None:
        click.echo(f"picture: {picture}")


def _check_picture(picture):
    if picture is not None and picture.suffix.lower() not in _PICTURES:
        raise ValueError(f"--picture {picture} has the suffix {picture.suffix!r}: the rule is {', '.join(_PICTURES)}")
    if picture is not None and not picture.parent.is_dir():
        raise ValueError(f"no folder {picture.parent} for {picture.name}: the rule is a folder that exists, such as .")


def _load(model, name, weights):
    try:
        model.load_state_dict(load_weights(weights, model=model))
    except ValueError as error:
        head, *problems = str(error).splitlines()
        if not head.startswith("state does not fit"):
            raise
        raise ValueError(
            "\n".join([f"{weights} does not hold the weights of {name}: {head}", *_some(problems)])
        ) from None


def _some(problems):
    """A few problems of each kind, so that what is missing does not hide what came in its place."""
    shown = []
    for kind, same in groupby(problems, lambda line: line.split(":")[0]):
        lines = list(same)
        shown += lines[:_PROBLEMS]
        if len(lines) > _PROBLEMS:
            shown.append(f"{kind}: {len(lines) - _PROBLEMS} more")
    return shown


def _print(photo, name, answered, weights):
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("class")
    table.add_column("probability", justify="right")
    for answer, probability in answered:
        table.add_row(answer, f"{probability:.2%}")
    console = Console()
    console.print(Text(f"{photo.name} according to {name}"), soft_wrap=True)
    if weights is None:
        console.print(
            f"{name} is untrained: its weights are random numbers, so this answer means nothing. "
            "Trained ones: --weights FILE",
            style="yellow",
            soft_wrap=True,
        )
    console.print(table)
