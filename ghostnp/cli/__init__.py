"""The command `ghostnp`: without a subcommand, the guided tour.

Each subcommand has a file of its own, named like it. A new one is a click command in a new file here, added to
`COMMANDS` below; what it brings in beyond click and the library is imported inside the function, so that
``ghostnp --help`` stays quick. Its tests are in the folder of what it is about, such as
``tests/course/explorer/test_command.py``; ``tests/cli`` tests what all commands share. ``tests/fuzz/test_commands.py``
finds it by itself, and names it in `_LONG` if it takes long.
"""

import errno
import os
import sys
from pathlib import Path

import click

import ghostnp
from ghostnp.cli.ablate import ablate
from ghostnp.cli.bench import bench
from ghostnp.cli.check import check_command
from ghostnp.cli.claims import claims
from ghostnp.cli.classify import classify
from ghostnp.cli.compile import compile_command
from ghostnp.cli.conformance import conformance
from ghostnp.cli.count import count_command
from ghostnp.cli.explore import explore
from ghostnp.cli.grade import grade_command
from ghostnp.cli.notebooks import notebooks
from ghostnp.cli.quiz import quiz
from ghostnp.cli.reconcile import reconcile_command
from ghostnp.cli.trace import trace_command
from ghostnp.cli.train import train
from ghostnp.cli.worksheet import worksheet
from ghostnp.ops.checks import nearest, shown


class _Program(click.Group):
    """All subcommands: what goes wrong with the terminal, or the file in its place, is one line for each of them."""

    def resolve_command(self, context, args):
        """As in click; a command that is mistyped is answered with those that come nearest."""
        if self.get_command(context, args[0]) is None:
            raise click.UsageError(
                f"No such command {shown(args[0])}: the rule is one of the commands, nearest first: "
                f"{nearest(args[0], self.commands)}; the tour is `ghostnp` without a command",
                context,
            )
        return super().resolve_command(context, args)

    def main(self, *arguments, **keywords):
        """As in click."""
        for stream in (sys.stdin, sys.stdout):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a code page without "×" gets "?" and no traceback
        try:
            try:
                return super().main(*arguments, **keywords)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()  # here, where a full disk can still be told, and not when Python ends
        except ModuleNotFoundError as error:
            if error.name != "numba":
                raise
            click.echo(f"Error: {error}", err=True)
            raise SystemExit(1) from None
        except OSError as error:
            # What is left to write cannot be written when Python ends either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if error.errno != errno.EPIPE:  # otherwise whoever was reading has gone, as in `ghostnp | head`
                what = error if error.filename else f"the output cannot be written ({error.strerror or error})"
                click.echo(f"Error: {what}", err=True)
            raise SystemExit(1) from None


@click.group(cls=_Program, invoke_without_command=True, options_metavar="[OPTIONS]", subcommand_metavar="[COMMAND]")
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use this photo instead of the one that comes with ghostnp.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    default=Path("ghostnp-tour"),
    show_default=True,
    help="Write the pictures and pages here. Other files in the folder are not changed.",
)
@click.version_option(ghostnp.__version__, prog_name="ghostnp")
@click.pass_context
def main(context, image, output):
    """Run, count, train and test lightweight convolutional networks.

    Without a command, ghostnp starts a guided tour. The tour runs convolutions, a channel shuffle,
    squeeze-and-excitation, a ghost module, DFC attention and a whole GhostNet on a photo, forward and backward. It
    checks that definitions and kernels agree. At the end it writes a page of pictures and an interactive
    page.
    """
    if context.invoked_subcommand is None:
        _tour(image, output)


def _tour(image, output):
    # These bring matplotlib, which --help and --version do without.
    from ghostnp.course.tour import tour
    from ghostnp.photo import PhotoError

    try:
        disagreements = tour(output, image=image)
    except PhotoError as error:
        raise click.ClickException(str(error)) from None
    except BrokenPipeError:
        raise  # whoever was reading has gone, as in `ghostnp | head`: click ends quietly
    except OSError as error:
        raise click.ClickException(f"cannot write to {output}: {error.strerror or error}") from None
    if disagreements:
        raise click.ClickException("definitions and kernels disagree\n" + "\n".join(disagreements))


COMMANDS = (
    classify,
    count_command,
    trace_command,
    explore,
    reconcile_command,
    claims,
    compile_command,
    train,
    ablate,
    bench,
    conformance,
    check_command,
    worksheet,
    grade_command,
    quiz,
    notebooks,
)
for command in COMMANDS:
    main.add_command(command)
