"""The command `ghostnp check`: compare functions with their definitions and laws, for one file or a whole class."""

import errno
import math
from pathlib import Path

import click

from ghostnp.cli.written import FileOf
from ghostnp.files import replace

_SECONDS = click.FloatRange(min=0, min_open=True)
_FILE = click.Path(path_type=Path)
# For a class, where one file must not keep all others waiting, or take the machine's memory.
_OF_A_CLASS = {"file_seconds": 600.0, "memory": 4.0}


def _print_rubric(context, param, value):
    if value:
        from ghostnp.course.grader import rubric_text

        click.echo(rubric_text(), nl=False)
        context.exit()


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@click.option(
    "--with",
    "providers",
    multiple=True,
    metavar="MODULE_OR_FILE",
    help="A module or a Python file that registers operators (ghostnp.register). Functions of FILE with the names of "
    "these operators are checked too. This option may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--junit", type=FileOf(".xml"), metavar="FILE", help="Also write the report here, as JUnit XML.")
@click.option(
    "--seconds",
    type=_SECONDS,
    default=10.0,
    show_default=True,
    help="Seconds for all calls of one function together. A function that takes longer is incomplete.",
)
@click.option(
    "--call-seconds",
    type=_SECONDS,
    default=2.0,
    show_default=True,
    help="Seconds for one call. A call that takes longer is stopped.",
)
@click.option(
    "--start-seconds",
    type=_SECONDS,
    default=20.0,
    show_default=True,
    help="Seconds for the import of FILE, and for a first call, which may compile a function.",
)
@click.option(
    "--file-seconds",
    type=_SECONDS,
    help=f"Seconds for all of FILE.  [default: no limit; {_OF_A_CLASS['file_seconds']:g} with --gradebook]",
)
@click.option(
    "--memory",
    type=_SECONDS,
    metavar="GIB",
    help=f"Memory that FILE may use, in GiB.  [default: no limit; {_OF_A_CLASS['memory']:g} with --gradebook]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="Draw test cases that students cannot know. The same seed gives the same cases. Without this option, the "
    "cases are those that students see at home.",
)
@click.option(
    "--gradebook", type=FileOf(".csv", ".txt"), metavar="FILE",
    help="Check a class, and write a table with a row for each student here, as CSV. The reports go into a folder next "
    "to this file.",
)  # fmt: skip
@click.option(
    "--rubric", type=_FILE, metavar="FILE", help="TOML file with the points.  [default: 10 for each function]"
)
@click.option(
    "--print-rubric", is_flag=True, is_eager=True, expose_value=False, callback=_print_rubric,
    help="Print a rubric to edit, and exit.",
)  # fmt: skip
@click.option("--by-law", is_flag=True, help="Add a column to the gradebook for the points of each law.")
@click.option(
    "--roster",
    type=_FILE,
    metavar="FILE",
    help="Class list, as for `ghostnp worksheet`. Every student on the list gets a row.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Number of students checked at the same time.",
)
@click.option(
    "--container",
    is_flag=True,
    help="Run each file in a container of docker or podman, which has no network and no other files.",
)
@click.option(
    "--image", default="ghostnp", show_default=True, help="Image of the container. It must have ghostnp installed."
)
def check_command(files, providers, as_json, junit, seed, gradebook, rubric, by_law, roster, jobs, container, image,
                  **limits):  # fmt: skip
    """Check the functions in FILE, such as a code exercise.

    FILE is a Python file or a notebook (.ipynb). The code cells of a notebook are run in order, without magics and
    plots. The code exercises are the files in tutorials/exercises/.

    Each function with the name of an operator is compared with the definition of this operator, and tested against its
    laws (equations that every correct version satisfies). If the function is wrong, the report shows the smallest case
    that fails, the expected and the actual result, and where to look. FILE runs in a process of its own, which is
    stopped if it does not end.

    An operator that FILE registers itself has no other definition. It is tested only against the laws of its kind.

    All limits in seconds are CPU time. Code that sleeps uses no CPU time, so it is stopped after ten times as many
    seconds by the clock.

    To check a class: ghostnp check submissions/ --gradebook grades.csv --rubric rubric.toml

    Each folder or file in submissions/ belongs to one student. If several FILEs are given, each FILE belongs to one
    student. Names made by Moodle, nbgrader and Canvas are recognised, such as
    "Ada Lovelace_1234_assignsubmission_file_", submitted/ada/hw1/hw1.ipynb or lovelaceada_1234_567_hw1.py. Any other
    name is taken as the student's name. A student whose files and options have not changed is not checked again.

    The exit code is 0 if all functions are right. It is 1 if a function is wrong, or if FILE defines no operator. It is
    2 if FILE does not exist or cannot be read. It is 3 if no error was found, but the time was too short to try all
    cases. With --gradebook, the exit code is 0 if the check of every student is complete, and otherwise 3.
    """
    try:
        import ghostnp.testing  # noqa: F401 - says so if it cannot be had, as without Hypothesis
        from ghostnp.course.grader import Limits
    except ImportError as error:
        raise click.ClickException(str(error)) from None
    usual = _OF_A_CLASS if gradebook is not None else {}
    given = {name: usual.get(name, math.inf) if value is None else value for name, value in limits.items()}
    _check_options(gradebook, files, {"--json": as_json, "--junit": junit},
                   {"--rubric": rubric, "--by-law": by_law, "--roster": roster, "--jobs": jobs > 1})  # fmt: skip
    runner = _container(image) if container else None
    may = Limits(**given)
    if gradebook is not None:
        raise SystemExit(_check_class(files, providers, may, seed, gradebook, rubric, by_law, roster, jobs, runner))
    raise SystemExit(_check_file(files[0], providers, may, seed, as_json, junit, runner))


def _check_options(gradebook, files, of_one, of_many):
    wrong = [option for option, value in (of_many if gradebook is None else of_one).items() if value]
    if wrong:
        which = "only with" if gradebook is None else "and"
        raise click.UsageError(f"{wrong[0]} {which} --gradebook: the rule is --gradebook grades.csv for a class alone")
    if gradebook is None and len(files) > 1:
        raise click.UsageError(f"{len(files)} files: the rule is one, or --gradebook grades.csv for a class")


def _container(image):
    from ghostnp.course.grader import find_container

    try:
        return find_container(image)
    except OSError as error:
        raise click.ClickException(str(error)) from None


def _check_file(file, providers, limits, seed, as_json, junit, runner):
    from ghostnp.course.grader import check, to_json, to_junit, to_text
    from ghostnp.course.grader.container import ContainerError

    try:
        report = (runner.check if runner else check)(file, providers, limits, seed)
    except ContainerError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise click.ClickException(f"cannot write to {error.filename}: {error.strerror}") from None
        unread = Path(error.filename or file)
        raise click.UsageError(
            f"cannot read {unread}: {error.strerror or error}; the rule is a Python file or a notebook"
            + _meant(unread) * isinstance(error, FileNotFoundError)
        ) from None
    click.echo(to_json(report) if as_json else to_text(report))
    if junit is not None:
        try:
            replace(junit, to_junit(report).encode())
        except OSError as error:
            raise click.ClickException(f"cannot write to {junit}: {error.strerror}") from None
    return 0 if report.passed else 3 if report.incomplete else 1


def _meant(path):
    """Files that are called alike, if there are any: in the same folder, or among the exercises."""
    from difflib import get_close_matches

    homes = (path.parent, Path("tutorials") / "exercises")
    there = {each.name: each for home in homes if home.is_dir() for each in home.iterdir()
             if each.suffix in (".py", ".ipynb")}  # fmt: skip
    # An exercise may be asked for by the function's name alone.
    exercises = [each for name, each in there.items() if name.partition("_")[2] == f"{path.stem}.py"]
    found = exercises or [there[name] for name in get_close_matches(path.name, there, 3)]
    return f"; nearest are {', '.join(map(str, found))}" if found else ""


def _check_class(paths, providers, limits, seed, gradebook, rubric, by_law, roster, jobs, runner):
    import ghostnp
    from ghostnp.course import grader
    from ghostnp.course.grader.gradebook import digest
    from ghostnp.course.worksheets import read_roster

    def run(submission, path, stop):
        if runner is None:
            return grader.check(path, providers, limits, seed, stop)
        return runner.check(path, providers, limits, seed, stop, submission.folder_of(path))

    try:
        points = grader.usual_rubric() if rubric is None else grader.read_rubric(rubric, registered=bool(providers))
        submissions = grader.find_submissions(paths)
        students = (
            [(each, True) for each in submissions] if roster is None else grader.match(submissions, read_roster(roster))
        )
        settings = {
            "ghostnp": ghostnp.__version__,
            "seed": seed,
            "with": [[each, digest(each) if each.endswith(".py") else ""] for each in providers],
            "container": None if runner is None else list(runner),
        }
        rows = [grader.GradebookRow(submission, known) for submission, known in students]
        book = grader.Gradebook(gradebook, rows, points, settings, limits, by_law)
        book.open()
        _fill(book, run, jobs)
    except KeyboardInterrupt:
        click.echo(f"\n{gradebook} has who was checked; the same command goes on from there", err=True)
        raise click.Abort from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    return _tell(book)


def _fill(book, run, jobs):
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    kept = [row for row in book.rows if row.checked]
    before = sum(bool(row.submission.files) for row in kept)
    if before:
        click.echo(
            f"{before} of {sum(bool(row.submission.files) for row in book.rows)} were checked before, and nothing of "
            f"theirs has changed; who deletes {book.folder} has all checked again",
            err=True,
        )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("checking", total=len(book.rows), completed=len(kept))

        def tell(row):
            progress.console.print(_line(book, row), markup=False, soft_wrap=True)
            progress.advance(task)

        book.fill(run, jobs, tell)


def _line(book, row):
    """A row in words."""
    from ghostnp.course.grader.file_report import plain

    names = book.names()
    found = row.functions(book.rubric)
    marks = {"right": "✓", "not right": "✗", "incomplete": "…"}
    asked = list(book.rubric.points) or list(found)
    right = sum(name in found and found[name].status == "passed" for name in asked)
    status = row.status(book.rubric, names)
    return plain(f"{marks.get(status, '?')} {row.submission.name}: {status}, {right} of {len(asked)} functions right")


def _tell(book):
    """What is in the gradebook, in a few lines; the exit code."""
    from collections import Counter

    from ghostnp.course.grader.file_report import plain

    names = book.names()
    status = {id(row): row.status(book.rubric, names) for row in book.rows}
    counts = Counter(status.values())
    click.echo(f"{book.path}: {len(book.rows)} students, {', '.join(f'{n} {what}' for what, n in counts.items())}")
    for row in book.rows:
        if status[id(row)] in ("incomplete", "not checked", "nothing to check", "no function") or not row.on_roster:
            notes = row.notes(book.rubric, names)
            click.echo(plain(f"look at {row.submission.name} ({status[id(row)]}): {notes}"))
    click.echo(f"reports to give back: {book.folder}")
    return 3 if counts["incomplete"] or counts["not checked"] else 0
