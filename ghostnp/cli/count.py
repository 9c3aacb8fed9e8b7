"""The command `ghostnp count`: what a network or one operator costs, with the working."""

from pathlib import Path

import click

from ghostnp.cli.terminal import say, width
from ghostnp.graph.counting import OPERATORS, count, count_operator
from ghostnp.models import create_model, list_models
from ghostnp.ops.checks import nearest, shown


class Sizes(click.ParamType):
    """``5`` or ``5x3``: one number for both axes, or rows and columns."""

    name = "N|ROWSxCOLUMNS"

    def convert(self, value, param, context):
        """One int, or a pair of them."""
        if not isinstance(value, str):
            return value
        parts = value.lower().split("x")
        if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
            self.fail(f"{value!r}: the rule is a number or two, such as 5 or 5x3", param, context)
        return int(parts[0]) if len(parts) == 1 else (int(parts[0]), int(parts[1]))


class Padding(Sizes):
    """The same, or ``same``."""

    name = "N|ROWSxCOLUMNS|same"

    def convert(self, value, param, context):
        """One int, a pair of them, or "same"."""
        return value if value == "same" else super().convert(value, param, context)


SIZES, NUMBER = Sizes(), click.IntRange(1)


@click.command("count")
@click.argument("target", metavar="NETWORK|OPERATOR")
@click.option("--size", type=SIZES, default=224, show_default=True, help="Height and width of the input, in pixels.")
@click.option("--batch", type=NUMBER, default=1, show_default=True, help="Number of images in the batch.")
@click.option(
    "--convention", default="macs", show_default=True, help="Also count by this convention, for example fvcore."
)
@click.option(
    "--format", "style", type=click.Choice(["table", "markdown", "csv", "json"]), default="table", show_default=True,
    help="Format of the output.",
)  # fmt: skip
@click.option(
    "--depth",
    type=click.IntRange(0),
    help="Network: show this many levels of the module names, and add up the levels below.",
)
@click.option(
    "--plot", type=click.Path(path_type=Path), metavar="FILE", help="Network: draw the costs of the layers here."
)
@click.option("--in", "--in-channels", "in_channels", type=NUMBER, help="Operator: number of input channels.")
@click.option("--out", "--out-channels", "out_channels", type=NUMBER, help="Operator: number of output channels.")
@click.option(
    "--kernel", "--kernel-size", "kernel_size", type=SIZES, help="Operator: size of the kernel, such as 3 or 1x5."
)
@click.option("--stride", type=SIZES, help="Operator: stride in pixels, such as 2 or 1x2.")
@click.option("--padding", type=Padding(), help="Operator: padding on each side, in pixels, or same.")
@click.option("--dilation", type=SIZES, help="Operator: dilation, such as 2 or 1x2.")
@click.option("--groups", type=NUMBER, help="Operator: number of groups.")
@click.option("--multiplier", type=NUMBER, help="Operator: number of depthwise filters for each channel.")
@click.option("--bias", is_flag=True, default=None, help="Operator: count a bias too.")
def count_command(target, size, batch, convention, style, depth, plot, **operator):
    """Count parameters, multiply-adds and memory.

    NETWORK is one of ghostnp.list_models(). OPERATOR is a single operator, such as conv2d. Two examples:

    ghostnp count ghostnet_100 --size 224 --depth 2

    ghostnp count conv2d --in 256 --out 256 --kernel 5 --groups 32 --bias --size 64
    """
    operator = {name: value for name, value in operator.items() if value is not None}
    try:
        if target in OPERATORS:
            _refuse(target, "is an operator", {"depth": depth, "plot": plot})
            counted = count_operator(target, size=size, batch=batch, convention=convention, **operator)
            text = str(counted) if style == "table" else _written(counted.table, style)
            table = None
        else:
            model = _network(target)
            _refuse(target, "is a network", operator)
            rows, columns = size if isinstance(size, tuple) else (size, size)
            table = count(model, (batch, 3, rows, columns), name=target).under(convention)
            if plot is not None:
                from ghostnp.pictures.costs import cost_picture  # brings matplotlib
                from ghostnp.pictures.style import save

                save(cost_picture(table), plot)
            table = table if depth is None else table.folded(depth)
            text = table.fitted(width()) if style == "table" and width() else _written(table, style)
    except (OSError, TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if table is None and style == "table":
        say(text)
    else:
        click.echo(text)
    if plot is not None:
        click.echo(f"picture: {plot}", err=True)


def _network(target):
    names = list_models()
    if target not in names:
        raise ValueError(
            f"{shown(target)} is no network and no operator: the rule is the name of one, nearest first: "
            f"{nearest(target, [*names, *OPERATORS])}"
        )
    return create_model(target, seed=None)


def _refuse(target, what, options):
    wrong = [name for name, value in options.items() if value is not None]
    if wrong:
        raise ValueError(f"{target} {what}: the rule is without --{', --'.join(wrong).replace('_', '-')}")


def _written(table, style):
    return {"table": table.__str__, "markdown": table.to_markdown, "csv": table.to_csv, "json": table.to_json}[style]()
