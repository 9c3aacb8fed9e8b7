"""The command `ghostnp train`: train a network, in a folder from which training can continue."""

import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import click

_OPTIMISERS = ("sgd", "adam", "adamw", "rmsprop")
_SCHEDULES = ("cosine", "constant", "step")
# Options of the command that are the optimiser's settings, and those that say where and how it is shown.
_SETTINGS = {"momentum": "momentum", "nesterov": "nesterov", "decay": "decay"}
_SHOWN = {"output", "resume", "force", "checkpoint_every"}


@click.command("train")
@click.option(
    "--model",
    default="ghostnet_tiny",
    show_default=True,
    help="Network: ghostnet_tiny, or one of ghostnp.list_models().",
)
@click.option(
    "--data",
    default="digits",
    show_default=True,
    help="Data set: digits, mnist, fashion-mnist, cifar10, folder, far-pixels, mixed-groups or global-statistic.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder with the files of mnist, fashion-mnist or cifar10. For --data folder, it has a folder of images for "
    "each class.",
)
@click.option(
    "--size",
    type=click.IntRange(1, 4096),
    help="Resize the images to this height and width, in pixels.  [default: 32 for --data folder, otherwise their "
    "own size]",
)
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Begin with these weights (.safetensors or .npz), except those of the classifier.",
)
@click.option(
    "--epochs", type=click.IntRange(1), default=15, show_default=True, help="Number of passes through all images."
)
@click.option("--batch", type=click.IntRange(1), default=64, show_default=True, help="Number of images in a batch.")
@click.option(
    "--optimiser",
    type=click.Choice(_OPTIMISERS),
    default="sgd",
    show_default=True,
    help="Rule that updates the weights.",
)
@click.option(
    "--rate",
    type=float,
    help="Learning rate.  [default: 0.1 for sgd, 0.001 for rmsprop, 0.003 for adam and adamw; a tenth of that for a "
    "network without batch norm]",
)
@click.option("--momentum", type=float, help="Momentum of sgd or rmsprop.  [default: 0.9 for sgd, 0 for rmsprop]")
@click.option("--nesterov", is_flag=True, help="Use Nesterov momentum (only with sgd).")
@click.option(
    "--decay", type=float, help="Weight decay.  [default: 1e-4 for sgd, 0.01 for adamw, 0 for adam and rmsprop]"
)
@click.option("--schedule", type=click.Choice(_SCHEDULES), default="cosine", show_default=True,
    help="How the learning rate changes after the warm-up.",
)  # fmt: skip
@click.option(
    "--warm-up",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Number of epochs at the beginning in which the learning rate rises.",
)
@click.option(
    "--every",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Schedule step: number of epochs between two reductions of the learning rate.",
)
@click.option(
    "--fall",
    type=float,
    default=0.1,
    show_default=True,
    help="Schedule step: factor by which the learning rate is multiplied.",
)
@click.option("--label-smoothing", type=float, default=0.0, show_default=True,
    help="Share of the target that is spread over all classes, from 0 to 1.",
)  # fmt: skip
@click.option(
    "--clip",
    type=float,
    default=1.0,
    show_default=True,
    help="Largest norm of all gradients together. Gradients with a larger norm are scaled down. 1e9 does not clip.",
)
@click.option(
    "--average",
    type=float,
    help="Test and save a moving average of the weights. The number is the share of the old average, such as 0.99.  "
    "[default: no average]",
)
@click.option("--flip", is_flag=True, help="Mirror each image left to right with probability 1/2.")
@click.option(
    "--shift",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Shift each image at random, by at most this many pixels.",
)
@click.option(
    "--crop",
    type=float,
    default=1.0,
    show_default=True,
    help="Cut a random part out of each image, with at least this share of its height and width. 1 keeps the whole "
    "image.",
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True,
    help="Seed of the first weights, of the order of the images, and of all other random numbers.",
)  # fmt: skip
@click.option("--layers", is_flag=True, help="Do not compile the training step. Run it layer by layer.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    default=Path("ghostnp-train"),
    show_default=True,
    help="Write checkpoints, log, picture and weights here.",
)
@click.option("--resume", is_flag=True, help="Continue the training in --output.")
@click.option("--force", is_flag=True, help="Start a new training even if --output has a training already.")
@click.option("--checkpoint-every", type=float, metavar="SECONDS", default=10.0, show_default=True,
    help="Seconds between two checkpoints.",
)  # fmt: skip
@click.pass_context
def train(context, **options):  # fmt: skip
    """Train a network on a data set.

    The command writes a folder with the weights, a log, a picture of the curves, and checkpoints.

    Example: ghostnp train --model ghostnet_tiny --data digits

    Ctrl-C stops the training after a checkpoint. --resume continues a training that was stopped in any way. The final
    weights are the same, bit for bit, as without the stop. With --resume you need not repeat the other options.
    """
    from ghostnp.training.session import Request, Session

    output, resume = options["output"], options["resume"]
    given = {
        name for name in options
        if name not in _SHOWN and context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    }  # fmt: skip
    try:
        if resume and options["force"]:
            raise ValueError("--resume and --force: the rule is one of them")
        asked = _request(options) if given or not resume else None
        if resume and asked is not None:
            _check_same(asked, Request.read(output / "run.json")[0], given)
        session = Session(output, None if resume else asked, force=options["force"])
        _announce(session)
        with _interrupts() as stopping, _shown(session) as observe:
            ended = session.run(observe=observe, stop=stopping, every=options["checkpoint_every"])
    except BrokenPipeError:
        raise  # whoever was reading has gone, as in `ghostnp train | head`
    except (OSError, TypeError, ValueError, MemoryError) as error:
        raise click.ClickException(str(error)) from None
    _report(session, ended, output)


def _request(options):
    from ghostnp.training.networks import usual_rate
    from ghostnp.training.recipe import Recipe
    from ghostnp.training.session import Request

    settings = {
        setting: options[option] for option, setting in _SETTINGS.items() if options[option] not in (None, False)
    }
    taken = (
        "epochs", "batch", "optimiser", "schedule", "warm_up", "every", "fall", "label_smoothing", "clip", "average",
        "flip", "shift", "crop", "seed",
    )  # fmt: skip
    rate = usual_rate(options["model"], options["optimiser"]) if options["rate"] is None else options["rate"]
    recipe = Recipe(**{name: options[name] for name in taken}, rate=rate, settings=settings)
    folder, init = (None if options[name] is None else str(options[name].absolute()) for name in ("folder", "init"))
    return Request(
        model=options["model"],
        data=options["data"],
        folder=folder,
        size=options["size"],
        init=init,
        compiled=False if options["layers"] else None,
        recipe=recipe,
    )


def _check_same(asked, begun, given):
    """What was given together with --resume has to be what the training was begun with."""
    names = {_SETTINGS.get(name, name) for name in given} | ({"settings"} if given & set(_SETTINGS) else set())
    names |= {"compiled"} if "layers" in given else set()
    other = [line for line in asked.differences(begun) if line.partition("=")[0] in names]
    if other:
        raise ValueError(f"this training was begun with {'; '.join(other)}: the rule is the same, or --resume alone")


@contextmanager
def _interrupts():
    """A function that says whether Ctrl-C was pressed; pressed twice, it interrupts as ever."""
    pressed = []

    def note(number, frame):
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def _announce(session):
    training = session.training
    parameters = sum(array.size for array in training.model.parameters().values())
    click.echo(str(session.data))
    click.echo(
        f"{session.request.model}: {parameters:,} parameters, {training.steps:,} steps of {training.recipe.batch}"
    )
    click.echo(
        "a step is one compiled program: forward, backward and update in memory laid out beforehand"
        if training.compiled
        else f"a step runs layer by layer and is not compiled: {training.reason}"
    )
    if training.done:
        click.echo(f"going on after step {training.done:,}")


@contextmanager
def _shown(session):
    """What is called after each step: a bar on a terminal, and otherwise a line for each epoch."""
    if not sys.stderr.isatty():
        yield _lines
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]}  accuracy {task.fields[accuracy]}  {task.fields[speed]} images/s"),
        TimeRemainingColumn(),
    )
    training = session.training
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=training.steps, completed=training.done, **_fields(session))

        def observe(session):
            progress.update(task, completed=session.training.done, **_fields(session))

        yield observe


def _fields(session):
    """What the bar says: loss and speed of this epoch so far, or of the last one, and the last accuracy."""
    training, rows = session.training, session.history
    place = training.done % training.per_epoch
    seen = training.cuts[place - 1] if place else len(training.labels)
    loss, seconds = (training.mean_loss, session.seconds) if place else (rows[-1][0], rows[-1][3]) if rows else (0, 0)
    return {
        "epoch": f"{min(training.done // training.per_epoch + 1, training.recipe.epochs)}/{training.recipe.epochs}",
        "loss": f"{loss:.4f}" if loss else "-",
        "accuracy": f"{rows[-1][1]:.2%}" if rows else "-",
        "speed": f"{seen / seconds:,.0f}" if seconds else "-",
    }


def _lines(session):
    training = session.training
    if training.done % training.per_epoch == 0:
        said = _fields(session)
        epoch = training.done // training.per_epoch
        click.echo(
            f"epoch {epoch}/{training.recipe.epochs}: loss {said['loss']}, accuracy {said['accuracy']}, "
            f"{said['speed']} images/s"
        )


def _report(session, ended, output):
    training, rows = session.training, session.history
    if not ended:
        click.echo(
            f"stopped after step {training.done:,} of {training.steps:,}, with a checkpoint; to go on: "
            f"ghostnp train --resume --output {output}"
        )
        raise SystemExit(130)
    spent = sum(row[3] for row in rows)
    images = training.recipe.epochs * len(training.labels)
    click.echo(
        f"accuracy {rows[-1][1]:.2%} on {len(session.data.test.labels):,} test images; {spent:.1f} s of training, "
        f"{images / spent:,.0f} images/s"
    )
    click.echo(f"weights, curves and log: {output}")
