"""The command `ghostnp ablate`: networks that differ in one thing are trained with several seeds and compared."""

from pathlib import Path

import click

from ghostnp.cli.count import NUMBER
from ghostnp.cli.written import FileOf
from ghostnp.files import replace

_PICTURES = (".png", ".pdf", ".svg")


@click.command("ablate")
@click.argument("name", metavar="NAME")
@click.option("--seeds", type=NUMBER, default=5, show_default=True, help="Number of seeds (0, 1, ...).")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("ghostnp-ablations"),
    show_default=True,
    help="Finished networks are saved here. The same command continues with the others.",
)
@click.option(
    "--executor",
    default="processes",
    show_default=True,
    help="Where the networks are trained: processes (on this machine), dask://HOST:PORT or mpi.",
)
@click.option("--workers", type=NUMBER, help="Number of processes.  [default: one for each core]")
@click.option(
    "--format", "style", type=click.Choice(["table", "markdown"]), default="table", show_default=True,
    help="Format of the table.",
)  # fmt: skip
@click.option("--json", "json_file", type=FileOf(".json"), metavar="FILE", help="Write all results here.")
@click.option(
    "--picture", type=click.Path(path_type=Path), metavar="FILE", help=f"Draw the results here: {', '.join(_PICTURES)}."
)
def ablate(name, seeds, folder, executor, workers, style, json_file, picture):
    """Train and compare small networks that differ in one thing.

    NAME is one of these comparisons: units (standard, separable, ghost and shuffle units at equal cost), shuffle
    (grouped convolutions with and without a channel shuffle), dfc (position and kind of DFC attention), ghost (ratio
    and cheap kernel), se (squeeze-and-excitation and its gate) or crelu (CReLU and ReLU). For an Ablation of your own,
    NAME is my_module:MINE. A comparison takes a few minutes.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ghostnp.training.ablations import find_ablation, run_ablation
    from ghostnp.training.ablations.executors import executor_for

    try:
        _check(picture, "picture", _PICTURES)
        _check(json_file, "json", (".json",))
        ablation = find_ablation(name)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with executor_for(executor, workers) as pool, Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(f"{ablation.name}: networks", total=None)
            result = run_ablation(
                name,
                pool,
                seeds=seeds,
                folder=folder,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        click.echo(f"{result.question}\n")
        click.echo(result.to_markdown() if style == "markdown" else str(result))
        click.echo(f"\nSuch a table: {result.mirrors}\nIt says: {result.says}")
        if json_file is not None:
            replace(json_file, result.to_json().encode())
            click.echo(f"results: {json_file}")
        if picture is not None:
            from ghostnp.pictures.style import save

            save(result.picture(), picture)
            click.echo(f"picture: {picture}")
    except KeyboardInterrupt:
        stopped = f"stopped; what was finished is kept in {folder}, and the same command goes on"
        raise click.ClickException(stopped) from None
    except BrokenPipeError:
        raise  # whoever was reading has gone, as in `ghostnp ablate | head`
    except (ImportError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if result.failed:
        raise click.ClickException(f"{len(result.failed)} of the networks failed; the same command tries them again")


def _check(path, option, suffixes):
    if path is not None and path.suffix.lower() not in suffixes:
        raise ValueError(f"--{option} {path} has the suffix {path.suffix!r}: the rule is {', '.join(suffixes)}")
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"no folder {path.parent} for {path.name}: the rule is a folder that exists, such as .")
