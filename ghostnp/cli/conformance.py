"""The command `ghostnp conformance`: test the operators of frameworks against the definitions and the laws."""

import shlex
import sys
from pathlib import Path

import click

from ghostnp.cli.bench import progress_line
from ghostnp.cli.written import FileOf
from ghostnp.files import replace
from ghostnp.ops.checks import nearest, shown
from ghostnp.ops.vocabulary import operators

_FRAMEWORKS = ("pytorch", "jax", "keras", "onnxruntime", "openvino")
_DTYPES = ("float32", "float64", "float16", "bfloat16")


@click.command("conformance")
@click.option(
    "--framework",
    "frameworks",
    multiple=True,
    type=click.Choice(_FRAMEWORKS),
    help="Framework to test.  [default: all that are installed]",
)
@click.option("--operator", "names", multiple=True, metavar="NAME", help="Operator to test.  [default: all]")
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    type=click.Choice(_DTYPES),
    help="Number format to test.  [default: all of the framework]",
)
@click.option(
    "--calls", type=click.IntRange(min=1), default=24, show_default=True,
    help="Number of calls for each operator, dtype and kind of numbers, and for each law. Slow frameworks get fewer "
    "calls.",
)  # fmt: skip
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of frameworks tested at the same time.",
)
@click.option(
    "--read", "earlier", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Add the results of an earlier run (a file from --json) to the page, for example from another environment. "
    "Then nothing is tested, unless --framework is given too.",
)  # fmt: skip
@click.option(
    "--markdown",
    type=FileOf(".md", ".markdown", ".txt"),
    metavar="FILE",
    help="Write the page here.  [default: print it]",
)
@click.option("--json", "json_file", type=FileOf(".json"), metavar="FILE", help="Write all results here.")
def conformance(frameworks, names, dtypes, calls, jobs, earlier, markdown, json_file):
    """Test the operators of PyTorch, JAX and other frameworks.

    The frameworks are PyTorch, JAX, Keras, ONNX Runtime and OpenVINO. The outputs and gradients of their operators are
    compared with ghostnp's definitions, and tested against the laws (equations that every correct version satisfies).
    The calls have several kinds of numbers, from usual numbers to infinities and NaN. For each failure, the command
    finds the smallest call that fails, and writes a script that shows the failure without ghostnp. The result is a page
    with tables, versions, the date and the scripts.

    The options --framework, --operator, --dtype and --read may be repeated. A framework that is not installed is named
    and left out. The exit code is 0 even if there are failures, because the page reports them.
    """
    try:
        import ghostnp.testing  # noqa: F401 - says so if it cannot be had, as without Hypothesis
    except ImportError as error:
        raise click.ClickException(str(error)) from None
    from ghostnp.conformance.page import from_json, to_markdown
    from ghostnp.conformance.run import run

    for name in names:
        if name not in operators():
            raise click.UsageError(
                f"--operator {shown(name)}: the rule is an operator of the vocabulary, nearest first: "
                f"{nearest(name, operators())}"
            )
    for file in filter(None, (markdown, json_file)):
        if not file.parent.is_dir():
            raise click.ClickException(f"no folder {file.parent} for {file.name}: the rule is a folder that exists")
    try:
        pages = [from_json(file.read_text(encoding="utf-8")) for file in earlier]
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--read: {error}") from None
    if frameworks or not earlier:
        page = run(
            frameworks or _FRAMEWORKS,
            command=shlex.join(["ghostnp", *sys.argv[1:]]),
            calls=calls, names=names, dtypes=dtypes, jobs=jobs, progress=progress_line,
        )  # fmt: skip
        progress_line("")
        pages.append(page)
        if json_file is not None:
            _write(json_file, page.to_json())
    text = to_markdown(pages)
    if markdown is None:
        click.echo(text)
    else:
        _write(markdown, text)


def _write(file, text):
    try:
        replace(file, text.encode())
    except OSError as error:
        raise click.ClickException(str(error)) from None
