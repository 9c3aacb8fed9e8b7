"""The command `ghostnp bench`: how fast ghostnp is on this machine, compared with its peers."""

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from ghostnp.bench.contenders import CONTENDERS
from ghostnp.cli.count import NUMBER
from ghostnp.cli.written import FileOf
from ghostnp.files import replace
from ghostnp.models import list_models

_PEERS = {name.lower().replace(" ", "-"): name for name, found in CONTENDERS.items() if not found.is_ours}
_USUAL = [option for option, name in _PEERS.items() if not CONTENDERS[name].optional]
_SECTIONS = ("ops", "networks", "memory", "startup")
# What `ghostnp bench` does by itself has to end in a few minutes; --full is the whole of it.
# Sizes and batches.
_QUICK: tuple[tuple[int, ...], ...] = ((224,), (1, 8))
_FULL: tuple[tuple[int, ...], ...] = ((32, 96, 224), (1, 8, 32))
_LAYERS: tuple[tuple[int, ...], ...] = ((224,), (8,))


@click.command("bench")
@click.argument("section", type=click.Choice([*_SECTIONS, "all"]), default="all")
@click.option(
    "--network",
    "networks",
    multiple=True,
    type=click.Choice(list_models()),
    metavar="NAME",
    help="A network of ghostnp.list_models().",
)
@click.option("--size", "sizes", multiple=True, type=NUMBER, help="Height and width of the images, in pixels.")
@click.option("--batch", "batches", multiple=True, type=NUMBER, help="Number of images in a batch.")
@click.option("--full", is_flag=True, help="Measure sizes 32, 96, 224 and batches 1, 8, 32. This takes about an hour.")
@click.option(
    "--peers", multiple=True, type=click.Choice(list(_PEERS)),
    help=f"A library or other code to compare with.  [default: {', '.join(_USUAL)}]",
)  # fmt: skip
@click.option(
    "--threads", "counts", multiple=True, type=NUMBER, help="Threads of each library.  [default: one for each core]"
)
@click.option(
    "--busy",
    is_flag=True,
    help="Measure operators and networks a second time, while another program keeps one core busy.",
)
@click.option(
    "--repeat", type=NUMBER, default=15, show_default=True, help="Largest number of rounds for each row of a table."
)
@click.option(
    "--seconds", type=float, help="Seconds for the rounds of one row.  [default: 0.3 for operators, otherwise 3]"
)
@click.option(
    "--format", "style", type=click.Choice(["table", "markdown"]), default="table", show_default=True,
    help="Format of the tables.",
)  # fmt: skip
@click.option("--json", "json_file", type=FileOf(".json"), metavar="FILE", help="Write all measurements here.")
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw the ratios of times, and a roofline, here."
)
def bench(section, networks, sizes, batches, full, peers, counts, busy, repeat, seconds, style, json_file, plot):
    """Measure speed and memory of ghostnp and of other libraries.

    ops measures single layers of the networks, and shows whether memory or arithmetic limits their speed. networks
    measures inference and training steps. memory measures how much memory the networks use at most. startup measures
    the import, the first forward pass and the first training step. By default, all four are measured.

    The options --network, --size, --batch, --peers and --threads may be repeated. For example, --threads 1 --threads 2
    measures with one thread and with two threads. A library that is not installed is named and left out. Before the
    timing, the command compares the results of all libraries. If a result is wrong, the command says so and fails.
    """
    import ghostnp.kernels  # noqa: F401 - says so if Numba is missing, which every process below needs

    # These bring tabulate and, with a picture, matplotlib, which --help does without.
    from ghostnp.bench.bench_report import BenchReport
    from ghostnp.bench.core_distance import core_distance
    from ghostnp.bench.sections import LAYERS_OF, NETWORKS, SECTIONS, missing
    from ghostnp.bench.session import Session
    from ghostnp.bench.surroundings import Others, cores, surroundings

    for file in filter(None, (json_file, plot)):
        if not file.parent.is_dir():
            raise click.ClickException(f"no folder {file.parent} for {file.name}: the rule is a folder that exists")
    counts = counts or (cores(),)
    names = ["ghostnp", "ghostnp compiled", *(_PEERS[peer] for peer in peers or _USUAL)]
    others, report = Others(), BenchReport(surroundings(", ".join(map(str, counts))), missing(names))
    distances = [core_distance()]
    settings = [
        {"threads": threads, "busy": beside} for beside in ((False, True) if busy else (False,)) for threads in counts
    ]
    with ExitStack() as opened:
        everyone = [
            opened.enter_context(Session(names, repeat=repeat, progress=progress_line, **setting))
            for setting in settings
        ]
        for name in _SECTIONS if section == "all" else (section,):
            of = LAYERS_OF if name == "ops" else NETWORKS
            if section == "all" and not full and name != "networks":
                of = of[:1]
            square, several = _LAYERS if name == "ops" else _FULL if full else _QUICK
            # Memory does not depend on who else is there, and a start is the work of one core.
            sessions = [session for session in everyone if not session.busy or name in ("ops", "networks")]
            for session in sessions:
                session.seconds = seconds or (0.3 if name == "ops" else 3.0)
                if name == "ops":
                    session.measure_machine()
            rows = [
                SECTIONS[name](session, networks or of, sizes or square, batches or several) for session in sessions
            ]
            for same_task in zip(*rows, strict=True):
                report.rows += same_task
        report.failures = [failure for session in everyone for failure in session.failures]
    distances.append(core_distance())
    report.surroundings["from core to core"] = (
        " at the beginning, ".join(
            "not known" if distance is None else f"{1e9 * distance:.0f} ns" for distance in distances
        )
        + " at the end"
    )
    report.surroundings["other programs"] = (
        "not known" if others.share is None else f"took {others.share:.0%} of the machine meanwhile"
    )
    progress_line("")
    click.echo(report.text("github" if style == "markdown" else "simple"))
    _write(report, json_file, plot)
    if report.failures:
        raise click.ClickException("these are not right:\n" + "\n".join(report.failures))


def progress_line(text):
    """Progress: one line that is written over and over on a terminal, lines otherwise."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text[:100]}", nl=False, err=True)
    elif text:
        click.echo(text, err=True)


def _write(report, json_file, plot):
    try:
        if json_file is not None:
            replace(json_file, report.to_json().encode())
        if plot is not None:
            from ghostnp.pictures.style import save  # brings matplotlib

            save(report.picture(), plot, dpi=150)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
