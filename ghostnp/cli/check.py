"""The command `ghostnp check`: hold the functions of a file against their definitions and laws."""

import errno
from pathlib import Path

import click

from ghostnp.files import replace

_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--with",
    "providers",
    multiple=True,
    metavar="MODULE_OR_FILE",
    help="Registers operators (ghostnp.register); FILE is held against these too. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON in the place of words.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML here as well.")
@click.option(
    "--seconds",
    type=_SECONDS,
    default=10.0,
    show_default=True,
    help="How long the calls of one function may take together. If they take longer, it is incomplete and not right.",
)
@click.option(
    "--call-seconds",
    type=_SECONDS,
    default=2.0,
    show_default=True,
    help="How long one call may take before it is stopped.",
)
@click.option(
    "--start-seconds",
    type=_SECONDS,
    default=20.0,
    show_default=True,
    help="How long importing FILE may take, and a first call, in which a function may be compiled.",
)
def check_command(file, providers, as_json, junit, **limits):
    """Check the functions that FILE defines, such as a stub of tutorials/exercises that you have filled.

    FILE is Python or a notebook (.ipynb), whose code cells are run in order, without what is meant for Jupyter alone.

    Each is held against its definition and its laws. Where it is wrong: on which smallest case, what was expected and
    what came, and what to look at. FILE runs in a process of its own, which is stopped if it does not end.

    An operator that FILE registers itself is held to the laws of its kind; there is no other definition of it.

    Seconds are those of CPU time; by the clock ten times as many are allowed, for code that sleeps.

    The exit code is 0 if all is right, 1 if something is not, 2 if FILE cannot be read, and 3 if nothing wrong was
    found and time ran out before all was tried.
    """
    try:
        import ghostnp.testing  # noqa: F401 - says so if it cannot be had, as without Hypothesis
        from ghostnp.course.grader import Limits, check, to_json, to_junit, to_text
    except ImportError as error:
        raise click.ClickException(str(error)) from None
    try:
        report = check(file, providers, Limits(**limits))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise click.ClickException(f"cannot write to {error.filename}: {error.strerror}") from None
        unread = error.filename or file
        raise click.UsageError(
            f"cannot read {unread}: {error.strerror or error}; the rule is a Python file or a notebook"
        ) from None
    click.echo(to_json(report) if as_json else to_text(report))
    if junit is not None:
        try:
            replace(junit, to_junit(report).encode())
        except OSError as error:
            raise click.ClickException(f"cannot write to {junit}: {error.strerror}") from None
    raise SystemExit(0 if report.passed else 3 if report.incomplete else 1)
