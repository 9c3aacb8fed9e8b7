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
    help="Default: every installed framework.",
)
@click.option("--operator", "names", multiple=True, metavar="NAME", help="Default: all operators of the framework.")
@click.option(
    "--dtype", "dtypes", multiple=True, type=click.Choice(_DTYPES), help="Default: all dtypes of the framework."
)
@click.option(
    "--calls", type=click.IntRange(min=1), default=24, show_default=True,
    help="Calls for each operator, dtype and regime, and for each law. Slow frameworks get fewer.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Number of frameworks tested at once."
)
@click.option(
    "--read", "earlier", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Add the results of an earlier run (JSON) to the page, such as one in another environment; test nothing "
    "new, unless --framework says what.",
)  # fmt: skip
@click.option("--markdown", type=FileOf(".md", ".markdown", ".txt"), metavar="FILE", help="Write the page here.")
@click.option("--json", "json_file", type=FileOf(".json"), metavar="FILE", help="Write everything here.")
def conformance(frameworks, names, dtypes, calls, jobs, earlier, markdown, json_file):
    """Test the operators of PyTorch, JAX, Keras, ONNX Runtime and OpenVINO against the definitions and the laws.

    Tests y and gradients in every regime of numbers, from usual ones to NaN. A failure is reduced to the smallest call,
    and a script shows it with the framework alone. The page has tables, versions, date and scripts; it is printed if it
    is not written to a file.

    The options --framework, --operator, --dtype and --read may be repeated. A framework that is not installed is named
    and left out. Failures belong to the report: the exit code is 0.
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
