"""The command `ghostnp explore`: an interactive page about the layers."""

import webbrowser
from pathlib import Path

import click

from ghostnp.cli.written import FileOf
from ghostnp.files import replace


@click.command("explore")
@click.argument("layer", default="standard")
@click.option("--backward", is_flag=True, help="Begin with the backward pass of the layer.")
@click.option(
    "--output",
    type=FileOf(".html", ".htm"),
    metavar="FILE",
    default=Path("explore.html"),
    show_default=True,
    help="Write the page here.",
)
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
def explore(layer, backward, output, opened):
    """Write an interactive page about the layers.

    The page is one file, which needs no internet connection. On the page you choose a layer and its kernel, stride,
    padding, dilation or groups, and change single numbers. If you point at a number, the page shows the products whose
    sum is this number, forward and backward.

    The page begins with LAYER: standard, grouped, depthwise, pointwise, shuffle, ghost, squeeze-excite, dfc, crelu,
    pooling, resizing or batch-norm.

    Example: ghostnp explore ghost --backward --open
    """
    from ghostnp.course.explorer import explorer_page  # brings jinja2

    try:
        page = explorer_page(layer, backward=backward)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        replace(output, page.encode())
    except OSError as error:
        raise click.ClickException(f"cannot write to {output}: {error.strerror or error}") from None
    click.echo(f"page: {output}")
    if opened and not webbrowser.open(output.resolve().as_uri()):
        raise click.ClickException(f"no browser could be started: open {output} by hand")
